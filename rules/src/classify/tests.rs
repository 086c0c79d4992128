//! The classifier's own promises; its verdicts are in the shared vectors.

use super::*;

fn by(failure: Failure<'_>) -> Classification {
    Classifier::standard().classify(&failure)
}

#[test]
fn evidence_is_named_in_words() {
    let http = by(Failure { http_status_code: Some(503), ..Failure::default() });
    assert_eq!(http.evidence, "http.response.status_code 503");
    let class = by(Failure { exception_type: Some("builtins.TimeoutError"), ..Failure::default() });
    assert_eq!(class.evidence, "exception type builtins.TimeoutError");
    let phrase = by(Failure { message: Some("the request timed out"), ..Failure::default() });
    assert_eq!(phrase.evidence, "phrase \"timed out\" in the message");
}

#[test]
fn a_users_row_wins_over_the_built_in_one() {
    let rules = "[[rule]]\nreason_code = \"license\"\nreason_kind = \"CONFIG\"\nhttp = [503]\nphrases = [\"seat taken\"]";
    let classifier = Classifier::extended(rules).unwrap();
    let verdict =
        classifier.classify(&Failure { http_status_code: Some(503), ..Failure::default() });
    assert_eq!(verdict.reason_code, "license");
    assert_eq!(classifier.kind_of("LICENSE"), Some(ReasonKind::Config));
    let other = classifier.classify(&Failure { http_status_code: Some(502), ..Failure::default() });
    assert_eq!(other.reason_code, "unavailable");
}

#[test]
fn a_code_given_another_kind_has_it_everywhere() {
    let rules = "[[rule]]\nreason_code = \"timeout\"\nreason_kind = \"PERSISTENT\"";
    let classifier = Classifier::extended(rules).unwrap();
    let verdict =
        classifier.classify(&Failure { http_status_code: Some(504), ..Failure::default() });
    assert_eq!(verdict.reason_kind, ReasonKind::Persistent);
}

#[test]
fn refused_rules_name_the_row_and_the_cure() {
    let row = |body: &str| {
        format!("[[rule]]\nreason_code = \"a\"\nreason_kind = \"CONFIG\"\n[[rule]]\n{body}")
    };
    let cases = [
        ("rule = 1".to_owned(), "[[rule]]"),
        ("= broken".to_owned(), "not TOML"),
        ("rules = []".to_owned(), "unknown entry"),
        (row("reason_code = \"b\""), "row 2: missing field"),
        (row("reason_code = \"b\"\nreason_kind = \"TRANSENT\""), "row 2 (b): \"TRANSENT\""),
        (row("reason_code = \"B C\"\nreason_kind = \"CONFIG\""), "snake_case"),
        (row("reason_code = \"a\"\nreason_kind = \"RESOURCE\""), "one kind"),
        (row("reason_code = \"b\"\nreason_kind = \"CONFIG\"\nhttp = [99]"), "\"99\""),
        (row("reason_code = \"b\"\nreason_kind = \"CONFIG\"\nhttp = [70000]"), "row 2"),
        (row("reason_code = \"b\"\nreason_kind = \"CONFIG\"\nexit = [0]"), "success"),
        (row("reason_code = \"b\"\nreason_kind = \"CONFIG\"\nexit = [5, 5]"), "already"),
        (row("reason_code = \"b\"\nreason_kind = \"CONFIG\"\ngrpc = [\"NOPE\"]"), "gRPC"),
        (row("reason_code = \"b\"\nreason_kind = \"CONFIG\"\nphrases = [\" \"]"), "empty"),
        (row("reason_code = \"b\"\nreason_kind = \"CONFIG\"\nexceptions = [\"*\"]"), "every class"),
        (row("reason_code = \"b\"\nreason_kind = \"CONFIG\"\nphrase = [\"x\"]"), "unknown field"),
        (row("reason_code = \"b\"\nreason_kind = \"CONFIG\"\nsqlstates = [\"4\"]"), "SQLSTATE"),
        (row("reason_code = \"b\"\nreason_kind = \"CONFIG\"\ntokens = [\"a b\"]"), "token"),
    ];
    for (rules, expected) in cases {
        let error = Classifier::extended(&rules).unwrap_err().to_string();
        assert!(error.contains(expected), "{rules}\n gave: {error}");
    }
}

#[test]
fn an_empty_file_changes_nothing() {
    let classifier = Classifier::extended("").unwrap();
    assert_eq!(classifier.kind_of("timeout"), Some(ReasonKind::Transient));
}

#[test]
fn every_row_is_reachable_by_its_own_code() {
    let table: toml::Table = include_str!("../classify_rules.toml").parse().unwrap();
    let classifier = Classifier::standard();
    for rule in table["rule"].as_array().unwrap() {
        let code = rule["reason_code"].as_str().unwrap();
        let kind = rule["reason_kind"].as_str().unwrap().parse().unwrap();
        assert_eq!(classifier.kind_of(code), Some(kind), "{code}");
    }
}

#[test]
fn a_message_of_any_shape_is_read_without_panic() {
    for message in ["超时", "\u{0}", "é".repeat(40_000).as_str(), "SQLSTATE 40001"] {
        let _ = by(Failure {
            message: Some(message),
            exception_type: Some(message),
            error_type: Some(message),
            rpc_status_code: Some(message),
            ..Failure::default()
        });
    }
}
