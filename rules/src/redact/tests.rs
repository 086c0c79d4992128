//! Properties of redaction over any input; its verdicts are in the shared
//! vectors.
#![allow(clippy::print_stdout, reason = "the seed and the timings of a failed run")]

use std::time::Instant;

use proptest::prelude::*;
use proptest::test_runner::{Config, RngSeed, TestRunner};

use super::*;

/// A runner whose seed is printed: `LIVESPAN_TEST_SEED=n` repeats a run.
fn runner(cases: u32) -> TestRunner {
    let seed = std::env::var("LIVESPAN_TEST_SEED")
        .ok()
        .and_then(|seed| seed.parse().ok())
        .unwrap_or_else(|| {
            let now = std::time::SystemTime::UNIX_EPOCH.elapsed().unwrap();
            u64::try_from(now.as_nanos() % u128::from(u64::MAX)).unwrap()
        });
    println!("LIVESPAN_TEST_SEED={seed}");
    TestRunner::new(Config {
        cases,
        rng_seed: RngSeed::Fixed(seed),
        failure_persistence: None,
        ..Config::default()
    })
}

/// Texts made of what redaction reacts to, in every wrong order.
fn suspicious() -> impl Strategy<Value = String> {
    let pieces = prop::sample::select(vec![
        "password",
        "token",
        "api key",
        "Authorization",
        "cookie",
        "=",
        ":",
        " ",
        "\"",
        "'",
        "\\",
        "\\\"",
        "{",
        "}",
        "[",
        "]",
        ",",
        "\n",
        "Bearer ",
        "Basic dXNlcjpwYXNz",
        "eyJhbGciOiJ9.",
        "eyJzdWIiOiJ9.c2ln",
        "AKIAIOSFODNN7EXAMPLE",
        "sk-ant-",
        "abc123",
        "://user:",
        "@host/",
        "-----BEGIN PRIVATE KEY-----",
        "-----END PRIVATE KEY-----",
        "4111 1111 1111 1111",
        "\\ud800",
        "\\u0070assword",
        "--secret ",
        "<password>",
        "</password>",
        "[REDACTED]",
        "null",
        "é",
        "密码：",
        "{\"a\":\"",
        "\"}",
        "ghp_",
        "0123456789abcdefghij",
        "x",
        "8Q~",
        "==",
        "Some(",
    ]);
    prop::collection::vec(prop_oneof![4 => pieces.prop_map(str::to_owned), 1 => ".{0,4}"], 0..24)
        .prop_map(|pieces| pieces.concat())
}

#[test]
fn redacting_twice_gives_the_same_text() {
    let redactor = Redactor::standard();
    let texts = prop_oneof![suspicious(), any::<String>()];
    runner(4000)
        .run(&texts, |text| {
            let once = redactor.text(&text).into_owned();
            prop_assert_eq!(redactor.text(&once), once.as_str());
            let whole = redactor.text_whole(&text).into_owned();
            prop_assert_eq!(redactor.text_whole(&whole), whole.as_str());
            Ok(())
        })
        .unwrap();
}

#[test]
fn redacting_a_long_text_twice_gives_the_same_text() {
    let redactor = Redactor::standard();
    let texts = (suspicious(), suspicious(), 1..5000_usize);
    runner(500)
        .run(&texts, |(head, tail, filler)| {
            let text = format!("{head}{}{tail}{}", "y ".repeat(filler), head.repeat(20));
            let once = redactor.text(&text).into_owned();
            prop_assert!(once.len() <= TEXT_LIMIT_BYTES);
            prop_assert_eq!(redactor.text(&once), once.as_str());
            Ok(())
        })
        .unwrap();
}

#[test]
fn redacted_json_is_still_json() {
    let redactor = Redactor::standard();
    let key = prop::sample::select(vec!["password", "a", "token_count", "apiKey", "n"]);
    let pairs = prop::collection::vec((key, suspicious()), 0..6);
    runner(2000)
        .run(&pairs, |pairs| {
            let fields = pairs.iter().map(|(key, text)| ((*key).to_owned(), text.clone().into()));
            let text = Value::Object(fields.collect()).to_string();
            let redacted = redactor.text_whole(&text).into_owned();
            // A text that never settles is hidden as a whole.
            if redacted != MARKER {
                let value: Value = serde_json::from_str(&redacted).unwrap();
                if let Some(secret) = value.get("password") {
                    prop_assert_eq!(secret, MARKER);
                }
            }
            Ok(())
        })
        .unwrap();
}

#[test]
fn a_value_redacted_twice_is_the_same() {
    let redactor = Redactor::standard();
    let leaf = prop_oneof![suspicious().prop_map(Value::from), any::<u64>().prop_map(Value::from)];
    let values = leaf.prop_recursive(5, 40, 4, |inner| {
        prop_oneof![
            prop::collection::vec(inner.clone(), 0..4).prop_map(Value::from),
            prop::collection::vec((suspicious(), inner), 0..4)
                .prop_map(|fields| Value::Object(fields.into_iter().collect())),
        ]
    });
    runner(800)
        .run(&values, |value| {
            for detail in [Detail::Whole, Detail::Summary] {
                let once = redactor.value(&value, detail);
                prop_assert_eq!(&redactor.value(&once, detail), &once);
            }
            Ok(())
        })
        .unwrap();
}

#[test]
fn a_clean_text_is_borrowed() {
    let redactor = Redactor::standard();
    for text in ["", "GET /api/brain/trace/runs", "us-vps", "{\"a\": 1}", "超时"] {
        assert!(matches!(redactor.text(text), Cow::Borrowed(_)), "{text}");
    }
}

#[test]
fn deep_nesting_ends_in_a_count() {
    let redactor = Redactor::standard();
    let mut deep = Value::from(1);
    for _ in 0..3000 {
        deep = Value::Array(vec![deep]);
    }
    let redacted = redactor.value(&deep, Detail::Whole).to_string();
    assert!(redacted.contains("[array: 1 item]"));
    let text = format!("{}\"password\"{}", "[".repeat(100_000), "]".repeat(100_000));
    let _ = redactor.text(&text);
}

#[test]
fn hostile_texts_take_linear_time() {
    let redactor = Redactor::standard();
    let units = [
        "sk-",
        "eyJ",
        "eyJa.",
        "-eyJ",
        "-----BEGIN PRIVATE KEY-----",
        "-----BEGIN ",
        "://a:",
        "password:{\n",
        "password=\"",
        "token=",
        "a=",
        "bearer ",
        "basic ",
        "4111-",
        "1",
        "8Q~",
        "{\"password\":",
        "[\"",
        "\\",
        "\\\"password\\\":\\\"",
        "--token ",
        "<password>",
        "hooks.slack.com/",
        "{\"a\":\"{\\\"token\\\":\\\"",
        "ghp_",
        "：",
        "密码",
        "api key ",
        "Some(",
        "-",
        "cookie: ",
    ];
    for unit in units {
        let text = unit.repeat(200_000 / unit.len());
        let started = Instant::now();
        let _ = redactor.text(&text);
        let _ = redactor.text_whole(&text);
        let took = started.elapsed();
        println!("{unit:?} {took:?}");
        // Unoptimised and on a busy machine; a quadratic finder takes minutes.
        assert!(took.as_secs() < 20, "{unit:?} took {took:?}");
    }
}
