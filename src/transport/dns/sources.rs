//! From where addresses would be reached, which says in what order they are to be tried.

use crate::proto::dns::order;
use crate::transport::sys;
use std::net::{IpAddr, SocketAddr};

/// Addresses in the order in which they are to be tried.
pub(super) fn in_order(mut addresses: Vec<IpAddr>) -> Vec<SocketAddr> {
    order::sort(&mut addresses, source_of);
    addresses.into_iter().map(|ip| SocketAddr::new(ip, 0)).collect()
}

/// The address from which one would be reached: connecting a datagram socket sends nothing.
fn source_of(ip: IpAddr) -> Option<IpAddr> {
    const DISCARD: u16 = 9;
    let address = SocketAddr::new(ip, DISCARD);
    let fd = sys::open_datagram(&address).ok()?;
    let source = sys::connect(fd, &address).and_then(|_| sys::local_ip(fd));
    sys::close(fd);
    source.ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn loopback_is_reached_from_loopback() {
        for ip in ["127.0.0.1", "127.0.0.2"] {
            assert!(source_of(ip.parse().unwrap()).is_some_and(|source| source.is_loopback()));
        }
        assert_eq!(source_of("255.255.255.255".parse().unwrap()), None);
        // The family that can be reached comes first; which that is, is up to this machine.
        let given = ["127.0.0.1", "::1"].map(|ip| ip.parse().unwrap()).to_vec();
        let v6 = source_of(given[1]).is_some();
        assert_eq!(in_order(given)[0].is_ipv6(), v6);
    }
}
