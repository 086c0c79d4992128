//! The database of a command: by its URL, or the private one in the data dir.

use anyhow::bail;

use crate::{
    config::DatabaseChoice,
    embedded_postgres::{EmbeddedPostgres, EmbeddedPostgresConfig, EmbeddedPostgresError},
    storage::DatabaseOptions,
};

/// The database, and the private Postgres behind it where there is one.
pub(super) async fn open_database(
    choice: DatabaseChoice,
) -> anyhow::Result<(DatabaseOptions, Option<EmbeddedPostgres>)> {
    match choice {
        DatabaseChoice::Server(options) => Ok((*options, None)),
        DatabaseChoice::Private(config) => {
            let postgres = EmbeddedPostgres::start(config).await?;
            // The one thing that SQL users have to know; it holds no secret.
            tracing::info!(url = postgres.url(), "the database, for psql");
            Ok((socket(postgres.socket_dir()), Some(postgres)))
        }
    }
}

/// The same for a command that works beside `serve`: a private Postgres that runs
/// already is used as it is. None is made.
pub(super) async fn join_database(
    choice: DatabaseChoice,
) -> anyhow::Result<(DatabaseOptions, Option<EmbeddedPostgres>)> {
    let DatabaseChoice::Private(config) = choice else { return open_database(choice).await };
    if !EmbeddedPostgres::exists(&config.data_dir) {
        bail!(
            "there is no database in {}: name its folder with --data-dir (LIVESPAN_DATA_DIR), or \
             its server with --database-url (LIVESPAN_DATABASE_URL)",
            config.data_dir.display()
        );
    }
    let EmbeddedPostgresConfig { data_dir, .. } = config.clone();
    match EmbeddedPostgres::start(config).await {
        Ok(postgres) => Ok((socket(postgres.socket_dir()), Some(postgres))),
        Err(EmbeddedPostgresError::Locked { .. }) => {
            Ok((socket(&EmbeddedPostgres::socket_dir_of(&data_dir)?), None))
        }
        Err(error) => Err(error.into()),
    }
}

fn socket(folder: &std::path::Path) -> DatabaseOptions {
    use crate::embedded_postgres::{DATABASE, USER};
    DatabaseOptions::socket(folder, USER, DATABASE)
}
