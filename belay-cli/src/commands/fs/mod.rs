//! `belay fs`

mod copy;
mod edit;

use belay::{Entry, Files};
use clap::Subcommand;
use serde_json::json;

use super::Json;
use crate::bench::Bench;
use crate::failure::Failure;
use crate::file_name::on_board;
use crate::screen::{blue, line, plain, size, table};
use crate::{json, progress, screen};

/// Files of the board; `:` marks the board's side
#[derive(Debug, Subcommand)]
pub(crate) enum Command {
    /// Lists what is in a folder
    #[command(after_help = "Example:\n  belay fs ls :lib")]
    Ls {
        /// Folders or files of the board
        #[arg(default_value = ":")]
        paths: Vec<String>,
        #[command(flatten)]
        json: Json,
    },
    /// Writes files to standard output
    #[command(after_help = "Example:\n  belay fs cat :main.py")]
    Cat {
        /// Files of the board
        #[arg(required = true)]
        paths: Vec<String>,
    },
    /// Copies files to the board, from it, and on it
    #[command(
        after_help = "Example:\n  belay fs cp main.py :\n  belay fs cp :log.csv .\n  belay fs cp -r drivers :lib\n\n\
        A file on the board is the old or the new one, whatever happens on the way. In a folder that goes to the board, what \
        is there already is not sent again."
    )]
    Cp(copy::Arguments),
    /// Gives a file or a folder of the board another path
    #[command(after_help = "Example:\n  belay fs mv :main.py :old/main.py")]
    Mv {
        /// Its path now
        from: String,
        /// Its new path; into a folder that exists it is moved
        to: String,
    },
    /// Removes files of the board
    #[command(after_help = "Example:\n  belay fs rm :old.py\n  belay fs rm -r :lib")]
    Rm {
        /// Files and empty folders
        #[arg(required = true)]
        paths: Vec<String>,
        /// Folders with all that is in them, too
        #[arg(short, long)]
        recursive: bool,
        /// Ignores paths that do not exist
        #[arg(short, long)]
        force: bool,
    },
    /// Makes folders on the board, with those that they are in
    #[command(after_help = "Example:\n  belay fs mkdir :lib/drivers")]
    Mkdir {
        /// Folders
        #[arg(required = true)]
        paths: Vec<String>,
    },
    /// Shows what is in a folder and below
    #[command(after_help = "Example:\n  belay fs tree")]
    Tree {
        /// A folder of the board
        #[arg(default_value = ":")]
        path: String,
        #[command(flatten)]
        json: Json,
    },
    /// Says how full the board's file system is
    #[command(after_help = "Example:\n  belay fs df\n  belay fs df :sd")]
    Df {
        /// A folder of each file system
        #[arg(default_value = ":")]
        paths: Vec<String>,
        #[command(flatten)]
        json: Json,
    },
    /// Says the digests of files, worked out on the board
    #[command(after_help = "Example:\n  belay fs hash :main.py\n\n\
        It is SHA-256 where the board has that, and CRC-32 elsewhere.")]
    Hash {
        /// Files of the board
        #[arg(required = true)]
        paths: Vec<String>,
        #[command(flatten)]
        json: Json,
    },
    /// Opens a file of the board in an editor, and writes it back when it was changed
    #[command(after_help = "Example:\n  EDITOR=nano belay fs edit :boot.py\n\n\
        The editor is the one in VISUAL or EDITOR.")]
    Edit {
        /// A file of the board, which need not be there yet
        path: String,
    },
}

pub(crate) async fn run(command: Command, bench: &mut Bench) -> Result<(), Failure> {
    let files = bench.board().await?.device.files();
    match command {
        Command::Ls { paths, json } => list(&files, &paths, json).await,
        Command::Cat { paths } => {
            for path in paths {
                screen::write_bytes(&progress::transfer(files.read(&on_board(&path))).await?)?;
            }
            Ok(())
        }
        Command::Cp(arguments) => copy::run(arguments, &files).await,
        Command::Mv { from, to } => {
            let (from, to) = (on_board(&from), on_board(&to));
            let to = copy::into_folder(&files, &to, crate::file_name::last(&from)).await?;
            Ok(files.rename(&from, &to).await?)
        }
        Command::Rm {
            paths,
            recursive,
            force,
        } => remove(&files, &paths, recursive, force).await,
        Command::Mkdir { paths } => {
            for path in paths {
                files.create_dir_all(&on_board(&path)).await?;
            }
            Ok(())
        }
        Command::Tree { path, json } => tree(&files, &on_board(&path), json).await,
        Command::Df { paths, json } => space(&files, &paths, json).await,
        Command::Hash { paths, json } => hash(&files, &paths, json).await,
        Command::Edit { path } => edit::run(&files, &on_board(&path)).await,
    }
}

async fn list(files: &Files, paths: &[String], json: Json) -> Result<(), Failure> {
    for path in paths {
        let path = on_board(path);
        let entry = match path.as_str() {
            "/" => None,
            path => Some(files.metadata(path).await?).filter(Entry::is_file),
        };
        let entries = match entry {
            Some(file) => vec![file],
            None => files.list(&path).await?,
        };
        if json.json {
            entries.iter().try_for_each(tell)?;
            continue;
        }
        if paths.len() > 1 {
            line!("{path}:")?;
        }
        let rows = entries.iter().map(|entry| {
            if entry.is_folder() {
                [String::new(), blue(&format!("{}/", plain(entry.name())))]
            } else {
                [format!("{:>8}", entry.size), plain(entry.name())]
            }
        });
        table(&rows.collect::<Vec<_>>())?;
    }
    Ok(())
}

fn tell(entry: &Entry) -> Result<(), Failure> {
    let kind = if entry.is_folder() { "folder" } else { "file" };
    json::line(&json!({ "path": entry.path, "kind": kind, "size": entry.size }))
}

async fn remove(files: &Files, paths: &[String], recursive: bool, force: bool) -> Result<(), Failure> {
    for path in paths {
        let path = on_board(path);
        let removed = if recursive {
            files.remove_all(&path).await
        } else {
            files.remove(&path).await
        };
        match removed {
            Err(error) if force && copy::is_missing(&error) => {}
            Err(error)
                if matches!(
                    error.kind(),
                    belay::ErrorKind::File(belay::FileError::NotEmpty { .. })
                ) =>
            {
                return Err(
                    Failure::from(error).with_help("`belay fs rm -r` removes it with all that is in it")
                );
            }
            removed => removed?,
        }
    }
    Ok(())
}

async fn tree(files: &Files, path: &str, json: Json) -> Result<(), Failure> {
    let entries = files.walk(path).await?;
    if json.json {
        return entries.iter().try_for_each(tell);
    }
    line!("{}", blue(path))?;
    branch(path.trim_end_matches('/'), "", &entries)?;
    let (folders, all): (Vec<_>, Vec<_>) = entries.iter().partition(|entry| entry.is_folder());
    let bytes = all.iter().map(|entry| entry.size).sum();
    let (all, folders) = (all.len(), folders.len());
    Ok(line!("{folders} folders, {all} files, {}", size(bytes))?)
}

/// Draws the contents of one folder, and of each folder below it.
fn branch(folder: &str, before: &str, entries: &[Entry]) -> std::io::Result<()> {
    let inside = |entry: &&Entry| {
        entry
            .path
            .rsplit_once('/')
            .is_some_and(|(parent, _)| parent == folder)
    };
    let mut here = entries.iter().filter(inside).peekable();
    while let Some(entry) = here.next() {
        let (corner, below) = if here.peek().is_some() {
            ("├── ", "│   ")
        } else {
            ("└── ", "    ")
        };
        if entry.is_folder() {
            line!("{before}{corner}{}", blue(&format!("{}/", plain(entry.name()))))?;
            branch(&entry.path, &format!("{before}{below}"), entries)?;
        } else {
            line!(
                "{before}{corner}{}  {}",
                plain(entry.name()),
                screen::faint(&entry.size.to_string())
            )?;
        }
    }
    Ok(())
}

async fn space(files: &Files, paths: &[String], json: Json) -> Result<(), Failure> {
    let mut rows = vec![["path", "size", "used", "free", "full"].map(str::to_owned)];
    for path in paths {
        let path = on_board(path);
        let Some(space) = files.space(&path).await? else {
            return Err(Failure::failed(format!(
                "the board does not say how large the file system of `{path}` is"
            )));
        };
        let used = space.total.saturating_sub(space.free);
        if json.json {
            json::line(&json!({ "path": path, "total": space.total, "used": used, "free": space.free }))?;
        }
        let percent = (used * 100).checked_div(space.total).unwrap_or(0);
        rows.push([
            path,
            size(space.total),
            size(used),
            size(space.free),
            format!("{percent} %"),
        ]);
    }
    if json.json { Ok(()) } else { Ok(table(&rows)?) }
}

async fn hash(files: &Files, paths: &[String], json: Json) -> Result<(), Failure> {
    for path in paths {
        let path = on_board(path);
        let hash = files.hash(&path).await?;
        let kind = match hash {
            belay::FileHash::Sha256(_) => "sha256",
            _ => "crc32",
        };
        if json.json {
            json::line(&json!({ "path": path, "kind": kind, "hash": hash.to_string() }))?;
        } else {
            line!("{hash}  {path}")?;
        }
    }
    Ok(())
}
