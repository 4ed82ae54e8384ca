//! What happens to a mounted folder when the board is reset, the line is lost or the device is closed.

use super::*;
use belay_sim::{Direction, Rates};

on_both_runtimes! {
    after_a_reset_the_folder_is_there_again_before_setups_run
    a_program_that_resets_the_board_finds_the_folder_again
    what_was_open_is_closed_by_a_reset
    a_device_that_is_closed_leaves_nothing_mounted
    a_mount_that_is_dropped_is_unmounted
    what_nobody_closed_is_written_when_it_is_unmounted
    what_nobody_closed_is_written_when_the_device_is_closed
    a_folder_that_vanishes_is_an_error_and_no_end
}

/// Needs the mounted folder in its setup.
#[belay::device(globals(needed))]
trait Needy {
    /// ```python
    /// import needed
    /// found = needed.VALUE
    /// ```
    #[setup]
    async fn open(&self) -> Result<()>;

    /// ```python
    /// return found
    /// ```
    #[task]
    async fn value(&self) -> Result<u32>;
}

async fn after_a_reset_the_folder_is_there_again_before_setups_run() {
    let desk = Desk::new(MountOptions::new().enter(true)).await;
    desk.put("needed.py", "VALUE = 1\n");
    let needy = NeedyDevice::attach(&desk.device).await.unwrap();
    desk.put("needed.py", "VALUE = 22\n");
    soon("a reset", desk.device.reset()).await.unwrap();
    assert_eq!(needy.value().await.unwrap(), 22);
    assert_eq!(
        desk.says::<String>("open('needed.py').read()").await,
        "VALUE = 22\n"
    );
    desk.close().await;
}

async fn a_program_that_resets_the_board_finds_the_folder_again() {
    let desk = Desk::new(MountOptions::new()).await;
    desk.put("a.txt", "hello");
    let error = desk
        .device
        .execute("import machine; machine.soft_reset()")
        .await
        .unwrap_err();
    assert!(matches!(error.kind(), ErrorKind::Reset), "{error:?}");
    assert_eq!(desk.says::<String>("open('/remote/a.txt').read()").await, "hello");
    desk.close().await;
}

async fn what_was_open_is_closed_by_a_reset() {
    let desk = Desk::new(MountOptions::new()).await;
    desk.put("file", vec![0; 10_000]);
    for _ in 0..3 {
        desk.does("kept = [open('/remote/file', 'rb') for _ in range(60)]")
            .await;
        soon("a reset", desk.device.reset()).await.unwrap();
    }
    desk.close().await;
}

async fn a_device_that_is_closed_leaves_nothing_mounted() {
    let desk = Desk::new(MountOptions::new().enter(true)).await;
    desk.put("mod.py", "");
    desk.does("import mod").await;
    desk.device.close().await.unwrap();
    let again = Device::connect(desk.board.port()).await.unwrap();
    let left = "'/remote' in __import__('sys').path or 'mod' in __import__('sys').modules or __import__('os').getcwd()";
    let left: Value = again.execute_as(left).await.unwrap();
    assert!(matches!(&left, Value::Str(path) if path != "/remote"), "{left:?}");
    let error = again
        .execute("__import__('os').stat('/remote')")
        .await
        .unwrap_err();
    assert_eq!(error.exception().unwrap().errno, Some(2));
    again.close().await.unwrap();
}

async fn a_mount_that_is_dropped_is_unmounted() {
    let mut desk = Desk::new(MountOptions::new()).await;
    desk.mount = None;
    let gone = async {
        let there = "'/remote' in __import__('sys').path";
        while desk.device.execute_as::<bool>(there).await.unwrap() {
            tokio::task::yield_now().await;
        }
    };
    soon("unmounting", gone).await;
    desk.close().await;
}

/// Writes files that a body never closes: some that are garbage, and one that is still open.
async fn forgetful() -> Desk {
    let desk = Desk::new(MountOptions::new()).await;
    desk.does("for n in range(9):\n    open('/remote/%d' % n, 'w').write('dropped')")
        .await;
    desk.does("for n in (100, 7):\n    open('/remote/again', 'w').write(str(n))")
        .await;
    assert_eq!(desk.says::<String>("open('/remote/again').read()").await, "7");
    desk.does("kept = open('/remote/kept', 'wb')\nkept.write(b'open')")
        .await;
    desk
}

fn is_written(desk: &Desk) {
    for name in 0..9 {
        assert_eq!(desk.get(&name.to_string()), b"dropped", "{name}");
    }
    assert_eq!(desk.get("kept"), b"open");
}

async fn what_nobody_closed_is_written_when_it_is_unmounted() {
    let mut desk = forgetful().await;
    desk.mount.take().unwrap().unmount().await.unwrap();
    is_written(&desk);
    desk.close().await;
}

async fn what_nobody_closed_is_written_when_the_device_is_closed() {
    let desk = forgetful().await;
    desk.device.close().await.unwrap();
    is_written(&desk);
}

async fn a_folder_that_vanishes_is_an_error_and_no_end() {
    let desk = Desk::new(MountOptions::new()).await;
    desk.put("file", "x");
    std::fs::remove_dir_all(desk.folder.path()).unwrap();
    assert_eq!(desk.refused("open('/remote/file')").await, Some(2));
    assert_eq!(desk.says::<u32>("1 + 1").await, 2);
    desk.close().await;
}

/// The line loses, repeats and damages bytes, and the contents of files are right all the same.
#[tokio::test]
async fn over_a_bad_line_every_file_is_whole() {
    let desk = Desk::new(MountOptions::new()).await;
    let bytes: Vec<u8> = (0..4_000_u32)
        .map(|i| i.wrapping_mul(2_654_435_761).to_be_bytes()[0])
        .collect();
    desk.put("file", &bytes);
    let rates = Rates {
        drop: 0.0001,
        flip: 0.0001,
        repeat: 0.0001,
        ..Rates::default()
    };
    for direction in Direction::BOTH {
        desk.board.cable().set_rates(direction, rates, 7).unwrap();
    }
    let copy = "with open('/remote/file', 'rb') as f: data = f.read()\nwith open('/remote/copy', 'wb') as f: f.write(data)";
    let mut whole = 0;
    for _ in 0..10 {
        let done = tokio::time::timeout(4 * PATIENCE, desk.device.execute(copy))
            .await
            .expect("a copy");
        match done {
            Ok(_) => {
                assert!(desk.get("copy") == bytes);
                whole += 1;
            }
            // A flipped bit can turn a byte into Ctrl-C.
            Err(error) => assert!(matches!(error.kind(), ErrorKind::Interrupted), "{error:?}"),
        }
    }
    assert!(whole > 0, "no copy came to its end");
    for direction in Direction::BOTH {
        desk.board
            .cable()
            .set_rates(direction, Rates::default(), 0)
            .unwrap();
    }
    desk.close().await;
}
