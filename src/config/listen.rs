//! Where livespan can be reached.

use std::net::SocketAddr;

use clap::Args;

/// Where livespan can be reached.
#[derive(Debug, Clone, Args)]
#[command(next_help_heading = "Network")]
pub struct ListenArgs {
    /// The address for gRPC. Port 0 takes any that is free and logs it.
    #[arg(
        long,
        env = "LIVESPAN_GRPC_ADDR",
        value_name = "ADDRESS",
        default_value = "127.0.0.1:4317"
    )]
    grpc_addr: SocketAddr,

    /// Listen on an address that other machines can reach, although nothing
    /// asks them who they are.
    #[arg(long, env = "LIVESPAN_INSECURE")]
    insecure: bool,
}

/// An address that everybody could reach.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error(
    "--grpc-addr (LIVESPAN_GRPC_ADDR) {0} can be reached by other machines, and nothing asks them \
     who they are: choose a loopback address such as 127.0.0.1:4317, or accept it with --insecure \
     (LIVESPAN_INSECURE=true)"
)]
pub struct Exposed(SocketAddr);

impl ListenArgs {
    /// Whether the operator accepts that others reach it.
    #[must_use]
    pub fn insecure(&self) -> bool {
        self.insecure
    }

    /// The address for gRPC.
    ///
    /// # Errors
    ///
    /// Where others could reach it and nobody accepted that.
    pub fn grpc_addr(&self) -> Result<SocketAddr, Exposed> {
        if self.grpc_addr.ip().to_canonical().is_loopback() || self.insecure {
            Ok(self.grpc_addr)
        } else {
            Err(Exposed(self.grpc_addr))
        }
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use clap::Parser;

    use super::*;

    #[derive(Parser)]
    struct Command {
        #[command(flatten)]
        listen: ListenArgs,
    }

    fn grpc_addr(args: &[&str]) -> Result<SocketAddr, Exposed> {
        Command::try_parse_from([&["serve"], args].concat()).unwrap().listen.grpc_addr()
    }

    #[test]
    fn loopback_is_the_default() {
        assert!(grpc_addr(&[]).unwrap().ip().is_loopback());
    }

    #[test]
    fn what_others_can_reach_has_to_be_accepted() {
        for address in ["0.0.0.0:4317", "[::]:4317", "192.0.2.1:4317"] {
            grpc_addr(&["--grpc-addr", address]).unwrap_err();
            grpc_addr(&["--grpc-addr", address, "--insecure"]).unwrap();
        }
    }
}
