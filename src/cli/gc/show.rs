//! How gc tells what it does: a line for each run that it marks, a bar on a
//! terminal while it deletes, and the sum at the end; or one JSON document.

use std::{io::IsTerminal as _, process::ExitCode};

use anyhow::bail;
use indicatif::{ProgressBar, ProgressDrawTarget, ProgressStyle};
use serde_json::{Value, json};

use super::super::output::{Output, bytes};
use crate::{
    retention::Witness,
    storage::{ExpiredRun, GcCounts},
};

/// Tells people, or a script.
pub(super) struct Show {
    output: Output,
    /// For a script: the runs that are marked.
    marked: Option<Vec<Value>>,
    dry_run: bool,
    listed: bool,
    /// Drawn on a terminal only.
    bar: ProgressBar,
}

impl Show {
    pub(super) fn new(json: bool, dry_run: bool) -> Self {
        let target = if std::io::stderr().is_terminal() {
            ProgressDrawTarget::stderr()
        } else {
            ProgressDrawTarget::hidden()
        };
        Self {
            output: Output::stdout(),
            marked: json.then(Vec::new),
            dry_run,
            listed: false,
            bar: ProgressBar::with_draw_target(Some(0), target).with_style(style()),
        }
    }

    /// Another gc is at work: nothing is wrong, and nothing is to be done.
    pub(super) fn busy(mut self) -> anyhow::Result<ExitCode> {
        if self.marked.is_some() {
            self.output.json(&document(true, false, &[], &GcCounts::default()));
        } else {
            self.output.line("another gc is at work: nothing was done");
        }
        self.output.finish(ExitCode::SUCCESS)
    }

    /// What it came to. An error where files had to be left.
    pub(super) fn finish(mut self, counts: &GcCounts) -> anyhow::Result<ExitCode> {
        self.bar.finish_and_clear();
        match self.marked.take() {
            Some(marked) => self.output.json(&document(false, self.dry_run, &marked, counts)),
            None => self.output.line(&sum(self.dry_run, counts)),
        }
        let code = self.output.finish(ExitCode::SUCCESS)?;
        if counts.kept_files > 0 {
            bail!(
                "{} files of deleted runs could not be deleted; the log above says why, and the \
                 next gc tries again",
                counts.kept_files
            );
        }
        Ok(code)
    }

    fn list(&mut self, run: &ExpiredRun) {
        if !self.listed {
            self.listed = true;
            self.output.line(&format!("{:<36}  {:>10}  END", "RUN", "SPANS"));
        }
        self.output.line(&format!("{}  {:>10}  {}", run.run_id, run.total_spans, run.run_end));
    }
}

impl Witness for Show {
    fn marked(&mut self, run: &ExpiredRun) {
        match &mut self.marked {
            Some(marked) => marked.push(json!({
                "run_id": run.run_id.to_string(),
                "total_spans": run.total_spans,
                "run_end": run.run_end.to_string(),
            })),
            None => self.list(run),
        }
    }

    fn will_delete(&mut self, runs: u64) {
        self.output.flush();
        self.bar.set_length(runs);
    }

    fn advanced(&mut self, so_far: &GcCounts) {
        self.bar.set_position(so_far.deleted_runs);
        self.bar
            .set_message(format!("{} spans, {} files", so_far.deleted_spans, so_far.deleted_files));
    }
}

fn style() -> ProgressStyle {
    ProgressStyle::with_template("deleting {bar:30} {pos}/{len} runs, {msg}, {eta} left")
        // A template that can't be read is only drawn otherwise.
        .unwrap_or_else(|_| ProgressStyle::default_bar())
}

fn sum(dry_run: bool, counts: &GcCounts) -> String {
    if dry_run {
        return format!(
            "would mark {} runs, and delete {} that were marked before; nothing was changed",
            counts.marked_runs, counts.deleted_runs
        );
    }
    format!(
        "marked {} runs; deleted {} marked before: {} spans, {} files ({})",
        counts.marked_runs,
        counts.deleted_runs,
        counts.deleted_spans,
        counts.deleted_files,
        bytes(counts.deleted_bytes)
    )
}

fn document(busy: bool, dry_run: bool, marked: &[Value], counts: &GcCounts) -> Value {
    json!({
        "busy": busy,
        "dry_run": dry_run,
        "marked": marked,
        "deleted_runs": counts.deleted_runs,
        "deleted_spans": counts.deleted_spans,
        "deleted_files": counts.deleted_files,
        "deleted_bytes": counts.deleted_bytes,
        "kept_files": counts.kept_files,
    })
}
