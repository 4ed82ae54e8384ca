//! Packages, from folders of this machine and from an index on the loopback interface.

use std::fs;
use std::io::{BufRead as _, BufReader, Write as _};
use std::net::TcpListener;

use crate::harness::{Desk, command, said};

const HELLO: &str = "def hi():\n    print('hi')\n";

/// The packages in the index; all of them have the same contents.
const NAMES: [&str; 3] = ["hello", "package", "ssd1306"];

/// An index with a few packages. It runs until the test program ends.
pub(crate) fn index() -> String {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let address = listener.local_addr().unwrap();
    // The hash is the beginning of the SHA-256 of `HELLO`.
    let manifest = r#"{"v": 1, "version": "1.2.0", "hashes": [["hello.py", "HASH"]], "deps": []}"#;
    std::thread::spawn(move || {
        for mut stream in listener.incoming().flatten() {
            let mut lines = BufReader::new(stream.try_clone().unwrap())
                .lines()
                .map_while(Result::ok);
            let first = lines.next().unwrap_or_default();
            let _ = lines.find(String::is_empty);
            let path = first.split(' ').nth(1).unwrap_or_default();
            let hash = &sha256(HELLO)[..8];
            let manifests = NAMES.map(|name| format!("/package/py/{name}/latest.json"));
            let body = match path {
                path if manifests.iter().any(|name| name == path) => manifest.replace("HASH", hash),
                path if path == format!("/file/{}/{hash}", &hash[..2]) => HELLO.to_owned(),
                _ => String::new(),
            };
            let status = if body.is_empty() {
                "404 Not Found"
            } else {
                "200 OK"
            };
            let length = body.len();
            let head = format!("HTTP/1.1 {status}\r\nContent-Length: {length}\r\nConnection: close\r\n\r\n");
            let _ = stream.write_all((head + &body).as_bytes());
        }
    });
    format!("http://{address}")
}

/// Computed by the tool that every Linux has.
fn sha256(text: &str) -> String {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("text");
    fs::write(&path, text).unwrap();
    let output = std::process::Command::new("sha256sum")
        .arg(path)
        .output()
        .unwrap();
    String::from_utf8(output.stdout).unwrap()
}

#[test]
fn a_project_gets_packages_and_loses_them() {
    let folder = tempfile::tempdir().unwrap();
    let url = index();
    let belay = |arguments: &[&str]| {
        let mut command = command(folder.path(), arguments);
        command.env("BELAY_INDEX", &url);
        said(command, "")
    };
    let told = belay(&["add", "hello"]).good();
    assert_eq!(told, "added    hello 1.2.0  (1 files, from hello)\n");
    assert_eq!(
        fs::read_to_string(folder.path().join("board/hello.py")).unwrap(),
        HELLO
    );
    assert!(folder.path().join("belay.lock").exists());
    assert_eq!(belay(&["update"]).good(), "nothing has changed\n");
    let json = belay(&["remove", "--json", "hello"]).good();
    assert!(json.contains(r#""step":"removed""#), "{json}");
    assert!(!folder.path().join("board/hello.py").exists());
    assert!(
        belay(&["add", "helo"])
            .bad(1)
            .contains("there is no package `helo`")
    );
    assert!(
        belay(&["remove", "hello"])
            .bad(1)
            .contains("is not among the packages")
    );
}

#[test]
fn a_board_gets_packages() {
    let desk = Desk::new();
    let told = desk
        .belay(["mip", "install", "--index", &index(), "hello"])
        .good();
    assert_eq!(
        told,
        "added    hello 1.2.0  (1 files, from hello)\n1 files written to /lib, 0 there already\n"
    );
    assert_eq!(desk.on_board("lib/hello.py"), HELLO.as_bytes());
    assert_eq!(desk.belay(["exec", "import hello; hello.hi()"]).good(), "hi\n");
    desk.put("driver/lamp.py", "on = 1\n");
    desk.belay(["mip", "install", "--target", ":drivers", "./driver"])
        .good();
    assert_eq!(desk.on_board("drivers/lamp.py"), b"on = 1\n");
}
