//! The order in which addresses are tried: RFC 6724 section 6.
//!
//! Rules 3, 4 and 7 need what the system does not tell; the others are here, each as a part of a
//! key by which the addresses are sorted.

use std::cmp::Reverse;
use std::net::{IpAddr, Ipv6Addr};

/// Sorts addresses. `source_of` says from which address one would be reached; nothing if it would
/// not be. It is not asked where no rule could change the order but the first: IPv4 addresses alone.
pub(crate) fn sort(addresses: &mut [IpAddr], source_of: impl Fn(IpAddr) -> Option<IpAddr>) {
    let alike =
        |pair: &[IpAddr]| pair.iter().all(IpAddr::is_ipv4) && scope(pair[0]) == scope(pair[1]);
    if !addresses.windows(2).all(alike) {
        // There are few of them, so the simplest way will do.
        let mut sorted: Vec<(Key, IpAddr)> = Vec::with_capacity(addresses.len());
        for &address in &*addresses {
            let key = key(address, source_of(address));
            let at = sorted.partition_point(|(other, _)| *other <= key);
            sorted.insert(at, (key, address));
        }
        for (place, (_, address)) in addresses.iter_mut().zip(sorted) {
            *place = address;
        }
    }
}

/// What is smaller comes first; among equals the order stays as it was (rule 10).
#[derive(PartialEq, Eq, PartialOrd, Ord)]
struct Key {
    /// Rule 1.
    is_unreachable: bool,
    /// Rule 2.
    leaves_scope: bool,
    /// Rule 5.
    leaves_label: bool,
    /// Rule 6.
    precedence: Reverse<u8>,
    /// Rule 8.
    scope: u8,
    /// Rule 9. IPv4 addresses are left in the order in which the server gave them, for it may be
    /// spreading the load (the RFC's own section 6 has it so, and everybody else does).
    common_bits: Reverse<u32>,
}

fn key(address: IpAddr, source: Option<IpAddr>) -> Key {
    let (precedence, label) = policy(address);
    let scope = scope(address);
    Key {
        is_unreachable: source.is_none(),
        leaves_scope: source.is_none_or(|source| self::scope(source) != scope),
        leaves_label: source.is_none_or(|source| policy(source).1 != label),
        precedence: Reverse(precedence),
        scope,
        common_bits: Reverse(common_bits(address, source)),
    }
}

fn as_v6(address: IpAddr) -> Ipv6Addr {
    match address {
        IpAddr::V4(v4) => v4.to_ipv6_mapped(),
        IpAddr::V6(v6) => v6,
    }
}

/// The table of section 2.1, the longest prefixes first: prefix, its length, precedence, label.
const POLICIES: [(Ipv6Addr, u32, u8, u8); 9] = [
    (Ipv6Addr::LOCALHOST, 128, 50, 0),
    (Ipv6Addr::new(0, 0, 0, 0, 0, 0xffff, 0, 0), 96, 35, 4),
    (Ipv6Addr::UNSPECIFIED, 96, 1, 3),
    (Ipv6Addr::new(0x2001, 0, 0, 0, 0, 0, 0, 0), 32, 5, 5),
    (Ipv6Addr::new(0x2002, 0, 0, 0, 0, 0, 0, 0), 16, 30, 2),
    (Ipv6Addr::new(0x3ffe, 0, 0, 0, 0, 0, 0, 0), 16, 1, 12),
    (Ipv6Addr::new(0xfec0, 0, 0, 0, 0, 0, 0, 0), 10, 1, 11),
    (Ipv6Addr::new(0xfc00, 0, 0, 0, 0, 0, 0, 0), 7, 3, 13),
    (Ipv6Addr::UNSPECIFIED, 0, 40, 1),
];

/// Precedence and label of an address.
fn policy(address: IpAddr) -> (u8, u8) {
    let bits = as_v6(address).to_bits();
    let covers = |(prefix, len, ..): &&(Ipv6Addr, u32, u8, u8)| {
        (bits ^ prefix.to_bits()).leading_zeros() >= *len
    };
    POLICIES.iter().find(covers).map_or((40, 1), |&(_, _, precedence, label)| (precedence, label))
}

const LINK_LOCAL: u8 = 0x2;
const SITE_LOCAL: u8 = 0x5;
const GLOBAL: u8 = 0xe;

/// How far an address reaches (sections 3.1 and 3.2).
fn scope(address: IpAddr) -> u8 {
    match address {
        IpAddr::V4(v4) if v4.is_loopback() || v4.is_link_local() => LINK_LOCAL,
        IpAddr::V4(_) => GLOBAL,
        IpAddr::V6(v6) if v6.is_multicast() => v6.octets()[1] & 0xf,
        IpAddr::V6(v6) if v6.is_loopback() || v6.is_unicast_link_local() => LINK_LOCAL,
        IpAddr::V6(v6) if v6.segments()[0] & 0xffc0 == 0xfec0 => SITE_LOCAL,
        IpAddr::V6(_) => GLOBAL,
    }
}

/// How much a destination and its source have in common, of the half that tells networks apart.
fn common_bits(address: IpAddr, source: Option<IpAddr>) -> u32 {
    match (address, source) {
        (IpAddr::V6(address), Some(IpAddr::V6(source))) => {
            (address.to_bits() ^ source.to_bits()).leading_zeros().min(64)
        }
        _ => 0,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// A destination and its source.
    type Pair = (&'static str, &'static str);

    /// Destinations with their sources in the order in which they come, and the order that they
    /// get. The first rows are the examples of RFC 6724 section 10.2 that need no rule left out
    /// here.
    const ROWS: &[(&[Pair], &[&str])] = &[
        (
            &[("2001:db8:1::1", "2001:db8:1::2"), ("198.51.100.121", "169.254.13.78")],
            &["2001:db8:1::1", "198.51.100.121"],
        ),
        (
            &[("2001:db8:1::1", "fe80::1"), ("198.51.100.121", "198.51.100.117")],
            &["198.51.100.121", "2001:db8:1::1"],
        ),
        (
            &[("10.1.2.3", "10.1.2.4"), ("2001:db8:1::1", "2001:db8:1::2")],
            &["2001:db8:1::1", "10.1.2.3"],
        ),
        (
            &[("2001:db8:1::1", "2001:db8:1::2"), ("fe80::1", "fe80::2")],
            &["fe80::1", "2001:db8:1::1"],
        ),
        (
            &[("2002:c633:6401::1", "2002:c633:6401::2"), ("2001:db8:1::1", "2001:db8:1::2")],
            &["2001:db8:1::1", "2002:c633:6401::1"],
        ),
        // What cannot be reached comes last.
        (&[("2001:db8::1", ""), ("10.0.0.1", "10.0.0.2")], &["10.0.0.1", "2001:db8::1"]),
        (&[("2001:db8::1", ""), ("10.0.0.1", "")], &["2001:db8::1", "10.0.0.1"]),
        // Another label: a tunnel towards an address that is none.
        (&[("2001:db8::1", "2002::1"), ("192.0.2.1", "192.0.2.2")], &["192.0.2.1", "2001:db8::1"]),
        // Longer prefixes in common, for IPv6 alone, and up to the 64th bit.
        (
            &[("2001:db8:2::1", "2001:db8:1::9"), ("2001:db8:1::1", "2001:db8:1::9")],
            &["2001:db8:1::1", "2001:db8:2::1"],
        ),
        (
            &[("2001:db8::1:0", "2001:db8::2"), ("2001:db8::1", "2001:db8::2")],
            &["2001:db8::1:0", "2001:db8::1"],
        ),
        (
            &[("10.0.0.1", "10.1.0.2"), ("10.1.0.1", "10.1.0.2"), ("::1", "")],
            &["10.0.0.1", "10.1.0.1", "::1"],
        ),
        (&[("192.0.2.1", "192.0.2.2"), ("127.0.0.1", "127.0.0.1")], &["127.0.0.1", "192.0.2.1"]),
        (&[("::1", "::1"), ("127.0.0.1", "127.0.0.1")], &["::1", "127.0.0.1"]),
        (&[("127.0.0.1", "127.0.0.1"), ("::1", "")], &["127.0.0.1", "::1"]),
        (&[("fd00::1", "fd00::2"), ("192.0.2.1", "192.0.2.2")], &["192.0.2.1", "fd00::1"]),
    ];

    #[test]
    fn addresses_are_ordered_by_the_rules() {
        for (given, wanted) in ROWS {
            let source_of = |address: IpAddr| {
                let row = given.iter().find(|(to, _)| to.parse() == Ok(address));
                row.and_then(|(_, from)| from.parse().ok())
            };
            let mut addresses: Vec<IpAddr> =
                given.iter().map(|(a, _)| a.parse().unwrap()).collect();
            sort(&mut addresses, source_of);
            let sorted: Vec<String> = addresses.iter().map(ToString::to_string).collect();
            assert_eq!(sorted, *wanted);
        }
    }

    #[test]
    fn policies_and_scopes_are_those_of_the_tables() {
        for (address, precedence, label, scope) in [
            ("::1", 50, 0, LINK_LOCAL),
            ("2606:4700::1", 40, 1, GLOBAL),
            ("192.0.2.1", 35, 4, GLOBAL),
            ("10.0.0.1", 35, 4, GLOBAL),
            ("127.0.0.1", 35, 4, LINK_LOCAL),
            ("169.254.1.1", 35, 4, LINK_LOCAL),
            ("2002::1", 30, 2, GLOBAL),
            ("2001::1", 5, 5, GLOBAL),
            ("2001:1::1", 40, 1, GLOBAL),
            ("fd12::1", 3, 13, GLOBAL),
            ("::192.0.2.1", 1, 3, GLOBAL),
            ("fec0::1", 1, 11, SITE_LOCAL),
            ("3ffe::1", 1, 12, GLOBAL),
            ("fe80::1", 40, 1, LINK_LOCAL),
            ("ff05::1", 40, 1, 5),
        ] {
            let address: IpAddr = address.parse().unwrap();
            assert_eq!(policy(address), (precedence, label), "{address}");
            assert_eq!(self::scope(address), scope, "{address}");
        }
    }

    #[test]
    fn nobody_is_asked_for_sources_that_make_no_difference() {
        for given in [&["192.0.2.1"][..], &["2001:db8::1"], &["192.0.2.2", "192.0.2.1"], &[]] {
            let given: Vec<IpAddr> = given.iter().map(|a| a.parse().unwrap()).collect();
            let mut addresses = given.clone();
            sort(&mut addresses, |_| panic!("it is in order"));
            assert_eq!(addresses, given);
        }
    }
}
