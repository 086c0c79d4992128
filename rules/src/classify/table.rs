//! The classifier's table: the format of `classify_rules.toml`, its checks,
//! and the look-ups that it compiles to.

use std::collections::HashMap;
use std::collections::hash_map::Entry;
use std::fmt;

use aho_corasick::AhoCorasick;
use serde::Deserialize;

use crate::reason::ReasonKind;

const BUILT_IN: &str = include_str!("../classify_rules.toml");

/// gRPC's status names by number (google.rpc.Code). OK decides nothing.
const GRPC_NAMES: [&str; 17] = [
    "OK",
    "CANCELLED",
    "UNKNOWN",
    "INVALID_ARGUMENT",
    "DEADLINE_EXCEEDED",
    "NOT_FOUND",
    "ALREADY_EXISTS",
    "PERMISSION_DENIED",
    "RESOURCE_EXHAUSTED",
    "FAILED_PRECONDITION",
    "ABORTED",
    "OUT_OF_RANGE",
    "UNIMPLEMENTED",
    "INTERNAL",
    "UNAVAILABLE",
    "DATA_LOSS",
    "UNAUTHENTICATED",
];

/// How messages spell an HTTP status; `{}` is the number.
const HTTP_SPELLINGS: [&str; 13] = [
    "status code {}",
    "status code: {}",
    "status code {}:",
    "status={}",
    "http {}",
    "http/1.1 {}",
    "http/2 {}",
    "http status {}",
    "http status: {}",
    "http error {}",
    "error code: {}",
    "{} client error",
    "{} server error",
];

/// How messages spell an exit code; `{}` is the number.
const EXIT_SPELLINGS: [&str; 6] = [
    "exit code {}",
    "exit code: {}",
    "exit status {}",
    "exit status: {}",
    "exited with code {}",
    "exited with status {}",
];

/// Why a user's rules were refused: which row, and what to change.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct RulesError(String);

impl fmt::Display for RulesError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "classifier rules: {}", self.0)
    }
}

impl std::error::Error for RulesError {}

/// A row as the file spells it; the file's own comments explain each field.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
struct RuleText {
    reason_code: String,
    reason_kind: String,
    #[serde(default)]
    cancelled: bool,
    #[serde(default)]
    vague: bool,
    #[serde(default)]
    grpc: Vec<String>,
    #[serde(default)]
    http: Vec<u16>,
    #[serde(default)]
    exit: Vec<i32>,
    #[serde(default)]
    cicd: Vec<String>,
    #[serde(default)]
    tokens: Vec<String>,
    #[serde(default)]
    sqlstates: Vec<String>,
    #[serde(default)]
    exceptions: Vec<String>,
    #[serde(default)]
    phrases: Vec<String>,
}

/// What a reason code means, whoever says it.
#[derive(Clone, Copy, Debug)]
pub(super) struct Meaning {
    pub(super) kind: ReasonKind,
    pub(super) cancelled: bool,
}

/// A compiled row: what evidence that leads to it decides.
#[derive(Clone, Debug)]
pub(super) struct Row {
    pub(super) code: String,
    pub(super) kind: ReasonKind,
    pub(super) cancelled: bool,
    pub(super) vague: bool,
}

/// A row's place: smaller is nearer the top, and the user's come first.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(super) struct RowId(usize);

/// A class name that decides only together with a phrase of the message.
#[derive(Clone, Debug)]
struct ClassWithPhrase {
    phrase: String,
    row: RowId,
}

/// Every look-up that the classifier needs, keyed by evidence.
#[derive(Clone, Debug)]
pub(super) struct Table {
    rows: Vec<Row>,
    codes: HashMap<String, (Meaning, RowId)>,
    grpc: HashMap<&'static str, RowId>,
    http: HashMap<u16, RowId>,
    exit: HashMap<i32, RowId>,
    cicd: HashMap<String, RowId>,
    tokens: HashMap<String, RowId>,
    sqlstates: HashMap<String, RowId>,
    classes: HashMap<String, RowId>,
    class_endings: Vec<(String, RowId)>,
    classes_with_phrase: HashMap<String, Vec<ClassWithPhrase>>,
    finder: AhoCorasick,
    phrases: Vec<(String, RowId)>,
}

/// One file's evidence under construction: refuses what the file says twice,
/// leaves alone what a file before it said.
struct Claims<'t> {
    table: &'t mut Draft,
    /// Rows below this belong to a file that wins.
    first: RowId,
    row: RowId,
    label: String,
}

/// The table before its phrases are compiled.
#[derive(Default)]
struct Draft {
    rows: Vec<Row>,
    codes: HashMap<String, (Meaning, RowId)>,
    grpc: HashMap<&'static str, RowId>,
    http: HashMap<u16, RowId>,
    exit: HashMap<i32, RowId>,
    cicd: HashMap<String, RowId>,
    tokens: HashMap<String, RowId>,
    sqlstates: HashMap<String, RowId>,
    classes: HashMap<String, RowId>,
    class_endings: HashMap<String, RowId>,
    classes_with_phrase: HashMap<(String, String), RowId>,
    phrases: HashMap<String, RowId>,
}

impl Table {
    /// Compiles the built-in rules, a user's before them.
    pub(super) fn compile(user: Option<&str>) -> Result<Self, RulesError> {
        let mut draft = Draft::default();
        for text in user.into_iter().chain([BUILT_IN]) {
            draft.read(text)?;
        }
        draft.finish()
    }

    pub(super) fn row(&self, id: RowId) -> &Row {
        &self.rows[id.0]
    }

    pub(super) fn meaning(&self, code: &str) -> Option<Meaning> {
        self.code_entry(code).map(|(meaning, _)| *meaning)
    }

    /// The row of a text that is itself a reason code (`error.type` is often
    /// just `timeout`).
    pub(super) fn code_row(&self, code: &str) -> Option<RowId> {
        self.code_entry(code).map(|(_, row)| *row)
    }

    fn code_entry(&self, code: &str) -> Option<&(Meaning, RowId)> {
        self.codes.get(&code.trim().to_ascii_lowercase())
    }

    pub(super) fn grpc_number(&self, number: u16) -> Option<RowId> {
        let name = GRPC_NAMES.get(usize::from(number))?;
        self.grpc.get(name).copied()
    }

    pub(super) fn grpc_name(&self, name: &str) -> Option<RowId> {
        self.grpc.get(grpc_status(name)?).copied()
    }

    pub(super) fn http(&self, status: u16) -> Option<RowId> {
        self.http.get(&status).copied()
    }

    pub(super) fn exit(&self, code: i32) -> Option<RowId> {
        self.exit.get(&code).copied()
    }

    pub(super) fn cicd(&self, result: &str) -> Option<RowId> {
        self.cicd.get(&result.to_ascii_lowercase()).copied()
    }

    pub(super) fn token(&self, word: &str) -> Option<RowId> {
        self.tokens.get(word).copied()
    }

    pub(super) fn sqlstate(&self, word: &str) -> Option<RowId> {
        self.sqlstates.get(word).copied()
    }

    /// A class name: whole, then its last segment, then by its ending.
    pub(super) fn class(&self, name: &str) -> Option<RowId> {
        let name = name.to_ascii_lowercase();
        let last = last_segment(&name);
        self.classes.get(&name).or_else(|| self.classes.get(last)).copied().or_else(|| {
            self.class_endings
                .iter()
                .find(|(ending, _)| last.ends_with(ending.as_str()))
                .map(|(_, row)| *row)
        })
    }

    /// A class name whose meaning the message narrows.
    pub(super) fn class_with_phrase(&self, name: &str, message: &str) -> Option<(RowId, &str)> {
        let name = name.to_ascii_lowercase();
        let rules = self
            .classes_with_phrase
            .get(&name)
            .or_else(|| self.classes_with_phrase.get(last_segment(&name)))?;
        let message = message.to_ascii_lowercase();
        rules
            .iter()
            .find(|rule| message.contains(&rule.phrase))
            .map(|rule| (rule.row, rule.phrase.as_str()))
    }

    /// The phrase of the topmost row that occurs as whole words, the first of
    /// them in the text.
    pub(super) fn phrase(&self, message: &str) -> Option<(RowId, &str)> {
        let bytes = message.as_bytes();
        let mut best: Option<(RowId, &str)> = None;
        for hit in self.finder.find_overlapping_iter(bytes) {
            let (phrase, row) = &self.phrases[hit.pattern().as_usize()];
            let better = best.is_none_or(|(best, _)| *row < best);
            if better && stands_alone(bytes, hit.start(), hit.end()) {
                best = Some((*row, phrase));
            }
        }
        best
    }
}

impl Draft {
    fn read(&mut self, text: &str) -> Result<(), RulesError> {
        let mut file: toml::Table =
            text.parse().map_err(|error| RulesError(format!("not TOML: {error}")))?;
        let rules = match file.remove("rule") {
            Some(toml::Value::Array(rules)) => rules,
            Some(_) => return Err(RulesError("write each rule under [[rule]]".to_owned())),
            None => Vec::new(),
        };
        if let Some(key) = file.keys().next() {
            let hint = "only [[rule]] tables stand in this file";
            return Err(RulesError(format!("unknown entry {key:?}: {hint}")));
        }
        let first = RowId(self.rows.len());
        for (index, rule) in rules.into_iter().enumerate() {
            let number = index + 1;
            let rule: RuleText = rule.try_into().map_err(|error: toml::de::Error| {
                RulesError(format!("row {number}: {}", error.message()))
            })?;
            self.add(rule, number, first)?;
        }
        Ok(())
    }

    fn add(&mut self, rule: RuleText, number: usize, first: RowId) -> Result<(), RulesError> {
        let label = format!("row {number} ({})", rule.reason_code.escape_debug());
        if !is_code(&rule.reason_code) {
            let hint =
                "write reason_code in snake_case: a letter, then up to 63 letters, digits, _";
            return Err(RulesError(format!("{label}: {hint}")));
        }
        let kind: ReasonKind =
            rule.reason_kind.parse().map_err(|error| RulesError(format!("{label}: {error}")))?;
        let row = RowId(self.rows.len());
        let meaning = Meaning { kind, cancelled: rule.cancelled };
        let (meaning, _) = match self.codes.entry(rule.reason_code.clone()) {
            Entry::Vacant(entry) => *entry.insert((meaning, row)),
            Entry::Occupied(entry) => {
                let known = *entry.get();
                if known.1 >= first && known.0.kind != kind {
                    let hint = "a code has one kind; give all its rows the same";
                    return Err(RulesError(format!("{label}: {hint}")));
                }
                known
            }
        };
        self.rows.push(Row {
            code: rule.reason_code.clone(),
            kind: meaning.kind,
            cancelled: meaning.cancelled,
            vague: rule.vague,
        });
        Claims { table: self, first, row, label }.take(rule)
    }

    fn finish(self) -> Result<Table, RulesError> {
        let mut phrases: Vec<_> = self.phrases.into_iter().collect();
        phrases.sort_by(|a, b| (a.1, &a.0).cmp(&(b.1, &b.0)));
        let mut class_endings: Vec<_> = self.class_endings.into_iter().collect();
        // The longest ending is the most specific; then the order of the rows.
        class_endings.sort_by(|a, b| (b.0.len(), a.1, &a.0).cmp(&(a.0.len(), b.1, &b.0)));
        let mut classes_with_phrase: HashMap<String, Vec<ClassWithPhrase>> = HashMap::new();
        let mut narrowed: Vec<_> = self.classes_with_phrase.into_iter().collect();
        narrowed.sort_by(|a, b| (a.1, &a.0).cmp(&(b.1, &b.0)));
        for ((class, phrase), row) in narrowed {
            let rules = classes_with_phrase.entry(class).or_default();
            rules.push(ClassWithPhrase { phrase, row });
        }
        let finder = AhoCorasick::builder()
            .ascii_case_insensitive(true)
            .build(phrases.iter().map(|(phrase, _)| phrase))
            .map_err(|error| RulesError(format!("too many phrases: {error}")))?;
        Ok(Table {
            rows: self.rows,
            codes: self.codes,
            grpc: self.grpc,
            http: self.http,
            exit: self.exit,
            cicd: self.cicd,
            tokens: self.tokens,
            sqlstates: self.sqlstates,
            classes: self.classes,
            class_endings,
            classes_with_phrase,
            finder,
            phrases,
        })
    }
}

impl Claims<'_> {
    fn take(mut self, rule: RuleText) -> Result<(), RulesError> {
        for name in rule.grpc {
            let Some(status) = grpc_status(&name) else {
                return Err(self.refused(&name, "is no gRPC status name"));
            };
            self.claim(|draft| &mut draft.grpc, status, &name)?;
            // Go's spelling of a status in an error text.
            let camel: String = status.split('_').collect();
            self.phrase(format!("code = {camel}"))?;
        }
        for status in rule.http {
            if !(100..600).contains(&status) {
                return Err(self.refused(status, "is no HTTP status: use 100 to 599"));
            }
            self.claim(|draft| &mut draft.http, status, status)?;
            for spelling in HTTP_SPELLINGS {
                self.phrase(spelling.replace("{}", &status.to_string()))?;
            }
        }
        for code in rule.exit {
            if code == 0 {
                return Err(self.refused(code, "is success, not a failure"));
            }
            self.claim(|draft| &mut draft.exit, code, code)?;
            for spelling in EXIT_SPELLINGS {
                self.phrase(spelling.replace("{}", &code.to_string()))?;
            }
        }
        for result in rule.cicd {
            let key = self.text(&result)?.to_ascii_lowercase();
            self.claim(|draft| &mut draft.cicd, key, result)?;
        }
        for token in rule.tokens {
            let word = |byte: u8| byte.is_ascii_alphanumeric() || byte == b'_';
            if token.len() < 3 || !token.bytes().all(word) {
                return Err(self.refused(&token, "is no token: 3 or more letters, digits or _"));
            }
            self.claim(|draft| &mut draft.tokens, token.clone(), token)?;
        }
        for state in rule.sqlstates {
            let class = |byte: u8| byte.is_ascii_digit() || byte.is_ascii_uppercase();
            if state.len() != 5 || !state.bytes().all(class) {
                return Err(self.refused(&state, "is no SQLSTATE: five digits or capitals"));
            }
            self.claim(|draft| &mut draft.sqlstates, state.clone(), state)?;
        }
        for name in rule.exceptions {
            self.exception(&name)?;
        }
        for phrase in rule.phrases {
            let phrase = self.text(&phrase)?.to_owned();
            self.phrase(phrase)?;
        }
        Ok(())
    }

    fn exception(&mut self, name: &str) -> Result<(), RulesError> {
        let key = self.text(name)?.to_ascii_lowercase();
        if let Some((class, phrase)) = key.split_once(": ") {
            let pair = (class.trim().to_owned(), phrase.trim().to_owned());
            if pair.0.is_empty() || pair.1.is_empty() {
                return Err(self.refused(name, "needs a type and a phrase around \": \""));
            }
            return self.claim(|draft| &mut draft.classes_with_phrase, pair, name);
        }
        match key.strip_prefix('*') {
            Some("") => Err(self.refused(name, "matches every class: write an ending after *")),
            Some(ending) => self.claim(|draft| &mut draft.class_endings, ending.to_owned(), name),
            None => self.claim(|draft| &mut draft.classes, key, name),
        }
    }

    fn phrase(&mut self, phrase: String) -> Result<(), RulesError> {
        let key = phrase.to_ascii_lowercase();
        self.claim(|draft| &mut draft.phrases, key, phrase)
    }

    fn text<'s>(&self, text: &'s str) -> Result<&'s str, RulesError> {
        let text = text.trim();
        if text.is_empty() {
            return Err(self.refused(text, "is empty and would match everything"));
        }
        Ok(text)
    }

    fn claim<K: Eq + std::hash::Hash>(
        &mut self,
        map: impl FnOnce(&mut Draft) -> &mut HashMap<K, RowId>,
        key: K,
        shown: impl fmt::Display,
    ) -> Result<(), RulesError> {
        match map(self.table).entry(key) {
            Entry::Vacant(entry) => {
                entry.insert(self.row);
                Ok(())
            }
            Entry::Occupied(entry) if *entry.get() < self.first => Ok(()),
            Entry::Occupied(_) => Err(self.refused(shown, "stands in this file already: keep one")),
        }
    }

    fn refused(&self, what: impl fmt::Display, why: &str) -> RulesError {
        RulesError(format!("{}: \"{what}\" {why}", self.label))
    }
}

/// The canonical name of a gRPC status in whatever spelling: `UNAVAILABLE`,
/// `DeadlineExceeded`, `StatusCode.NOT_FOUND`, `canceled`.
fn grpc_status(name: &str) -> Option<&'static str> {
    let plain = |text: &str| -> String {
        let letters = text.chars().filter(char::is_ascii_alphanumeric);
        letters.map(|c| c.to_ascii_uppercase()).collect()
    };
    let wanted = plain(last_segment(name.trim()));
    let wanted = match wanted.as_str() {
        "CANCELED" => "CANCELLED",
        other => other,
    };
    GRPC_NAMES.into_iter().skip(1).find(|known| plain(known) == wanted)
}

/// What stands after the last separator that any language puts before a class.
fn last_segment(name: &str) -> &str {
    name.rsplit(['.', ':', '$', '/', '\\']).next().unwrap_or(name)
}

fn is_code(code: &str) -> bool {
    code.len() <= 64
        && code.starts_with(|c: char| c.is_ascii_lowercase())
        && code
            .bytes()
            .all(|byte| byte.is_ascii_lowercase() || byte.is_ascii_digit() || byte == b'_')
}

/// Whether a hit is words of its own, not a piece of a longer word, a flag
/// (`--timeout`), a setting (`timeout=30`), a path or a host name.
fn stands_alone(text: &[u8], start: usize, end: usize) -> bool {
    let word = |byte: &u8| byte.is_ascii_alphanumeric() || *byte == b'_';
    let glue = |byte: &u8| word(byte) || matches!(byte, b'-' | b'/' | b'\\');
    let before = start.checked_sub(1).and_then(|at| text.get(at));
    let after = text.get(end);
    let open = !text.get(start).is_some_and(word)
        || !before.is_some_and(|byte| glue(byte) || *byte == b'.');
    let closed = !end.checked_sub(1).and_then(|at| text.get(at)).is_some_and(word)
        || !after.is_some_and(|byte| {
            glue(byte) || *byte == b'=' || (*byte == b'.' && text.get(end + 1).is_some_and(word))
        });
    open && closed
}
