//! What OpenTelemetry's exporters may send, and how it is read.

use bytesize::ByteSize;
use clap::Args;

use crate::{
    domain::otel::{Mapping, MappingError},
    ingress::ExportOptions,
};

/// What OpenTelemetry's exporters may send, and how it is read.
#[derive(Debug, Clone, Args)]
#[command(next_help_heading = "OpenTelemetry")]
pub struct OtlpArgs {
    /// How large one OTLP request may be, as sent and when decompressed. Exporters send batches
    /// of some hundred KiB; one that sends more than this has to send fewer spans at once.
    #[arg(long, env = "LIVESPAN_OTLP_MAX_REQUEST", value_name = "SIZE", default_value = "64MiB",
          value_parser = request_size)]
    otlp_max_request: ByteSize,

    /// Attributes that fill in fields before the built-in ones do, as field=attribute:
    /// task_id=ticket.id,agent=bot.name.
    #[arg(long, env = "LIVESPAN_OTLP_MAP", value_name = "MAPPING")]
    otlp_map: Option<String>,
}

/// A mapping that can't be used.
#[derive(Debug, thiserror::Error)]
#[error("--otlp-map (LIVESPAN_OTLP_MAP)")]
pub struct MappingConfigError(#[from] MappingError);

/// From what holds any usual batch to what one message of gRPC can carry.
fn request_size(text: &str) -> Result<ByteSize, String> {
    let size: ByteSize = text.parse()?;
    if (ByteSize::kib(64)..=ByteSize::gib(1)).contains(&size) {
        Ok(size)
    } else {
        Err("is not between 64KiB and 1GiB".to_owned())
    }
}

impl OtlpArgs {
    /// What one request may take.
    #[must_use]
    pub fn export(&self) -> ExportOptions {
        ExportOptions {
            max_request_bytes: usize::try_from(self.otlp_max_request.as_u64())
                .unwrap_or(usize::MAX),
            ..ExportOptions::default()
        }
    }

    /// Which attribute is which field, with the operator's own.
    ///
    /// # Errors
    ///
    /// Where these can't be understood.
    pub fn mapping(&self) -> Result<Mapping, MappingConfigError> {
        match &self.otlp_map {
            Some(text) => Ok(Mapping::parse_extension(text)?),
            None => Ok(Mapping::standard()),
        }
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use clap::Parser;

    use super::*;

    #[derive(Debug, Parser)]
    struct Command {
        #[command(flatten)]
        otlp: OtlpArgs,
    }

    fn parse(args: &[&str]) -> Result<OtlpArgs, clap::Error> {
        Command::try_parse_from([&["serve"], args].concat()).map(|command| command.otlp)
    }

    #[test]
    fn a_request_may_have_64_mib_unless_said_otherwise() {
        assert_eq!(parse(&[]).unwrap().export().max_request_bytes, 64 << 20);
        let said = parse(&["--otlp-max-request", "1MiB"]).unwrap();
        assert_eq!(said.export().max_request_bytes, 1 << 20);
        for nonsense in ["0", "1KiB", "2GiB", "much"] {
            parse(&["--otlp-max-request", nonsense]).unwrap_err();
        }
    }

    #[test]
    fn a_mapping_of_no_field_names_its_flag() {
        parse(&["--otlp-map", "task_id=ticket.id"]).unwrap().mapping().unwrap();
        let refused = parse(&["--otlp-map", "colour=x"]).unwrap().mapping().unwrap_err();
        assert!(refused.to_string().contains("LIVESPAN_OTLP_MAP"), "{refused}");
    }
}
