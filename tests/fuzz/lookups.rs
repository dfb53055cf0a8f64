//! Whole lookups, whose servers answer, fall silent, break off and lie as it happens.

use super::answers::{BEHIND_QUESTION, NAME, WORDS, bodies};
use super::inputs::try_all;
use super::mutation::mutate;
use super::random::Random;
use crate::proto::dns::answer::ADDRESSES_MAX;
use crate::proto::dns::answer::tests::packet;
use crate::proto::dns::lookup::{Action, Found, Lookup, NotFound, Over, Servers};
use crate::proto::dns::query::Kind;
use crate::proto::dns::search::candidates;
use std::net::{IpAddr, SocketAddr};
use std::sync::Arc;

/// A query may be sent as it is, without EDNS, and over TCP.
const WAYS: usize = 3;

#[test]
fn a_lookup_ends_once_after_no_more_queries_than_it_may_send() {
    try_all("lookups", &["found", "certain", "uncertain"], |random| match run(random) {
        Ok(_) => "found",
        Err(NotFound { is_certain: true, .. }) => "certain",
        Err(_) => "uncertain",
    });
}

/// One of the two questions, as the one who asks sees it.
#[derive(Default)]
struct Side {
    /// Whom it is asked of, with which number and for which name.
    asked: Option<(SocketAddr, Over, u16, String)>,
    wait_ms: u32,
}

fn run(random: &mut Random) -> Result<Found, NotFound> {
    let count = 1 + random.below(3) as usize;
    let servers = Servers {
        addresses: (1..=count).map(|n| SocketAddr::from(([192, 0, 2, n as u8], 53))).collect(),
        first: random.below(count as u64) as usize,
        timeout_ms: random.one_of(&[500, 5_000]),
        attempts: 1 + random.below(3) as u32,
        tcp_only: random.percent(10),
    };
    let search: Vec<String> = ["one.test", "two.test"].map(str::to_owned).into();
    let names = candidates(NAME, &search[..random.below(3) as usize], random.below(3) as u32);
    let may_ask = names.len() * 2 * count * servers.attempts as usize * WAYS;
    let (addresses, timeout_ms) = (servers.addresses.clone(), servers.timeout_ms);
    let mut lookup = Lookup::new(names, Arc::new(servers))?;

    // Some servers say the same whatever they are asked.
    let stubborn = random.percent(30).then(|| random.below(9) as usize);
    let mut sides = <[Side; 2]>::default();
    let mut told: Vec<IpAddr> = Vec::new();
    let (mut asked, mut next_id) = (0, random.number() as u16);
    loop {
        while let Some(action) = lookup.poll_action() {
            match action {
                Action::Ask { which, server, over, wait_ms } => {
                    asked += 1;
                    next_id = next_id.wrapping_add(1);
                    let query = lookup.query(which, next_id);
                    let name = name_of(&query);
                    sides[which] = Side { asked: Some((server, over, next_id, name)), wait_ms };
                    assert!(addresses.contains(&server) && query[..2] == next_id.to_be_bytes());
                }
                Action::AskAgain { which, wait_ms } | Action::Hurry { which, wait_ms } => {
                    assert!(sides[which].asked.is_some(), "it has a socket");
                    sides[which].wait_ms = wait_ms;
                }
                Action::Stop { which } => sides[which] = Side::default(),
                Action::End(end) => {
                    assert!(lookup.poll_action().is_none(), "nothing is to be done after the end");
                    check(&end, &told);
                    return end;
                }
            }
            assert!(asked <= may_ask, "{asked} queries");
            assert!(sides.iter().all(|side| side.wait_ms <= timeout_ms), "too long a wait");
        }
        let open: Vec<usize> = (0..2).filter(|&which| sides[which].asked.is_some()).collect();
        assert!(!open.is_empty(), "it hangs");
        let which = random.one_of(&open);
        let Some((_, _, id, name)) = &sides[which].asked else { unreachable!("it is open") };
        match if stubborn.is_some() { 9 } else { random.below(10) } {
            0 | 1 => lookup.handle_silence(which),
            2 => {
                sides[which] = Side::default();
                lookup.handle_broken(which, "refused".to_owned(), 111);
            }
            _ => {
                let (kind, bodies) = (Kind::BOTH[which], bodies(Kind::BOTH[which]));
                let packets = bodies.iter().map(|body| packet(name, kind, *id, body));
                let mut packets: Vec<_> = packets.collect();
                let packet = match stubborn {
                    Some(said) => packets.swap_remove(said),
                    None => mutate(random, &packets, WORDS, BEHIND_QUESTION + name.len()),
                };
                told.extend(addresses_in(&packet));
                if !lookup.handle_packet(which, &packet) {
                    assert!(lookup.poll_action().is_none(), "what is ignored changes nothing");
                }
            }
        }
    }
}

fn check(end: &Result<Found, NotFound>, told: &[IpAddr]) {
    match end {
        Ok(found) => {
            assert!((1..=2 * ADDRESSES_MAX).contains(&found.addresses.len()));
            for (at, address) in found.addresses.iter().enumerate() {
                assert!(told.contains(address), "nobody has told of {address}");
                assert!(!found.addresses[..at].contains(address), "{address} twice");
            }
        }
        Err(missing) => assert!(!missing.why.is_empty()),
    }
}

/// What is asked for in a query.
fn name_of(query: &[u8]) -> String {
    let mut labels = Vec::new();
    let mut rest = &query[12..];
    while let Some((&len, behind)) = rest.split_first().filter(|&(&len, _)| len > 0) {
        let (label, behind) = behind.split_at(len.into());
        labels.push(str::from_utf8(label).expect("names of tests are ASCII"));
        rest = behind;
    }
    labels.join(".")
}

/// All that could be taken for an address.
fn addresses_in(packet: &[u8]) -> impl Iterator<Item = IpAddr> {
    let four = packet.windows(4).map(|w| IpAddr::from(<[u8; 4]>::try_from(w).expect("four")));
    let sixteen =
        packet.windows(16).map(|w| IpAddr::from(<[u8; 16]>::try_from(w).expect("sixteen")));
    four.chain(sixteen)
}
