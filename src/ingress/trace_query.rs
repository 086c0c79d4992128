//! `livespan.v1.TraceQuery`: checks a question, asks it, and puts the answer
//! into words.

use std::time::Duration;

use tonic::{Request, Response, Status};

use super::{
    answer, check,
    error::{ApiError, Violations},
    question,
};
use crate::{
    domain::{ids::RunId, reason::ReasonKind},
    proto::v1::{self, trace_query_server::TraceQuery},
    query::{FailureFilter, Questions},
    storage::{RunWalk, SpanFilter},
};

const DAY: Duration = Duration::from_secs(86_400);
/// The furthest back that failures are counted.
const MOST_WINDOW: Duration = Duration::from_secs(3_650 * 86_400);
/// The most that lists answer at once.
const MOST_PAGE: u32 = 1_000;
const DEFAULT_FAILURE_GROUPS: u32 = 20;
const DEFAULT_FAILURE_SITES: u32 = 50;
const DEFAULT_TREND_BUCKETS: u32 = 24;
const MOST_TREND_BUCKETS: u32 = 500;
const DEFAULT_RUNS: u32 = 50;

/// The service.
#[derive(Debug, Clone)]
pub struct TraceQueryService {
    questions: Questions,
}

impl TraceQueryService {
    /// Answers by `questions`.
    #[must_use]
    pub fn new(questions: Questions) -> Self {
        Self { questions }
    }
}

#[tonic::async_trait]
impl TraceQuery for TraceQueryService {
    async fn get_timeline(
        &self,
        request: Request<v1::GetTimelineRequest>,
    ) -> Result<Response<v1::GetTimelineResponse>, Status> {
        let request = request.into_inner();
        let run_id = run_id(&request.run_id)?;
        let after = question::page_token(&request.page_token)
            .map_err(|problem| ApiError::invalid("page_token", problem))?;
        let limit = usize::try_from(request.page_size).ok().filter(|size| *size > 0);
        let timeline =
            self.questions.timeline(run_id, limit, after).await.map_err(ApiError::from)?;
        let timeline = timeline.ok_or_else(|| no_such_run(run_id))?;
        Ok(Response::new((&timeline).into()))
    }

    async fn list_active_runs(
        &self,
        request: Request<v1::ListActiveRunsRequest>,
    ) -> Result<Response<v1::ListActiveRunsResponse>, Status> {
        let limit = page_size(request.into_inner().page_size, MOST_PAGE)?;
        let runs = self.questions.active_runs(limit).await.map_err(ApiError::from)?;
        Ok(Response::new((&runs).into()))
    }

    async fn get_run_summary(
        &self,
        request: Request<v1::GetRunSummaryRequest>,
    ) -> Result<Response<v1::RunSummary>, Status> {
        let run_id = run_id(&request.into_inner().run_id)?;
        let report = self.questions.run_report(run_id).await.map_err(ApiError::from)?;
        let report = report.ok_or_else(|| no_such_run(run_id))?;
        Ok(Response::new((&report).into()))
    }

    async fn get_last_alive_span(
        &self,
        request: Request<v1::GetLastAliveSpanRequest>,
    ) -> Result<Response<v1::GetLastAliveSpanResponse>, Status> {
        let run_id = run_id(&request.into_inner().run_id)?;
        let last = self.questions.last_alive_span(run_id).await.map_err(ApiError::from)?;
        let last = last.ok_or_else(|| no_such_run(run_id))?;
        Ok(Response::new(answer::last_alive(run_id, &last)))
    }

    async fn get_run_graph(
        &self,
        request: Request<v1::GetRunGraphRequest>,
    ) -> Result<Response<v1::GetRunGraphResponse>, Status> {
        let run_id = run_id(&request.into_inner().run_id)?;
        let graph = self.questions.run_graph(run_id).await.map_err(ApiError::from)?;
        let graph = graph.ok_or_else(|| no_such_run(run_id))?;
        Ok(Response::new(answer::graph(run_id, &graph)))
    }

    async fn list_top_failures(
        &self,
        request: Request<v1::ListTopFailuresRequest>,
    ) -> Result<Response<v1::ListTopFailuresResponse>, Status> {
        let request = request.into_inner();
        let mut violations = Violations::default();
        let window = window(request.window, &mut violations);
        let limit = question::page_size(request.page_size, DEFAULT_FAILURE_GROUPS, MOST_PAGE);
        let limit = violations.take("page_size", limit).unwrap_or_default();
        let filter = failure_filter(
            request.reason_kind,
            request.executor_host,
            request.agent,
            &mut violations,
        );
        violations.check()?;
        let groups =
            self.questions.top_failures(window, filter, limit).await.map_err(ApiError::from)?;
        let failures = groups.iter().map(v1::FailureGroup::from).collect();
        Ok(Response::new(v1::ListTopFailuresResponse { failures }))
    }

    async fn list_failure_sites(
        &self,
        request: Request<v1::ListFailureSitesRequest>,
    ) -> Result<Response<v1::ListFailureSitesResponse>, Status> {
        let request = request.into_inner();
        let mut violations = Violations::default();
        let window = window(request.window, &mut violations);
        let limit = question::page_size(request.page_size, DEFAULT_FAILURE_SITES, MOST_PAGE);
        let limit = violations.take("page_size", limit).unwrap_or_default();
        let code = violations.take("reason_code", question::filter(request.reason_code));
        let filter = failure_filter(
            request.reason_kind,
            request.executor_host,
            request.agent,
            &mut violations,
        );
        violations.check()?;
        let sites = self
            .questions
            .failure_sites(window, filter, code.flatten(), limit)
            .await
            .map_err(ApiError::from)?;
        let sites = sites.iter().map(v1::FailureSite::from).collect();
        Ok(Response::new(v1::ListFailureSitesResponse { sites }))
    }

    async fn get_failure_trend(
        &self,
        request: Request<v1::GetFailureTrendRequest>,
    ) -> Result<Response<v1::GetFailureTrendResponse>, Status> {
        let request = request.into_inner();
        let mut violations = Violations::default();
        let window = window(request.window, &mut violations);
        let buckets =
            question::page_size(request.buckets, DEFAULT_TREND_BUCKETS, MOST_TREND_BUCKETS);
        let buckets = violations.take("buckets", buckets).unwrap_or_default();
        violations.check()?;
        let trend = self.questions.failure_trend(window, buckets).await.map_err(ApiError::from)?;
        Ok(Response::new((&trend).into()))
    }

    async fn list_hosts(
        &self,
        request: Request<v1::ListHostsRequest>,
    ) -> Result<Response<v1::ListHostsResponse>, Status> {
        let request = request.into_inner();
        let mut violations = Violations::default();
        let window = window(request.window, &mut violations);
        let limit = question::page_size(request.page_size, MOST_PAGE, MOST_PAGE);
        let limit = violations.take("page_size", limit).unwrap_or_default();
        violations.check()?;
        let hosts = self.questions.hosts(window, limit).await.map_err(ApiError::from)?;
        let hosts = hosts.iter().map(v1::Host::from).collect();
        Ok(Response::new(v1::ListHostsResponse { hosts }))
    }

    async fn list_stuck_runs(
        &self,
        request: Request<v1::ListStuckRunsRequest>,
    ) -> Result<Response<v1::ListStuckRunsResponse>, Status> {
        let request = request.into_inner();
        let mut violations = Violations::default();
        let threshold =
            request.threshold.map(|sent| check::duration(sent, check::MAX_LIMIT)).transpose();
        let threshold = violations.take("threshold", threshold).flatten();
        let limit = question::page_size(request.page_size, MOST_PAGE, MOST_PAGE);
        let limit = violations.take("page_size", limit).unwrap_or_default();
        violations.check()?;
        let limit = usize::try_from(limit).unwrap_or(usize::MAX);
        let runs = self.questions.stuck_runs(threshold, limit).await.map_err(ApiError::from)?;
        let runs = runs.iter().map(v1::StuckRun::from).collect();
        Ok(Response::new(v1::ListStuckRunsResponse { runs }))
    }

    async fn list_runs(
        &self,
        request: Request<v1::ListRunsRequest>,
    ) -> Result<Response<v1::ListRunsResponse>, Status> {
        let request = request.into_inner();
        let mut violations = Violations::default();
        let after = violations.take("page_token", question::page_token(&request.page_token));
        let limit = question::page_size(request.page_size, DEFAULT_RUNS, MOST_PAGE);
        let limit = violations.take("page_size", limit).unwrap_or_default();
        let walk = run_walk(request, &mut violations);
        violations.check()?;
        let page =
            self.questions.runs(&walk, after.flatten(), limit).await.map_err(ApiError::from)?;
        Ok(Response::new((&page).into()))
    }
}

/// How far back failures are looked at. Meaningful where there are no
/// violations, as below.
fn window(sent: Option<prost_types::Duration>, violations: &mut Violations) -> Duration {
    let window = sent.map_or(Ok(DAY), |sent| check::duration(sent, MOST_WINDOW));
    violations.take("window", window).unwrap_or_default()
}

/// The filters that all questions about failures have.
fn failure_filter(
    reason_kind: i32,
    executor_host: String,
    agent: String,
    violations: &mut Violations,
) -> FailureFilter {
    let kind = violations.take("reason_kind", check::reason_kind(reason_kind));
    let host = violations.take("executor_host", question::filter(executor_host));
    let agent = violations.take("agent", question::filter(agent));
    FailureFilter {
        reason_kind: kind.filter(|kind| *kind != ReasonKind::Unknown),
        executor_host: host.flatten(),
        agent: agent.flatten(),
    }
}

/// The filters of `ListRuns`. Meaningful where there are no violations.
fn run_walk(request: v1::ListRunsRequest, violations: &mut Violations) -> RunWalk {
    let mut text = |field, sent| violations.take(field, question::filter(sent)).flatten();
    let task_id = text("task_id", request.task_id);
    let agent = text("agent", request.agent);
    let executor_host = text("executor_host", request.executor_host);
    let layer = text("layer", request.layer);
    let reason_code = text("reason_code", request.reason_code);
    let mut time = |field, sent: Option<prost_types::Timestamp>| {
        violations.take(field, sent.map(check::time).transpose()).flatten()
    };
    let started_after = time("started_after", request.started_after);
    let started_before = time("started_before", request.started_before);
    let status = violations.take("status", check::status(request.status)).flatten();
    let reason_kind = request.reason_kind.map(check::reason_kind).transpose();
    let reason_kind = violations.take("reason_kind", reason_kind).flatten();
    RunWalk {
        task_id,
        started_after,
        started_before,
        status,
        span: SpanFilter { agent, executor_host, layer, reason_kind, reason_code },
    }
}

fn run_id(text: &str) -> Result<RunId, ApiError> {
    check::id(text).map_err(|problem| ApiError::invalid("run_id", problem))
}

fn page_size(sent: u32, most: u32) -> Result<u32, ApiError> {
    question::page_size(sent, most, most).map_err(|problem| ApiError::invalid("page_size", problem))
}

pub(super) fn no_such_run(run_id: RunId) -> ApiError {
    let message = format!("run {run_id} was never heard of: check the id");
    ApiError::not_found("Run", run_id.to_string(), message)
}
