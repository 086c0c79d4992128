//! `livespan.v1.RunControl`: what people want of runs that run.

use tonic::{Request, Response, Status};

use super::{answer, check, error::ApiError, trace_query::no_such_run};
use crate::{
    domain::ids::RunId,
    proto::v1::{self, run_control_server::RunControl},
    storage::Database,
};

/// The service.
#[derive(Debug, Clone)]
pub struct RunControlService {
    database: Database,
}

impl RunControlService {
    /// Notes what is wanted in `database`, from where every collector tells it.
    #[must_use]
    pub fn new(database: Database) -> Self {
        Self { database }
    }
}

#[tonic::async_trait]
impl RunControl for RunControlService {
    async fn cancel_run(
        &self,
        request: Request<v1::CancelRunRequest>,
    ) -> Result<Response<v1::CancelRunResponse>, Status> {
        let run_id: RunId = check::id(&request.get_ref().run_id)
            .map_err(|problem| ApiError::invalid("run_id", problem))?;
        let asked = self.database.cancel_run(run_id).await.map_err(ApiError::from)?;
        let asked = asked.ok_or_else(|| no_such_run(run_id))?;
        tracing::info!(%run_id, running_spans = asked.running_spans, "cancel requested");
        Ok(Response::new(v1::CancelRunResponse {
            run_id: run_id.to_string(),
            cancel_requested_at: Some(answer::timestamp(asked.at)),
            running_spans: u32::try_from(asked.running_spans).unwrap_or(u32::MAX),
        }))
    }
}
