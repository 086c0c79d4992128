//! `livespan migrate`: the schema, brought up to date.

use std::io::Write as _;

use anyhow::Context as _;
use clap::Args;

use super::database::open_database;
use crate::{
    config::{DatabaseArgs, LogArgs},
    storage::Database,
};

/// Bring the schema of the database up to date, and end.
///
/// `serve` does so by itself. This is for those who change the schema at a time of their own.
#[derive(Debug, Args)]
pub(super) struct MigrateArgs {
    #[command(flatten)]
    database: DatabaseArgs,
    #[command(flatten)]
    log: LogArgs,
}

/// Migrates.
///
/// # Errors
///
/// Where the database can't be reached or a migration fails.
pub(super) async fn run(args: MigrateArgs) -> anyhow::Result<()> {
    args.log.start()?;
    let (options, private) = open_database(args.database.choice()?).await?;
    let shown = options.shown();
    let migrated = async {
        let database = Database::connect(options).await?;
        database.migrate().await?;
        database.close().await;
        anyhow::Ok(())
    }
    .await
    .with_context(|| format!("cannot bring the schema of {shown} up to date"));
    if let Some(private) = private {
        private.stop().await.context("the private Postgres did not stop in order")?;
    }
    migrated?;
    writeln!(std::io::stdout(), "the schema of {shown} is up to date")?;
    Ok(())
}
