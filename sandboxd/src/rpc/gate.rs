//! Who may call: the names in `Host` and the origins of web pages.
//!
//! A page in the developer's browser can have the name of its own server resolve to 127.0.0.1 and
//! so be of one origin with this server. Its requests still carry that name in `Host`, so that only
//! `localhost`, addresses, and the names that were allowed get an answer.

use std::net::{IpAddr, SocketAddr};

use http::header::{self, HeaderMap, HeaderName, HeaderValue};
use http::uri::Authority;

use super::config::RpcConfig;

/// What was configured about callers.
#[derive(Debug)]
pub(super) struct Gate {
    hosts: Vec<String>,
    origins: Vec<String>,
}

impl Gate {
    pub(super) fn new(config: &RpcConfig) -> Self {
        let hosts = config.allowed_hosts.iter().map(|host| host.to_ascii_lowercase());
        Self { hosts: hosts.collect(), origins: config.allowed_origins.clone() }
    }

    /// Refuses a request that calls the server by a name that is not its own; the error is for
    /// whoever reads the answer. Only programs leave `Host` out, never a browser.
    pub(super) fn check_host(&self, headers: &HeaderMap) -> Result<(), String> {
        for host in headers.get_all(header::HOST) {
            if !self.is_own(host) {
                let host = String::from_utf8_lossy(host.as_bytes());
                let name = host.rsplit_once(':').map_or(&*host, |(name, _port)| name);
                return Err(format!(
                    "this server is not called {host}: start it with --allow-host {name} if it is"
                ));
            }
        }
        Ok(())
    }

    fn is_own(&self, host: &HeaderValue) -> bool {
        if self.hosts.iter().any(|allowed| allowed == "*") {
            return true;
        }
        // Most callers have an address, which takes no time to see.
        let text = host.to_str().ok();
        if text.is_some_and(|text| text.parse::<SocketAddr>().is_ok()) {
            return true;
        }
        let authority = text.and_then(|host| host.parse::<Authority>().ok());
        let Some(authority) = authority.filter(|authority| !authority.as_str().contains('@'))
        else {
            return false;
        };
        let name = authority.host().trim_end_matches('.').to_ascii_lowercase();
        // No name server can have a page come from an address that is not its own.
        let address = name.trim_start_matches('[').trim_end_matches(']');
        let is_local = name == "localhost" || name.ends_with(".localhost");
        is_local
            || address.parse::<IpAddr>().is_ok()
            || self.hosts.iter().any(|allowed| {
                *allowed == name
                    || *allowed == format!("{name}:{}", authority.port_u16().unwrap_or(80))
            })
    }

    /// The origin to name in an answer, if the caller's page may read it.
    pub(super) fn readable_by(&self, headers: &HeaderMap) -> Option<HeaderValue> {
        if self.admits_all() {
            return Some(HeaderValue::from_static("*"));
        }
        headers.get(header::ORIGIN).filter(|origin| self.admits(origin)).cloned()
    }

    /// Refuses a WebSocket of a page that may not call: browsers leave that to the server.
    pub(super) fn check_origin(&self, headers: &HeaderMap) -> Result<(), String> {
        match headers.get(header::ORIGIN) {
            Some(origin) if !self.admits_all() && !self.admits(origin) => {
                let origin = String::from_utf8_lossy(origin.as_bytes());
                Err(format!("pages of {origin} may not call: see --allow-origin"))
            }
            _ => Ok(()),
        }
    }

    fn admits_all(&self) -> bool {
        self.origins.iter().any(|allowed| allowed == "*")
    }

    fn admits(&self, origin: &HeaderValue) -> bool {
        self.origins.iter().any(|allowed| allowed.as_bytes() == origin.as_bytes())
    }
}

/// Says to caches that an answer depends on these headers of the request.
pub(super) const VARY: HeaderValue = HeaderValue::from_static(
    "origin, access-control-request-method, access-control-request-headers",
);

/// What a browser is told that asks before it calls; the values are neard's.
pub(super) const PREFLIGHT: [(HeaderName, HeaderValue); 3] = [
    (header::ACCESS_CONTROL_ALLOW_METHODS, HeaderValue::from_static("GET,POST")),
    (
        header::ACCESS_CONTROL_ALLOW_HEADERS,
        HeaderValue::from_static("authorization,accept,content-type"),
    ),
    (header::ACCESS_CONTROL_MAX_AGE, HeaderValue::from_static("3600")),
];

#[cfg(test)]
mod tests {
    use http::header::{HOST, HeaderMap, HeaderValue};

    use super::Gate;
    use crate::rpc::RpcConfig;

    fn admitted(allowed: &[&str], host: &str) -> bool {
        let allowed_hosts = allowed.iter().map(|&host| host.to_owned()).collect();
        let gate = Gate::new(&RpcConfig { allowed_hosts, ..RpcConfig::neard() });
        let host = HeaderValue::from_bytes(host.as_bytes()).expect("a header's value");
        gate.check_host(&HeaderMap::from_iter([(HOST, host)])).is_ok()
    }

    #[test]
    fn local_names_and_addresses_are_its_own() {
        for host in [
            "localhost",
            "LocalHost:3030",
            "localhost.",
            "near.localhost:1",
            "127.0.0.1:3030",
            "127.1.2.3",
            "0.0.0.0:3030",
            "[::1]",
            "[::1]:3030",
            "192.168.1.7:3030",
        ] {
            assert!(admitted(&[], host), "{host}");
        }
    }

    #[test]
    fn names_of_others_are_not() {
        for host in [
            "example.com",
            "localhost.example.com",
            "notlocalhost",
            "127.0.0.1.example.com",
            "localhost@example.com",
            "example.com@localhost",
            "",
            "a b",
            "[::1",
            "0x7f.1",
            "\u{e9}",
        ] {
            assert!(!admitted(&[], host), "{host:?}");
        }
    }

    #[test]
    fn names_can_be_allowed() {
        assert!(admitted(&["Sandbox"], "sandbox:3030"));
        assert!(admitted(&["sandbox:3030"], "sandbox:3030"));
        assert!(!admitted(&["sandbox:3030"], "sandbox:3031"));
        assert!(!admitted(&["sandbox"], "sandbox.example.com"));
        assert!(admitted(&["*"], "anything.example.com"));
    }
}
