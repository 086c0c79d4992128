//! Which attribute fills which field: the table, its extension by config, and
//! the index that it compiles to.
//!
//! `livespan.<field>` wins over everything, on the span or on the resource.
//! Then come the attributes that the config names, then the table's, in order;
//! the span's own before the resource's.

use std::{
    collections::HashMap,
    hash::{BuildHasherDefault, Hasher},
};

use crate::domain::redact::Redactor;

/// A field that attributes fill in.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Field {
    TaskId,
    ExecutorHost,
    Agent,
    Attempt,
    Layer,
    StepName,
    InputSummary,
    OutputSummary,
}

/// Where a field's value may stand.
#[derive(Debug, Clone, Copy)]
enum Origin {
    /// In an attribute.
    Is(&'static str),
    /// In two attributes, which are joined by a slash.
    Joined(&'static str, &'static str),
    /// In the first attribute, where the second says the third.
    Where(&'static str, &'static str, &'static str),
    /// In an attribute that counts from 0; of client spans only, because the
    /// server's span of the same request may bear it too.
    OneMoreInClients(&'static str),
    /// In an attribute whose words stand for layers.
    Named(&'static str, &'static [(&'static str, &'static str)]),
    /// In an attribute, in whatever case.
    Lower(&'static str),
    /// In the family of the span's attributes: see [`FAMILIES`].
    Family,
    /// In the span's kind.
    Kind,
    /// In the span's name.
    Name,
}

use Origin::{Family, Is, Joined, Kind, Lower, Name, Named, OneMoreInClients, Where};

/// A row of the table.
struct Row {
    field: Field,
    /// As users spell the field.
    name: &'static str,
    /// Whether the resource's attributes count as well. What tells one step
    /// from the next is not its process's to say.
    of_resource: bool,
    /// The first that has a value wins.
    from: &'static [Origin],
}

/// The table. After `executor_host`'s row comes the address that the request
/// came from, and an attempt that nobody tells is the first.
const TABLE: [Row; 8] = [
    Row {
        field: Field::TaskId,
        name: "task_id",
        of_resource: true,
        from: &[
            Is("cicd.pipeline.run.id"),
            Is("temporalWorkflowID"),
            Joined("airflow.dag_id", "airflow.dag_run.run_id"),
            Where("prefect.run.id", "prefect.run.type", "flow"),
            Is("gen_ai.conversation.id"),
            Is("session.id"),
            Is("messaging.message.conversation_id"),
        ],
    },
    Row {
        field: Field::ExecutorHost,
        name: "executor_host",
        of_resource: true,
        from: &[
            Is("host.name"),
            Is("k8s.pod.name"),
            Is("cicd.worker.name"),
            Is("container.id"),
            Is("faas.instance"),
            Is("service.instance.id"),
            Is("host.id"),
        ],
    },
    Row {
        field: Field::Agent,
        name: "agent",
        of_resource: true,
        from: &[
            Is("gen_ai.agent.name"),
            Is("agent.name"),
            Is("gen_ai.agent.id"),
            Is("service.name"),
        ],
    },
    Row {
        field: Field::Attempt,
        name: "attempt",
        of_resource: true,
        from: &[
            Is("airflow.task_instance.try_number"),
            Is("messaging.gcp_pubsub.message.delivery_attempt"),
            Is("messaging.servicebus.message.delivery_count"),
            OneMoreInClients("http.request.resend_count"),
        ],
    },
    Row {
        field: Field::Layer,
        name: "layer",
        of_resource: false,
        from: &[
            Named(
                "gen_ai.operation.name",
                &[
                    ("invoke_workflow", "workflow"),
                    ("invoke_agent", "agent"),
                    ("plan", "agent"),
                    ("chat", "llm"),
                    ("generate_content", "llm"),
                    ("text_completion", "llm"),
                    ("embeddings", "llm"),
                    ("execute_tool", "tool"),
                ],
            ),
            Lower("openinference.span.kind"),
            Lower("traceloop.span.kind"),
            Family,
            Kind,
        ],
    },
    Row {
        field: Field::StepName,
        name: "step_name",
        of_resource: false,
        from: &[
            Is("cicd.pipeline.task.name"),
            Is("airflow.task_id"),
            Is("prefect.run.name"),
            Is("gen_ai.tool.name"),
            Is("gen_ai.workflow.name"),
            Name,
        ],
    },
    Row {
        field: Field::InputSummary,
        name: "input_summary",
        of_resource: false,
        from: &[
            Is("input.value"),
            Is("gen_ai.tool.call.arguments"),
            Is("gen_ai.input.messages"),
            Is("traceloop.entity.input"),
            Is("gen_ai.prompt"),
        ],
    },
    Row {
        field: Field::OutputSummary,
        name: "output_summary",
        of_resource: false,
        from: &[
            Is("output.value"),
            Is("gen_ai.tool.call.result"),
            Is("gen_ai.output.messages"),
            Is("traceloop.entity.output"),
            Is("gen_ai.completion"),
        ],
    },
];

/// Families of attributes that name a layer by their being there, the first
/// before the next.
pub(super) const FAMILIES: [(&str, &str); 5] = [
    ("cicd.", "cicd"),
    ("rpc.", "rpc"),
    ("db.", "db"),
    ("http.", "http"),
    ("messaging.", "messaging"),
];

/// Attributes that are read beside the table: what a client says outright, the
/// marks of unfinished spans, and the evidence of failures.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Special {
    RunId,
    RetryOf,
    Status,
    ReasonCode,
    ReasonKind,
    StuckAfter,
    ProgressTimeout,
    LogfireSpanType,
    LogfirePendingParent,
    TriggerPartial,
    LivespanPartial,
    DatadogPartial,
    ErrorType,
    RpcStatus,
    RpcGrpcStatus,
    RpcResponseStatus,
    HttpStatus,
    OldHttpStatus,
    ExitCode,
    CicdTaskResult,
    CicdRunResult,
}

/// Each of them and its attribute, in the order of their declaration.
const SPECIAL: [(Special, &str); 21] = [
    (Special::RunId, "livespan.run_id"),
    (Special::RetryOf, "livespan.retry_of"),
    (Special::Status, "livespan.status"),
    (Special::ReasonCode, "livespan.reason_code"),
    (Special::ReasonKind, "livespan.reason_kind"),
    (Special::StuckAfter, "livespan.stuck_after"),
    (Special::ProgressTimeout, "livespan.progress_timeout"),
    (Special::LogfireSpanType, "logfire.span_type"),
    (Special::LogfirePendingParent, "logfire.pending_parent_id"),
    (Special::TriggerPartial, "$span.partial"),
    (Special::LivespanPartial, "livespan.partial"),
    (Special::DatadogPartial, "_dd.partial_version"),
    (Special::ErrorType, "error.type"),
    (Special::RpcStatus, "rpc.status_code"),
    (Special::RpcGrpcStatus, "rpc.grpc.status_code"),
    (Special::RpcResponseStatus, "rpc.response.status_code"),
    (Special::HttpStatus, "http.response.status_code"),
    (Special::OldHttpStatus, "http.status_code"),
    (Special::ExitCode, "process.exit.code"),
    (Special::CicdTaskResult, "cicd.pipeline.task.run.result"),
    (Special::CicdRunResult, "cicd.pipeline.run.result"),
];

/// How many attributes may be known, the config's included.
pub(super) const MAX_SLOTS: usize = 128;

/// A known attribute's place among those found on a span.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Slot(u8);

impl Slot {
    /// The place as an index below [`MAX_SLOTS`].
    pub(super) fn index(self) -> usize {
        usize::from(self.0)
    }
}

impl From<Special> for Slot {
    fn from(special: Special) -> Self {
        Self(special as u8)
    }
}

/// [`Origin`], with places for names.
#[derive(Debug, Clone, Copy)]
pub(super) enum Source {
    Is(Slot),
    Joined(Slot, Slot),
    Where(Slot, Slot, &'static str),
    OneMoreInClients(Slot),
    Named(Slot, &'static [(&'static str, &'static str)]),
    Lower(Slot),
    Family,
    Kind,
    Name,
}

/// A row of the table, compiled.
#[derive(Debug, Clone)]
pub(super) struct Sources {
    /// `livespan.<field>`.
    pub(super) explicit: Slot,
    /// Whether the resource's attributes count as well.
    pub(super) of_resource: bool,
    /// The config's, then the table's.
    pub(super) from: Vec<Source>,
}

/// The mapping of attributes to fields, compiled once and shared.
#[derive(Debug, Clone)]
pub struct Mapping {
    slots: HashMap<Box<str>, Slot, BuildHasherDefault<KeyHasher>>,
    fields: [Sources; TABLE.len()],
}

/// Why an extension of the mapping was refused, and what to change.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum MappingError {
    /// A field that attributes don't fill in.
    #[error("{0:?} is not a field that attributes can fill in: use {fields}", fields = field_names())]
    UnknownField(String),
    /// An attribute for no field.
    #[error("{0:?} stands before any field: write field=attribute, such as task_id=job.id")]
    NoField(String),
    /// A field for no attribute.
    #[error("{0} has no attribute after \"=\": write {0}=attribute")]
    NoAttribute(&'static str),
    /// A name that no attribute has.
    #[error("{0:?} is not an attribute's name: leave out spaces and \"=\"")]
    Malformed(String),
    /// An attribute whose value is never stored.
    #[error("{0:?} names a secret, which is never stored: map another attribute")]
    Secret(String),
    /// More attributes than are looked at.
    #[error("too many attributes: the built-in ones and yours together are at most {MAX_SLOTS}")]
    TooMany,
}

fn field_names() -> String {
    TABLE.map(|row| row.name).join(", ")
}

impl Default for Mapping {
    fn default() -> Self {
        Self::standard()
    }
}

impl Mapping {
    /// The table alone.
    #[must_use]
    pub fn standard() -> Self {
        let mut slots = HashMap::default();
        for (special, attribute) in SPECIAL {
            slots.insert(Box::from(attribute), Slot::from(special));
        }
        let fields = TABLE.map(|row| {
            let explicit = place(&mut slots, &format!("livespan.{}", row.name));
            let from = row.from.iter().map(|from| compiled(*from, &mut slots)).collect();
            Sources { explicit, of_resource: row.of_resource, from }
        });
        Self { slots, fields }
    }

    /// The table with a user's attributes before its own:
    /// `task_id=ticket.id,agent=bot.name`. A field's further attributes follow
    /// it: `task_id=ticket.id,order.id`. Blank space around them is ignored.
    ///
    /// # Errors
    ///
    /// [`MappingError`] names the piece and says what to change.
    pub fn parse_extension(text: &str) -> Result<Self, MappingError> {
        let mut mapping = Self::standard();
        let mut places = [0; TABLE.len()];
        let mut field = None;
        for piece in text.split(',').map(str::trim).filter(|piece| !piece.is_empty()) {
            let attribute = match piece.split_once('=') {
                Some((name, attribute)) => {
                    let name = name.trim();
                    let known =
                        TABLE.iter().find(|row| row.name == name).map(|row| row.field as usize);
                    field = Some(known.ok_or_else(|| MappingError::UnknownField(name.to_owned()))?);
                    attribute.trim()
                }
                None => piece,
            };
            let field = field.ok_or_else(|| MappingError::NoField(piece.to_owned()))?;
            mapping.add(field, attribute, &mut places[field])?;
        }
        Ok(mapping)
    }

    fn add(
        &mut self,
        field: usize,
        attribute: &str,
        place_in_row: &mut usize,
    ) -> Result<(), MappingError> {
        if attribute.is_empty() {
            return Err(MappingError::NoAttribute(TABLE[field].name));
        }
        if attribute.contains(|c: char| c.is_whitespace() || c.is_control() || c == '=') {
            return Err(MappingError::Malformed(attribute.to_owned()));
        }
        if Redactor::standard().is_secret_key(attribute) {
            return Err(MappingError::Secret(attribute.to_owned()));
        }
        if self.slots.len() == MAX_SLOTS && !self.slots.contains_key(attribute) {
            return Err(MappingError::TooMany);
        }
        let source = Source::Is(place(&mut self.slots, attribute));
        self.fields[field].from.insert(*place_in_row, source);
        *place_in_row += 1;
        Ok(())
    }

    /// The place of an attribute that some field or decision asks for.
    pub(super) fn slot(&self, attribute: &str) -> Option<Slot> {
        self.slots.get(attribute).copied()
    }

    /// Where a field's value may stand.
    pub(super) fn sources(&self, field: Field) -> &Sources {
        &self.fields[field as usize]
    }
}

type Slots = HashMap<Box<str>, Slot, BuildHasherDefault<KeyHasher>>;

fn place(slots: &mut Slots, attribute: &str) -> Slot {
    if let Some(slot) = slots.get(attribute) {
        return *slot;
    }
    // Callers keep to MAX_SLOTS.
    let slot = Slot(u8::try_from(slots.len()).unwrap_or(u8::MAX));
    slots.insert(Box::from(attribute), slot);
    slot
}

fn compiled(from: Origin, slots: &mut Slots) -> Source {
    match from {
        Is(attribute) => Source::Is(place(slots, attribute)),
        Joined(first, second) => Source::Joined(place(slots, first), place(slots, second)),
        Where(attribute, other, says) => {
            Source::Where(place(slots, attribute), place(slots, other), says)
        }
        OneMoreInClients(attribute) => Source::OneMoreInClients(place(slots, attribute)),
        Named(attribute, layers) => Source::Named(place(slots, attribute), layers),
        Lower(attribute) => Source::Lower(place(slots, attribute)),
        Family => Source::Family,
        Kind => Source::Kind,
        Name => Source::Name,
    }
}

/// Hashes attribute names: a look-up for every attribute of every span, into
/// a table that no client can add to, so speed is all that counts.
#[derive(Debug, Default, Clone, Copy)]
pub(super) struct KeyHasher(u64);

impl Hasher for KeyHasher {
    fn finish(&self) -> u64 {
        self.0 ^ (self.0 >> 29)
    }

    fn write(&mut self, bytes: &[u8]) {
        let mut hash = self.0 ^ bytes.len() as u64;
        for chunk in bytes.chunks(8) {
            let mut word = [0; 8];
            word[..chunk.len()].copy_from_slice(chunk);
            hash = (hash.rotate_left(23) ^ u64::from_le_bytes(word))
                .wrapping_mul(0x9e37_79b9_7f4a_7c15);
        }
        self.0 = hash;
    }

    fn write_u8(&mut self, _end_of_text: u8) {}
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;

    #[test]
    fn every_row_and_special_attribute_stands_in_its_place() {
        for (index, row) in TABLE.iter().enumerate() {
            assert_eq!(row.field as usize, index, "{}", row.name);
        }
        for (index, (special, attribute)) in SPECIAL.iter().enumerate() {
            assert_eq!(*special as usize, index, "{attribute}");
        }
        let mapping = Mapping::standard();
        assert!(mapping.slots.len() < MAX_SLOTS - 40, "{} are known", mapping.slots.len());
    }

    #[test]
    fn every_known_attribute_has_a_place_of_its_own() {
        let mapping = Mapping::standard();
        let mut places: Vec<u8> = mapping.slots.values().map(|slot| slot.0).collect();
        places.sort_unstable();
        places.dedup();
        assert_eq!(places.len(), mapping.slots.len());
    }

    #[test]
    fn no_known_attribute_names_a_secret() {
        let redactor = Redactor::standard();
        for attribute in Mapping::standard().slots.keys() {
            assert!(!redactor.is_secret_key(attribute), "{attribute}");
        }
    }

    #[test]
    fn an_extension_says_what_to_change() {
        for (text, complaint) in [
            ("ticket=a.b", "\"ticket\" is not a field that attributes can fill in: use task_id,"),
            ("a.b", "write field=attribute"),
            ("task_id=", "task_id has no attribute after \"=\""),
            ("task_id=a b", "\"a b\" is not an attribute's name"),
            ("task_id=a=b", "\"a=b\" is not an attribute's name"),
            ("agent=db.password", "\"db.password\" names a secret"),
        ] {
            let error = Mapping::parse_extension(text).unwrap_err().to_string();
            assert!(error.contains(complaint), "{text}: {error}");
        }
        let many: Vec<String> = (0..MAX_SLOTS).map(|n| format!("a{n}")).collect();
        let error = Mapping::parse_extension(&format!("agent={}", many.join(","))).unwrap_err();
        assert_eq!(error, MappingError::TooMany);
    }

    #[test]
    fn an_extensions_attributes_come_first_and_in_order() {
        let mapping =
            Mapping::parse_extension(" task_id=ticket.id , order.id, agent=bot ").unwrap();
        let task = mapping.sources(Field::TaskId);
        let slot = |name: &str| mapping.slot(name).unwrap();
        let first_two: Vec<Slot> = task.from[..2]
            .iter()
            .map(|source| match source {
                Source::Is(slot) => *slot,
                other => unreachable!("{other:?}"),
            })
            .collect();
        assert_eq!(first_two, [slot("ticket.id"), slot("order.id")]);
        assert_eq!(mapping.sources(Field::Agent).from.len(), 5);
        assert!(Mapping::parse_extension("").is_ok());
    }
}
