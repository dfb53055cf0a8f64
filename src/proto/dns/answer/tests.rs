use super::*;

/// A record of an answer: its owner, its time to live, its type, its data.
#[derive(Clone, Debug)]
pub(crate) struct Record(Vec<u8>);

impl Record {
    pub(crate) fn a(owner: &str, ttl_s: u32, address: &str) -> Record {
        let address: std::net::Ipv4Addr = address.parse().unwrap();
        Record::new(owner, 1, ttl_s, &address.octets())
    }

    pub(crate) fn aaaa(owner: &str, ttl_s: u32, address: &str) -> Record {
        let address: std::net::Ipv6Addr = address.parse().unwrap();
        Record::new(owner, 28, ttl_s, &address.octets())
    }

    pub(crate) fn cname(owner: &str, ttl_s: u32, target: &str) -> Record {
        Record::new(owner, 5, ttl_s, Name::parse(target).unwrap().as_wire())
    }

    fn new(owner: &str, rtype: u16, ttl_s: u32, data: &[u8]) -> Record {
        let mut bytes = Name::parse(owner).unwrap().as_wire().to_vec();
        bytes.extend_from_slice(&rtype.to_be_bytes());
        bytes.extend_from_slice(&1u16.to_be_bytes());
        bytes.extend_from_slice(&ttl_s.to_be_bytes());
        bytes.extend_from_slice(&(data.len() as u16).to_be_bytes());
        bytes.extend_from_slice(data);
        Record(bytes)
    }
}

/// What an answer says.
#[derive(Clone, Debug)]
pub(crate) struct Body {
    pub(crate) code: u8,
    pub(crate) is_truncated: bool,
    pub(crate) records: Vec<Record>,
    /// An SOA record: its time to live, and its last field.
    pub(crate) soa: Option<(u32, u32)>,
    /// Whether the server looks names up for others.
    pub(crate) is_resolver: bool,
}

impl Body {
    pub(crate) fn of(records: Vec<Record>) -> Body {
        Body { code: 0, is_truncated: false, records, soa: None, is_resolver: true }
    }
}

/// The bytes of an answer to the question for `kind` of `name`.
pub(crate) fn packet(name: &str, kind: Kind, id: u16, body: &Body) -> Vec<u8> {
    let mut bytes = id.to_be_bytes().to_vec();
    bytes.push(0x81 | u8::from(body.is_truncated) << 1);
    bytes.push(u8::from(body.is_resolver) << 7 | body.code);
    for count in [1, body.records.len() as u16, u16::from(body.soa.is_some()), 0] {
        bytes.extend_from_slice(&count.to_be_bytes());
    }
    bytes.extend_from_slice(Name::parse(name).unwrap().as_wire());
    bytes.extend_from_slice(&rtype(kind).to_int().to_be_bytes());
    bytes.extend_from_slice(&1u16.to_be_bytes());
    for record in &body.records {
        bytes.extend_from_slice(&record.0);
    }
    if let Some((ttl_s, minimum_s)) = body.soa {
        let names = Name::parse("ns.test").unwrap().as_wire().repeat(2);
        let numbers = [1, 2, 3, 4, minimum_s].map(u32::to_be_bytes).concat();
        bytes.extend_from_slice(&Record::new("test", 6, ttl_s, &[names, numbers].concat()).0);
    }
    bytes
}

const ID: u16 = 0x1234;
const NAME: &str = "a.test";

fn read_a(packet: &[u8]) -> Answer {
    read(packet, &Name::parse(NAME).unwrap(), Kind::A, ID)
}

fn read_body(body: &Body) -> Answer {
    read_a(&packet(NAME, Kind::A, ID, body))
}

fn found(addresses: &[&str], ttl_s: u32) -> Answer {
    let addresses = addresses.iter().map(|address| address.parse().unwrap()).collect();
    Answer::Addresses { addresses, ttl_s }
}

#[test]
fn addresses_are_those_of_the_name_or_of_what_it_is_an_alias_of() {
    let a = Record::a;
    let cname = Record::cname;
    for (records, wanted) in [
        (vec![a("a.test", 9, "192.0.2.1")], found(&["192.0.2.1"], 9)),
        (vec![a("A.TEST", 9, "192.0.2.1")], found(&["192.0.2.1"], 9)),
        (
            vec![
                a("a.test", 9, "192.0.2.2"),
                a("a.test", 7, "192.0.2.1"),
                a("a.test", 8, "192.0.2.2"),
            ],
            found(&["192.0.2.2", "192.0.2.1"], 7),
        ),
        (vec![cname("a.test", 5, "b.test"), a("b.test", 9, "192.0.2.1")], found(&["192.0.2.1"], 5)),
        (
            vec![
                a("c.test", 9, "192.0.2.1"),
                cname("b.test", 8, "c.test"),
                cname("a.test", 9, "B.test"),
            ],
            found(&["192.0.2.1"], 8),
        ),
        // What is said of others is not believed.
        (vec![a("b.test", 9, "192.0.2.66"), a("a.test", 9, "192.0.2.1")], found(&["192.0.2.1"], 9)),
        (vec![a("b.test", 9, "192.0.2.66")], Answer::NoAddress { ttl_s: None }),
        (
            vec![cname("a.test", 9, "b.test"), a("a.test", 9, "192.0.2.66")],
            Answer::NoAddress { ttl_s: None },
        ),
        (vec![cname("a.test", 9, "b.test")], Answer::NoAddress { ttl_s: None }),
        (vec![Record::aaaa("a.test", 9, "::1")], Answer::NoAddress { ttl_s: None }),
        (vec![Record::new("a.test", 16, 9, b"\x04text")], Answer::NoAddress { ttl_s: None }),
        // Times with the upper bit set are none.
        (vec![a("a.test", 0x8000_0001, "192.0.2.1")], found(&["192.0.2.1"], 0)),
    ] {
        assert_eq!(read_body(&Body::of(records.clone())), wanted, "{records:?}");
    }
    let v6 = Body::of(vec![Record::aaaa(NAME, 9, "2001:db8::1"), a(NAME, 9, "192.0.2.1")]);
    let packet = packet(NAME, Kind::Aaaa, ID, &v6);
    let answer = read(&packet, &Name::parse(NAME).unwrap(), Kind::Aaaa, ID);
    assert_eq!(answer, found(&["2001:db8::1"], 9));
}

#[test]
fn aliases_have_an_end() {
    let malformed = Answer::Refused(Refusal::Malformed);
    let chain = |count: usize| {
        let name = |n: usize| if n == 0 { NAME.to_owned() } else { format!("b{n}.test") };
        let mut records: Vec<_> =
            (0..count).map(|n| Record::cname(&name(n), 9, &name(n + 1))).collect();
        records.push(Record::a(&name(count), 9, "192.0.2.1"));
        read_body(&Body::of(records))
    };
    assert_eq!(chain(ALIASES_MAX), found(&["192.0.2.1"], 9));
    assert_eq!(chain(ALIASES_MAX + 1), malformed);
    for circle in [
        vec![Record::cname(NAME, 9, NAME)],
        vec![Record::cname(NAME, 9, "b.test"), Record::cname("b.test", 9, NAME)],
    ] {
        assert_eq!(read_body(&Body::of(circle)), malformed);
    }
}

#[test]
fn more_addresses_than_could_be_tried_are_left_out() {
    let records = (0..99).map(|n| Record::a(NAME, 9, &format!("192.0.2.{n}"))).collect();
    let Answer::Addresses { addresses, .. } = read_body(&Body::of(records)) else {
        panic!("there are some");
    };
    assert_eq!(addresses.len(), ADDRESSES_MAX);
}

#[test]
fn codes_say_what_there_is() {
    let body = |code, soa| Body { code, soa, ..Body::of(Vec::new()) };
    let refused = |code| Answer::Refused(Refusal::Code(Rcode::masked_from_int(code)));
    for (code, soa, wanted) in [
        (0, None, Answer::NoAddress { ttl_s: None }),
        (0, Some((9, 7)), Answer::NoAddress { ttl_s: Some(7) }),
        (0, Some((7, 9)), Answer::NoAddress { ttl_s: Some(7) }),
        (1, None, Answer::NotUnderstood),
        (2, None, refused(2)),
        (3, None, Answer::NoSuchName { ttl_s: None }),
        (3, Some((7, 9)), Answer::NoSuchName { ttl_s: Some(7) }),
        (4, None, Answer::NotUnderstood),
        (5, None, refused(5)),
        (15, None, refused(15)),
    ] {
        assert_eq!(read_body(&body(code, soa)), wanted, "{code}, {soa:?}");
    }
    assert_eq!(Refusal::Code(Rcode::SERVFAIL).to_string(), "said SERVFAIL");
    assert_eq!(Refusal::Code(Rcode::REFUSED).to_string(), "said REFUSED");
    let referral = Body { is_resolver: false, ..Body::of(Vec::new()) };
    assert_eq!(read_body(&referral), Answer::Refused(Refusal::Referral));
    let known = Body { is_resolver: false, ..body(0, Some((9, 9))) };
    assert_eq!(read_body(&known), Answer::NoAddress { ttl_s: Some(9) });
    let truncated = Body { is_truncated: true, ..body(0, None) };
    assert_eq!(read_body(&truncated), Answer::Truncated);
}

#[test]
fn what_is_not_the_answer_is_told_apart() {
    let right = packet(NAME, Kind::A, ID, &Body::of(vec![Record::a(NAME, 9, "192.0.2.1")]));
    assert_eq!(read_a(&right), found(&["192.0.2.1"], 9));
    let with = |at: usize, byte: u8| {
        let mut changed = right.clone();
        changed[at] = byte;
        read_a(&changed)
    };
    for (at, byte) in [
        (0, 0x13),     // another number
        (1, 0x35),     // another number
        (2, 0x01),     // a query
        (2, 0x81 | 8), // another operation
        (4, 1),        // 257 questions
        (5, 0),        // none
        (5, 2),        // two
        (12, 2),       // another name, and nonsense
        (13, b'b'),    // another name
        (21, 28),      // another type
        (23, 3),       // another class
    ] {
        assert_eq!(with(at, byte), Answer::Foreign, "{byte} at {at}");
    }
    assert_eq!(with(13, b'A'), found(&["192.0.2.1"], 9), "in any case");
    let without = [&right[..3], &[0x81], &[0; 8]].concat();
    assert_eq!(read_a(&without), Answer::NotUnderstood);
}

#[test]
fn every_piece_of_an_answer_is_refused_or_foreign() {
    let whole = packet(NAME, Kind::A, ID, &Body::of(vec![Record::a(NAME, 9, "192.0.2.1")]));
    for len in 0..whole.len() {
        let answer = read_a(&whole[..len]);
        let malformed = Answer::Refused(Refusal::Malformed);
        let wanted = if len < 12 + 8 + 4 { Answer::Foreign } else { malformed };
        assert_eq!(answer, wanted, "{len}");
    }
}

/// Names may point back into the message, and only there.
#[test]
fn pointers_that_run_in_circles_are_refused() {
    const AT: usize = 12 + 8 + 4;
    let answer = |owner: &[u8]| {
        let mut bytes = packet(NAME, Kind::A, ID, &Body::of(Vec::new()));
        bytes[7] = 1;
        bytes.extend_from_slice(owner);
        bytes.extend_from_slice(&[0, 1, 0, 1, 0, 0, 0, 9, 0, 4, 192, 0, 2, 1]);
        read_a(&bytes)
    };
    assert_eq!(answer(&[0xc0, 12]), found(&["192.0.2.1"], 9));
    let malformed = Answer::Refused(Refusal::Malformed);
    for owner in [
        &[0xc0, AT as u8][..],                 // to itself
        &[0xc0, AT as u8 + 2, 0xc0, AT as u8], // to each other
        &[1, b'a', 0xc0, AT as u8],            // longer each time
        &[0xff, 0xff],                         // out of the message
        &[0x40, 0],                            // a kind of label that there is not
        &[0x80, 0],
    ] {
        assert_eq!(answer(owner), malformed, "{owner:?}");
    }
}

/// Many names, each by way of as many pointers as there may be, must not take long.
#[test]
fn the_worst_answer_is_read_in_time() {
    let mut bytes = packet(NAME, Kind::A, ID, &Body::of(Vec::new()));
    let start = bytes.len();
    // Data of an unknown record: pointers, each to the one before.
    let count = 250;
    bytes.extend_from_slice(&[0, 0, 99, 0, 1, 0, 0, 0, 0]);
    bytes.extend_from_slice(&(2 * count as u16).to_be_bytes());
    let mut to = 12u16;
    for _ in 0..count {
        let here = bytes.len() as u16;
        bytes.extend_from_slice(&(0xc000 | to).to_be_bytes());
        to = here;
    }
    let mut records = 1u16;
    while bytes.len() + 16 <= usize::from(u16::MAX) {
        bytes.extend_from_slice(&(0xc000 | to).to_be_bytes());
        bytes.extend_from_slice(&[
            0,
            1,
            0,
            1,
            0,
            0,
            0,
            9,
            0,
            4,
            192,
            0,
            (records >> 8) as u8,
            records as u8,
        ]);
        records += 1;
    }
    assert!(start < 0x3fff && records > 3000);
    bytes[6..8].copy_from_slice(&records.to_be_bytes());
    let begun = std::time::Instant::now();
    let Answer::Addresses { addresses, .. } = read_a(&bytes) else {
        panic!("it is well formed");
    };
    assert_eq!(addresses.len(), ADDRESSES_MAX);
    assert!(begun.elapsed() < std::time::Duration::from_secs(2), "{:?}", begun.elapsed());
}
