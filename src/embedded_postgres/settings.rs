//! How Postgres is configured, and why.
//!
//! Three layers, the later wins: what initdb wrote (`postgresql.conf` in the
//! cluster), the file rendered here at each start (so that an upgrade of
//! livespan brings its settings along), then `ALTER SYSTEM` by the operator.
//! What must hold whatever anybody wrote stands on the command line, which
//! beats them all.

use std::fmt::Write as _;
use std::fs::{self, Permissions};
use std::os::unix::fs::PermissionsExt;
use std::path::Path;

use super::error::EmbeddedPostgresError;
use super::layout::Layout;

/// Name, value and reason of each setting that an operator may override.
const TUNED: [(&str, &str, &str); 19] = [
    (
        "shared_buffers",
        "256MB",
        "holds the live spans and the ends of the indexes that inserts touch; the system's cache does the rest",
    ),
    (
        "max_connections",
        "100",
        "lanes, readers and a few people with psql; each slot costs memory even when idle",
    ),
    (
        "max_wal_size",
        "2GB",
        "fewer checkpoints, each of which makes pages be written to the log in full again; too high, recovery after a crash takes longer",
    ),
    ("min_wal_size", "256MB", "log files to reuse rather than create while a burst arrives"),
    (
        "recovery_init_sync_method",
        // Other systems have no such call.
        if cfg!(target_os = "linux") { "syncfs" } else { "fsync" },
        "after a crash one call for the whole file system; one for each of a thousand files takes seconds in which nothing is stored",
    ),
    ("checkpoint_timeout", "10min", "the same trade as max_wal_size, for quiet times"),
    ("wal_buffers", "16MB", "a batch of several thousand spans fits without a write in its middle"),
    ("jit", "off", "queries here are short; compiling them takes longer than running them"),
    ("work_mem", "16MB", "sorting a long run's timeline stays in memory"),
    ("maintenance_work_mem", "128MB", "vacuum and index builds need fewer passes"),
    (
        "random_page_cost",
        "1.1",
        "data lies on flash or in the cache today; the built-in 4 is for turning disks",
    ),
    (
        "autovacuum_naptime",
        "10s",
        "the table of live spans turns over many times a minute; with the built-in minute it grows far beyond its content",
    ),
    ("autovacuum_vacuum_scale_factor", "0.05", "clean up after a twentieth changed, not a fifth"),
    ("autovacuum_vacuum_cost_delay", "1ms", "let the clean-up keep up with the writers"),
    (
        "idle_in_transaction_session_timeout",
        "5min",
        "a forgotten transaction in somebody's psql would keep every dead row of the live spans",
    ),
    ("timezone", "'UTC'", "SQL users see the same times on every machine"),
    ("log_timezone", "'UTC'", "the log agrees with livespan's own"),
    ("log_line_prefix", "'%m [%p] '", "when, and which process"),
    (
        "log_min_messages",
        "log",
        "a failed statement is reported to the client that sent it; its text and rows may be private and would fill this file",
    ),
];

/// Settings that are promises, with their reasons. Given on the command line.
const PROMISED: [(&str, &str); 7] = [
    // No network at all: the socket's folder is the only door.
    ("listen_addresses", ""),
    // Only names the socket file; nothing listens on the port.
    ("port", "5432"),
    // A second door behind the folder's mode.
    ("unix_socket_permissions", "0700"),
    // An acknowledged span is on disk, and readable after a power cut.
    ("fsync", "on"),
    ("synchronous_commit", "on"),
    ("full_page_writes", "on"),
    // The postmaster's stderr is the log file; a collector of its own would
    // write elsewhere, where the error messages would not find it.
    ("logging_collector", "off"),
];

/// Set per data dir, so not in the table above, but as little to be changed.
const PLACED: [&str; 6] = [
    "unix_socket_directories",
    "cluster_name",
    "config_file",
    "data_directory",
    "hba_file",
    "ident_file",
];

/// Turns down extra settings that would break a promise or the file's syntax.
pub(super) fn check_extra(extra: &[(String, String)]) -> Result<(), EmbeddedPostgresError> {
    for (name, value) in extra {
        let refuse = |reason| Err(EmbeddedPostgresError::Setting { name: name.clone(), reason });
        let plain = |c: char| c.is_ascii_alphanumeric() || c == '_' || c == '.';
        if name.is_empty() || !name.chars().all(plain) {
            return refuse("a name consists of letters, digits, underscores and dots");
        }
        let lower = name.to_ascii_lowercase();
        if PLACED.contains(&lower.as_str()) || PROMISED.iter().any(|(fixed, _)| *fixed == lower) {
            return refuse("livespan depends on its own value");
        }
        if value.contains(['\n', '\r', '\0']) {
            return refuse("a value is one line");
        }
    }
    Ok(())
}

/// Writes the configuration for this start, all at once or not at all.
pub(super) fn write(
    layout: &Layout,
    extra: &[(String, String)],
) -> Result<(), EmbeddedPostgresError> {
    let path = layout.settings();
    let fresh = path.with_extension("conf.new");
    fs::write(&fresh, render(extra))
        // Postgres may run as another user, who only reads it.
        .and_then(|()| fs::set_permissions(&fresh, Permissions::from_mode(0o644)))
        .and_then(|()| fs::rename(&fresh, &path))
        .map_err(EmbeddedPostgresError::io("write", path))
}

/// The postmaster's arguments.
pub(super) fn arguments(layout: &Layout, socket_dir: &Path) -> Vec<String> {
    let mut arguments = vec!["-D".to_owned(), layout.cluster().display().to_string()];
    let mut set = |name: &str, value: &str| {
        arguments.push("-c".to_owned());
        arguments.push(format!("{name}={value}"));
    };
    set("config_file", &layout.settings().display().to_string());
    set("cluster_name", layout.label());
    // A list, so a comma or a space in the path needs the quotes.
    let socket_dir = socket_dir.display().to_string().replace('"', "\"\"");
    set("unix_socket_directories", &format!("\"{socket_dir}\""));
    for (name, value) in PROMISED {
        set(name, value);
    }
    arguments
}

fn render(extra: &[(String, String)]) -> String {
    let mut text = String::from(
        "# Written by livespan at each start; changes made here are lost.\n\
         # Use ALTER SYSTEM, which wins over this file.\n\n\
         include 'postgres/postgresql.conf'\n",
    );
    for (name, value, reason) in TUNED {
        // Writing to a String cannot fail.
        let _ = write!(text, "\n# {reason}\n{name} = {value}\n");
    }
    if !extra.is_empty() {
        text.push_str("\n# as configured\n");
    }
    for (name, value) in extra {
        let value = value.replace('\\', "\\\\").replace('\'', "''");
        let _ = writeln!(text, "{name} = '{value}'");
    }
    text
}

#[cfg(test)]
mod tests {
    use super::{check_extra, render};

    fn setting(name: &str, value: &str) -> Vec<(String, String)> {
        vec![(name.to_owned(), value.to_owned())]
    }

    #[test]
    fn promises_cannot_be_overridden() {
        for name in ["fsync", "FSYNC", "listen_addresses", "cluster_name"] {
            assert!(check_extra(&setting(name, "off")).is_err(), "{name}");
        }
        assert!(check_extra(&setting("work_mem", "1GB")).is_ok());
    }

    #[test]
    fn values_cannot_leave_their_line_or_quotes() {
        assert!(check_extra(&setting("work_mem", "1GB\nfsync = off")).is_err());
        assert!(check_extra(&setting("work_mem = 1\nfsync", "off")).is_err());
        let text = render(&setting("application_name", "it's a \\ 'test'"));
        assert!(text.ends_with("application_name = 'it''s a \\\\ ''test'''\n"), "{text}");
    }
}
