//! The `unix` board behaves like a board.

mod common;

use std::{fs, time::Duration};

use belay_sim::Board;
use common::{Client, RAW};

fn board() -> Board {
    Board::unix().start_blocking().expect("the unix board starts")
}

const BANNER_END: &[u8] = b"Type \"help()\" for more information.\r\n>>> ";

#[test]
fn friendly_repl_echoes_and_answers() {
    let board = board();
    let mut client = Client::open(board.port());
    client.send(b"\r\x0340 + 2\r");
    client.until(b"40 + 2\r\n42\r\n>>> ");
}

#[test]
fn ctrl_c_interrupts_a_loop_a_sleep_and_a_read() {
    let board = board();
    let mut client = Client::raw(board.port());
    for code in [
        "while True: pass",
        "import time\ntime.sleep(1000)",
        "import sys\nsys.stdin.readline()",
    ] {
        // The program prints when it runs: an earlier Ctrl-C would be taken for input.
        client.send(format!("print('go')\n{code}\x04").as_bytes());
        client.until(b"go\r\n");
        client.send(b"\x03");
        let (output, errors) = client.outcome();
        assert_eq!(output, "");
        assert!(errors.contains("KeyboardInterrupt: "), "{code}: {errors}");
    }
    assert_eq!(client.exec("print(1)"), "1\r\n");
}

#[test]
fn three_hundred_interrupts_leave_the_board_alive() {
    let board = board();
    let mut client = Client::raw(board.port());
    for _ in 0..300 {
        client.send(b"print('go')\nwhile True:\n x = [str(i) for i in range(9)]\x04");
        client.until(b"go\r\n");
        client.send(b"\x03");
        assert!(client.outcome().1.ends_with("KeyboardInterrupt: \r\n"));
    }
}

#[test]
fn ctrl_c_while_garbage_is_collected_leaves_what_another_thread_uses() {
    let board = board();
    let mut client = Client::raw(board.port());
    let beside = "import _thread, gc\nwrong = []\nturns = 0\ndef beside():\n global turns\n while not wrong:\n  \
                  made = [str(i) for i in range(200)]\n  turns += 1\n  for i in range(200):\n   \
                  if made[i] != str(i):\n    wrong.append(made[i])\n_thread.start_new_thread(beside, ())\n";
    client.exec(beside);
    for _ in 0..300 {
        client.send(b"print('go')\nwhile True: gc.collect()\x04");
        client.until(b"go\r\n");
        client.send(b"\x03");
        assert!(client.outcome().1.ends_with("KeyboardInterrupt: \r\n"));
    }
    assert_eq!(client.exec("print(wrong, turns > 0)"), "[] True\r\n");
}

#[test]
fn ctrl_c_is_data_when_the_program_has_switched_it_off() {
    let board = board();
    let mut client = Client::raw(board.port());
    client.send(
        b"import micropython, sys\nmicropython.kbd_intr(-1)\nprint('go')\nprint(sys.stdin.buffer.read(2))\n\
          micropython.kbd_intr(3)\x04",
    );
    client.until(b"go\r\n");
    client.send(b"\x03a");
    assert_eq!(client.outcome(), ("b'\\x03a'\r\n".into(), String::new()));
}

#[test]
fn soft_reset_from_the_raw_repl_stays_there_and_skips_main() {
    let board = board();
    fs::write(board.directory().join("boot.py"), "print('booting')").expect("writable");
    fs::write(board.directory().join("main.py"), "print('main')").expect("writable");
    let mut client = Client::raw(board.port());
    client.exec("x = 1");
    client.send(b"\x04");
    let text = client.until(RAW);
    assert_eq!(
        String::from_utf8_lossy(&text),
        "OK\r\nMPY: soft reboot\r\nbooting\r\nraw REPL; CTRL-B to exit\r\n>"
    );
    assert!(client.run("print(x)").1.contains("NameError"));
}

#[test]
fn soft_reset_from_the_friendly_repl_runs_boot_and_main() {
    let board = board();
    fs::write(board.directory().join("boot.py"), "print('booting')").expect("writable");
    fs::write(board.directory().join("main.py"), "print('main')").expect("writable");
    let mut client = Client::open(board.port());
    client.send(b"\r\x03\r");
    client.until(b">>> \r\n>>> ");
    client.send(b"\x04");
    let text = String::from_utf8(client.until(BANNER_END)).expect("text");
    assert!(
        text.contains("MPY: soft reboot\r\nbooting\r\nmain\r\nMicroPython v"),
        "{text}"
    );
}

#[test]
fn system_exit_in_the_raw_repl_is_a_soft_reset() {
    let board = board();
    let mut client = Client::raw(board.port());
    client.send(b"raise SystemExit\x04");
    assert_eq!(
        client.until(RAW),
        [b"OK\x04\x04MPY: soft reboot\r\n", RAW].concat()
    );
}

#[test]
fn input_that_was_sent_ahead_survives_a_soft_reset() {
    let board = board();
    let mut client = Client::raw(board.port());
    client.send(b"\x04print('ahead')\x04");
    client.until(RAW);
    client.until(b"OKahead\r\n\x04\x04>");
}

#[test]
fn machine_reset_brings_the_banner_on_the_same_port() {
    let board = board();
    let mut client = Client::raw(board.port());
    client.send(b"import machine\nmachine.reset()\x04");
    let text = String::from_utf8(client.until(BANNER_END)).expect("text");
    assert!(text.starts_with("OKMicroPython v"), "{text}");
    client.send(b"\x01");
    client.until(RAW);
    assert_eq!(client.exec("print(1)"), "1\r\n");
}

#[test]
fn a_board_that_crashes_starts_again() {
    let board = board();
    let mut client = Client::raw(board.port());
    // The process is killed from outside, as a watchdog would reset a board.
    let pid = rustix::process::Pid::from_raw(i32::try_from(board.process_id()).expect("small"));
    rustix::process::kill_process(pid.expect("not zero"), rustix::process::Signal::KILL).expect("it runs");
    client.until(BANNER_END);
}

#[test]
fn raw_paste_has_a_window_of_128_and_ends_early_on_a_syntax_error() {
    let board = board();
    let mut client = Client::raw(board.port());
    client.send(b"\x05A\x01");
    client.until(b"R\x01\x80\x00\x01");
    client.send(b"print('pasted')\x04");
    client.until(b"\x04pasted\r\n\x04\x04>");
    client.send(b"\x05A\x01");
    client.until(b"R\x01\x80\x00\x01");
    client.send(b"x = = 1\nprint(2)\n");
    client.until(b"\x04");
    client.send(b"\x04");
    let text = client.until(b"\x04>");
    assert!(String::from_utf8_lossy(&text).contains("SyntaxError"));
}

#[test]
fn text_output_has_carriage_returns_and_binary_output_has_not() {
    let board = board();
    let mut client = Client::raw(board.port());
    let output =
        client.exec("import sys\nsys.stdout.write('a\\nb\\n')\nn = sys.stdout.buffer.write(b'c\\nd\\x00')");
    assert_eq!(output, "a\r\nb\r\nc\nd\0");
}

#[test]
fn text_input_ends_lines_at_a_carriage_return_and_binary_input_is_untouched() {
    let board = board();
    let mut client = Client::raw(board.port());
    client.send(b"import sys\nprint('go')\nprint(repr(sys.stdin.readline()), sys.stdin.buffer.read(3))\x04");
    client.until(b"go\r\n");
    client.send(b"line\r\x00\r\n");
    assert_eq!(client.outcome().0, "'line\\n' b'\\x00\\r\\n'\r\n");
}

#[test]
fn standard_input_can_be_polled_and_awaited() {
    let board = board();
    let mut client = Client::raw(board.port());
    let poll = "import select, sys\np = select.poll()\np.register(sys.stdin, select.POLLIN)\n";
    client.send(
        format!("{poll}print(len(p.poll(0)))\nprint(len(p.poll(20000)), sys.stdin.read(1))\x04").as_bytes(),
    );
    client.until(b"0\r\n");
    client.send(b"x");
    assert_eq!(client.outcome(), ("1 x\r\n".into(), String::new()));

    client.send(
        b"import asyncio, sys\nasync def main():\n r = asyncio.StreamReader(sys.stdin)\n print('go')\n \
          print(await r.readline())\nasyncio.run(main())\x04",
    );
    client.until(b"go\r\n");
    client.send(b"hello\n");
    assert_eq!(client.outcome(), ("b'hello\\n'\r\n".into(), String::new()));
}

#[test]
fn modules_that_belay_relies_on_are_there() {
    let board = board();
    let mut client = Client::raw(board.port());
    client.exec(
        "import _thread, array, asyncio, binascii, gc, io, json, machine, micropython, os, struct, sys, time\n\
         binascii.crc32(b'x'); gc.mem_free(); micropython.mem_info; micropython.kbd_intr; sys.print_exception\n\
         sys.stdin.buffer; sys.stdout.buffer; f'{1}'; time.ticks_diff(1, 2); os.uname()",
    );
}

#[test]
fn simulated_hardware_does_what_the_examples_expect() {
    let board = board();
    let mut client = Client::raw(board.port());
    let celsius = "from machine import ADC, Pin, PWM, Timer\nvolts = ADC(4).read_u16() * 3.3 / 65535\n\
                   print(27 - (volts - 0.706) / 0.001721)";
    let celsius: f64 = client.exec(celsius).trim().parse().expect("a number");
    assert!((20.0..25.0).contains(&celsius), "{celsius}");
    assert_eq!(
        client.exec("p = Pin(25, Pin.OUT)\np.on()\np.toggle()\nprint(p.value(), Pin(25).value())"),
        "0 0\r\n"
    );
    assert_eq!(
        client.exec("w = PWM(Pin(0), freq=1000)\nw.duty_u16(99)\nprint(w.freq(), w.duty_u16())"),
        "1000 99\r\n"
    );
    // The program sleeps until the third tick has come.
    let ticks = "import time\nn = []\nt = Timer(period=1, callback=lambda t: n.append(1))\n\
                 while len(n) < 3: time.sleep_ms(1)\nt.deinit()\nprint('ticked')";
    assert_eq!(client.exec(ticks), "ticked\r\n");
}

#[test]
fn a_thread_is_heard_while_the_prompt_waits() {
    let board = board();
    let mut client = Client::raw(board.port());
    let code = "import _thread, time\ndef run():\n time.sleep_ms(50)\n print('from a thread')\n\
                t = _thread.start_new_thread(run, ())";
    assert_eq!(client.exec(code), "");
    client.until(b"from a thread\r\n");
}

#[test]
fn output_is_heard_before_the_program_goes_on_computing() {
    let board = board();
    let mut client = Client::raw(board.port());
    client.send(b"print('first')\nwhile True: pass\x04");
    client.until(b"first\r\n");
}

#[test]
fn the_heap_is_as_large_as_asked_for() {
    let board = Board::unix().heap_kb(64).start_blocking().expect("starts");
    let mut client = Client::raw(board.port());
    let total: u32 = client
        .exec("import gc\nprint(gc.mem_alloc() + gc.mem_free())")
        .trim()
        .parse()
        .expect("a number");
    assert!((50_000..65_536).contains(&total), "{total}");
    assert!(client.run("x = bytearray(100000)").1.contains("MemoryError"));
}

#[test]
fn files_live_in_a_directory_of_the_boards_own_and_outlive_a_reset() {
    let mut board = board();
    let mut client = Client::raw(board.port());
    assert_eq!(
        client.exec("import os\nprint(os.getcwd(), os.listdir())"),
        "/ []\r\n"
    );
    client.exec("with open('/note.txt', 'w') as f: f.write('kept')");
    board.restart().expect("restarts");
    client.until(BANNER_END);
    client.send(b"\x01");
    client.until(RAW);
    assert_eq!(client.exec("print(open('note.txt').read())"), "kept\r\n");
    let directory = board.directory().to_owned();
    drop(board);
    assert!(!directory.exists());
}

#[test]
fn a_file_gets_another_name_and_takes_the_place_of_what_had_it() {
    let board = board();
    let mut client = Client::raw(board.port());
    let code = "import os\nfor name in 'new', 'old':\n with open('/'+name, 'w') as f: f.write(name)\n\
                os.rename('/new', '/old')\nprint(os.listdir('/'), open('/old').read())";
    assert_eq!(client.exec(code), "['old'] new\r\n");
}

#[test]
fn boot_and_main_run_when_the_board_starts_and_only_boot_after_a_soft_reset_to_the_raw_repl() {
    let board = Board::unix()
        .file("boot.py", "import lib.half\nprint('boot', lib.half.N)")
        .file("/main.py", "print('main')\nopen('started', 'w').close()")
        .file("lib/half.py", "N = 21")
        .start_blocking()
        .expect("the unix board starts");
    common::eventually("main.py has run", || board.directory().join("started").exists());
    let mut client = Client::raw(board.port());
    client.send(b"\x04");
    let text = client.until(RAW);
    assert_eq!(
        String::from_utf8_lossy(&text),
        format!(
            "OK\r\nMPY: soft reboot\r\nboot 21\r\n{}",
            String::from_utf8_lossy(RAW)
        )
    );
}

#[test]
fn restart_in_the_middle_of_a_program_ends_it() {
    let mut board = board();
    let mut client = Client::raw(board.port());
    client.send(b"print('go')\nwhile True: pass\x04");
    client.until(b"go\r\n");
    board.restart().expect("restarts");
    client.until(BANNER_END);
}

#[test]
fn a_long_line_arrives_whole() {
    let board = board();
    let mut client = Client::raw(board.port());
    client.send(b"import sys\nprint('go')\nprint(len(sys.stdin.readline()))\x04");
    client.until(b"go\r\n");
    let mut line = vec![b'x'; 100_000];
    line.push(b'\n');
    client.send(&line);
    assert_eq!(client.outcome().0, "100001\r\n");
}

#[test]
fn nothing_is_heard_from_an_idle_board() {
    let board = board();
    let mut client = Client::raw(board.port());
    assert_eq!(client.within(Duration::from_millis(100)), b"");
}
