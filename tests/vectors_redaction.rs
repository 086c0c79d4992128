//! Redaction against the vectors that every SDK shares
//! (`tests/vectors/redaction.json`).
#![allow(clippy::unwrap_used, reason = "a missing vector file fails the test")]

use livespan_server::domain::redact::{Detail, Redactor};
use serde::Deserialize;
use serde_json::Value;

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Vectors {
    secret_keys: Vec<String>,
    harmless_keys: Vec<String>,
    texts: Vec<TextCase>,
    truncations: Vec<Truncation>,
    values: Vec<ValueCase>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct TextCase {
    name: String,
    text: String,
    want: String,
    /// Set to `json` where an SDK may spell the same JSON differently; this
    /// server keeps the spelling, so only the meaning is compared.
    compare: Option<String>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Truncation {
    name: String,
    before: String,
    unit: String,
    times: usize,
    after: String,
    want: String,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct ValueCase {
    name: String,
    value: Value,
    whole: Value,
    summary: Value,
}

fn vectors() -> Vectors {
    let path = concat!(env!("CARGO_MANIFEST_DIR"), "/tests/vectors/redaction.json");
    serde_json::from_str(&std::fs::read_to_string(path).unwrap()).unwrap()
}

fn none_of(wrong: &[String]) {
    assert!(wrong.is_empty(), "{} wrong:\n{}", wrong.len(), wrong.join("\n"));
}

#[test]
fn every_key_is_judged_as_the_vectors_say() {
    let redactor = Redactor::standard();
    let vectors = vectors();
    let missed = vectors.secret_keys.iter().filter(|key| !redactor.is_secret_key(key));
    let feared = vectors.harmless_keys.iter().filter(|key| redactor.is_secret_key(key));
    let wrong: Vec<_> = missed
        .map(|key| format!("{key:?} is a secret's key"))
        .chain(feared.map(|key| format!("{key:?} is harmless")))
        .collect();
    none_of(&wrong);
}

#[test]
fn every_text_is_redacted_as_the_vectors_say() {
    let redactor = Redactor::standard();
    let mut wrong = Vec::new();
    for case in vectors().texts {
        let meaning = |text: &str| serde_json::from_str::<Value>(text).ok();
        for got in [redactor.text(&case.text), redactor.text_whole(&case.text)] {
            let same = match case.compare.as_deref() {
                Some("json") => {
                    meaning(&case.want).is_some() && meaning(&got) == meaning(&case.want)
                }
                _ => got == case.want,
            };
            if !same {
                wrong.push(format!("{}:\n  got  {got:?}\n  want {:?}", case.name, case.want));
            }
            if redactor.text_whole(&got) != got {
                wrong.push(format!("{}: changes again when redacted twice", case.name));
            }
        }
    }
    none_of(&wrong);
}

#[test]
fn every_long_text_is_cut_as_the_vectors_say() {
    let redactor = Redactor::standard();
    let mut wrong = Vec::new();
    for case in vectors().truncations {
        let text = format!("{}{}{}", case.before, case.unit.repeat(case.times), case.after);
        let got = redactor.text(&text);
        if got != case.want {
            let tail = |text: &str| text.chars().rev().take(60).collect::<Vec<_>>();
            let (got, want) = (tail(&got), tail(&case.want));
            let shown = |tail: Vec<char>| tail.into_iter().rev().collect::<String>();
            wrong.push(format!("{}: …{} / …{}", case.name, shown(got), shown(want)));
        }
        if redactor.text(&got) != got {
            wrong.push(format!("{}: changes again when redacted twice", case.name));
        }
    }
    none_of(&wrong);
}

#[test]
fn every_value_is_redacted_as_the_vectors_say() {
    let redactor = Redactor::standard();
    let mut wrong = Vec::new();
    for case in vectors().values {
        for (detail, want) in [(Detail::Whole, case.whole), (Detail::Summary, case.summary)] {
            let got = redactor.value(&case.value, detail);
            if got != want {
                wrong.push(format!("{} ({detail:?}):\n  got  {got}\n  want {want}", case.name));
            }
        }
    }
    none_of(&wrong);
}
