//! The rules of the house that a compiler doesn't keep.

#![allow(clippy::unwrap_used, clippy::panic)]

use std::{
    fs,
    path::{Path, PathBuf},
};

/// Every Rust file of the project beneath `folder`, by its path in the repository.
fn sources(folder: &str) -> Vec<(PathBuf, String)> {
    let root = Path::new(env!("CARGO_MANIFEST_DIR"));
    let mut found = Vec::new();
    let mut folders = vec![root.join(folder)];
    while let Some(folder) = folders.pop() {
        let Ok(entries) = fs::read_dir(&folder) else { continue };
        for entry in entries {
            let path = entry.unwrap().path();
            if path.is_dir() {
                folders.push(path);
            } else if path.extension().is_some_and(|extension| extension == "rs") {
                let text = fs::read_to_string(&path).unwrap();
                found.push((path.strip_prefix(root).unwrap().to_owned(), text));
            }
        }
    }
    found.sort();
    found
}

/// Files beneath `folder`, save those beneath `except`, that name `word` in code.
fn naming(folder: &str, except: &[&str], word: &str) -> Vec<String> {
    sources(folder)
        .into_iter()
        .filter(|(path, _)| !except.iter().any(|except| path.starts_with(except)))
        .flat_map(|(path, text)| {
            text.lines()
                .enumerate()
                .filter(|(_, line)| !line.trim_start().starts_with("//") && line.contains(word))
                .map(|(number, line)| format!("{}:{}: {}", path.display(), number + 1, line.trim()))
                .collect::<Vec<_>>()
        })
        .collect()
}

#[test]
fn the_domain_knows_no_wire_and_no_database() {
    for word in ["tonic", "sqlx", "axum", "crate::storage", "crate::ingress", "crate::proto"] {
        assert_eq!(naming("src/domain", &[], word), Vec::<String>::new(), "{word}");
        assert_eq!(naming("rules/src", &[], word), Vec::<String>::new(), "{word}");
    }
}

#[test]
fn only_storage_speaks_to_postgres() {
    // As a path: the log's filter names it too.
    assert_eq!(naming("src", &["src/storage"], "sqlx::"), Vec::<String>::new());
}

#[test]
fn storage_knows_no_wire() {
    for word in ["tonic", "crate::ingress", "crate::proto"] {
        assert_eq!(naming("src/storage", &[], word), Vec::<String>::new(), "{word}");
    }
}

#[test]
fn the_gateway_asks_only_the_services() {
    for word in [
        "sqlx",
        "crate::storage",
        "crate::query",
        "crate::ingest",
        "crate::ingress",
        "crate::domain",
        "crate::artifacts",
    ] {
        assert_eq!(naming("src/gateway", &[], word), Vec::<String>::new(), "{word}");
    }
}

#[test]
fn every_file_says_what_it_is_for() {
    let mut silent = Vec::new();
    for folder in ["build", "src", "rules/src", "tests", "benches"] {
        for (path, text) in sources(folder) {
            if !text.starts_with("//!") {
                silent.push(path);
            }
        }
    }
    assert_eq!(silent, Vec::<PathBuf>::new());
}

#[test]
fn nothing_is_left_for_later() {
    for word in ["todo!", "unimplemented!", "FIXME"] {
        assert_eq!(naming("src", &[], word), Vec::<String>::new(), "{word}");
    }
}

#[test]
fn every_message_field_and_method_of_the_proto_is_explained() {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("proto/livespan/v1");
    let mut unexplained = Vec::new();
    for entry in fs::read_dir(folder).unwrap() {
        let path = entry.unwrap().path();
        let text = fs::read_to_string(&path).unwrap();
        let mut before = "";
        for (number, line) in text.lines().map(str::trim).enumerate() {
            let declares = ["message ", "enum ", "service ", "rpc ", "oneof "]
                .iter()
                .any(|keyword| line.starts_with(keyword))
                || (line.contains(" = ") && line.ends_with(';') && !line.starts_with("syntax"));
            if declares && !before.starts_with("//") {
                unexplained.push(format!("{}:{}: {line}", path.display(), number + 1));
            }
            before = line;
        }
    }
    assert_eq!(unexplained, Vec::<String>::new());
}
