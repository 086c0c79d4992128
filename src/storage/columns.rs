//! How domain values travel in bind parameters and result rows.

use sqlx::{
    Decode, Encode, Postgres, Row, Type,
    encode::IsNull,
    error::BoxDynError,
    postgres::{PgArgumentBuffer, PgHasArrayType, PgRow, PgTypeInfo, PgValueRef, types::Oid},
};
use uuid::Uuid;

use super::{copy::POSTGRES_EPOCH_MICROS, error::StorageError};
use crate::domain::{
    ids::{RunId, SpanId, SpanKey},
    reason::ReasonKind,
    time::Timestamp,
};

const TIMESTAMPTZ: Oid = Oid(1184);
const TIMESTAMPTZ_ARRAY: Oid = Oid(1185);

impl Type<Postgres> for Timestamp {
    fn type_info() -> PgTypeInfo {
        PgTypeInfo::with_oid(TIMESTAMPTZ)
    }
}

impl PgHasArrayType for Timestamp {
    fn array_type_info() -> PgTypeInfo {
        PgTypeInfo::with_oid(TIMESTAMPTZ_ARRAY)
    }
}

impl Encode<'_, Postgres> for Timestamp {
    fn encode_by_ref(&self, buf: &mut PgArgumentBuffer) -> Result<IsNull, BoxDynError> {
        <i64 as Encode<Postgres>>::encode(self.as_micros() - POSTGRES_EPOCH_MICROS, buf)
    }
}

impl Decode<'_, Postgres> for Timestamp {
    fn decode(value: PgValueRef<'_>) -> Result<Self, BoxDynError> {
        let micros = <i64 as Decode<Postgres>>::decode(value)?;
        // Postgres knows infinity; livespan never writes it, but a SQL user may.
        Ok(Self::from_micros(micros.saturating_add(POSTGRES_EPOCH_MICROS)))
    }
}

/// The two columns of many keys, for `unnest`.
pub(super) fn key_columns<'k>(
    keys: impl IntoIterator<Item = &'k SpanKey>,
) -> (Vec<Uuid>, Vec<Uuid>) {
    keys.into_iter().map(|key| (Uuid::from(key.run_id), Uuid::from(key.span_id))).unzip()
}

/// Reads a row's fields in the order of its columns.
pub(super) struct Fields<'r> {
    row: &'r PgRow,
    next: usize,
}

impl<'r> Fields<'r> {
    pub(super) fn of(row: &'r PgRow) -> Self {
        Self { row, next: 0 }
    }

    pub(super) fn take<T>(&mut self) -> Result<T, StorageError>
    where
        T: Decode<'r, Postgres> + Type<Postgres>,
    {
        let index = self.next;
        self.next += 1;
        Ok(self.row.try_get(index)?)
    }

    pub(super) fn key(&mut self) -> Result<SpanKey, StorageError> {
        Ok(SpanKey {
            run_id: RunId::from_stored(self.take()?),
            span_id: SpanId::from_stored(self.take()?),
        })
    }

    pub(super) fn reason_kind(&mut self) -> Result<ReasonKind, StorageError> {
        self.take::<&str>()?.parse().map_err(|_| StorageError::Inconsistent {
            table: "finished_spans",
            column: "reason_kind",
        })
    }

    pub(super) fn optional_span(&mut self) -> Result<Option<SpanId>, StorageError> {
        Ok(self.take::<Option<Uuid>>()?.map(SpanId::from_stored))
    }
}
