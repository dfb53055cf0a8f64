use super::*;
use crate::proto::dns::answer::tests::{Body, Record, packet};
use crate::proto::dns::search::candidates;

/// A lookup whose servers are played by the test.
struct World {
    lookup: Lookup,
    servers: Vec<SocketAddr>,
    /// The number of the last query of each question, and the next one.
    ids: [u16; 2],
    next_id: u16,
}

const ONE: usize = 1;
const NAME: &str = "a.test";

fn servers(count: usize) -> Servers {
    let addresses = (1..=count).map(|n| SocketAddr::from(([192, 0, 2, n as u8], 53))).collect();
    Servers { addresses, first: 0, timeout_ms: 5_000, attempts: 2, tcp_only: false }
}

impl World {
    fn new(servers: Servers, name: &str, search: &[&str]) -> World {
        let search: Vec<String> = search.iter().map(|&domain| domain.to_owned()).collect();
        let addresses = servers.addresses.clone();
        let lookup = Lookup::new(candidates(name, &search, 1), Arc::new(servers)).unwrap();
        World { lookup, servers: addresses, ids: [0; 2], next_id: 100 }
    }

    /// What is to be done, told in short: "A 0 udp 1000" asks server 0 for A.
    fn actions(&mut self) -> Vec<String> {
        let kind = |which| ["A", "AAAA"][which];
        let mut told = Vec::new();
        while let Some(action) = self.lookup.poll_action() {
            told.push(match action {
                Action::Ask { which, server, over, wait_ms } => {
                    self.next_id += 1;
                    self.ids[which] = self.next_id;
                    let query = self.lookup.query(which, self.next_id);
                    assert_eq!(query[..2], self.next_id.to_be_bytes());
                    let at = self.servers.iter().position(|&s| s == server).unwrap();
                    let over = if over == Over::Udp { "udp" } else { "tcp" };
                    let edns = if query[11] == 1 { "" } else { " plain" };
                    format!("{} {at} {over} {wait_ms}{edns}", kind(which))
                }
                Action::AskAgain { which, wait_ms } => format!("{} again {wait_ms}", kind(which)),
                Action::Hurry { which, wait_ms } => format!("{} hurry {wait_ms}", kind(which)),
                Action::Stop { which } => format!("{} stop", kind(which)),
                Action::End(Ok(found)) => {
                    let all: Vec<_> = found.addresses.iter().map(ToString::to_string).collect();
                    format!("{} for {} s", all.join(" "), found.ttl_s)
                }
                Action::End(Err(not)) => {
                    let certain = if not.is_certain { "certain" } else { "uncertain" };
                    format!("{}; {certain}, {:?}", not.why, not.ttl_s)
                }
            });
        }
        told
    }

    fn expect(&mut self, wanted: &[&str]) {
        assert_eq!(self.actions(), wanted);
    }

    /// The server answers the question.
    fn answer(&mut self, which: usize, name: &str, body: &Body) {
        let kind = Kind::BOTH[which];
        let packet = packet(name, kind, self.ids[which], body);
        assert!(self.lookup.handle_packet(which, &packet), "it is the answer");
    }
}

fn v4(ttl_s: u32) -> Body {
    Body::of(vec![Record::a(NAME, ttl_s, "192.0.2.80")])
}

fn v6(ttl_s: u32) -> Body {
    Body::of(vec![Record::aaaa(NAME, ttl_s, "2001:db8::80")])
}

const NO_NAME: u8 = 3;
const SERVFAIL: u8 = 2;

fn code(code: u8) -> Body {
    Body { code, ..Body::of(Vec::new()) }
}

fn no_name(ttl_s: u32) -> Body {
    Body { soa: Some((ttl_s, ttl_s)), ..code(NO_NAME) }
}

fn no_address(ttl_s: u32) -> Body {
    Body { soa: Some((ttl_s, ttl_s)), ..code(0) }
}

#[test]
fn both_kinds_are_asked_for_at_once_and_both_are_waited_for() {
    let mut world = World::new(servers(ONE), NAME, &[]);
    world.expect(&["A 0 udp 1000", "AAAA 0 udp 1000"]);
    world.answer(1, NAME, &v6(60));
    world.expect(&["AAAA stop"]);
    world.answer(0, NAME, &v4(30));
    world.expect(&["A stop", "192.0.2.80 2001:db8::80 for 30 s"]);
}

#[test]
fn what_comes_from_elsewhere_changes_nothing() {
    let mut world = World::new(servers(ONE), NAME, &[]);
    world.actions();
    let id = world.ids[0];
    for (name, kind, id) in
        [(NAME, Kind::A, id ^ 1), ("b.test", Kind::A, id), (NAME, Kind::Aaaa, id)]
    {
        let body = Body::of(vec![Record::a(name, 9, "192.0.2.66")]);
        assert!(!world.lookup.handle_packet(0, &packet(name, kind, id, &body)));
    }
    assert!(!world.lookup.handle_packet(0, b""));
    assert!(!world.lookup.handle_packet(0, &[0; 11]));
    world.expect(&[]);
}

#[test]
fn a_lost_datagram_is_sent_again() {
    let mut world = World::new(servers(ONE), NAME, &[]);
    world.actions();
    world.lookup.handle_silence(0);
    world.expect(&["A again 4000"]);
    world.answer(0, NAME, &v4(30));
    world.expect(&["A stop", "AAAA hurry 50"]);
}

#[test]
fn silent_servers_are_asked_in_turns_and_as_often_as_allowed() {
    let mut world = World::new(servers(2), NAME, &[]);
    world.expect(&["A 0 udp 1000", "AAAA 0 udp 1000"]);
    for server in [1, 0, 1] {
        world.lookup.handle_silence(0);
        world.expect(&["A again 4000"]);
        world.lookup.handle_silence(0);
        world.expect(&[&format!("A {server} udp 1000")]);
    }
    world.lookup.handle_silence(0);
    world.lookup.handle_silence(0);
    world.expect(&["A again 4000", "A stop"]);
    world.answer(1, NAME, &no_address(7));
    world.expect(&[
        "AAAA stop",
        "192.0.2.1:53 did not answer in 10 s, asked 4 times; \
         192.0.2.2:53 did not answer in 10 s, asked 4 times; uncertain, None",
    ]);
}

#[test]
fn a_short_timeout_leaves_no_time_to_send_again() {
    let short = Servers { timeout_ms: 1_000, attempts: 1, ..servers(ONE) };
    let mut world = World::new(short, NAME, &[]);
    world.expect(&["A 0 udp 1000", "AAAA 0 udp 1000"]);
    world.lookup.handle_silence(0);
    world.lookup.handle_silence(1);
    world.expect(&[
        "A stop",
        "AAAA stop",
        "192.0.2.1:53 did not answer in 1 s, asked once; uncertain, None",
    ]);
}

#[test]
fn the_first_server_may_be_another_one() {
    let rotated = Servers { first: 2, ..servers(3) };
    let mut world = World::new(rotated, NAME, &[]);
    world.expect(&["A 2 udp 1000", "AAAA 2 udp 1000"]);
    world.answer(0, NAME, &code(SERVFAIL));
    world.expect(&["A 0 udp 1000"]);
}

#[test]
fn a_server_that_is_of_no_use_is_not_asked_again() {
    let mut world = World::new(servers(2), NAME, &[]);
    world.actions();
    world.answer(0, NAME, &code(SERVFAIL));
    world.expect(&["A 1 udp 1000"]);
    world.lookup.handle_broken(0, "connection refused".to_owned(), 111);
    world.expect(&["A stop"]);
    world.answer(1, NAME, &no_address(7));
    world.expect(&[
        "AAAA stop",
        "192.0.2.1:53 said SERVFAIL; 192.0.2.2:53: connection refused; uncertain, None",
    ]);
}

#[test]
fn what_does_not_fit_is_asked_for_over_tcp() {
    let mut world = World::new(servers(ONE), NAME, &[]);
    world.actions();
    let truncated = Body { is_truncated: true, ..Body::of(Vec::new()) };
    world.answer(0, NAME, &truncated);
    world.expect(&["A 0 tcp 5000"]);
    world.lookup.handle_silence(0);
    world.expect(&["A 0 udp 1000"]);
    world.answer(0, NAME, &truncated);
    world.expect(&["A 0 tcp 5000"]);
    world.answer(0, NAME, &v4(30));
    world.answer(1, NAME, &no_address(7));
    world.expect(&["A stop", "AAAA hurry 50", "AAAA stop", "192.0.2.80 for 7 s"]);
}

#[test]
fn servers_may_be_asked_over_tcp_alone() {
    let mut world = World::new(Servers { tcp_only: true, ..servers(2) }, NAME, &[]);
    world.expect(&["A 0 tcp 5000", "AAAA 0 tcp 5000"]);
    world.lookup.handle_silence(1);
    world.expect(&["AAAA 1 tcp 5000"]);
    world.answer(0, NAME, &Body { is_truncated: true, ..Body::of(Vec::new()) });
    world.expect(&["A 1 tcp 5000"]);
}

#[test]
fn a_server_that_knows_no_edns_is_asked_without() {
    const FORMERR: u8 = 1;
    let mut world = World::new(servers(2), NAME, &[]);
    world.actions();
    world.answer(0, NAME, &code(FORMERR));
    world.expect(&["A 0 udp 1000 plain"]);
    world.answer(0, NAME, &code(FORMERR));
    world.expect(&["A 1 udp 1000"]);
}

#[test]
fn one_kind_is_enough_if_the_other_has_nothing_to_say() {
    // The answers to A and AAAA, and for how long the address then holds.
    for (first, second, ttl_s) in [
        (v4(30), no_address(7), 7),
        (v4(30), no_address(99), 30),
        (v4(30), code(0), 30),
        (v4(30), code(NO_NAME), 30),
        (v4(30), code(SERVFAIL), 5),
        (v4(3), code(SERVFAIL), 3),
        (no_address(7), v6(30), 7),
        (code(SERVFAIL), v6(30), 5),
    ] {
        let mut world = World::new(servers(ONE), NAME, &[]);
        world.actions();
        world.answer(0, NAME, &first);
        world.answer(1, NAME, &second);
        let last = world.actions().pop().unwrap();
        assert!(last.ends_with(&format!(" for {ttl_s} s")), "{last}: {first:?}, {second:?}");
    }
}

#[test]
fn a_kind_that_nobody_answers_for_delays_the_other_by_little() {
    let mut world = World::new(servers(2), NAME, &[]);
    world.actions();
    world.answer(0, NAME, &v4(30));
    world.expect(&["A stop", "AAAA hurry 50"]);
    // Whatever happens now, no more than that is waited for at a time.
    world.answer(1, NAME, &Body { is_truncated: true, ..Body::of(Vec::new()) });
    world.expect(&["AAAA 0 tcp 50"]);
    world.lookup.handle_silence(1);
    world.expect(&["AAAA stop", "192.0.2.80 for 5 s"]);
    // The other way round there is no hurry: without an address of IPv4 much would be lost.
    let mut world = World::new(servers(ONE), NAME, &[]);
    world.actions();
    world.answer(1, NAME, &v6(30));
    world.expect(&["AAAA stop"]);
}

#[test]
fn a_name_without_addresses_says_why_and_for_how_long() {
    for (first, second, told) in [
        (no_name(9), no_name(7), "no such host, says 192.0.2.1:53; certain, Some(7)"),
        (no_address(9), no_address(9), "it has no address, says 192.0.2.1:53; certain, Some(9)"),
        (no_name(9), no_address(9), "it has no address, says 192.0.2.1:53; certain, Some(9)"),
        (code(NO_NAME), no_name(9), "no such host, says 192.0.2.1:53; certain, None"),
        (code(SERVFAIL), no_name(9), "192.0.2.1:53 said SERVFAIL; uncertain, None"),
        (no_name(9), code(5), "192.0.2.1:53 said REFUSED; uncertain, None"),
    ] {
        let mut world = World::new(servers(ONE), NAME, &[]);
        world.actions();
        world.answer(0, NAME, &first);
        world.answer(1, NAME, &second);
        assert_eq!(world.actions().pop().unwrap(), told);
    }
}

#[test]
fn the_search_list_is_walked_until_a_name_has_an_address() {
    let mut world = World::new(servers(ONE), "a", &["one.test", "two.test"]);
    world.expect(&["A 0 udp 1000", "AAAA 0 udp 1000"]);
    for (name, body) in [("a.one.test", no_name(9)), ("a.two.test", no_address(5))] {
        for which in [1, 0] {
            world.answer(which, name, &body);
        }
        let stops = ["AAAA stop", "A stop", "A 0 udp 1000", "AAAA 0 udp 1000"];
        world.expect(&stops);
    }
    for which in [1, 0] {
        world.answer(which, "a", &no_name(8));
    }
    // That one of them exists is the better answer.
    let end = "it has no address, says 192.0.2.1:53; certain, Some(5)";
    world.expect(&["AAAA stop", "A stop", end]);
}

#[test]
fn the_search_ends_where_nobody_answers_at_all() {
    let mut world = World::new(servers(ONE), "a", &["one.test"]);
    world.actions();
    // An answer of no use says something about that name alone.
    world.answer(0, "a.one.test", &code(SERVFAIL));
    world.answer(1, "a.one.test", &code(SERVFAIL));
    world.expect(&["A stop", "AAAA stop", "A 0 udp 1000", "AAAA 0 udp 1000"]);
    world.answer(0, "a", &no_name(9));
    world.answer(1, "a", &no_name(9));
    let end = "a.one.test: 192.0.2.1:53 said SERVFAIL; uncertain, None";
    world.expect(&["A stop", "AAAA stop", end]);

    let mut world = World::new(servers(ONE), "a", &["one.test"]);
    world.actions();
    for which in [0, 1] {
        world.lookup.handle_broken(which, "network is unreachable".to_owned(), 101);
    }
    let end = "a.one.test: 192.0.2.1:53: network is unreachable; uncertain, None";
    world.expect(&["A stop", "AAAA stop", end]);
}

#[test]
fn a_name_that_no_server_can_know_is_not_asked_for() {
    let not = Lookup::new(Vec::new(), Arc::new(servers(ONE))).unwrap_err();
    assert!(not.is_certain && not.why.starts_with("no such host"), "{}", not.why);
}
