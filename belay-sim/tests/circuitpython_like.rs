//! The differences between the `circuitpython-like` board and MicroPython, which are those of CircuitPython.

mod common;

use std::{fs, time::Duration};

use belay_sim::Board;
use common::{Client, RAW};

fn board() -> Board {
    with(&[])
}

fn with(files: &[(&str, &str)]) -> Board {
    let mut builder = Board::circuitpython_like();
    for (name, text) in files {
        builder = builder.file(*name, *text);
    }
    builder
        .start_blocking()
        .expect("the circuitpython-like board starts")
}

const ANY_KEY: &[u8] = b"Press any key to enter the REPL. Use CTRL-D to reload.\r\n";
const PROMPT: &[u8] = b"\r\n>>> ";

/// A client whose board is in the raw REPL. The board discards input while its program is still running, and the output
/// up to then may be lost, so this asks until the board answers.
fn raw(board: &Board) -> Client {
    let mut client = Client::open(board.port());
    loop {
        client.send(b"\r\x03\x01");
        if client.within(Duration::from_millis(100)).ends_with(RAW) {
            client.exec("pass");
            return client;
        }
    }
}

#[test]
fn the_program_is_run_and_a_key_that_is_swallowed_opens_the_repl() {
    let board = with(&[("code.py", "input()\nprint('done')")]);
    let mut client = Client::open(board.port());
    client.send(b"x\r");
    client.until(b"done\r\n\x1b]0;\xf0\x9f\x90\x8dDone | 10.2.1\x1b\\\r\nCode done running.\r\n");
    client.until(ANY_KEY);
    client.send(b"xprint(1)\r");
    let text = client.until(b"1\r\n>>> ");
    let text = String::from_utf8(text).expect("text");
    assert!(
        text.starts_with("\u{1b}]0;🐍REPL | 10.2.1\u{1b}\\\r\nAdafruit CircuitPython 10.2.1 on "),
        "{text:?}"
    );
    assert!(text.ends_with("\r\n>>> print(1)\r\n1\r\n>>> "), "{text:?}");
}

#[test]
fn ctrl_d_reloads_the_program_and_ctrl_c_ends_it() {
    let board = with(&[(
        "code.py",
        "import time\nwhile True:\n print('go')\n time.sleep(.01)",
    )]);
    let mut client = Client::open(board.port());
    client.until(b"go\r\n");
    client.send(b"\x03");
    client.until(b"KeyboardInterrupt: \r\n");
    client.until(ANY_KEY);
    client.send(b"\x04");
    client.until(b"soft reboot\r\n");
    client.until(b"go\r\n");
    client.send(b"\x03");
    client.until(ANY_KEY);
}

#[test]
fn every_repl_has_an_interpreter_of_its_own() {
    let board = board();
    let mut client = raw(&board);
    client.exec("x = 1");
    client.send(b"\x02");
    client.until(PROMPT);
    client.send(b"\x01");
    client.until(RAW);
    assert!(client.run("x").1.contains("NameError"));
}

#[test]
fn soft_resets_and_exits_begin_anew_in_the_raw_repl() {
    let board = with(&[("code.py", "print('not run')")]);
    let mut client = raw(&board);
    for end in ["", "raise SystemExit", "import supervisor\nsupervisor.reload()"] {
        client.exec("x = 1");
        client.send(end.as_bytes());
        client.send(b"\x04");
        let text = client.until(RAW);
        let text = String::from_utf8_lossy(&text);
        assert!(
            text.ends_with("soft reboot\r\nraw REPL; CTRL-B to exit\r\n>"),
            "{text:?}"
        );
        assert!(!text.contains("MPY: ") && !text.contains("not run"), "{text:?}");
        assert!(client.run("x").1.contains("NameError"));
    }
}

#[test]
fn a_reload_can_be_caught() {
    let board = board();
    let mut client = raw(&board);
    let code = "import supervisor\ntry:\n supervisor.reload()\nexcept Exception: print('an Exception')\n\
                except BaseException as e: print(type(e).__name__)";
    assert_eq!(client.exec(code), "ReloadException\r\n");
}

#[test]
fn a_reset_runs_the_program_on_the_same_port() {
    let board = with(&[("code.py", "print('again')")]);
    let mut client = raw(&board);
    client.send(b"import microcontroller\nmicrocontroller.reset()\x04");
    client.until(b"again\r\n");
    client.until(ANY_KEY);
}

#[test]
fn in_safe_mode_the_program_is_not_run() {
    let board = with(&[("code.py", "print('run')")]);
    let mut client = raw(&board);
    client.send(b"import microcontroller as m\nm.on_next_reset(m.RunMode.SAFE_MODE)\nm.reset()\x04");
    let text = client.until(ANY_KEY);
    let text = String::from_utf8_lossy(&text);
    assert!(
        text.contains("Running in safe mode!") && !text.contains("code.py output"),
        "{text}"
    );
    client.send(b" \x01");
    client.until(RAW);
    client.send(b"import microcontroller as m\nm.reset()\x04");
    client.until(b"code.py output:\r\n");
}

#[test]
fn a_file_that_is_written_to_restarts_the_program_unless_the_repl_is_in_use() {
    let board = with(&[("code.py", "print('old')\nwhile True: pass")]);
    let mut client = Client::open(board.port());
    fs::write(board.directory().join("code.py"), "print('new')").expect("the drive is ours");
    client.until(b"new\r\n");
    client.until(ANY_KEY);
    fs::write(board.directory().join("code.py"), "print('newer')").expect("the drive is ours");
    client.until(b"newer\r\n");
    client.until(ANY_KEY);
    client.send(b" \x01");
    client.until(RAW);
    fs::write(board.directory().join("code.py"), "print('newest')").expect("the drive is ours");
    // Outside of the REPL, auto-reload would restart the program after three quarters of a second.
    assert_eq!(client.within(Duration::from_millis(1500)), b"");
}

#[test]
fn the_drive_is_the_hosts_unless_boot_py_says_otherwise() {
    let board = board();
    let mut client = raw(&board);
    let (_, errors) = client.run("open('x', 'w')");
    assert!(errors.contains("OSError: 30"), "{errors}");
    let refused = client.run("import storage\nstorage.remount('/', False)").1;
    assert!(refused.contains("RuntimeError: Cannot remount path"), "{refused}");

    let board = with(&[(
        "boot.py",
        "print('boots')\nimport storage\nstorage.disable_usb_drive()",
    )]);
    let mut client = raw(&board);
    client.exec("with open('x', 'w') as f: f.write('kept')");
    client.send(b"\x04");
    client.until(RAW);
    assert_eq!(client.exec("print(open('x').read())"), "kept\r\n");
    let booted = fs::read_to_string(board.directory().join("boot_out.txt")).expect("it is there");
    assert!(booted.contains("boot.py output:\r\nboots\r\n"), "{booted}");
}

#[test]
fn modules_are_those_of_circuitpython() {
    let board = board();
    let mut client = raw(&board);
    for module in ["_thread", "machine", "asyncio", "uctypes", "vfs", "framebuf"] {
        let (_, errors) = client.run(&format!("import {module}"));
        assert!(errors.contains("ImportError"), "{module}: {errors}");
    }
    for module in [
        "select", "io", "json", "struct", "array", "errno", "gc", "os", "re", "random",
    ] {
        client.exec(&format!("import {module}"));
    }
    for (expression, value) in [
        (
            "[n for n in dir(__import__('micropython')) if n[0] != '_']",
            "['const']",
        ),
        (
            "[n for n in dir(__import__('time')) if n[0] != '_']",
            "['monotonic', 'monotonic_ns', 'sleep', 'time']",
        ),
        ("hasattr(sys, 'print_exception')", "False"),
        ("sys.implementation.name", "circuitpython"),
        ("sys.implementation.version[:3]", "(10, 2, 1)"),
        ("sys.platform", "Belay simulator"),
    ] {
        assert_eq!(
            client.exec(&format!("import sys\nprint({expression})")),
            format!("{value}\r\n"),
            "{expression}"
        );
    }
}

#[test]
fn values_are_those_of_circuitpython() {
    let board = board();
    let mut client = raw(&board);
    for (expression, value) in [
        ("repr('ä€😀\\x7f\\n')", "'ä€😀\\x7f\\n'"),
        // 0x3dcccccd, the single-precision 0.1, without its lowest two bits; and printed with six digits.
        ("struct.unpack('I', struct.pack('f', 0.1))[0] & 3", "0"),
        (
            "0.1, 1 / 3, 16777215.0, float('inf'), float('nan')",
            "(0.1, 0.333333, 1.67772e+07, inf, nan)",
        ),
        ("binascii.crc32(b'a')", "3904355907"),
        ("binascii.a2b_base64('YQ==')", "b'a'"),
    ] {
        assert_eq!(
            client.exec(&format!("import binascii, struct\nprint(({expression}))")),
            format!("{value}\r\n"),
            "{expression}"
        );
    }
    for refused in ["crc32('a')", "b2a_base64('a')"] {
        let (_, errors) = client.run(&format!("import binascii\nbinascii.{refused}"));
        assert!(
            errors.contains("TypeError: a bytes-like object is required"),
            "{errors}"
        );
    }
    let traced = "import traceback, io\ntry: 1 / 0\nexcept Exception as e:\n f = io.StringIO()\n \
                  traceback.print_exception(e, file=f)\n print(f.getvalue().split()[-5:])";
    assert_eq!(
        client.exec(traced),
        "['<module>', 'ZeroDivisionError:', 'divide', 'by', 'zero']\r\n"
    );
}

#[test]
fn the_pystack_limits_literals_and_recursion() {
    let board = board();
    let mut client = raw(&board);
    let list = |n: usize| format!("[{}]", vec!["7"; n].join(","));
    assert_eq!(client.exec(&format!("print(len({}))", list(300))), "300\r\n");
    let (_, errors) = client.run(&format!("x = {}", list(400)));
    assert!(errors.contains("RuntimeError: pystack exhausted"), "{errors}");
    assert_eq!(
        client.exec(&format!("print(len({0} + {0}))", list(300))),
        "600\r\n"
    );
    let items: Vec<_> = (0..600).map(|i| format!("{i}:0")).collect();
    assert_eq!(
        client.exec(&format!("print(len({{{}}}))", items.join(","))),
        "600\r\n"
    );
    let (_, errors) = client.run("def f(n): return f(n + 1)\nf(0)");
    assert!(errors.contains("RuntimeError: pystack exhausted"), "{errors}");
}

#[test]
fn unread_input_keeps_ctrl_c_out() {
    let board = board();
    let mut client = raw(&board);
    let busy = "import sys, time\nprint('go')\nend = time.monotonic() + 1\nwhile time.monotonic() < end: pass\n\
                print('over')\nsys.stdin.read(1000)";
    client.send(format!("{busy}\x04").as_bytes());
    client.until(b"go\r\n");
    client.send(&[b'x'; 257]);
    client.send(b"\x03");
    // The Ctrl-C arrives as soon as there is room for a packet.
    client.until(b"over\r\n");
    let (_, errors) = client.outcome();
    assert!(errors.contains("KeyboardInterrupt"), "{errors}");
    assert_eq!(client.exec("print(1)"), "1\r\n");
}

#[test]
fn ctrl_c_gets_through_before_that_and_throws_away_what_is_unread() {
    let board = board();
    let mut client = raw(&board);
    client.send(b"print('go')\nwhile True: pass\x04");
    client.until(b"go\r\n");
    client.send(&[b'x'; 128]);
    client.send(b"x\x03print('lost')\x04");
    let (_, errors) = client.outcome();
    assert!(errors.contains("KeyboardInterrupt"), "{errors}");
    assert_eq!(client.exec("print(1)"), "1\r\n");
}

#[test]
fn a_pin_is_in_use_until_it_is_released_or_the_board_is_reset() {
    let board = board();
    let mut client = raw(&board);
    let claim = "import board, digitalio\nled = digitalio.DigitalInOut(board.LED)\n\
                 led.direction = digitalio.Direction.OUTPUT\nled.value = True\nprint(led.value)";
    assert_eq!(client.exec(claim), "True\r\n");
    let (_, errors) = client.run(claim);
    assert!(errors.contains("ValueError: LED in use"), "{errors}");
    client.exec("led.deinit()");
    assert_eq!(client.exec(claim), "True\r\n");
    client.send(b"\x04");
    client.until(RAW);
    assert_eq!(client.exec(claim), "True\r\n");
}

#[test]
fn three_hundred_interrupts_leave_the_board_alive() {
    let board = board();
    let mut client = raw(&board);
    for _ in 0..300 {
        client.send(b"print('go')\nwhile True:\n x = [str(i) for i in range(9)]\x04");
        client.until(b"go\r\n");
        client.send(b"\x03");
        assert!(client.outcome().1.ends_with("KeyboardInterrupt: \r\n"));
    }
}
