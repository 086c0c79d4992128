//! Whom a request may be meant for, against DNS rebinding: a page of another site
//! whose name is made to point here would else be of this server's own origin, and
//! could read and write as it likes.

use std::{fmt, net::IpAddr, str::FromStr};

use http::{
    HeaderMap, Method, StatusCode, Uri,
    header::{HOST, ORIGIN},
    uri::Authority,
};
use tonic::Code;

use super::error::Refusal;
use crate::http_listener::Ends;

/// A name under which the server may be reached.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct AllowedHost(String);

/// Why a text is no host name.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error(
    "is no host name: write only the name, such as livespan.example.org, without scheme and port"
)]
pub struct HostError;

impl FromStr for AllowedHost {
    type Err = HostError;

    fn from_str(text: &str) -> Result<Self, HostError> {
        let authority: Authority = text.parse().map_err(|_| HostError)?;
        // Neither a port nor a user.
        if authority.host() != text || text.is_empty() {
            return Err(HostError);
        }
        Ok(Self(normal(text)))
    }
}

impl fmt::Display for AllowedHost {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

/// All names under which the server may be reached, beside those that can't be
/// another site's: loopback, and the address that the connection came in at.
#[derive(Debug, Clone, Default)]
pub struct AllowedHosts(Vec<AllowedHost>);

impl From<Vec<AllowedHost>> for AllowedHosts {
    fn from(hosts: Vec<AllowedHost>) -> Self {
        Self(hosts)
    }
}

impl AllowedHosts {
    /// Whether a request with this head may be answered.
    pub(super) fn check(
        &self,
        method: &Method,
        uri: &Uri,
        headers: &HeaderMap,
        ends: Ends,
    ) -> Result<(), Refusal> {
        let authority = authority(uri, headers)?;
        if !self.allows(authority.host(), ends) {
            let message = format!(
                "{} is not a name of this server: have it started with --allowed-host {0} \
                 (LIVESPAN_ALLOWED_HOST), or ask by its address",
                authority.host()
            );
            return Err(Refusal::http(
                StatusCode::MISDIRECTED_REQUEST,
                Code::PermissionDenied,
                message,
            ));
        }
        if !method.is_safe() && !is_own_origin(headers, &authority) {
            let message = "a page of another site may not change anything here: the header Origin \
                           names another host than the request is sent to";
            return Err(Refusal::http(StatusCode::FORBIDDEN, Code::PermissionDenied, message));
        }
        Ok(())
    }

    fn allows(&self, host: &str, ends: Ends) -> bool {
        let host = normal(host);
        let address = host.trim_start_matches('[').trim_end_matches(']').parse::<IpAddr>();
        if let Ok(address) = address.map(|address| address.to_canonical())
            && (address.is_loopback() || address == ends.local.ip().to_canonical())
        {
            return true;
        }
        // Browsers and resolvers keep these to themselves.
        host == "localhost"
            || host.ends_with(".localhost")
            || self.0.iter().any(|allowed| allowed.0 == host)
    }
}

/// In lower case, without the dot of the root.
fn normal(host: &str) -> String {
    host.strip_suffix('.').unwrap_or(host).to_ascii_lowercase()
}

/// Whom the request is for. With HTTP/2, and where the request's target is a whole
/// URL, that stands there and counts.
fn authority(uri: &Uri, headers: &HeaderMap) -> Result<Authority, Refusal> {
    if let Some(authority) = uri.authority() {
        return Ok(authority.clone());
    }
    let mut hosts = headers.get_all(HOST).iter();
    let host = hosts.next().and_then(|host| Authority::try_from(host.as_bytes()).ok());
    host.filter(|_| hosts.next().is_none()).ok_or_else(|| {
        let message =
            "the request needs one header Host, with the name and port that it is sent to";
        Refusal::http(StatusCode::BAD_REQUEST, Code::InvalidArgument, message)
    })
}

/// Whether the request is no page's, or a page's of this server.
fn is_own_origin(headers: &HeaderMap, authority: &Authority) -> bool {
    headers.get_all(ORIGIN).iter().all(|origin| {
        let origin = origin.to_str().ok().and_then(|origin| origin.parse::<Uri>().ok());
        origin.is_some_and(|origin| {
            origin
                .authority()
                .is_some_and(|origin| origin.as_str().eq_ignore_ascii_case(authority.as_str()))
        })
    })
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use http::HeaderValue;

    use super::*;

    fn ends(local: &str) -> Ends {
        Ends { peer: "192.0.2.9:4000".parse().unwrap(), local: local.parse().unwrap() }
    }

    fn is_allowed(host: &str, local: &str, names: &[&str]) -> bool {
        let names: Vec<AllowedHost> = names.iter().map(|name| name.parse().unwrap()).collect();
        let mut headers = HeaderMap::new();
        headers.insert(HOST, HeaderValue::from_str(host).unwrap());
        let uri = Uri::from_static("/api/v1/runs");
        AllowedHosts::from(names).check(&Method::GET, &uri, &headers, ends(local)).is_ok()
    }

    #[test]
    fn loopback_and_the_own_address_are_always_allowed() {
        for host in ["localhost", "LOCALHOST:5221", "app.localhost", "127.0.0.1:1", "127.9.9.9"] {
            assert!(is_allowed(host, "127.0.0.1:5221", &[]), "{host}");
        }
        assert!(is_allowed("[::1]:5221", "[::1]:5221", &[]));
        assert!(is_allowed("192.0.2.1:5221", "192.0.2.1:5221", &[]));
        assert!(is_allowed("192.0.2.1", "[::ffff:192.0.2.1]:5221", &[]));
    }

    #[test]
    fn other_names_have_to_be_allowed() {
        for host in ["evil.example", "localhost.evil.example", "192.0.2.2", "notlocalhost"] {
            assert!(!is_allowed(host, "127.0.0.1:5221", &["traces.example.org"]), "{host}");
        }
        for host in ["traces.example.org", "Traces.Example.org.:443"] {
            assert!(is_allowed(host, "127.0.0.1:5221", &["traces.example.org"]), "{host}");
        }
    }

    #[test]
    fn a_request_for_nobody_is_refused() {
        let uri = Uri::from_static("/");
        let hosts = AllowedHosts::default();
        let mut headers = HeaderMap::new();
        hosts.check(&Method::GET, &uri, &headers, ends("127.0.0.1:1")).unwrap_err();
        headers.append(HOST, HeaderValue::from_static("localhost"));
        headers.append(HOST, HeaderValue::from_static("localhost"));
        hosts.check(&Method::GET, &uri, &headers, ends("127.0.0.1:1")).unwrap_err();
    }

    #[test]
    fn another_sites_page_changes_nothing() {
        let uri = Uri::from_static("/api/v1/spans");
        let hosts = AllowedHosts::default();
        let mut headers = HeaderMap::new();
        headers.insert(HOST, HeaderValue::from_static("127.0.0.1:5221"));
        let mut check = |method: &Method, origin: &'static str| {
            headers.insert(ORIGIN, HeaderValue::from_static(origin));
            hosts.check(method, &uri, &headers, ends("127.0.0.1:5221"))
        };
        check(&Method::POST, "http://127.0.0.1:5221").unwrap();
        check(&Method::GET, "https://evil.example").unwrap();
        for origin in ["https://evil.example", "null", "http://127.0.0.1:8080"] {
            check(&Method::POST, origin).unwrap_err();
        }
    }

    #[test]
    fn an_allowed_host_is_a_name_alone() {
        for wrong in ["", "https://example.org", "example.org:443", "a b", "example.org/", "u@h"] {
            wrong.parse::<AllowedHost>().unwrap_err();
        }
        assert_eq!("Example.ORG.".parse::<AllowedHost>().unwrap().to_string(), "example.org");
    }
}
