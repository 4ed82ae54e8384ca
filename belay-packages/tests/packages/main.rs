//! Packages from an index, from forges, addresses and folders, all of them served by the test itself.

mod server;

use std::fs;
use std::path::Path;

use belay_packages::{Error, Forge, LockedPackage, Packages, Report, Source};
use tempfile::TempDir;

use server::{Server, short};

/// A project with a folder of modules, and the server that its packages come from.
struct Project {
    root: TempDir,
    server: Server,
}

impl Project {
    fn new() -> Self {
        let root = tempfile::tempdir().unwrap();
        let server = Server::start();
        Self { root, server }
    }

    fn packages(&self) -> Packages {
        let url = self.server.url();
        Packages::new(
            self.root.path().join("board"),
            self.root.path().join("belay.lock"),
        )
        .index(&url)
        .host(Forge::GitHub, format!("{url}/raw"))
        .host(Forge::GitLab, format!("{url}/lab"))
    }

    fn add(&self, sources: &[&str]) -> Result<Report, Error> {
        let sources: Vec<Source> = sources.iter().map(|source| source.parse().unwrap()).collect();
        self.packages().add(&sources)
    }

    fn file(&self, path: &str) -> Option<String> {
        fs::read_to_string(self.root.path().join("board").join(path)).ok()
    }

    fn package(&self, name: &str) -> LockedPackage {
        let mut list = self.packages().list().unwrap().into_iter();
        list.find(|package| package.name == name).unwrap()
    }

    /// Every file of the project.
    fn all(&self) -> Vec<String> {
        fn below(folder: &Path, root: &Path, found: &mut Vec<String>) {
            for entry in fs::read_dir(folder).unwrap() {
                let path = entry.unwrap().path();
                if path.is_dir() {
                    below(&path, root, found);
                } else {
                    found.push(path.strip_prefix(root).unwrap().to_string_lossy().into_owned());
                }
            }
        }
        let mut found = Vec::new();
        below(self.root.path(), self.root.path(), &mut found);
        found.sort();
        found
    }
}

fn names(packages: &[LockedPackage]) -> Vec<&str> {
    let mut names: Vec<&str> = packages.iter().map(|package| package.name.as_str()).collect();
    names.sort_unstable();
    names
}

/// Puts two drivers that need the same base into the index.
fn with_drivers(server: &Server) {
    server.package("base", "1.0", &[("base/__init__.py", "BASE = 1\n")], &[]);
    server.package(
        "lcd",
        "0.2",
        &[("lcd.py", "import base\n")],
        &[("base", "latest")],
    );
    let oled = [("drivers/oled.py", "from base import BASE\n")];
    server.package("oled", "0.1", &oled, &[("base", "1.0")]);
}

#[test]
fn a_package_of_the_index_comes_with_what_it_needs_and_the_lock_file_says_what_is_there() {
    let project = Project::new();
    with_drivers(&project.server);
    let report = project.add(&["lcd", "oled@0.1"]).unwrap();
    assert_eq!(names(&report.added), ["base", "lcd", "oled"]);
    assert_eq!(
        project.file("drivers/oled.py").unwrap(),
        "from base import BASE\n"
    );
    let files = [
        "belay.lock",
        "board/base/__init__.py",
        "board/drivers/oled.py",
        "board/lcd.py",
    ];
    assert_eq!(project.all(), files);
    let lcd = project.package("lcd");
    assert_eq!((&*lcd.version, &*lcd.source, lcd.requested), ("0.2", "lcd", true));
    assert_eq!(lcd.dependencies, ["base"]);
    let file = &lcd.files[0];
    assert_eq!(file.sha256, server::sha256(b"import base\n"));
    assert!(file.from.starts_with(&project.server.url()) && file.from.ends_with(&file.sha256[..8]));
    assert_eq!(project.package("oled").source, "oled@0.1");
    assert!(!project.package("base").requested);
    assert!(project.packages().changed().unwrap().is_empty());
}

#[test]
fn what_is_not_what_its_hash_says_is_refused_and_nothing_is_changed() {
    let project = Project::new();
    with_drivers(&project.server);
    let hash = short(b"BASE = 1\n");
    project
        .server
        .put(&format!("/file/{}/{hash}", &hash[..2]), "BASE = 2\n");
    let error = project.add(&["lcd"]).unwrap_err();
    let Error::Hash { expected, found, .. } = &error else {
        panic!("{error}")
    };
    assert_eq!((expected, found), (&hash, &short(b"BASE = 2\n")));
    assert!(project.all().is_empty());
}

#[test]
fn a_path_that_climbs_is_refused_wherever_a_package_comes_from() {
    let project = Project::new();
    let local = project.root.path().join("local");
    let web = format!("{}/web", project.server.url());
    let hash = short(b"x");
    project.server.put(&format!("/file/{}/{hash}", &hash[..2]), "x");
    project.server.put("/raw/o/r/HEAD/x.py", "x");
    project.server.put("/web/x.py", "x");
    for path in [
        "../climbed.py",
        "/tmp/belay-climbed.py",
        "a/../../climbed.py",
        r"..\\climbed.py",
        "C:/x.py",
        "a//b.py",
    ] {
        let by_hash = format!(r#"{{"hashes":[["{path}","{hash}"]]}}"#);
        project.server.put("/package/py/bad/latest.json", &by_hash);
        let by_url = format!(r#"{{"urls":[["{path}","x.py"]]}}"#);
        project.server.put("/raw/o/r/HEAD/package.json", &by_url);
        project.server.put("/web/package.json", &by_url);
        fs::create_dir_all(&local).unwrap();
        fs::write(local.join("x.py"), "x").unwrap();
        fs::write(local.join("package.json"), &by_url).unwrap();
        for source in ["bad", "github:o/r", &web, local.to_str().unwrap()] {
            let error = project.add(&[source]).unwrap_err();
            assert!(matches!(error, Error::Path { .. }), "{source}, {path}: {error}");
        }
        fs::remove_dir_all(&local).unwrap();
        assert!(project.all().is_empty());
    }
}

#[test]
fn a_repository_brings_what_its_description_names_at_that_tag() {
    let project = Project::new();
    with_drivers(&project.server);
    let description = r#"{"version": "2.1", "deps": [["base", "latest"]],
        "urls": [["imu/__init__.py", "src/imu.py"], ["far.py", "github:o/far/far.py"]]}"#;
    project.server.put("/raw/o/imu/v2/package.json", description);
    project.server.put("/raw/o/imu/v2/src/imu.py", "IMU = 1\n");
    project.server.put("/raw/o/far/v2/far.py", "FAR = 1\n");
    project.server.put("/lab/o/r/-/raw/HEAD/one.py", "ONE = 1\n");
    let report = project.add(&["github:o/imu@v2", "gitlab:o/r/one.py"]).unwrap();
    assert_eq!(names(&report.added), ["base", "imu", "one"]);
    assert_eq!(project.file("imu/__init__.py").unwrap(), "IMU = 1\n");
    assert_eq!(project.file("far.py").unwrap(), "FAR = 1\n");
    assert_eq!(project.file("one.py").unwrap(), "ONE = 1\n");
    let imu = project.package("imu");
    assert_eq!((&*imu.version, &*imu.source), ("2.1", "github:o/imu@v2"));
}

#[test]
fn an_address_is_a_file_or_a_folder_with_a_description() {
    let project = Project::new();
    let url = project.server.url();
    project.server.put("/d/driver.py", "D = 1\n");
    let description = r#"{"version": "1", "urls": [["p.py", "deep/p.py"]]}"#;
    project.server.put("/pack/package.json", description);
    project.server.put("/pack/deep/p.py", "P = 1\n");
    project
        .add(&[&format!("{url}/d/driver.py"), &format!("{url}/pack")])
        .unwrap();
    assert_eq!(project.file("driver.py").unwrap(), "D = 1\n");
    assert_eq!(project.file("p.py").unwrap(), "P = 1\n");
    let error = project.add(&[&format!("{url}/nothing.py")]).unwrap_err();
    assert!(matches!(error, Error::NotFound { .. }), "{error}");
    project.server.put("/bad/package.json", "no JSON");
    let error = project.add(&[&format!("{url}/bad")]).unwrap_err();
    assert!(matches!(error, Error::Manifest { .. }), "{error}");
}

#[test]
fn a_folder_of_this_computer_needs_no_description() {
    let project = Project::new();
    let local = tempfile::tempdir().unwrap();
    let folder = local.path().join("motor");
    fs::create_dir_all(folder.join("motor/__pycache__")).unwrap();
    fs::write(folder.join("motor/__init__.py"), "M = 1\n").unwrap();
    fs::write(folder.join("motor/__pycache__/x.py"), "x").unwrap();
    fs::write(folder.join("README.md"), "x").unwrap();
    let report = project.add(&[folder.to_str().unwrap()]).unwrap();
    assert_eq!(names(&report.added), ["motor"]);
    assert_eq!(project.all(), ["belay.lock", "board/motor/__init__.py"]);
}

#[test]
fn updating_brings_what_is_new_and_leaves_what_was_pinned_and_what_was_edited() {
    let project = Project::new();
    with_drivers(&project.server);
    project.add(&["lcd", "oled@0.1"]).unwrap();
    let new = [("lcd.py", "import base  # new\n")];
    project.server.package("lcd", "0.3", &new, &[("base", "latest")]);
    project
        .server
        .package("oled", "0.9", &[("drivers/oled.py", "new\n")], &[]);
    let path = project.root.path().join("board/lcd.py");
    fs::write(&path, "edited\n").unwrap();
    assert_eq!(project.packages().changed().unwrap(), [path.as_path()]);
    let error = project.packages().update(&[]).unwrap_err();
    assert!(
        matches!(&error, Error::Edited { package, .. } if package == "lcd"),
        "{error}"
    );
    assert_eq!(project.file("lcd.py").unwrap(), "edited\n");
    fs::write(&path, "import base\n").unwrap();
    let report = project.packages().update(&[]).unwrap();
    assert_eq!((report.added.len(), names(&report.updated)), (0, vec!["lcd"]));
    assert_eq!(project.file("lcd.py").unwrap(), "import base  # new\n");
    assert_eq!(
        project.file("drivers/oled.py").unwrap(),
        "from base import BASE\n"
    );
    assert_eq!(project.packages().update(&[]).unwrap(), Report::default());
    let error = project.packages().update(&["lcf"]).unwrap_err();
    assert!(error.to_string().ends_with("did you mean `lcd`?"), "{error}");
}

#[test]
fn removing_takes_what_nothing_else_needs() {
    let project = Project::new();
    with_drivers(&project.server);
    project.add(&["lcd", "oled"]).unwrap();
    let report = project.packages().remove(&["oled"]).unwrap();
    assert_eq!(names(&report.removed), ["oled"]);
    let files = ["belay.lock", "board/base/__init__.py", "board/lcd.py"];
    assert_eq!(project.all(), files);
    assert!(!project.root.path().join("board/drivers").exists(), "it is empty");
    let path = project.root.path().join("board/base/__init__.py");
    fs::write(&path, "edited\n").unwrap();
    let error = project.packages().remove(&["lcd"]).unwrap_err();
    assert!(matches!(error, Error::Edited { .. }), "{error}");
    fs::remove_file(&path).unwrap();
    let report = project.packages().remove(&["lcd"]).unwrap();
    assert_eq!(names(&report.removed), ["base", "lcd"]);
    assert_eq!(project.all(), ["belay.lock"]);
}

#[test]
fn nothing_takes_the_place_of_a_file_of_ones_own() {
    let project = Project::new();
    with_drivers(&project.server);
    fs::create_dir_all(project.root.path().join("board")).unwrap();
    fs::write(project.root.path().join("board/lcd.py"), "mine\n").unwrap();
    let error = project.add(&["lcd"]).unwrap_err();
    assert!(matches!(error, Error::InTheWay { .. }), "{error}");
    // Two packages that differ are no better.
    let other = [("base/__init__.py", "BASE = 2\n")];
    project.server.package("base2", "1.0", &other, &[]);
    let error = project.add(&["oled", "base2"]).unwrap_err();
    assert!(
        matches!(&error, Error::Conflict { path, .. } if path == "base/__init__.py"),
        "{error}"
    );
    assert_eq!(project.all(), ["board/lcd.py"]);
    assert_eq!(project.file("lcd.py").unwrap(), "mine\n");
}

#[cfg(unix)]
#[test]
fn nothing_is_written_or_removed_behind_a_link() {
    let project = Project::new();
    with_drivers(&project.server);
    let elsewhere = tempfile::tempdir().unwrap();
    let board = project.root.path().join("board");
    fs::create_dir_all(&board).unwrap();
    std::os::unix::fs::symlink(elsewhere.path(), board.join("drivers")).unwrap();
    let error = project.add(&["oled"]).unwrap_err();
    assert!(matches!(error, Error::Path { .. }), "{error}");
    assert_eq!(fs::read_dir(elsewhere.path()).unwrap().count(), 0);
}

#[test]
fn a_lock_file_that_somebody_has_made_up_removes_nothing_outside() {
    let project = Project::new();
    let outside = project.root.path().join("precious.py");
    fs::write(&outside, "precious\n").unwrap();
    let lock = format!(
        "version = 1\n[[package]]\nname = \"x\"\nversion = \"\"\nsource = \"x\"\nrequested = true\n\
         [[package.files]]\npath = \"../precious.py\"\nfrom = \"\"\nsha256 = \"{}\"\n",
        server::sha256(b"precious\n")
    );
    fs::write(project.root.path().join("belay.lock"), lock).unwrap();
    let error = project.packages().remove(&["x"]).unwrap_err();
    assert!(matches!(error, Error::Lock { .. }), "{error}");
    assert!(outside.exists());
}

#[test]
fn a_name_that_the_index_has_not_is_told_with_one_that_it_has() {
    let project = Project::new();
    let index = r#"{"v": 2, "packages": [{"name": "ssd1306", "version": "1"}, {"name": "dht"}]}"#;
    project.server.put("/index.json", index);
    let error = project.add(&["ssd1360"]).unwrap_err();
    assert!(
        matches!(&error, Error::NoPackage { meant: Some(meant), .. } if meant == "ssd1306"),
        "{error}"
    );
    let error = project.add(&["unheard-of"]).unwrap_err();
    assert!(matches!(&error, Error::NoPackage { meant: None, .. }), "{error}");
}

#[test]
fn what_is_too_large_or_goes_in_circles_comes_to_an_end() {
    let project = Project::new();
    project.server.put("/large.py", &"#".repeat((8 << 20) + 1));
    let large = format!("{}/large.py", project.server.url());
    let error = project.add(&[&large]).unwrap_err();
    assert!(matches!(error, Error::TooLarge { .. }), "{error}");
    project
        .server
        .package("a", "1", &[("a.py", "a")], &[("b", "latest")]);
    project
        .server
        .package("b", "1", &[("b.py", "b")], &[("a", "latest")]);
    assert_eq!(names(&project.add(&["a"]).unwrap().added), ["a", "b"]);
    let report = project.packages().remove(&["a"]).unwrap();
    assert_eq!(names(&report.removed), ["a", "b"]);
}

#[test]
fn a_package_from_elsewhere_cannot_need_a_folder_of_this_computer() {
    let project = Project::new();
    let nosy = r#"{"deps": [["/etc", "latest"]]}"#;
    project.server.put("/package/py/nosy/latest.json", nosy);
    let error = project.add(&["nosy"]).unwrap_err();
    assert!(matches!(error, Error::Manifest { .. }), "{error}");
    assert!(project.all().is_empty());
}
