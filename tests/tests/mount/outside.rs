//! Nothing outside of a mounted folder can be reached, whatever the board asks.

use super::*;

/// A folder with a secret file beside it, and with links that lead to the secret and to files inside.
async fn desk() -> (Desk, TempDir) {
    let desk = Desk::new(MountOptions::new()).await;
    let outside = tempfile::tempdir().unwrap();
    std::fs::write(outside.path().join("secret"), "secret").unwrap();
    desk.put("inside/file", "inside");
    let link = |to: &Path, name: &str| std::os::unix::fs::symlink(to, desk.folder.path().join(name)).unwrap();
    link(&outside.path().join("secret"), "absolute");
    link(outside.path(), "folder");
    let up = Path::new("..").join(outside.path().file_name().unwrap());
    link(&up.join("secret"), "relative");
    link(Path::new("inside/file"), "good");
    link(Path::new("loop"), "loop");
    (desk, outside)
}

#[tokio::test]
async fn no_path_and_no_link_leads_out_of_the_folder() {
    let (desk, outside) = desk().await;
    let name = outside.path().file_name().unwrap().to_str().unwrap();
    let away = format!("../{name}/secret");
    desk.does("import os").await;
    // Through the board's own library, which keeps `..` within the folder.
    for path in ["absolute", "relative", "folder/secret", "loop"] {
        for code in [
            format!("open('/remote/{path}')"),
            format!("os.stat('/remote/{path}')"),
            format!("open('/remote/{path}', 'w')"),
        ] {
            let errno = desk.refused(&code).await;
            assert!(matches!(errno, Some(13 | 5 | 40)), "{code}: {errno:?}");
        }
    }
    assert_eq!(desk.refused(&format!("open('/remote/{away}')")).await, Some(2));
    assert_eq!(desk.says::<String>("open('/remote/good').read()").await, "inside");
    let mut listed: Vec<String> = desk.says("os.listdir('/remote')").await;
    listed.sort();
    assert_eq!(listed, ["good", "inside"], "what cannot be reached is not shown");
    // By asking the host directly, past the library.
    let absolute = outside.path().join("secret");
    let root = desk
        .device
        .tasks()
        .evaluate_in("_mount", "[f.root for f in [Folder(1)]][0]")
        .await;
    assert_eq!(root.unwrap().to::<u32>().unwrap(), 1);
    for path in [
        &*away,
        absolute.to_str().unwrap(),
        "inside/../../etc/passwd",
        "folder/secret",
        "/etc/passwd",
    ] {
        for question in [
            "host_stat(1,P)",
            "host_open(1,P,'r',100)",
            "host_open(1,P,'w',100)",
            "host_remove(1,P)",
            "host_rename(1,P,'here')",
            "host_rename(1,'good',P)",
            "host_mkdir(1,P)",
            "host_list(1,P,'')",
        ] {
            let question = question.replace('P', &format!("'{path}'"));
            let answer = desk
                .device
                .tasks()
                .evaluate_in("_mount", &question)
                .await
                .unwrap();
            let answer: i64 = answer.to().unwrap_or_else(|error| panic!("{question}: {error}"));
            assert!(answer < 0, "{question}: {answer}");
        }
    }
    assert_eq!(std::fs::read_to_string(absolute).unwrap(), "secret");
    assert_eq!(std::fs::read_dir(outside.path()).unwrap().count(), 1);
    desk.close().await;
}

#[tokio::test]
async fn only_files_are_opened() {
    let desk = Desk::new(MountOptions::new()).await;
    let made = std::process::Command::new("mkfifo")
        .arg(desk.folder.path().join("pipe"))
        .status();
    assert!(made.unwrap().success());
    for mode in ["r", "w", "a"] {
        assert_eq!(
            desk.refused(&format!("open('/remote/pipe', '{mode}')")).await,
            Some(13)
        );
    }
    // More open files than anybody needs.
    desk.put("file", vec![0; 10_000]);
    desk.does("kept = []").await;
    let errno = desk
        .refused("while len(kept) < 1000: kept.append(open('/remote/file', 'rb'))")
        .await;
    assert_eq!(errno, Some(24));
    assert_eq!(desk.says::<u32>("len(kept)").await, 64);
    desk.does("for file in kept: file.close()\nopen('/remote/file').close()")
        .await;
    desk.close().await;
}

#[tokio::test]
async fn what_the_board_asks_that_makes_no_sense_is_an_error_there() {
    let desk = Desk::new(MountOptions::new()).await;
    for (question, errno) in [
        ("host_stat(77,'')", -19),
        ("host_read(77,0,1)", -9),
        ("host_write(77,0,'')", -9),
        ("host_write(77,0,'?')", -22),
        ("host_open(1,'','r',1)", -21),
    ] {
        let answer = desk.device.tasks().evaluate_in("_mount", question).await.unwrap();
        assert_eq!(answer.to::<i64>().unwrap(), errno, "{question}");
    }
    for question in [
        "host_stat(1,2)",
        "host_stat(-1,'')",
        "host_read('a',0,0)",
        "host_open(1,'x','r',1e9)",
    ] {
        let error = desk
            .device
            .tasks()
            .evaluate_in("_mount", question)
            .await
            .unwrap_err();
        assert!(
            error.exception().is_some_and(|raised| raised.is("HostError")),
            "{question}: {error:?}"
        );
    }
    desk.close().await;
}
