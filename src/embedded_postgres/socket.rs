//! The unix socket: its folder, and asking through it whether Postgres serves.

use std::fs::{self, DirBuilder};
use std::io;
use std::os::unix::fs::{DirBuilderExt, MetadataExt, PermissionsExt};
use std::path::{Path, PathBuf};
use std::time::Duration;

use nix::unistd::{Uid, geteuid};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::UnixStream;

use super::error::EmbeddedPostgresError;
use super::identity::Identity;
use super::layout::Layout;
use super::{DATABASE, USER};

/// The name that Postgres gives its socket for port 5432.
const FILE_NAME: &str = ".s.PGSQL.5432";

/// The longest path of a socket, in bytes: `sun_path` without the closing NUL
/// (unix(7); shorter on the BSDs and macOS).
const PATH_LIMIT_BYTES: usize = if cfg!(target_os = "linux") { 107 } else { 103 };

/// How long one question may take. A postmaster under load answers late; a
/// stopped one never does.
const ANSWER_WAIT: Duration = Duration::from_secs(5);

/// No message of a handshake is near this long; one that claims to be does not
/// come from Postgres.
const MESSAGE_LIMIT_BYTES: usize = 64 * 1024;

/// Makes the folder for the socket, closed to all but the user who runs
/// Postgres: `<data_dir>/socket`, or, where that path would be too long for a
/// socket, a folder under the system's runtime folder with a name derived
/// from the data dir.
pub(super) fn folder(
    layout: &Layout,
    identity: &Identity,
) -> Result<PathBuf, EmbeddedPostgresError> {
    let near = layout.data_dir().join("socket");
    let dir = if near.join(FILE_NAME).as_os_str().len() <= PATH_LIMIT_BYTES {
        near
    } else {
        runtime_folder().join(layout.label())
    };
    match DirBuilder::new().mode(0o700).create(&dir) {
        Ok(()) => identity.take(&dir)?,
        Err(error) if error.kind() == io::ErrorKind::AlreadyExists => {}
        Err(error) => return Err(EmbeddedPostgresError::io("create the folder", dir)(error)),
    }
    // Whoever may write to a shared folder could have made it first, and would
    // then be asked for, and shown, everything.
    let refuse = |reason| EmbeddedPostgresError::SocketDir { path: dir.clone(), reason };
    let look = || fs::symlink_metadata(&dir).map_err(EmbeddedPostgresError::io("look at", &dir));
    let mut found = look()?;
    if !found.is_dir() {
        return Err(refuse("it is not a folder".to_owned()));
    }
    if found.uid() == 0 && geteuid().is_root() {
        // Ours, from a start that was cut short before it was handed on.
        identity.take(&dir)?;
        found = look()?;
    }
    if found.uid() != identity.uid().as_raw() {
        return Err(refuse(format!(
            "it belongs to user id {} instead of {}",
            Uid::from_raw(found.uid()),
            identity.name()
        )));
    }
    if found.mode() & 0o077 != 0 {
        return Err(refuse(format!("its mode {:o} lets others in", found.mode() & 0o7777)));
    }
    let path = dir.join(FILE_NAME);
    if path.as_os_str().len() > PATH_LIMIT_BYTES {
        return Err(refuse(format!("{} is longer than {PATH_LIMIT_BYTES} bytes", path.display())));
    }
    Ok(dir)
}

/// Where short-lived things of this user go. Root's own `/run` where it is
/// there: nobody else can put anything in the way.
fn runtime_folder() -> PathBuf {
    if geteuid().is_root() {
        let run = Path::new("/run");
        if run.metadata().is_ok_and(|found| {
            found.is_dir() && found.uid() == 0 && found.permissions().mode() & 0o022 == 0
        }) {
            return run.to_owned();
        }
    } else if let Some(dir) = std::env::var_os("XDG_RUNTIME_DIR").map(PathBuf::from)
        && dir.is_absolute()
        && dir.is_dir()
    {
        return dir;
    }
    // Not std::env::temp_dir(): TMPDIR may be as long as the data dir.
    PathBuf::from("/tmp")
}

/// Removes the socket and its lock file. Only for when no server uses them:
/// the lock file names a process id, and a new server refuses to start when
/// that id has meanwhile gone to another process of the same user.
pub(super) fn remove_stale(dir: &Path) -> Result<(), EmbeddedPostgresError> {
    for name in [FILE_NAME.to_owned(), format!("{FILE_NAME}.lock")] {
        let path = dir.join(name);
        match fs::remove_file(&path) {
            Err(error) if error.kind() != io::ErrorKind::NotFound => {
                return Err(EmbeddedPostgresError::io("remove", path)(error));
            }
            _ => {}
        }
    }
    Ok(())
}

/// What came of asking.
#[derive(Debug)]
pub(super) enum Answer {
    /// A session was opened and stood ready for queries.
    Ready,
    /// Not yet: starting, recovering or shutting down (SQLSTATE 57P03).
    Starting,
    /// Postgres will not open this session, now or later.
    Refused(String),
    /// Nobody there, or nobody who talks.
    Silent(io::Error),
}

/// Opens a session as any client would, and closes it again. Speaking the
/// protocol needs no further program (`pg_isready` is not part of every server
/// package) and shows more: that the role and the database are usable.
pub(super) async fn ask(dir: &Path) -> Answer {
    match tokio::time::timeout(ANSWER_WAIT, handshake(&dir.join(FILE_NAME))).await {
        Ok(Ok(answer)) => answer,
        Ok(Err(error)) => Answer::Silent(error),
        Err(_) => Answer::Silent(io::ErrorKind::TimedOut.into()),
    }
}

async fn handshake(path: &Path) -> io::Result<Answer> {
    let mut stream = UnixStream::connect(path).await?;
    stream.write_all(&startup_message()).await?;
    loop {
        // Type, then the length of what follows, which counts itself.
        let kind = stream.read_u8().await?;
        let length = usize::try_from(stream.read_u32().await?).unwrap_or(usize::MAX);
        if !(4..=MESSAGE_LIMIT_BYTES).contains(&length) {
            return Err(io::ErrorKind::InvalidData.into());
        }
        let mut body = vec![0; length - 4];
        stream.read_exact(&mut body).await?;
        match kind {
            b'Z' => {
                // A farewell, so that the log has no broken connection to report.
                stream.write_all(&[b'X', 0, 0, 0, 4]).await?;
                return Ok(Answer::Ready);
            }
            b'E' => {
                let code = field(&body, b'C').unwrap_or_default();
                return Ok(match code.as_str() {
                    "57P03" => Answer::Starting,
                    _ => Answer::Refused(format!(
                        "{} (SQLSTATE {code})",
                        field(&body, b'M').unwrap_or_default()
                    )),
                });
            }
            // A demand for a password, where trust was configured.
            b'R' if body != [0; 4] => {
                return Ok(Answer::Refused(
                    "it demands a password; pg_hba.conf was changed".to_owned(),
                ));
            }
            // Parameters, notices, the key for cancelling.
            _ => {}
        }
    }
}

/// StartupMessage of protocol 3.0.
fn startup_message() -> Vec<u8> {
    let mut body = 196_608_u32.to_be_bytes().to_vec();
    for text in ["user", USER, "database", DATABASE, "application_name", "livespan readiness"] {
        body.extend_from_slice(text.as_bytes());
        body.push(0);
    }
    body.push(0);
    let length = u32::try_from(body.len() + 4).unwrap_or(u32::MAX);
    let mut message = length.to_be_bytes().to_vec();
    message.append(&mut body);
    message
}

/// A field of an ErrorResponse: each is a letter and a text closed by NUL.
fn field(body: &[u8], letter: u8) -> Option<String> {
    body.split(|byte| *byte == 0)
        .find_map(|part| part.strip_prefix(&[letter]))
        .map(|text| String::from_utf8_lossy(text).into_owned())
}

#[cfg(test)]
mod tests {
    use super::{field, startup_message};

    #[test]
    fn startup_message_states_its_own_length() {
        let message = startup_message();
        let stated = u32::from_be_bytes([message[0], message[1], message[2], message[3]]);
        assert_eq!(stated as usize, message.len());
    }

    #[test]
    fn error_fields_are_found_by_letter() {
        let body = b"SFATAL\0VFATAL\0C57P03\0Mthe database system is starting up\0\0";
        assert_eq!(field(body, b'C').as_deref(), Some("57P03"));
        assert_eq!(field(body, b'X'), None);
    }
}
