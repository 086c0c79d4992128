//! `livespan gc`: marks the runs that have expired and deletes those that were
//! marked before. For a scheduler to run, such as systemd, cron or n8n: livespan
//! itself never starts it.

mod show;

use std::{process::ExitCode, time::Duration};

use anyhow::Context as _;
use clap::Args;

use self::show::Show;
use super::{database::join_database, duration};
use crate::{
    artifacts::Artifacts,
    config::{ArtifactArgs, DatabaseArgs, LogArgs},
    retention::{self, Gc, GcOptions, Share},
    storage::{Database, DatabaseOptions},
};

/// Mark runs that have expired, and delete those marked a while ago with their files.
///
/// For a scheduler to run once a day, beside `serve` and with its database and data folder. Only
/// one is at work at a time: another says so and ends. Runs with running spans are never touched,
/// and a run that is heard of again loses its mark.
#[derive(Debug, Args)]
#[command(after_help = super::exit::HELP)]
pub(super) struct GcArgs {
    /// How long ago the last end of a run has to be for it to expire.
    #[arg(long, env = "LIVESPAN_GC_OLDER_THAN", value_name = "DURATION", default_value = "7d",
          value_parser = duration::parse)]
    older_than: Duration,

    /// For how long a run stays marked before it is deleted. Its gc_at says since when it is.
    #[arg(long, env = "LIVESPAN_GC_GRACE", value_name = "DURATION", default_value = "1d",
          value_parser = duration::parse)]
    grace: Duration,

    /// Say what would be done, and change nothing.
    #[arg(long)]
    dry_run: bool,

    /// One JSON document instead of lines.
    #[arg(long)]
    json: bool,

    /// How much of the time it works. It rests for the remainder, so that executors have the
    /// database; more is sooner done.
    #[arg(long, env = "LIVESPAN_GC_SHARE", value_name = "PERCENT", default_value = "20%")]
    share: Share,

    /// A store in which files are deleted too that clients had put there themselves and only
    /// named, for example nas. Without it only files go that livespan wrote. May be given several
    /// times, in the variable separated by commas.
    #[arg(
        long = "delete-files-in",
        env = "LIVESPAN_GC_DELETE_FILES_IN",
        value_name = "STORE",
        value_delimiter = ','
    )]
    delete_files_in: Vec<String>,

    #[command(flatten)]
    database: DatabaseArgs,
    #[command(flatten)]
    artifacts: ArtifactArgs,
    #[command(flatten)]
    log: LogArgs,
}

/// Marks and deletes.
///
/// # Errors
///
/// Where the database or a store can't be used. What was done until then stays done.
pub(super) async fn run(args: GcArgs) -> anyhow::Result<ExitCode> {
    args.log.start()?;
    #[cfg(feature = "failpoints")]
    let _armed = crate::failpoint::arm();
    let data_dir = args.database.data_dir();
    let (database, private) = join_database(args.database.choice()?).await?;
    let artifacts = Artifacts::beside_their_server(
        data_dir.join("artifacts"),
        args.artifacts.artifact_roots.clone(),
    )
    .context("cannot use the artifact store (--data-dir, --artifact-root)")?;
    let done = collect(database, &artifacts, &args).await;
    if let Some(private) = private {
        private.stop().await.context("the private Postgres did not stop in order")?;
    }
    done
}

async fn collect(
    options: DatabaseOptions,
    artifacts: &Artifacts,
    args: &GcArgs,
) -> anyhow::Result<ExitCode> {
    let shown = options.shown();
    let in_database = || format!("cannot collect what has expired in {shown}");
    let database = Database::connect(options).await?;
    database.migrate().await.with_context(in_database)?;
    let options = GcOptions {
        older_than: args.older_than,
        grace: args.grace,
        share: args.share,
        client_stores: args.delete_files_in.clone(),
    };
    let mut show = Show::new(args.json, args.dry_run);
    if args.dry_run {
        let connection = database.gc_onlooker().await.with_context(in_database)?;
        let counts =
            retention::look(connection, &options, &mut show).await.with_context(in_database)?;
        return show.finish(&counts);
    }
    let Some(connection) = database.gc_connection().await.with_context(in_database)? else {
        return show.busy();
    };
    let counts = Gc::new(connection, artifacts, &options, &mut show)
        .run()
        .await
        .with_context(in_database)?;
    show.finish(&counts)
}
