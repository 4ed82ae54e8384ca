//! Tests the packages as a user has them who did not check the workspace out.

use std::{fs, path::Path, process::Command};

use super::{Found, LINUX, PUBLISHED, cargo};
use crate::{
    Outcome,
    run::{checked, target, workspace},
};

/// Unpacks the packages that `cargo package` has made, and runs the tests of each there.
pub(super) fn test_packages() -> Result<Found, String> {
    let packages = target().join("package");
    let dir = target().join("outside");
    let _ = fs::remove_dir_all(&dir);
    fs::create_dir_all(&dir).map_err(|error| format!("making {}: {error}", dir.display()))?;
    super::pack()?;
    let version = env!("CARGO_PKG_VERSION");
    let folder = |name: &str| format!("{name}-{version}");
    for name in PUBLISHED {
        let folder = folder(name);
        let mut unpack = Command::new("tar");
        unpack.arg("-xzf").arg(packages.join(format!("{folder}.crate")));
        checked(&format!("unpacking {folder}"), unpack.arg("-C").arg(&dir))?;
        // A package's own lock file is for that package alone.
        let _ = fs::remove_file(dir.join(&folder).join("Cargo.lock"));
    }
    let members: Vec<_> = PUBLISHED
        .iter()
        .map(|name| format!("{:?}", folder(name)))
        .collect();
    // The packages depend on each other in versions that no registry has yet, so patch in the unpacked ones.
    let patches: Vec<_> = PUBLISHED
        .iter()
        .map(|name| format!("{name} = {{ path = {:?} }}\n", folder(name)))
        .collect();
    let manifest = format!(
        "[workspace]\nresolver = \"3\"\nmembers = [{}]\n\n[patch.crates-io]\n{}",
        members.join(", "),
        patches.concat()
    );
    fs::write(dir.join("Cargo.toml"), manifest).map_err(|error| error.to_string())?;
    // Use the versions that the workspace is tested with.
    let _ = fs::copy(workspace().join("Cargo.lock"), dir.join("Cargo.lock"));
    for name in PUBLISHED {
        if name == "belay-sim" && !LINUX {
            continue;
        }
        println!("-- {name}");
        let mut test = cargo(["test", "--all-features", "--package", name]);
        test.current_dir(&dir)
            .env("CARGO_TARGET_DIR", target().join("outside-target"));
        super::with_boards(&mut test)?;
        checked(
            &format!("the tests of {name} outside of the workspace"),
            &mut test,
        )?;
    }
    Ok(Found::Good)
}

/// Copies the files that are in git.
pub(super) fn copy_workspace(to: &Path) -> Outcome {
    let _ = fs::remove_dir_all(to);
    let mut clone = Command::new("git");
    clone
        .args(["clone", "--quiet", "--no-hardlinks"])
        .arg(workspace())
        .arg(to);
    checked("cloning the workspace", &mut clone)
}
