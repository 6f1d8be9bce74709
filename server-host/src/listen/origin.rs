//! Which pages may talk to us from a browser.

use std::net::{IpAddr, SocketAddr};

/// The server's own address and loopback on any port, and what the operator named.
#[derive(Debug, Default)]
pub(crate) struct Origins {
    own: String,
    named: Vec<String>,
}

impl Origins {
    pub(crate) fn new(listen: SocketAddr, named: &[String]) -> Self {
        let named = named.iter().map(|origin| origin.trim_end_matches('/').to_ascii_lowercase());
        Self { own: format!("http://{listen}"), named: named.collect() }
    }

    /// Whether a page of this origin is let in. The `Host` header is no help here: a name that was
    /// rebound to our address would carry itself there too.
    pub(crate) fn allows(&self, origin: &str) -> bool {
        let origin = origin.to_ascii_lowercase();
        if origin == self.own || self.named.contains(&origin) {
            return true;
        }
        let host = origin.strip_prefix("http://").or_else(|| origin.strip_prefix("https://"));
        host.is_some_and(is_loopback)
    }
}

/// Whether `host[:port]` names this machine.
pub(crate) fn is_loopback(host: &str) -> bool {
    let name = match host.strip_prefix('[') {
        Some(rest) => rest.split(']').next().unwrap_or_default(),
        None => host.split(':').next().unwrap_or_default(),
    };
    name == "localhost" || name.parse::<IpAddr>().is_ok_and(|address| address.is_loopback())
}
