//! Where livespan can be reached.

use std::net::SocketAddr;

use clap::Args;

use crate::gateway::AllowedHost;

/// Where livespan can be reached.
#[derive(Debug, Clone, Args)]
#[command(next_help_heading = "Network")]
pub struct ListenArgs {
    /// The address for gRPC, OTLP among it. Port 0 takes any that is free and logs it.
    #[arg(
        long,
        env = "LIVESPAN_GRPC_ADDR",
        value_name = "ADDRESS",
        default_value = "127.0.0.1:4317"
    )]
    grpc_addr: SocketAddr,

    /// The address for OTLP over HTTP. Port 0 takes any that is free and logs it.
    #[arg(
        long,
        env = "LIVESPAN_OTLP_HTTP_ADDR",
        value_name = "ADDRESS",
        default_value = "127.0.0.1:4318"
    )]
    otlp_http_addr: SocketAddr,

    /// The address for REST. Port 0 takes any that is free and logs it.
    #[arg(
        long,
        env = "LIVESPAN_HTTP_ADDR",
        value_name = "ADDRESS",
        default_value = "127.0.0.1:5221"
    )]
    http_addr: SocketAddr,

    /// A name under which REST may be reached, beside localhost and its address; several are
    /// separated by commas. Requests for other names are refused, so that no page of another
    /// site can have its name point here and read everything.
    #[arg(
        long = "allowed-host",
        env = "LIVESPAN_ALLOWED_HOST",
        value_name = "NAME",
        value_delimiter = ','
    )]
    pub allowed_hosts: Vec<AllowedHost>,

    /// Listen on addresses that other machines can reach, although nothing
    /// asks them who they are.
    #[arg(long, env = "LIVESPAN_INSECURE")]
    insecure: bool,
}

/// An address that everybody could reach.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error(
    "{setting} {address} can be reached by other machines, and nothing asks them who they are: \
     choose a loopback address such as 127.0.0.1:{port}, or accept it with --insecure \
     (LIVESPAN_INSECURE=true)",
    port = address.port()
)]
pub struct Exposed {
    setting: &'static str,
    address: SocketAddr,
}

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
        self.accepted("--grpc-addr (LIVESPAN_GRPC_ADDR)", self.grpc_addr)
    }

    /// The address for OTLP over HTTP.
    ///
    /// # Errors
    ///
    /// As [`Self::grpc_addr`].
    pub fn otlp_http_addr(&self) -> Result<SocketAddr, Exposed> {
        self.accepted("--otlp-http-addr (LIVESPAN_OTLP_HTTP_ADDR)", self.otlp_http_addr)
    }

    /// The address for REST.
    ///
    /// # Errors
    ///
    /// As [`Self::grpc_addr`].
    pub fn http_addr(&self) -> Result<SocketAddr, Exposed> {
        self.accepted("--http-addr (LIVESPAN_HTTP_ADDR)", self.http_addr)
    }

    fn accepted(&self, setting: &'static str, address: SocketAddr) -> Result<SocketAddr, Exposed> {
        if address.ip().to_canonical().is_loopback() || self.insecure {
            Ok(address)
        } else {
            Err(Exposed { setting, address })
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

    fn parse(args: &[&str]) -> ListenArgs {
        Command::try_parse_from([&["serve"], args].concat()).unwrap().listen
    }

    #[test]
    fn loopback_is_the_default() {
        assert!(parse(&[]).grpc_addr().unwrap().ip().is_loopback());
        assert!(parse(&[]).otlp_http_addr().unwrap().ip().is_loopback());
        assert!(parse(&[]).http_addr().unwrap().ip().is_loopback());
    }

    #[test]
    fn what_others_can_reach_has_to_be_accepted() {
        for address in ["0.0.0.0:4317", "[::]:4317", "192.0.2.1:4317"] {
            parse(&["--grpc-addr", address]).grpc_addr().unwrap_err();
            parse(&["--grpc-addr", address, "--insecure"]).grpc_addr().unwrap();
            let exposed = parse(&["--otlp-http-addr", address]).otlp_http_addr().unwrap_err();
            assert!(exposed.to_string().contains("LIVESPAN_OTLP_HTTP_ADDR"), "{exposed}");
            parse(&["--otlp-http-addr", address, "--insecure"]).otlp_http_addr().unwrap();
            let exposed = parse(&["--http-addr", address]).http_addr().unwrap_err();
            assert!(exposed.to_string().contains("LIVESPAN_HTTP_ADDR"), "{exposed}");
            parse(&["--http-addr", address, "--insecure"]).http_addr().unwrap();
        }
    }
}
