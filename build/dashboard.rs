//! The built page (`clients/dashboard/dist`) as a table that the binary holds. Where
//! it was not built the table is empty, and the server says how to get it.

use std::{
    error::Error,
    fmt::Write as _,
    fs,
    hash::{DefaultHasher, Hasher as _},
    path::{Path, PathBuf},
};

const DIST: &str = "clients/dashboard/dist";

/// Each file with its encodings, as Rust.
pub(crate) fn code() -> Result<String, Box<dyn Error>> {
    // The folder is always there: a page in it says what it is for.
    println!("cargo::rerun-if-changed={DIST}");
    let root = PathBuf::from(std::env::var("CARGO_MANIFEST_DIR")?).join(DIST);
    let mut files = Vec::new();
    collect(&root, &mut files)?;
    files.sort();
    // Half a build is none.
    if !files.iter().any(|file| file.ends_with("index.html")) {
        files.clear();
    }
    let mut code = "&[\n".to_owned();
    for file in &files {
        let path = file.strip_prefix(&root)?.to_str().ok_or("a file name is not UTF-8")?;
        let content = fs::read(file)?;
        let mut hasher = DefaultHasher::new();
        hasher.write(&content);
        writeln!(
            code,
            "Asset {{ path: \"/{path}\", content_type: {:?}, tag: \"{:016x}\", identity: {}, \
             gzip: {}, brotli: {} }},",
            content_type(path)?,
            hasher.finish(),
            include(file),
            packed(file, "gz"),
            packed(file, "br"),
        )?;
    }
    code.push(']');
    Ok(code)
}

/// The files that are sent, without their compressed forms.
fn collect(folder: &Path, files: &mut Vec<PathBuf>) -> Result<(), Box<dyn Error>> {
    let Ok(entries) = fs::read_dir(folder) else { return Ok(()) };
    for entry in entries {
        let path = entry?.path();
        let ending = path.extension().and_then(|ending| ending.to_str()).unwrap_or_default();
        if path.is_dir() {
            collect(&path, files)?;
        } else if !matches!(ending, "gz" | "br" | "md") {
            files.push(path);
        }
    }
    Ok(())
}

fn content_type(path: &str) -> Result<&'static str, String> {
    Ok(match path.rsplit_once('.').map(|(_, ending)| ending) {
        Some("html") => "text/html; charset=utf-8",
        Some("js") => "text/javascript; charset=utf-8",
        Some("css") => "text/css; charset=utf-8",
        Some("svg") => "image/svg+xml",
        _ => {
            return Err(format!("{DIST}/{path}: what is this? Add its type in build/dashboard.rs"));
        }
    })
}

fn include(file: &Path) -> String {
    format!("include_bytes!({:?})", file.display().to_string())
}

fn packed(file: &Path, ending: &str) -> String {
    let packed = PathBuf::from(format!("{}.{ending}", file.display()));
    if packed.exists() { format!("Some({})", include(&packed)) } else { "None".to_owned() }
}
