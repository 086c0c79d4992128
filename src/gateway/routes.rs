//! The routes of the unary rpcs, generated from the proto by `build/routes.rs`.

use std::sync::Arc;

use axum::{
    Router,
    routing::{self, MethodFilter},
};

use super::transcode::{Call, answer};
use crate::proto::v1;

include!(concat!(env!("OUT_DIR"), "/rest_routes.rs"));
