//! `tests/vectors/liveness.json`, read. The format is told beside it.

use serde::Deserialize;
use uuid::Uuid;

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct Case {
    pub(crate) name: String,
    pub(crate) limit: Option<f64>,
    pub(crate) server_started: Option<f64>,
    pub(crate) running: Vec<Running>,
    pub(crate) last_end: Option<End>,
    pub(crate) last_alive: Option<Alive>,
    pub(crate) stuck: Option<Stuck>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct Running {
    pub(crate) id: u64,
    pub(crate) high: Option<u64>,
    pub(crate) parent: Option<u64>,
    pub(crate) parent_high: Option<u64>,
    pub(crate) first_seen: f64,
    pub(crate) alive: f64,
    pub(crate) started: Option<f64>,
    pub(crate) moved: Option<f64>,
    pub(crate) stuck_after: Option<f64>,
    pub(crate) progress_timeout: Option<f64>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct End {
    pub(crate) at: f64,
    pub(crate) parent: Option<u64>,
    pub(crate) parent_high: Option<u64>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct Alive {
    pub(crate) id: u64,
    pub(crate) high: Option<u64>,
    pub(crate) at: f64,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct Stuck {
    pub(crate) verdict: String,
    pub(crate) id: u64,
    pub(crate) high: Option<u64>,
    pub(crate) since: f64,
    pub(crate) limit: f64,
    pub(crate) evidence: String,
}

/// All cases.
pub(crate) fn all() -> Vec<Case> {
    let cases: Vec<Case> = serde_json::from_str(include_str!("../vectors/liveness.json")).unwrap();
    assert!(cases.len() >= 40);
    cases
}

/// A span's id from its last and its first 8 bytes.
pub(crate) fn id(low: u64, high: Option<u64>) -> Uuid {
    Uuid::from_u64_pair(high.unwrap_or(1), low)
}
