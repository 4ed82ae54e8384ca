//! Brings a project's folder to the board: all of it the first time, and later what has changed.

use std::fs;

use belay::prelude::*;
use belay::{Step, SyncOptions, SyncReport, TransferEvent};
use belay_examples::ExampleBoard;

/// Brings the folder to the board and prints what is done.
async fn sync(device: &Device, folder: &std::path::Path, options: SyncOptions) -> Result<SyncReport> {
    let mut syncing = device.files().sync(folder, "/app", options).events();
    let mut report = SyncReport::default();
    while let Some(event) = syncing.next().await {
        match event? {
            TransferEvent::Progress(progress) if progress.step == Step::Written => {
                println!(
                    "  {} ({} of {} bytes)",
                    progress.path, progress.done, progress.total
                );
            }
            TransferEvent::Done(done) => report = done,
            _ => {}
        }
    }
    println!(
        "{} written, {} unchanged, {} removed, {} kept",
        report.written.len(),
        report.unchanged.len(),
        report.removed.len(),
        report.kept.len()
    );
    Ok(report)
}

#[tokio::main]
async fn main() -> belay_examples::Result {
    let board = ExampleBoard::from_command_line().await?;
    let device = Device::connect(board.port()).await?;
    // In a real project this is a folder that exists already.
    let project = std::env::temp_dir().join(format!("belay-example-{}", std::process::id()));
    fs::create_dir_all(project.join("sensors"))?;
    fs::write(
        project.join("main.py"),
        "from sensors import scale\nprint(scale.twice(21))\n",
    )?;
    fs::write(project.join("sensors/__init__.py"), "")?;
    fs::write(
        project.join("sensors/scale.py"),
        "def twice(n):\n    return n + n\n",
    )?;

    println!("the first time:");
    let options = SyncOptions::new().delete(true).keep("*.csv");
    sync(&device, &project, options.clone()).await?;
    device
        .files()
        .write("/app/log.csv", "what the board has logged")
        .await?;
    device
        .files()
        .write("/app/old.py", "what is not in the project any more")
        .await?;

    fs::write(
        project.join("sensors/scale.py"),
        "def twice(n):\n    return 2 * n\n",
    )?;
    println!("what would be done now:");
    let told = sync(&device, &project, options.clone().dry_run(true)).await?;
    println!("  {:?} would be removed", told.removed);
    println!("after a change:");
    sync(&device, &project, options).await?;

    let printed = device
        .execute("import sys\nsys.path.append('/app')\nimport main")
        .await?;
    println!("the program says {}", printed.trim());
    device.files().remove_all("/app").await?;
    fs::remove_dir_all(&project)?;
    device.close().await?;
    Ok(())
}
