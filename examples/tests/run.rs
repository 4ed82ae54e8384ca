//! Every example runs to its end on a simulated board and prints what its reader is promised.

use std::io::{BufRead as _, BufReader, Read as _, Write as _};
use std::net::TcpStream;
use std::path::PathBuf;
use std::process::{Command, Output, Stdio};

/// The program that cargo has built from an example: it stands beside the folder of this test's own program.
fn example(name: &str) -> Command {
    let test = std::env::current_exe().expect("this program has a path");
    let folder: PathBuf = test
        .ancestors()
        .nth(2)
        .expect("it is in a folder of the target")
        .join("examples");
    Command::new(folder.join(format!("{name}{}", std::env::consts::EXE_SUFFIX)))
}

fn printed(output: &Output) -> String {
    String::from_utf8_lossy(&output.stdout).into_owned()
}

/// Runs an example on a simulated board and looks for these texts in what it prints.
fn prints(name: &str, texts: &[&str]) {
    let output = example(name).output().expect("cargo builds the examples");
    let printed = printed(&output);
    let errors = String::from_utf8_lossy(&output.stderr);
    assert!(
        output.status.success(),
        "{name}: {}\n{printed}\n{errors}",
        output.status
    );
    for text in texts {
        assert!(
            printed.contains(text),
            "{name} does not print {text:?}:\n{printed}\n{errors}"
        );
    }
}

#[test]
fn quickstart_reads_a_room_temperature() {
    prints("quickstart", &["connected to MicroPython", "°C"]);
}

#[test]
fn blink_shows_what_the_board_prints() {
    prints("blink", &["board: the LED goes on", "board: the LED goes off"]);
}

#[test]
fn circuitpython_has_its_own_modules() {
    prints(
        "circuitpython",
        &[
            "connected to CircuitPython 10.2.1",
            "the LED is on: true",
            "the LED is on: false",
            "°C",
        ],
    );
}

#[test]
fn neopixel_gets_its_colours_back() {
    prints(
        "neopixel",
        &["Colour { r: 255, g: 160, b: 0 }", "Colour { r: 0, g: 0, b: 255 }"],
    );
}

#[test]
fn threads_blink_while_the_host_reads_and_stop_when_they_are_told() {
    prints("threads", &["still running", "Blinker.blink", "stopped after"]);
}

#[test]
fn events_are_heard_while_the_host_does_something_else() {
    prints(
        "events",
        &[
            "pressed for 10 ms",
            "pressed for 30 ms",
            "the board says 6 * 7 = 42",
            "heard 3 presses",
        ],
    );
}

#[test]
fn exceptions_name_their_type_and_the_rust_line() {
    prints(
        "exceptions",
        &[
            "ZeroDivisionError",
            "in Rust: examples/exceptions.rs:",
            "errno Some(2)",
            "(str), the method says u32",
            "no answer within 200ms",
            "7 // 2 = 3",
        ],
    );
}

#[test]
fn modules_are_written_to_the_board_and_imported() {
    prints("modules", &["[\"counter.py\"]", "7, 14, 21"]);
}

#[test]
fn a_driver_comes_with_the_trait_and_names_its_lines() {
    prints(
        "driver",
        &[
            "1 is bc\n",
            "7 with a point is abc.\n",
            "Digit.show: IndexError",
            " at board/segments.py:16",
        ],
    );
}

#[test]
fn data_logger_reads_its_file_back() {
    prints(
        "data_logger",
        &[
            "41 lines, the first of them `ms,reading`",
            "40 readings, the largest Some(",
            "on the board: /log/read.csv, ",
            " KB free",
        ],
    );
}

#[test]
fn sync_project_sends_what_has_changed() {
    prints(
        "sync_project",
        &[
            "the first time:",
            "3 written, 0 unchanged, 0 removed, 0 kept",
            "[\"/app/old.py\"] would be removed",
            "1 written, 2 unchanged, 1 removed, 1 kept",
            "the program says 42",
        ],
    );
}

#[test]
fn clock_tells_when_the_board_had_what() {
    prints(
        "clock",
        &["ppm fast, from", "was read", "was told at", "the counter was"],
    );
}

#[test]
fn awaiting_does_several_things_at_once_on_the_board() {
    prints(
        "awaiting",
        &[
            r#"[("light", 30), ("sound", 10)]"#,
            "the slow one gives None",
            "the thread is Stopped",
        ],
    );
}

#[test]
fn objects_stay_on_the_board_and_are_used_from_here() {
    prints(
        "objects",
        &[
            "left is at 40",
            "right comes by [98, 99, 100]",
            "foremost is right",
            "1 in the list is at 100",
        ],
    );
}

#[test]
fn host_functions_are_called_by_the_board() {
    prints(
        "host_functions",
        &[
            "5 readings were kept",
            "the board asks: what is your name?",
            "the board says: hello, Ada",
        ],
    );
}

#[test]
fn traits_keep_their_names_apart_on_one_device() {
    prints("traits", &["the fake lamp is on: true", "brightness "]);
}

#[test]
fn several_boards_work_at_once() {
    prints("several_boards", &["[499500, 49995000, 4999950000]"]);
}

#[test]
fn generators_are_streams() {
    prints("generators", &["[0, 1, 2, 3, 4]", "reading "]);
}

#[test]
fn a_conversation_is_a_stream_each_way() {
    prints("conversation", &["the servo has moved 100 times", "it is 612"]);
}

#[test]
fn plot_draws_the_latest_readings() {
    prints("plot", &[" V │", "█", "120 readings, the last 60 of them drawn"]);
}

/// What a server answers to this request, from the first byte to the last.
fn ask(address: &str, request: &str) -> String {
    let mut stream = TcpStream::connect(address).expect("it listens");
    write!(stream, "{request} HTTP/1.1\r\nHost: {address}\r\n\r\n").expect("it reads");
    let mut answer = String::new();
    stream.read_to_string(&mut answer).expect("it answers");
    answer
}

#[test]
fn web_page_shows_the_board_and_switches_its_led() {
    let mut server = example("web_page")
        .stdout(Stdio::piped())
        .spawn()
        .expect("cargo builds the examples");
    let output = server.stdout.take().expect("its output");
    let mut line = String::new();
    BufReader::new(output).read_line(&mut line).expect("where it is");
    let address = line
        .trim()
        .trim_start_matches("the board is at http://")
        .trim_end_matches('/');
    let answers = [
        "GET /",
        "GET /celsius",
        "POST /led/on",
        "POST /led/off",
        "GET /nothing",
    ];
    let answers = answers.map(|request| ask(address, request));
    server.kill().expect("it runs");
    server.wait().expect("it was killed");
    let [page, celsius, on, off, nothing] = answers;
    assert!(
        page.starts_with("HTTP/1.1 200 OK") && page.contains("<title>A board</title>"),
        "{page}"
    );
    let reading = celsius
        .rsplit("\r\n")
        .next()
        .and_then(|body| body.parse::<f64>().ok());
    assert!(
        reading.is_some_and(|celsius| (15.0..30.0).contains(&celsius)),
        "{celsius}"
    );
    assert!(on.ends_with("\r\n\r\ntrue"), "{on}");
    assert!(off.ends_with("\r\n\r\nfalse"), "{off}");
    assert!(nothing.starts_with("HTTP/1.1 404 "), "{nothing}");
}

#[cfg(feature = "fleet")]
#[test]
fn fleet_reads_sixteen_boards_while_one_is_unplugged() {
    let output = example("fleet").args(["--seconds", "2"]).output();
    let output = output.expect("cargo builds the examples");
    let (printed, errors) = (printed(&output), String::from_utf8_lossy(&output.stderr));
    assert!(output.status.success(), "{}\n{printed}\n{errors}", output.status);
    for text in [
        "16 boards behind 2 servers are ready",
        "°C    lab1/pico-0",
        "lab2/pico-05 is away, and the others are read",
        "lab2/pico-05 is back, and set up again",
        "calls on all",
    ] {
        assert!(printed.contains(text), "{text:?}:\n{printed}\n{errors}");
    }
}

/// The commands of `tests/commands.txt` that run an example: those above run them all, with these words.
#[test]
fn the_examples_that_the_documents_run_are_run_above() {
    let here = include_str!("run.rs");
    let table = include_str!("../../tests/commands.txt");
    let (_, section) = table
        .split_once(&format!("\n[{}]\n", file!()))
        .expect("it has these");
    let lines = section.lines().take_while(|line| !line.is_empty());
    for line in lines {
        let name = line.rsplit(' ').next().unwrap_or_default();
        let run = here.contains(&format!("prints(\"{name}\", "))
            || here.contains(&format!("example(\"{name}\").args"));
        assert!(line.contains(" --example ") && run, "{line}");
    }
}

#[test]
fn an_example_on_a_port_that_is_not_there_fails_with_a_way_out() {
    let output = example("quickstart")
        .args(["--port", "/dev/nonexistent"])
        .output()
        .expect("cargo builds the examples");
    assert!(!output.status.success());
    let errors = String::from_utf8_lossy(&output.stderr);
    assert!(
        errors.contains("there is no port `/dev/nonexistent`") && errors.contains("hint:"),
        "{errors}"
    );
}
