//! Fingerprints against the vectors that every SDK shares
//! (`tests/vectors/fingerprint.json`).

use livespan_server::domain::fingerprint::{fingerprint, mask};
use serde::Deserialize;

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Vectors {
    masks: Vec<Mask>,
    fingerprints: Vec<Print>,
    same: Vec<Group>,
    different: Vec<Pair>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Mask {
    name: String,
    message: String,
    want: String,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Print {
    name: String,
    error_type: Option<String>,
    message: String,
    want: String,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Group {
    name: String,
    error_type: Option<String>,
    messages: Vec<String>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Pair {
    name: String,
    one: Failure,
    other: Failure,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Failure {
    error_type: Option<String>,
    message: String,
}

impl Failure {
    fn print(&self) -> String {
        fingerprint(self.error_type.as_deref(), &self.message)
    }
}

#[test]
fn every_fingerprint_vector_holds() {
    let path = concat!(env!("CARGO_MANIFEST_DIR"), "/tests/vectors/fingerprint.json");
    let text = std::fs::read_to_string(path).unwrap();
    let vectors: Vectors = serde_json::from_str(&text).unwrap();
    let mut wrong = Vec::new();
    for case in vectors.masks {
        let got = mask(&case.message);
        if got != case.want {
            wrong.push(format!("{}:\n  got  {got:?}\n  want {:?}", case.name, case.want));
        }
        if mask(&got) != got {
            wrong.push(format!("{}: changes again when masked twice", case.name));
        }
    }
    for case in vectors.fingerprints {
        let got = fingerprint(case.error_type.as_deref(), &case.message);
        if got != case.want {
            wrong.push(format!("{}: got {got}, want {}", case.name, case.want));
        }
    }
    for case in vectors.same {
        let prints = case.messages.iter().map(|message| {
            let print = fingerprint(case.error_type.as_deref(), message);
            (print, message)
        });
        let mut first: Option<String> = None;
        for (print, message) in prints {
            if first.get_or_insert_with(|| print.clone()) != &print {
                wrong.push(format!("{}: {message:?} stands apart: {:?}", case.name, mask(message)));
            }
        }
    }
    for case in vectors.different {
        if case.one.print() == case.other.print() {
            wrong.push(format!("{}: share a fingerprint", case.name));
        }
    }
    assert!(wrong.is_empty(), "{} wrong:\n{}", wrong.len(), wrong.join("\n"));
}
