//! Where artifacts may be.

use clap::Args;

use crate::artifacts::RootArg;

/// Where artifacts may be.
#[derive(Debug, Clone, Args)]
#[command(next_help_heading = "Artifacts")]
pub struct ArtifactArgs {
    /// A folder with files that StoreArtifact may name by storage_backend and storage_key, as
    /// NAME=/absolute/folder, for example nas=/mnt/nas. May be given several times, in the
    /// variable separated by commas.
    #[arg(
        long = "artifact-root",
        env = "LIVESPAN_ARTIFACT_ROOTS",
        value_name = "NAME=FOLDER",
        value_delimiter = ','
    )]
    pub artifact_roots: Vec<RootArg>,
}
