//! Where a link comes from, as far as limits ask.

use core::net::IpAddr;

use serde::{Deserialize, Serialize};

/// An IPv4 address, or the first 64 bits of an IPv6 one: what one party has to itself. What is no address
/// is one origin.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Origin(u64);

/// No IPv6 address that somebody dials from begins so: multicast.
const IPV4: u64 = 0xffff_ffff_0000_0000;

impl Origin {
    /// Of an address as a host says it.
    #[must_use]
    pub fn of(remote: &str) -> Self {
        let Ok(address) = remote.parse::<IpAddr>() else { return Self::default() };
        match address.to_canonical() {
            IpAddr::V4(address) => Self(IPV4 | u64::from(address.to_bits())),
            IpAddr::V6(address) => Self((address.to_bits() >> 64) as u64),
        }
    }

    /// For a hash over it.
    #[must_use]
    pub const fn to_be_bytes(self) -> [u8; 8] {
        self.0.to_be_bytes()
    }
}

#[cfg(test)]
#[path = "origin_test.rs"]
mod origin_test;
