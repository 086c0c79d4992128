//! Compiles the proto files: message and service code, how the messages that REST
//! carries are written as JSON, REST's routes, and one descriptor set that
//! reflection serves and that keeps the `google.api.http` options. Puts the built
//! dashboard beside them.

#![allow(clippy::print_stdout, reason = "cargo is spoken to by it")]

mod binding;
mod dashboard;
mod docs_page;
mod json;
mod openapi;
mod routes;

use std::{env, error::Error, fs, path::PathBuf};

use prost::Message as _;

const SERVICES: [&str; 3] = [
    "livespan/v1/span_service.proto",
    "livespan/v1/trace_query.proto",
    "livespan/v1/run_control.proto",
];

/// Not compiled to code, only described to those who ask.
const ERRORS: &str = "google/rpc/error_details.proto";

/// What the proto can't say of REST.
const OPENAPI_BY_HAND: &str = "src/gateway/by_hand.openapi.json";

fn main() -> Result<(), Box<dyn Error>> {
    println!("cargo::rerun-if-changed=proto");
    println!("cargo::rerun-if-changed=migrations");
    println!("cargo::rerun-if-changed={OPENAPI_BY_HAND}");

    let mut compiler = protox::Compiler::new(["proto"])?;
    compiler.include_imports(true).include_source_info(true).open_files(SERVICES)?;
    let code =
        prost_types::FileDescriptorSet::decode(compiler.encode_file_descriptor_set().as_slice())?;
    let bindings = binding::read(&compiler.descriptor_pool())?;

    // `file_descriptor_set` would go through types that know no extensions and
    // so drop the HTTP options; the encoded form keeps them.
    compiler.open_file(ERRORS)?;
    let encoded = compiler.encode_file_descriptor_set();
    let out_dir = PathBuf::from(env::var("OUT_DIR")?);
    fs::write(out_dir.join("livespan_descriptor.bin"), &encoded)?;
    fs::write(out_dir.join("rest_routes.rs"), routes::code(&bindings))?;
    docs_page::unpack(&out_dir)?;
    let by_hand = serde_json::from_slice(&fs::read(OPENAPI_BY_HAND)?)?;
    fs::write(out_dir.join("openapi.json"), openapi::document(&bindings, by_hand)?)?;
    fs::write(out_dir.join("dashboard_assets.rs"), dashboard::code()?)?;

    let builder = tonic_prost_build::configure()
        .codec_path("crate::proto::StrictCodec")
        // JSON that is only carried through stays bytes: no map is built for it.
        .extern_path(".google.protobuf.Struct", "crate::proto::JsonObject")
        .extern_path(".google.protobuf.Value", "crate::proto::JsonValue")
        .bytes(".livespan.v1.StoreArtifactRequest.content");
    json::attributes(builder, &bindings)?.compile_fds(code)?;
    Ok(())
}
