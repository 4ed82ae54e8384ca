//! Makes what goes onto every board small: short names, no comments, and as little indentation as Python allows.

use std::path::Path;
use std::{env, fs};

fn main() -> Result<(), Box<dyn std::error::Error>> {
    println!("cargo::rerun-if-changed=src/board");
    let out = env::var("OUT_DIR")?;
    for entry in fs::read_dir("src/board")? {
        let path = entry?.path();
        let source = fs::read_to_string(&path)?;
        let parsed = belay_syntax::parse_module(&source);
        if !parsed.diagnostics.is_empty() {
            return Err(format!("{}: {:?}", path.display(), parsed.diagnostics).into());
        }
        let name = path.file_name().ok_or("a file without a name")?;
        fs::write(
            Path::new(&out).join(name),
            belay_syntax::minify_dense(&belay_syntax::shorten(&source)).code,
        )?;
    }
    Ok(())
}
