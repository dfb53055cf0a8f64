//! Answers of name servers, read by themselves.

use super::inputs::try_all;
use super::mutation::mutate;
use super::random::Random;
use crate::proto::dns::answer::tests::{Body, Record, packet};
use crate::proto::dns::answer::{ADDRESSES_MAX, Answer, Refusal, read};
use crate::proto::dns::name::Name;
use crate::proto::dns::query::Kind;
use std::net::IpAddr;

pub(super) const NAME: &str = "a.test";
const ID: u16 = 0x1234;
/// Where the records begin.
pub(super) const BEHIND_QUESTION: usize = 12 + 8 + 4;

/// Owners, types and data that records are made of.
pub(super) const WORDS: &[&[u8]] = &[
    &[0xc0, 12],
    &[0xc0, 14],
    &[0xc0, 24],
    b"\x01b\x04test\0",
    &[0, 1, 0, 1],
    &[0, 28, 0, 1],
    &[0, 5, 0, 1],
    &[0, 6, 0, 1],
    &[0x80, 0, 0, 0],
    &[0, 4, 192, 0, 2, 66],
    &[0xff, 0xff],
];

/// Bodies of every kind, for a question of this kind.
pub(super) fn bodies(kind: Kind) -> Vec<Body> {
    let address = |owner: &str, n: u8| match kind {
        Kind::A => Record::a(owner, 9, &format!("192.0.2.{n}")),
        Kind::Aaaa => Record::aaaa(owner, 9, &format!("2001:db8::{n}")),
    };
    let chain = vec![
        Record::cname(NAME, 9, "b.test"),
        Record::cname("b.test", 7, "c.test"),
        address("c.test", 1),
    ];
    let nothing = Body { soa: Some((9, 7)), ..Body::of(Vec::new()) };
    vec![
        Body::of(vec![address(NAME, 1), address(NAME, 2)]),
        Body::of(vec![Record::a(NAME, 9, "192.0.2.3"), Record::aaaa(NAME, 9, "2001:db8::3")]),
        Body { soa: Some((9, 9)), ..Body::of(chain) },
        Body { code: 3, ..nothing.clone() },
        Body { is_truncated: true, ..nothing.clone() },
        Body { code: 1, ..nothing.clone() },
        Body { code: 2, ..nothing.clone() },
        Body { is_resolver: false, ..Body::of(Vec::new()) },
        nothing,
    ]
}

/// One with pointers in the place of names, as servers send them.
fn compressed() -> Vec<u8> {
    let mut bytes = packet(NAME, Kind::A, ID, &Body::of(Vec::new()));
    bytes[7] = 2;
    bytes.extend_from_slice(&[0xc0, 12, 0, 5, 0, 1, 0, 0, 0, 9, 0, 4, 1, b'b', 0xc0, 14]);
    bytes.extend_from_slice(&[0xc0, 36, 0, 1, 0, 1, 0, 0, 0, 9, 0, 4, 192, 0, 2, 1]);
    bytes
}

#[test]
fn what_is_believed_of_an_answer_stands_in_it() {
    let mut corpus = Kind::BOTH.map(|kind| {
        let packets = bodies(kind).into_iter().map(|body| packet(NAME, kind, ID, &body));
        packets.collect::<Vec<_>>()
    });
    corpus[0].push(compressed());
    let kinds = ["foreign", "truncated", "addresses", "no name", "no address", "refused", "odd"];
    try_all("answers", &kinds, |random| {
        let which = random.below(2) as usize;
        let bytes = mutate(random, &corpus[which], WORDS, BEHIND_QUESTION);
        check(&bytes, Kind::BOTH[which], random)
    });
}

fn check(bytes: &[u8], kind: Kind, random: &mut Random) -> &'static str {
    let name = Name::parse(NAME).expect("it is one");
    let answer = read(bytes, &name, kind, ID);

    if answer == Answer::Foreign {
        return "foreign";
    }
    assert_eq!((&bytes[..2], bytes[2] & 0xf8), (&ID.to_be_bytes()[..], 0x80), "it answers");
    if bytes[4..6] == [0, 0] {
        assert_eq!(answer, Answer::NotUnderstood);
        return "odd";
    }
    let question = &bytes[12..BEHIND_QUESTION];
    assert!(question[..8].eq_ignore_ascii_case(name.as_wire()), "to the name");

    // Then it answers nobody else.
    let other = Name::parse("b.test").expect("it is one");
    let other_kind = if kind == Kind::A { Kind::Aaaa } else { Kind::A };
    let other_id = ID ^ (1 << random.below(16));
    assert_eq!(read(bytes, &other, kind, ID), Answer::Foreign);
    assert_eq!(read(bytes, &name, other_kind, ID), Answer::Foreign);
    assert_eq!(read(bytes, &name, kind, other_id), Answer::Foreign);

    // Names are the same in any case.
    let mut shouted = bytes.to_vec();
    shouted[12..20].make_ascii_uppercase();
    assert_eq!(read(&shouted, &name, kind, ID), answer);

    let is_ttl = |ttl_s: Option<u32>| assert!(ttl_s.is_none_or(|ttl_s| ttl_s <= i32::MAX as u32));
    match answer {
        Answer::Foreign => unreachable!("it is not"),
        Answer::Truncated => "truncated",
        Answer::Addresses { addresses, ttl_s } => {
            is_ttl(Some(ttl_s));
            assert!((1..=ADDRESSES_MAX).contains(&addresses.len()), "{addresses:?}");
            for (at, address) in addresses.iter().enumerate() {
                assert!(!addresses[..at].contains(address), "{address} twice");
                assert_eq!(address.is_ipv4(), kind == Kind::A, "{address}");
                assert!(stands_in(&bytes[BEHIND_QUESTION..], *address), "{address} from nowhere");
            }
            "addresses"
        }
        Answer::NoSuchName { ttl_s } => {
            is_ttl(ttl_s);
            "no name"
        }
        Answer::NoAddress { ttl_s } => {
            is_ttl(ttl_s);
            "no address"
        }
        Answer::NotUnderstood => "odd",
        Answer::Refused(Refusal::Code(_) | Refusal::Referral | Refusal::Malformed) => "refused",
    }
}

fn stands_in(bytes: &[u8], address: IpAddr) -> bool {
    match address {
        IpAddr::V4(v4) => bytes.windows(4).any(|four| four == v4.octets()),
        IpAddr::V6(v6) => bytes.windows(16).any(|sixteen| sixteen == v6.octets()),
    }
}
