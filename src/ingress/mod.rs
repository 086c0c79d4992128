//! Bytes in, answers out: the gRPC services. They convert and check, and leave
//! every decision to the rooms behind them.

pub mod error;
