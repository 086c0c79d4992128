//! A query string as a message: each parameter is a field.

use std::fmt::Display;

use percent_encoding::percent_decode_str;
use serde::{
    Deserializer,
    de::{
        DeserializeOwned, DeserializeSeed, Error as _, IntoDeserializer, MapAccess, SeqAccess,
        Visitor,
        value::{Error, StrDeserializer},
    },
    forward_to_deserialize_any,
};

use super::error::said_by_serde;

/// A parameter that is wrong.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct QueryError {
    pub(super) parameter: String,
    pub(super) problem: String,
}

/// Reads `query` as the fields of `T`.
pub(super) fn read<T: DeserializeOwned>(query: &str) -> Result<T, QueryError> {
    let mut parameters: Vec<Parameter> = Vec::new();
    for pair in query.split('&').filter(|pair| !pair.is_empty()) {
        let (name, value) = pair.split_once('=').unwrap_or((pair, ""));
        let name = decode(name).ok_or_else(|| error(name, "is not UTF-8, percent-encoded"))?;
        let value = decode(value)
            .ok_or_else(|| error(&name, "has a value that is not UTF-8, percent-encoded"))?;
        match parameters.iter_mut().find(|parameter| parameter.name == name) {
            Some(parameter) => parameter.values.push(value),
            None => parameters.push(Parameter { name, values: vec![value] }),
        }
    }
    let mut reader = Reader { parameters: &parameters, at: 0 };
    T::deserialize(&mut reader).map_err(|problem| {
        let parameter = parameters.get(reader.at.saturating_sub(1));
        let problem = said_by_serde(&problem.to_string());
        error(parameter.map_or("", |parameter| &parameter.name), problem)
    })
}

struct Parameter {
    name: String,
    values: Vec<String>,
}

fn error(parameter: &str, problem: impl Display) -> QueryError {
    QueryError { parameter: parameter.to_owned(), problem: problem.to_string() }
}

fn decode(text: &str) -> Option<String> {
    let spaced = text.replace('+', " ");
    percent_decode_str(&spaced).decode_utf8().ok().map(|decoded| decoded.into_owned())
}

/// Hands out the parameters, and knows which one was the last.
struct Reader<'q> {
    parameters: &'q [Parameter],
    at: usize,
}

impl<'de> Deserializer<'de> for &mut Reader<'_> {
    type Error = Error;

    fn deserialize_any<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, Error> {
        visitor.visit_map(self)
    }

    forward_to_deserialize_any! {
        bool i8 i16 i32 i64 i128 u8 u16 u32 u64 u128 f32 f64 char str string bytes byte_buf option
        unit unit_struct newtype_struct seq tuple tuple_struct map struct enum identifier
        ignored_any
    }
}

impl<'de> MapAccess<'de> for &mut Reader<'_> {
    type Error = Error;

    fn next_key_seed<K: DeserializeSeed<'de>>(
        &mut self,
        seed: K,
    ) -> Result<Option<K::Value>, Error> {
        let Some(parameter) = self.parameters.get(self.at) else { return Ok(None) };
        self.at += 1;
        let name: StrDeserializer<'_, Error> = parameter.name.as_str().into_deserializer();
        seed.deserialize(name).map(Some)
    }

    fn next_value_seed<V: DeserializeSeed<'de>>(&mut self, seed: V) -> Result<V::Value, Error> {
        let values = self.parameters.get(self.at - 1).map_or(&[][..], |found| &found.values);
        seed.deserialize(Values(values))
    }
}

/// What was given for one parameter.
struct Values<'q>(&'q [String]);

impl<'q> Values<'q> {
    fn one(&self) -> Result<&'q str, Error> {
        match self.0 {
            [value] => Ok(value),
            values => {
                Err(Error::custom(format_args!("is given {} times: give it once", values.len())))
            }
        }
    }
}

impl<'de> Deserializer<'de> for Values<'_> {
    type Error = Error;

    fn deserialize_any<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, Error> {
        visitor.visit_str(self.one()?)
    }

    fn deserialize_bool<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, Error> {
        match self.one()? {
            "true" => visitor.visit_bool(true),
            "false" => visitor.visit_bool(false),
            other => Err(Error::custom(format_args!("is {other:?}: send true or false"))),
        }
    }

    fn deserialize_option<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, Error> {
        visitor.visit_some(self)
    }

    fn deserialize_seq<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, Error> {
        visitor.visit_seq(self)
    }

    forward_to_deserialize_any! {
        i8 i16 i32 i64 i128 u8 u16 u32 u64 u128 f32 f64 char str string bytes byte_buf
        unit unit_struct newtype_struct tuple tuple_struct map struct enum identifier ignored_any
    }
}

impl<'de> SeqAccess<'de> for Values<'_> {
    type Error = Error;

    fn next_element_seed<T: DeserializeSeed<'de>>(
        &mut self,
        seed: T,
    ) -> Result<Option<T::Value>, Error> {
        let Some((value, rest)) = self.0.split_first() else { return Ok(None) };
        self.0 = rest;
        seed.deserialize(Values(std::slice::from_ref(value))).map(Some)
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;
    use crate::proto::v1::{ListRunsRequest, ListTopFailuresRequest, ReasonKind, Status};

    fn problem(query: &str) -> (String, String) {
        let error = read::<ListRunsRequest>(query).unwrap_err();
        (error.parameter, error.problem)
    }

    #[test]
    fn every_kind_of_field_is_read() {
        let request: ListRunsRequest = read(
            "task_id=a+b%2Fc&status=FAILED&reason_kind=TRANSIENT&page_size=3\
             &started_after=2026-01-31T12:00:00Z&executorHost=us-vps",
        )
        .unwrap();
        assert_eq!(request.task_id, "a b/c");
        assert_eq!(request.executor_host, "us-vps");
        assert_eq!(request.status(), Status::Failed);
        assert_eq!(request.reason_kind, Some(ReasonKind::Transient.into()));
        assert_eq!(request.page_size, 3);
        assert_eq!(request.started_after.unwrap().seconds, 1_769_860_800);
        let request: ListTopFailuresRequest = read("window=90s").unwrap();
        assert_eq!(request.window.unwrap().seconds, 90);
        assert_eq!(read::<ListRunsRequest>("").unwrap(), ListRunsRequest::default());
    }

    #[test]
    fn what_is_wrong_is_named() {
        for (query, parameter, said) in [
            ("page_size=many", "page_size", "whole number"),
            ("task_id=x&page_size=-1", "page_size", "whole number"),
            ("status=BROKEN", "status", "one of STATUS_UNSPECIFIED, RUNNING"),
            ("started_after=yesterday", "started_after", "RFC 3339"),
            ("page_size=1&page_size=2", "page_size", "2 times"),
            ("pagesize=1", "pagesize", "the fields are task_id, status,"),
            ("agent=%ff", "agent", "UTF-8"),
            ("%ff=1", "%ff", "UTF-8"),
        ] {
            let (named, problem) = problem(query);
            assert_eq!(named, parameter, "{query}: {problem}");
            assert!(problem.contains(said), "{query}: {problem}");
        }
    }
}
