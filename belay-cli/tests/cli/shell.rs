//! Several commands on one connection.

use crate::harness::{Desk, said};

#[test]
fn commands_come_from_a_file_and_share_a_connection() {
    let desk = Desk::new();
    desk.put("a.py", "print('a')\n");
    desk.put(
        "commands.txt",
        "# what is to be done\nexec \"x = 20\"\neval x+1\nbelay fs cp a.py :\nrun a.py\nfs hash ':a.py'\nexit\neval 1/0\n",
    );
    let out = desk.belay(["shell", "commands.txt"]).good();
    assert!(out.starts_with("21\na\n") && out.ends_with("  /a.py\n"), "{out}");
    assert_eq!(desk.on_board("a.py"), b"print('a')\n");
}

#[test]
fn it_ends_at_what_fails_unless_it_is_told_to_go_on() {
    let desk = Desk::new();
    let lines = "eval 1\nfs cat :nope\nnonsense\neval 2\n";
    let ended = said(desk.command(["shell"]), lines);
    assert_eq!((ended.status, &*ended.out), (1, "1\n"));
    let went_on = said(desk.command(["shell", "--keep-going"]), lines);
    assert_eq!((went_on.status, &*went_on.out), (2, "1\n2\n"));
    assert!(went_on.err.contains("there is no `/nope`") && went_on.err.contains("nonsense"));
}

#[test]
fn a_reset_in_between_is_survived() {
    let desk = Desk::new();
    let out = said(
        desk.command(["shell"]),
        "eval 1\nreset\neval 2\nreset --hard\neval 3\n",
    );
    assert_eq!(
        out.out, "1\nthe board was reset\n2\nthe board was reset\n3\n",
        "{}",
        out.err
    );
}

#[test]
fn what_one_command_does_not_show_the_next_one_does() {
    let desk = Desk::new();
    desk.put("numbers.py", "print(1)\nprint(2)\n");
    let script = "plot numbers.py\nexec \"print('heard')\"\neval --json \"print('aside') or 3\"\nexec \"print('again')\"\n";
    let said = said(desk.command(["shell"]), script);
    let lines: Vec<_> = said.out.lines().filter(|line| !line.contains(',')).collect();
    assert_eq!((lines, &*said.err), (vec!["heard", "3", "again"], "aside\n"));
}
