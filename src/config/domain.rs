//! When a run is stuck, and what an error means.

use std::{
    fs, io,
    path::{Path, PathBuf},
    time::Duration,
};

use clap::Args;

use crate::domain::classify::{Classifier, RulesError};

/// When a run is stuck.
#[derive(Debug, Clone, Args)]
#[command(next_help_heading = "Liveness")]
pub struct LivenessArgs {
    /// After how long without a sign of life a run is stuck, where its span doesn't say.
    #[arg(long, env = "LIVESPAN_STUCK_AFTER", value_name = "DURATION", default_value = "300s",
          value_parser = positive)]
    pub stuck_after: Duration,
}

fn positive(text: &str) -> Result<Duration, String> {
    match humantime::parse_duration(text) {
        Ok(duration) if duration >= Duration::from_secs(1) => Ok(duration),
        Ok(_) => Err("is less than a second".to_owned()),
        Err(error) => Err(format!("{error}: write for example 300s or 5m")),
    }
}

/// What an error means.
#[derive(Debug, Clone, Args)]
#[command(next_help_heading = "Failures")]
pub struct ClassifierArgs {
    /// A file with more rules of which error has which reason, in the format of the built-in
    /// ones. They win over these.
    #[arg(long, env = "LIVESPAN_CLASSIFIER_RULES", value_name = "FILE")]
    classifier_rules: Option<PathBuf>,
}

/// A file with rules that can't be used.
#[derive(Debug, thiserror::Error)]
pub enum ClassifierConfigError {
    /// It can't be read.
    #[error("--classifier-rules (LIVESPAN_CLASSIFIER_RULES): cannot read {path}")]
    Unreadable {
        /// Which file.
        path: PathBuf,
        /// Why.
        source: io::Error,
    },
    /// Its content is wrong.
    #[error("--classifier-rules (LIVESPAN_CLASSIFIER_RULES): {path}")]
    Invalid {
        /// Which file.
        path: PathBuf,
        /// What in it.
        source: RulesError,
    },
}

impl ClassifierArgs {
    /// The operator's file of rules, where there is one.
    #[must_use]
    pub fn rules_file(&self) -> Option<&Path> {
        self.classifier_rules.as_deref()
    }

    /// The classifier, with the operator's rules.
    ///
    /// # Errors
    ///
    /// Where the file can't be read or used.
    pub fn classifier(&self) -> Result<Classifier, ClassifierConfigError> {
        let Some(path) = &self.classifier_rules else { return Ok(Classifier::standard()) };
        let rules = fs::read_to_string(path)
            .map_err(|source| ClassifierConfigError::Unreadable { path: path.clone(), source })?;
        Classifier::extended(&rules)
            .map_err(|source| ClassifierConfigError::Invalid { path: path.clone(), source })
    }
}
