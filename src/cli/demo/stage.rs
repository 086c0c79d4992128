//! What a demo's run acts upon: it starts steps, works, and ends them, as an
//! executor would.

use std::{
    sync::{Arc, Mutex, PoisonError},
    time::{Duration, SystemTime},
};

use serde_json::Value;

use super::random::Random;
use crate::{
    cli::duration,
    client::{AskError, Collector, SpanStream},
    domain::ids::{RunId, SpanId},
    proto::{JsonObject, v1},
};

/// A machine and who works on it.
#[derive(Debug, Clone, Copy)]
pub(super) struct Worker {
    /// The machine.
    pub(super) host: &'static str,
    /// Who.
    pub(super) agent: &'static str,
}

/// An error as a library would raise it.
#[derive(Debug, Clone, Copy)]
pub(super) struct Mishap {
    /// Its class.
    pub(super) class: &'static str,
    /// What it says.
    pub(super) message: &'static str,
    /// Where it happened.
    pub(super) stack_trace: &'static str,
    /// The exit code of the process, where one died.
    pub(super) exit_code: Option<i32>,
}

/// Where all runs of a demo act: one stream, and how fast time goes.
#[derive(Debug, Clone)]
pub(super) struct Stage {
    /// Where events go.
    pub(super) stream: SpanStream,
    /// Where files go.
    pub(super) collector: Collector,
    /// How many seconds of the play go into one of the clock.
    pub(super) speed: f64,
    /// The first file that wasn't stored, and why.
    pub(super) refused_file: Arc<Mutex<Option<AskError>>>,
}

impl Stage {
    /// Lets so much of the play's time pass.
    pub(super) async fn pass(&self, seconds: f64) {
        tokio::time::sleep(Duration::from_secs_f64((seconds / self.speed).max(0.0))).await;
    }
}

/// A run being played.
#[derive(Debug)]
pub(super) struct Run {
    /// Where.
    pub(super) stage: Stage,
    /// Which.
    pub(super) run_id: RunId,
    /// For which task.
    pub(super) task_id: String,
    /// Which try.
    pub(super) attempt: u32,
    /// Of which other run.
    pub(super) retry_of: Option<RunId>,
    /// Its own chance.
    pub(super) random: Random,
}

/// A step that has started.
#[derive(Debug, Clone, Copy)]
pub(super) struct Step(SpanId);

/// What a step begins with.
#[derive(Debug, Default)]
pub(super) struct Opening {
    /// The step that it is a step of.
    pub(super) parent: Option<Step>,
    /// What it is given.
    pub(super) input: Value,
    /// After how long in silence it counts as stuck.
    pub(super) stuck_after: Option<Duration>,
    /// After how long without movement.
    pub(super) progress_timeout: Option<Duration>,
    /// Which try of the step; the run's where 0.
    pub(super) attempt: u32,
}

impl Run {
    /// Begins a step.
    pub(super) async fn begin(
        &self,
        layer: &str,
        name: &str,
        worker: Worker,
        opening: Opening,
    ) -> Step {
        let step = Step(SpanId::generate(self.run_id));
        let input = opening.input.as_object().map(JsonObject::from);
        let start = v1::StartSpanRequest {
            run_id: self.run_id.to_string(),
            span_id: step.0.to_string(),
            parent_span_id: opening.parent.map(|parent| parent.0.to_string()).unwrap_or_default(),
            task_id: self.task_id.clone(),
            retry_of: self.retry_of.map(|run| run.to_string()).unwrap_or_default(),
            layer: layer.to_owned(),
            step_name: name.to_owned(),
            executor_host: worker.host.to_owned(),
            agent: worker.agent.to_owned(),
            attempt: if opening.attempt == 0 { self.attempt } else { opening.attempt },
            start_time: Some(SystemTime::now().into()),
            input,
            attributes: None,
            stuck_after: opening.stuck_after.map(duration::to_proto),
            progress_timeout: opening.progress_timeout.map(duration::to_proto),
        };
        self.send(v1::stream_spans_request::Event::Start(start)).await;
        step
    }

    /// Gives a sign of life of a step, and says how far it has come.
    pub(super) async fn beat(&self, step: Step, progress: Option<(u32, u32, &str)>) {
        let progress = progress.map(|(current, total, note)| v1::Progress {
            current: current.into(),
            total: Some(total.into()),
            note: note.to_owned(),
        });
        let heartbeat = v1::HeartbeatRequest {
            run_id: self.run_id.to_string(),
            span_id: step.0.to_string(),
            progress,
        };
        self.send(v1::stream_spans_request::Event::Heartbeat(heartbeat)).await;
    }

    /// Works on a step for so many seconds, and says so every second.
    pub(super) async fn work(&self, step: Step, seconds: u32, units: u32, note: &str) {
        for second in 1..=seconds {
            self.stage.pass(1.0).await;
            self.beat(step, Some((units * second / seconds, units, note))).await;
        }
    }

    /// Ends a step well.
    pub(super) async fn succeed(&self, step: Step, output: Value) {
        self.end(step, v1::Status::Success, output, None).await;
    }

    /// Ends a step with an error.
    pub(super) async fn fail(&self, step: Step, mishap: Mishap) {
        self.end(step, v1::Status::Failed, Value::Null, Some(mishap)).await;
    }

    /// Ends a step because somebody asked for it.
    pub(super) async fn cancel(&self, step: Step) {
        self.end(step, v1::Status::Cancelled, Value::Null, None).await;
    }

    async fn end(&self, step: Step, status: v1::Status, output: Value, mishap: Option<Mishap>) {
        let end = v1::EndSpanRequest {
            run_id: self.run_id.to_string(),
            span_id: step.0.to_string(),
            status: status.into(),
            end_time: Some(SystemTime::now().into()),
            output: output.as_object().map(JsonObject::from),
            error: mishap.map(|mishap| v1::SpanError {
                r#type: mishap.class.to_owned(),
                message: mishap.message.to_owned(),
                stack_trace: mishap.stack_trace.to_owned(),
            }),
            reason_code: String::new(),
            reason_kind: None,
            exit_code: mishap.and_then(|mishap| mishap.exit_code),
        };
        self.send(v1::stream_spans_request::Event::End(end)).await;
    }

    /// Leaves a file behind.
    pub(super) async fn leave(&self, step: Step, kind: &str, file_name: &str, content: Vec<u8>) {
        let request = v1::StoreArtifactRequest {
            run_id: self.run_id.to_string(),
            span_id: step.0.to_string(),
            artifact_type: kind.to_owned(),
            file_name: file_name.to_owned(),
            content: content.into(),
            ..Default::default()
        };
        let collector = &self.stage.collector;
        let mut client = collector.spans();
        if let Err(error) = collector.ask(client.store_artifact(request)).await {
            let mut first = self.stage.refused_file.lock().unwrap_or_else(PoisonError::into_inner);
            first.get_or_insert(error);
        }
    }

    async fn send(&self, event: v1::stream_spans_request::Event) {
        // A stream that takes no more says why when the demo ends.
        self.stage.stream.send(event).await;
    }
}
