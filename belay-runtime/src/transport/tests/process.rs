use std::fs;
use std::process::Command;
use std::time::Duration;

use tokio::time::{Instant, sleep, timeout};

use super::super::TransportError;
use super::{LIMIT, open, read, read_to_the_error, text, write};

/// Reads one line, with which the command starts.
async fn read_line(transport: &mut dyn super::Transport) -> String {
    let mut line = Vec::new();
    loop {
        match read(transport, 1).await.unwrap()[..] {
            [b'\n'] => return String::from_utf8(line).unwrap().trim_end().to_owned(),
            [byte] => line.push(byte),
            _ => unreachable!("one byte was asked for"),
        }
    }
}

/// Waits until a process is gone, zombies included: a zombie still is in the process table.
async fn wait_until_gone(pid: &str) {
    let gone = async {
        while Command::new("ps")
            .args(["-p", pid])
            .output()
            .unwrap()
            .status
            .success()
        {
            // Nothing tells a program that a process which is not its child is gone.
            sleep(Duration::from_millis(5)).await;
        }
    };
    timeout(LIMIT, gone)
        .await
        .unwrap_or_else(|_| panic!("process {pid} is still there"));
}

#[tokio::test]
async fn a_command_on_pipes_gives_back_every_byte() {
    let mut cat = open("exec:cat").await.unwrap();
    assert_eq!(cat.description(), "exec:cat");
    assert!(cat.flow_control());
    let every_byte: Vec<u8> = (0..=255).collect();
    write(&mut *cat, &every_byte).await.unwrap();
    assert_eq!(read(&mut *cat, 256).await.unwrap(), every_byte);
}

#[tokio::test]
async fn a_command_behind_a_terminal_gives_back_every_byte_but_the_interrupt() {
    // The prompt proves that the terminal's settings are those that the command sees.
    let mut cat = open("pty:sh -c 'test -t 0 && echo ready; exec cat'")
        .await
        .unwrap();
    assert_eq!(read_line(&mut *cat).await, "ready");
    let all_but_interrupt: Vec<u8> = (0..=255).filter(|&byte| byte != 3).collect();
    write(&mut *cat, &all_but_interrupt).await.unwrap();
    assert_eq!(read(&mut *cat, 255).await.unwrap(), all_but_interrupt);
}

#[tokio::test]
async fn an_interrupt_reaches_a_command_behind_a_terminal() {
    // A shell cannot trap a signal that was ignored when the shell began, as it is for a shell's background jobs.
    let program = "trap \"echo interrupted; exit 7\" INT; echo ready; while :; do sleep 0.01; done";
    let mut shell = open(&format!("pty:env --default-signal=INT sh -c '{program}'"))
        .await
        .unwrap();
    assert_eq!(read_line(&mut *shell).await, "ready");
    write(&mut *shell, b"\x03").await.unwrap();
    assert_eq!(read_line(&mut *shell).await, "interrupted");
    assert_eq!(
        read_to_the_error(&mut *shell).await.to_string(),
        "the command has ended (exit status: 7)"
    );
}

#[tokio::test]
async fn the_end_of_a_command_is_an_error_at_once_with_its_status() {
    for kind in ["exec", "pty"] {
        let mut shell = open(&format!("{kind}:sh -c 'echo last words; exit 3'"))
            .await
            .unwrap();
        assert_eq!(read_line(&mut *shell).await, "last words");
        let error = read_to_the_error(&mut *shell).await;
        assert!(matches!(error, TransportError::Ended(_)));
        assert!(
            text(&error).contains("run the command by itself"),
            "{}",
            text(&error)
        );
        assert_eq!(error.to_string(), "the command has ended (exit status: 3)");
    }
}

#[tokio::test]
async fn dropping_the_transport_kills_the_command_and_what_it_started() {
    for kind in ["exec", "pty"] {
        let mut shell = open(&format!(
            "{kind}:sh -c 'trap \"\" HUP; sleep 1000 & echo $$ $!; wait'"
        ))
        .await
        .unwrap();
        let pids = read_line(&mut *shell).await;
        assert_eq!(pids.split(' ').count(), 2, "{pids}");
        drop(shell);
        for pid in pids.split(' ') {
            wait_until_gone(pid).await;
        }
    }
}

#[test]
fn a_runtime_that_shuts_down_leaves_no_process_and_no_zombie() {
    let runtime = tokio::runtime::Builder::new_current_thread()
        .enable_all()
        .build()
        .unwrap();
    let (pids, shell) = runtime.block_on(async {
        let mut shell = open("exec:sh -c 'sleep 1000 & echo $$ $!; wait'").await.unwrap();
        (read_line(&mut *shell).await, shell)
    });
    drop(runtime);
    drop(shell);
    let (shell, sleep) = pids.split_once(' ').unwrap();
    assert!(
        !Command::new("ps")
            .args(["-p", shell])
            .output()
            .unwrap()
            .status
            .success()
    );
    // The grandchild is reaped by the process that adopts it, in its own time.
    let waiting = tokio::runtime::Builder::new_current_thread()
        .enable_all()
        .build()
        .unwrap();
    waiting.block_on(wait_until_gone(sleep));
}

#[tokio::test]
async fn closing_lets_a_command_end_by_itself_and_waits_until_it_is_reaped() {
    let directory = tempfile::tempdir().unwrap();
    let note = directory.path().join("note");
    let command = format!(
        "exec:sh -c 'echo $$; cat > {0}.part; mv {0}.part {0}'",
        note.display()
    );
    let mut shell = open(&command).await.unwrap();
    let pid = read_line(&mut *shell).await;
    write(&mut *shell, b"good bye").await.unwrap();
    shell.close(LIMIT).await;
    assert_eq!(fs::read(note).unwrap(), b"good bye");
    assert!(
        !Command::new("ps")
            .args(["-p", &pid])
            .output()
            .unwrap()
            .status
            .success()
    );
}

#[tokio::test]
async fn closing_kills_a_command_that_does_not_end_in_time() {
    let mut shell = open("exec:sh -c 'echo $$; exec sleep 1000'").await.unwrap();
    let pid = read_line(&mut *shell).await;
    let before = Instant::now();
    shell.close(Duration::from_millis(50)).await;
    assert!(before.elapsed() < LIMIT);
    assert!(
        !Command::new("ps")
            .args(["-p", &pid])
            .output()
            .unwrap()
            .status
            .success()
    );
}

#[tokio::test]
async fn a_command_that_does_not_exist_is_named() {
    for kind in ["exec", "pty"] {
        let error = open(&format!("{kind}:no-such-program --version"))
            .await
            .err()
            .unwrap();
        assert_eq!(
            text(&error),
            "the command `no-such-program --version` cannot be started\nis the program installed, and on the PATH?"
        );
        assert!(!error.is_retryable());
    }
}
