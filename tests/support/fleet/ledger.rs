//! What clients have sent, and the ledgers of what they were told is stored: a
//! file for each, which is on disk before the client goes on, so that it says
//! what was promised also where the test itself is killed.

use std::{
    collections::{BTreeMap, BTreeSet},
    fs::{self, File},
    io::Write as _,
    path::PathBuf,
    sync::{
        Arc, Mutex,
        atomic::{AtomicU64, Ordering},
    },
};

use super::content::{end_hash, start_hash};
use crate::requests::Key;

/// What was sent of a span, whether or not anybody knows what became of it.
#[derive(Debug, Clone, Copy, Default)]
pub(crate) struct Sent {
    /// Makes its content.
    pub(crate) number: u64,
    /// Whether its end was sent too.
    pub(crate) end: bool,
}

/// Something that is told of a span.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(crate) enum Fact {
    Start,
    Progress(f64),
    End,
}

/// What all clients of a test share.
pub(crate) struct Book {
    folder: tempfile::TempDir,
    /// Before it is sent it is in here.
    pub(super) sent: Mutex<BTreeMap<Key, Sent>>,
    /// The hashes of the files that were sent.
    pub(super) files: Mutex<BTreeSet<String>>,
    /// How many facts were acknowledged.
    pub(super) acked: AtomicU64,
    /// The ledgers.
    pub(super) ledgers: Mutex<Vec<PathBuf>>,
}

impl Book {
    pub(crate) fn new() -> Arc<Self> {
        // Not the system's folder, which may be in memory.
        let folder = tempfile::tempdir_in(env!("CARGO_TARGET_TMPDIR")).expect("folder");
        Arc::new(Self {
            folder,
            sent: Mutex::default(),
            files: Mutex::default(),
            acked: AtomicU64::new(0),
            ledgers: Mutex::default(),
        })
    }

    /// A client's ledger.
    pub(crate) fn ledger(self: &Arc<Self>) -> Ledger {
        let mut ledgers = self.ledgers.lock().expect("ledgers");
        let path = self.folder.path().join(format!("client-{}.ledger", ledgers.len()));
        let file = File::create_new(&path).expect("ledger");
        ledgers.push(path);
        Ledger { book: Arc::clone(self), file, acked: Arc::new(AtomicU64::new(0)) }
    }

    /// How many facts were acknowledged.
    pub(crate) fn acked(&self) -> u64 {
        self.acked.load(Ordering::SeqCst)
    }
}

/// A client's ledger. A line each: what, of which span, with which hash.
pub(crate) struct Ledger {
    book: Arc<Book>,
    file: File,
    /// How many facts this one has.
    pub(super) acked: Arc<AtomicU64>,
}

impl Ledger {
    /// To be called before something is sent.
    pub(crate) fn sends(&self, key: &Key, number: u64, fact: Fact) {
        let mut sent = self.book.sent.lock().expect("sent");
        let sent = sent.entry(key.clone()).or_insert(Sent { number, end: false });
        sent.end |= fact == Fact::End;
    }

    /// To be called before a file of this hash is sent.
    pub(crate) fn sends_file(&self, hash: &str) {
        self.book.files.lock().expect("files").insert(hash.to_owned());
    }

    /// Enters what was acknowledged.
    pub(crate) fn enter<'f>(&mut self, facts: impl IntoIterator<Item = (&'f Key, u64, Fact)>) {
        let mut lines = String::new();
        let mut count = 0;
        for (Key { run_id, span_id }, number, fact) in facts {
            let (what, value) = match fact {
                Fact::Start => ("start", start_hash(number)),
                Fact::Progress(progress) => ("progress", progress.to_string()),
                Fact::End => ("end", end_hash(number)),
            };
            lines.push_str(&format!("{what} {run_id} {span_id} {value}\n"));
            count += 1;
        }
        self.write(&lines, count);
    }

    /// Enters a file that was acknowledged.
    pub(crate) fn enter_file(&mut self, artifact_id: &str, hash: &str) {
        self.write(&format!("file {artifact_id} {hash} -\n"), 1);
    }

    fn write(&mut self, lines: &str, count: u64) {
        if count == 0 {
            return;
        }
        tokio::task::block_in_place(|| {
            self.file.write_all(lines.as_bytes()).expect("ledger");
            self.file.sync_data().expect("ledger");
        });
        self.acked.fetch_add(count, Ordering::SeqCst);
        self.book.acked.fetch_add(count, Ordering::SeqCst);
    }
}

/// What ledgers say of a span.
#[derive(Debug, Clone, Default)]
pub(super) struct Acked {
    pub(super) start: Option<String>,
    pub(super) end: Option<String>,
    pub(super) progress: Option<f64>,
}

/// What all ledgers say, read from their files as they grow.
#[derive(Debug, Default)]
pub(super) struct Promises {
    pub(super) spans: BTreeMap<Key, Acked>,
    /// Hashes by artifact id.
    pub(super) files: BTreeMap<String, String>,
    read_bytes: BTreeMap<PathBuf, usize>,
}

impl Promises {
    /// Reads what was written since.
    pub(super) fn read(&mut self, book: &Book) {
        use std::os::unix::fs::FileExt as _;
        for path in book.ledgers.lock().expect("ledgers").clone() {
            let from = self.read_bytes.get(&path).copied().unwrap_or_default();
            let length = fs::metadata(&path).expect("ledger").len();
            let mut bytes = vec![0; usize::try_from(length).expect("small") - from];
            let file = File::open(&path).expect("ledger");
            file.read_exact_at(&mut bytes, from as u64).expect("ledger");
            // A line that is being written is for the next time.
            let whole = bytes.iter().rposition(|byte| *byte == b'\n').map_or(0, |last| last + 1);
            for line in std::str::from_utf8(&bytes[..whole]).expect("text").lines() {
                self.take(line);
            }
            self.read_bytes.insert(path, from + whole);
        }
    }

    fn take(&mut self, line: &str) {
        let words: Vec<&str> = line.split(' ').collect();
        let [what, first, second, value] = words[..] else { panic!("a ledger says {line}") };
        if what == "file" {
            self.files.insert(first.to_owned(), second.to_owned());
            return;
        }
        let key = Key { run_id: first.to_owned(), span_id: second.to_owned() };
        let acked = self.spans.entry(key).or_default();
        match what {
            "start" => acked.start = Some(value.to_owned()),
            "end" => acked.end = Some(value.to_owned()),
            "progress" => acked.progress = Some(value.parse().expect("a number")),
            _ => panic!("a ledger says {line}"),
        }
    }
}
