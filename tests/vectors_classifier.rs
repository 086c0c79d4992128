//! The classifier against the vectors that every SDK shares
//! (`tests/vectors/classifier.json`).

use livespan_server::domain::classify::{Classifier, Failure};
use livespan_server::domain::reason::ReasonKind;
use serde::Deserialize;

#[derive(Deserialize)]
struct Vectors {
    cases: Vec<Case>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Case {
    name: String,
    rules: Option<String>,
    failure: Evidence,
    want: Verdict,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Evidence {
    reason_code: Option<String>,
    reason_kind: Option<ReasonKind>,
    error_type: Option<String>,
    rpc_status_code: Option<String>,
    http_status_code: Option<u16>,
    exit_code: Option<i32>,
    exception_type: Option<String>,
    exception_message: Option<String>,
    cicd_result: Option<String>,
    message: Option<String>,
}

#[derive(Debug, PartialEq, Deserialize)]
#[serde(deny_unknown_fields)]
struct Verdict {
    reason_code: String,
    reason_kind: ReasonKind,
    cancelled: bool,
}

#[test]
fn every_classifier_vector_holds() {
    let path = concat!(env!("CARGO_MANIFEST_DIR"), "/tests/vectors/classifier.json");
    let text = std::fs::read_to_string(path).unwrap();
    let vectors: Vectors = serde_json::from_str(&text).unwrap();
    assert!(vectors.cases.len() >= 150);
    let standard = Classifier::standard();
    let mut wrong = Vec::new();
    for case in vectors.cases {
        let extended = case.rules.as_deref().map(|rules| Classifier::extended(rules).unwrap());
        let evidence = &case.failure;
        let verdict = extended.as_ref().unwrap_or(&standard).classify(&Failure {
            reason_code: evidence.reason_code.as_deref(),
            reason_kind: evidence.reason_kind,
            error_type: evidence.error_type.as_deref(),
            rpc_status_code: evidence.rpc_status_code.as_deref(),
            http_status_code: evidence.http_status_code,
            exit_code: evidence.exit_code,
            exception_type: evidence.exception_type.as_deref(),
            exception_message: evidence.exception_message.as_deref(),
            cicd_result: evidence.cicd_result.as_deref(),
            message: evidence.message.as_deref(),
        });
        let got = Verdict {
            reason_code: verdict.reason_code,
            reason_kind: verdict.reason_kind,
            cancelled: verdict.cancelled,
        };
        if got != case.want {
            let (want, why) = (case.want, verdict.evidence);
            wrong.push(format!("{}: got {got:?} ({why}), want {want:?}", case.name));
        }
    }
    assert!(wrong.is_empty(), "{} wrong:\n{}", wrong.len(), wrong.join("\n"));
}
