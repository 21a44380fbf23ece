//! The address a listener binds.

use std::{
    fmt,
    net::{IpAddr, Ipv4Addr, SocketAddr},
    str::FromStr,
};

/// An IP address and a port. `:8080` is every IPv4 address of the machine, `localhost:8080` is
/// `127.0.0.1:8080`; other host names are not looked up.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct ListenAddress(pub(crate) SocketAddr);

impl ListenAddress {
    /// A port of the loopback address.
    pub(crate) const fn loopback(port: u16) -> Self {
        Self(SocketAddr::new(IpAddr::V4(Ipv4Addr::LOCALHOST), port))
    }

    /// Whether only this machine can reach it.
    pub(crate) fn is_loopback(self) -> bool {
        self.0.ip().is_loopback()
    }
}

impl FromStr for ListenAddress {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        let whole = match text.strip_prefix(':') {
            Some(port) => format!("0.0.0.0:{port}"),
            None => text.replacen("localhost:", "127.0.0.1:", 1),
        };
        whole.parse().map(Self).map_err(|_| {
            format!(
                "not an address to listen on: {text:?} \
                 (expected such as 127.0.0.1:8080, [::1]:8080, or :8080 for all addresses)"
            )
        })
    }
}

impl fmt::Display for ListenAddress {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.fmt(f)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn address(text: &str) -> ListenAddress {
        text.parse().unwrap()
    }

    #[test]
    fn a_port_alone_means_every_address() {
        assert_eq!(address(":8080").to_string(), "0.0.0.0:8080");
        assert!(!address(":8080").is_loopback());
    }

    #[test]
    fn loopback_is_recognised_in_both_families() {
        assert!(address("127.0.0.1:0").is_loopback());
        assert!(address("[::1]:9").is_loopback());
        assert!(address("localhost:9").is_loopback());
        assert!(!address("192.0.2.1:9").is_loopback());
    }

    #[test]
    fn what_is_no_address_is_named() {
        for text in ["", "8080", "host:8080", ":99999", "127.0.0.1"] {
            assert!(
                text.parse::<ListenAddress>().unwrap_err().contains("not an address"),
                "{text}"
            );
        }
    }
}
