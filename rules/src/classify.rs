//! What a failure was: from the evidence that a span carries to a reason code
//! and a reason kind.
//!
//! The knowledge is data (`classify_rules.toml`, read by `table`); this file
//! is only the order in which evidence is heard. The first piece that the
//! table knows decides. Vague pieces ("internal error", exit code 1) are kept
//! for the case that nothing after them says more.

mod table;

use std::sync::LazyLock;

pub use self::table::RulesError;
use self::table::{RowId, Table};
use super::reason::ReasonKind;

/// How much of a message is read, in bytes. What went wrong stands at the top;
/// the rest is stack and cause.
const MESSAGE_LIMIT_BYTES: usize = 64 * 1024;

/// Everything that may say why a span failed. All of it is optional, borrowed
/// and unchecked: it comes from clients and foreign exporters.
#[derive(Clone, Copy, Debug, Default)]
pub struct Failure<'a> {
    /// The client's own verdict; overrides all evidence.
    pub reason_code: Option<&'a str>,
    /// The client's own kind; `Unknown`, the proto's zero, counts as not given.
    pub reason_kind: Option<ReasonKind>,
    /// `error.type`: a class name, an HTTP or gRPC status, an errno, or `_OTHER`.
    pub error_type: Option<&'a str>,
    /// `rpc.grpc.status_code` and its other names: a number or a name, any case.
    pub rpc_status_code: Option<&'a str>,
    /// `http.response.status_code`.
    pub http_status_code: Option<u16>,
    /// `process.exit.code`; 0 is no evidence, -n (as some runtimes report
    /// signal n) counts as 128 + n.
    pub exit_code: Option<i32>,
    /// `exception.type` of the span's last exception event: a class name, or a code
    /// of those that `error_type` may be.
    pub exception_type: Option<&'a str>,
    /// `exception.message` of the span's last exception event.
    pub exception_message: Option<&'a str>,
    /// `cicd.pipeline.task.run.result`.
    pub cicd_result: Option<&'a str>,
    /// The status message, or the error text that the client gave.
    pub message: Option<&'a str>,
}

/// The verdict on a [`Failure`].
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Classification {
    /// Snake-case code to group by; `unknown` when nothing was recognised.
    pub reason_code: String,
    /// Whether a retry is worth it.
    pub reason_kind: ReasonKind,
    /// The work was stopped on purpose: the span's status is CANCELLED, not FAILED.
    pub cancelled: bool,
    /// Which evidence decided, in words for a person.
    pub evidence: String,
}

/// The classifier, compiled once and shared; classifying takes `&self`.
#[derive(Clone, Debug)]
pub struct Classifier {
    table: Table,
}

/// The built-in table, compiled at first use.
///
/// Its text is a constant of this crate, so failing to compile is a defect
/// that every test of this module meets, and no input can cause.
#[allow(clippy::expect_used, reason = "a constant table, compiled by every test")]
static STANDARD: LazyLock<Classifier> = LazyLock::new(|| Classifier {
    table: Table::compile(None).expect("the built-in rules compile"),
});

/// A decided row and the words for what decided it.
struct Finding {
    row: RowId,
    evidence: String,
}

impl Classifier {
    /// The built-in table alone.
    #[must_use]
    pub fn standard() -> Self {
        STANDARD.clone()
    }

    /// The built-in table with a user's rules before it.
    ///
    /// `rules` has the format of `classify_rules.toml`. Where both know the
    /// same evidence the user's row wins; a reason code that the user gives
    /// another kind has that kind everywhere.
    ///
    /// # Errors
    ///
    /// [`RulesError`] names the row and says what to change.
    pub fn extended(rules: &str) -> Result<Self, RulesError> {
        Table::compile(Some(rules)).map(|table| Self { table })
    }

    /// The kind that the table gives to a reason code, in any case; `None` for
    /// a code that it doesn't know.
    #[must_use]
    pub fn kind_of(&self, reason_code: &str) -> Option<ReasonKind> {
        self.table.meaning(reason_code).map(|code| code.kind)
    }

    /// Names the reason of a failure. Never fails: without known evidence the
    /// answer is `unknown`, UNKNOWN.
    #[must_use]
    pub fn classify(&self, failure: &Failure<'_>) -> Classification {
        let kind = failure.reason_kind.filter(|kind| *kind != ReasonKind::Unknown);
        if let Some(code) = given(failure.reason_code) {
            let known = self.table.meaning(code);
            return Classification {
                reason_code: code.to_owned(),
                reason_kind: kind.or(known.map(|known| known.kind)).unwrap_or_default(),
                cancelled: known.is_some_and(|known| known.cancelled),
                evidence: "reason_code given by the client".to_owned(),
            };
        }
        match (self.weigh(failure), kind) {
            (Some(finding), kind) => {
                let row = self.table.row(finding.row);
                Classification {
                    reason_code: row.code.clone(),
                    reason_kind: kind.unwrap_or(row.kind),
                    cancelled: row.cancelled,
                    evidence: finding.evidence,
                }
            }
            (None, Some(kind)) => Classification {
                reason_code: kind.as_str().to_ascii_lowercase(),
                reason_kind: kind,
                cancelled: false,
                evidence: "reason_kind given by the client".to_owned(),
            },
            (None, None) => Classification {
                reason_code: "unknown".to_owned(),
                reason_kind: ReasonKind::Unknown,
                cancelled: false,
                evidence: "no evidence that the rules know".to_owned(),
            },
        }
    }

    /// Hears the evidence in its order; the first definite finding, else the
    /// first vague one.
    fn weigh(&self, failure: &Failure<'_>) -> Option<Finding> {
        let steps: [&dyn Fn() -> Option<Finding>; 8] = [
            &|| {
                let name = given(failure.error_type).filter(|name| *name != "_OTHER")?;
                self.by_name("error.type", name, failure)
            },
            &|| self.by_rpc_status(given(failure.rpc_status_code)?),
            &|| self.by_http_status(failure.http_status_code?),
            &|| self.by_exit_code(failure.exit_code?),
            &|| self.by_name("exception type", given(failure.exception_type)?, failure),
            &|| self.by_message("the exception's message", given(failure.exception_message)?),
            &|| self.by_cicd_result(given(failure.cicd_result)?),
            &|| self.by_message("the message", given(failure.message)?),
        ];
        let mut vague = None;
        for step in steps {
            if let Some(finding) = step() {
                if !self.table.row(finding.row).vague {
                    return Some(finding);
                }
                vague.get_or_insert(finding);
            }
        }
        vague
    }

    /// `error.type` holds whatever an instrumentation found most telling, and
    /// `exception.type` the error's code where the language has those (`ENOENT`).
    fn by_name(&self, what: &str, name: &str, failure: &Failure<'_>) -> Option<Finding> {
        let found = |row| Finding { row, evidence: format!("{what} {}", shown(name)) };
        if let Some(status) = http_status(name) {
            return self.table.http(status).map(found);
        }
        self.table
            .token(name)
            .or_else(|| self.table.sqlstate(name))
            .or_else(|| self.table.code_row(name))
            .map(found)
            .or_else(|| {
                let messages = [failure.exception_message, failure.message];
                self.by_class(what, name, messages)
            })
            .or_else(|| self.table.grpc_name(name).map(found))
    }

    fn by_rpc_status(&self, status: &str) -> Option<Finding> {
        let row = match status.parse::<u16>() {
            Ok(number) => self.table.grpc_number(number),
            Err(_) => self.table.grpc_name(status),
        }?;
        Some(Finding { row, evidence: format!("rpc status {}", shown(status)) })
    }

    fn by_http_status(&self, status: u16) -> Option<Finding> {
        Some(Finding {
            row: self.table.http(status)?,
            evidence: format!("http.response.status_code {status}"),
        })
    }

    fn by_exit_code(&self, code: i32) -> Option<Finding> {
        // Python's subprocess says -9 where a shell says 137.
        let shell = if (-64..0).contains(&code) { 128 - code } else { code };
        Some(Finding {
            row: self.table.exit(shell)?,
            evidence: format!("process.exit.code {code}"),
        })
    }

    fn by_cicd_result(&self, result: &str) -> Option<Finding> {
        Some(Finding {
            row: self.table.cicd(result)?,
            evidence: format!("cicd.pipeline.task.run.result {}", shown(result)),
        })
    }

    fn by_class(&self, what: &str, name: &str, messages: [Option<&str>; 2]) -> Option<Finding> {
        let name = bare_class(name);
        for message in messages.into_iter().flatten() {
            if let Some((row, phrase)) = self.table.class_with_phrase(name, head(message)) {
                let evidence = format!("{what} {} with \"{phrase}\"", shown(name));
                return Some(Finding { row, evidence });
            }
        }
        Some(Finding { row: self.table.class(name)?, evidence: format!("{what} {}", shown(name)) })
    }

    /// Error constants first, then class names, then phrases: from the words
    /// that mean one thing to those that are also plain English.
    fn by_message(&self, place: &str, message: &str) -> Option<Finding> {
        let message = head(message);
        let mut vague = None;
        for (at, word) in words(message) {
            let row = self.table.token(word).or_else(|| {
                let row = self.table.sqlstate(word)?;
                names_a_sqlstate(message, at, word).then_some(row)
            });
            if let Some(row) = row {
                let evidence = format!("{word} in {place}");
                return Some(Finding { row, evidence });
            }
        }
        for (_, word) in words(message).filter(|(_, word)| looks_like_a_class(word)) {
            let Some(finding) = self.by_class("exception type", word, [Some(message), None]) else {
                continue;
            };
            if !self.table.row(finding.row).vague {
                return Some(finding);
            }
            vague.get_or_insert(finding);
        }
        self.table
            .phrase(message)
            .map(|(row, phrase)| Finding {
                row,
                evidence: format!("phrase \"{phrase}\" in {place}"),
            })
            .or(vague)
    }
}

/// A text that says something: trimmed, not empty.
fn given(text: Option<&str>) -> Option<&str> {
    text.map(str::trim).filter(|text| !text.is_empty())
}

/// Client text inside our own sentence: one short line of it.
fn shown(text: &str) -> String {
    let short = text.chars().take(80);
    short.map(|c| if c.is_control() { ' ' } else { c }).collect()
}

fn head(message: &str) -> &str {
    message.get(..message.floor_char_boundary(MESSAGE_LIMIT_BYTES)).unwrap_or(message)
}

fn http_status(text: &str) -> Option<u16> {
    let status = text.parse().ok()?;
    (text.len() == 3 && (100..600).contains(&status)).then_some(status)
}

/// Go prints `*net.OpError`, C++ and .NET append type arguments.
fn bare_class(name: &str) -> &str {
    let name = name.trim_start_matches(['*', '&']);
    name.split(['<', '`', '[', '(']).next().unwrap_or(name).trim()
}

/// The words of a message with their offsets: runs of letters, digits and `_`.
fn words(message: &str) -> impl Iterator<Item = (usize, &str)> {
    let start = message.as_ptr() as usize;
    message
        .split(|c: char| !(c.is_ascii_alphanumeric() || c == '_'))
        .filter(|word| !word.is_empty())
        .map(move |word| (word.as_ptr() as usize - start, word))
}

/// `40001` in a text is a number unless something calls it a code; `40P01`
/// can hardly be anything else.
fn names_a_sqlstate(message: &str, at: usize, word: &str) -> bool {
    if !word.bytes().all(|byte| byte.is_ascii_digit()) {
        return true;
    }
    let before = message.get(..at).unwrap_or_default();
    let label = before.trim_end_matches(|c: char| !c.is_alphanumeric());
    let between = before.len() - label.len();
    let bare_space = before.get(label.len()..) == Some(" ");
    let ends_with = |name: &str| {
        label.len() >= name.len()
            && label
                .get(label.len() - name.len()..)
                .is_some_and(|end| end.eq_ignore_ascii_case(name))
    };
    let state = ends_with("sqlstate") || ends_with("sql_state") || ends_with("sql state");
    // "code: '40001'", not "zip code 40001".
    between <= 8 && (state || (ends_with("code") && !bare_space))
}

/// Two capitals and a small letter: a class name, not a word that begins a sentence.
fn looks_like_a_class(word: &str) -> bool {
    let capitals = word.bytes().filter(u8::is_ascii_uppercase).count();
    word.len() >= 8
        && word.starts_with(|c: char| c.is_ascii_uppercase())
        && capitals >= 2
        && word.bytes().any(|byte| byte.is_ascii_lowercase())
}

#[cfg(test)]
mod tests;
