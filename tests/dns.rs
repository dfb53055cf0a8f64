//! What the native resolver makes of what name servers say, over real sockets. The names end in a
//! dot, so that the search list of this machine has no part in it.
#![allow(unsafe_code)] // for texts that are no addresses

mod support;

use ::ifetch::ffi::client::ifetch_client_limit::*;
use ::ifetch::ffi::client::ifetch_client_timeout::*;
use ::ifetch::ffi::client::ifetch_count::*;
use ::ifetch::ffi::options::ifetch_timeout::*;
use ::ifetch::ffi::report::ifetch_lookup::{self, *};
use ::ifetch::ffi::resolver::*;
use std::time::{Duration, Instant};
use support::Act::*;
use support::dns::Kind::*;
use support::dns::Record::*;
use support::dns::Say::*;
use support::dns::{Dns, HERE, Kind, NO_ADDRESS, SILENCE, Saying, Wrong};
use support::*;

/// A client that asks this server, and keeps no connections, so that each fetch needs an address.
fn client(dns: &Dns) -> Client {
    Client::new().limit(IFETCH_CLIENT_LIMIT_IDLE, 0).asking(dns.address())
}

/// A server at an address of the loopback network, for so many connections.
fn server_at(ip: &str, connections: usize) -> Server {
    Server::start_on(&format!("{ip}:0"), &vec![&[Serve][..]; connections])
}

fn url(name: &str, server: &Server) -> String {
    format!("http://{name}.:{}/", server.address().port())
}

fn assert_done(fetch: &Fetch, lookup: ifetch_lookup) {
    assert_eq!(fetch.finish().body, "/", "{}", fetch.message());
    assert_eq!(fetch.report().lookup, lookup as i32);
}

/// The message of a fetch whose name has no address, without what stands before the reason.
fn why(fetch: &Fetch, name: &str) -> String {
    assert_eq!(fetch.finish().status, IFETCH_FAILED);
    assert_eq!(fetch.error(), IFETCH_ERROR_RESOLVE, "{}", fetch.message());
    let message = fetch.message();
    let why = message.strip_prefix(&format!("look up {name}.: "));
    why.unwrap_or_else(|| panic!("{message}")).to_owned()
}

#[test]
fn a_name_is_asked_for_in_both_kinds_and_connected_to() {
    let (dns, server) = (Dns::start(), server_at("127.0.0.1", 1));
    dns.tell_here("plain.test");
    let client = client(&dns);
    assert_done(&client.get(&url("plain.test", &server)), IFETCH_LOOKUP_NEW);
    let queries = dns.queries();
    assert_eq!(queries.len(), 2, "{queries:?}");
    assert!(queries.iter().all(|query| query.has_edns && !query.is_tcp));
    assert_ne!(queries[0].from.port(), queries[1].from.port(), "each has a socket of its own");
    assert_eq!(client.count(IFETCH_COUNT_LOOKUPS), 1);
    assert_eq!(client.count(IFETCH_COUNT_LOOKUPS_SYSTEM), 0);
}

/// What a server says to the question for A, with nothing for AAAA, and the address that it comes
/// to; none if there is none.
const ANSWERS: &[(&str, Saying, Option<&str>)] = &[
    ("one.test", HERE, Some("127.0.0.1")),
    ("upper.test", &[Records(9, &[AddressOf("UPPER.test", "127.0.0.1")])], Some("127.0.0.1")),
    (
        "alias.test",
        &[Records(
            9,
            &[Alias("b.test"), AliasOf("b.test", "c.test"), AddressOf("c.test", "127.0.0.2")],
        )],
        Some("127.0.0.2"),
    ),
    (
        "unordered.test",
        &[Records(9, &[AddressOf("b.test", "127.0.0.2"), Alias("b.test")])],
        Some("127.0.0.2"),
    ),
    ("lone.test", &[Records(9, &[Alias("b.test")])], None),
    ("stray.test", &[Records(9, &[AddressOf("b.test", "127.0.0.66")])], None),
    (
        "stray-too.test",
        &[Records(9, &[AddressOf("b.test", "127.0.0.66"), Address("127.0.0.2")])],
        Some("127.0.0.2"),
    ),
    ("nodata.test", &[NoAddress(Some(9))], None),
    ("nxdomain.test", &[NoName(Some(9))], None),
];

#[test]
fn answers_lead_to_the_addresses_that_they_give() {
    let dns = Dns::start();
    for &(name, saying, wanted) in ANSWERS {
        dns.tell(name, A, &[saying]);
        dns.tell(name, Aaaa, &[NO_ADDRESS]);
        let client = client(&dns);
        match wanted {
            Some(ip) => {
                assert_done(&client.get(&url(name, &server_at(ip, 1))), IFETCH_LOOKUP_NEW);
            }
            None => {
                let why = why(&client.get(&format!("http://{name}./")), name);
                assert_eq!(why, format!("it has no address, says {}", dns.address()), "{name}");
            }
        }
    }
}

#[test]
fn a_name_may_have_addresses_of_one_kind_alone() {
    let dns = Dns::start();
    dns.tell("six.test", A, &[NO_ADDRESS]);
    dns.tell("six.test", Aaaa, &[&[Records(60, &[Address("::1")])]]);
    let server = server_at("[::1]", 1);
    assert_done(&client(&dns).get(&url("six.test", &server)), IFETCH_LOOKUP_NEW);
}

#[test]
fn a_name_that_nobody_has_says_so() {
    let dns = Dns::start();
    let fetch = client(&dns).get("http://nobody.test./");
    let told = format!("no such host, says {}", dns.address());
    assert_eq!(why(&fetch, "nobody.test"), told);
    assert_eq!(fetch.os_error(), 0);
}

/// RFC 6761 section 6.4, RFC 7686 section 2.
#[test]
fn names_that_no_server_may_be_asked_for_do_not_exist() {
    let dns = Dns::start();
    let client = client(&dns);
    for name in ["a.invalid", "a.onion", "a..b"] {
        let fetch = client.get(&format!("http://{name}./"));
        assert!(why(&fetch, name).starts_with("no such host"), "{name}");
    }
    assert!(dns.queries().is_empty());
}

/// A lookup that is told something else first still comes to the right address.
#[test]
fn what_is_not_the_answer_is_ignored() {
    const GOOD: dns::Say = Records(60, &[Address("127.0.0.1")]);
    let (dns, server) = (Dns::start(), server_at("127.0.0.1", 6));
    for (name, saying) in [
        ("number.test", &[dns::Say::Wrong(Wrong::Number), GOOD][..]),
        ("name.test", &[dns::Say::Wrong(Wrong::Name), GOOD]),
        ("kind.test", &[dns::Say::Wrong(Wrong::Kind), GOOD]),
        ("query.test", &[dns::Say::Wrong(Wrong::Query), GOOD]),
        ("short.test", &[dns::Say::Wrong(Wrong::Short), GOOD]),
        ("source.test", &[dns::Say::Wrong(Wrong::Source), GOOD]),
    ] {
        dns.tell(name, A, &[saying]);
        dns.tell(name, Aaaa, &[NO_ADDRESS]);
        assert_done(&client(&dns).get(&url(name, &server)), IFETCH_LOOKUP_NEW);
        assert_eq!(dns.asked(name, A), 1, "{name}");
    }
}

#[test]
fn more_of_what_is_not_the_answer_than_is_looked_at_in_a_turn_is_ignored_too() {
    const FLOOD: Saying = &{
        let mut flood = [dns::Say::Wrong(Wrong::Number); 100];
        flood[99] = Records(60, &[Address("127.0.0.1")]);
        flood
    };
    let (dns, server) = (Dns::start(), server_at("127.0.0.1", 1));
    dns.tell("flood.test", A, &[FLOOD]);
    dns.tell("flood.test", Aaaa, &[NO_ADDRESS]);
    let client = client(&dns);
    let fetch = client.start(&url("flood.test", &server), &Options::new());
    // All of it is there before the client looks.
    dns.until_asked(2);
    std::thread::sleep(QUIET);
    assert_done(&fetch, IFETCH_LOOKUP_NEW);
    assert_eq!(dns.queries().len(), 2, "none was sent again");
}

/// What the first of two servers does, and what is told if the second does the same.
#[test]
fn a_server_that_is_of_no_use_gives_way_to_the_next() {
    let (first, second) = (Dns::start(), Dns::start());
    let server = server_at("127.0.0.1", 6);
    for (name, saying, told) in [
        ("servfail.test", &[Code(2)][..], "said SERVFAIL"),
        ("refused.test", &[Code(5)], "said REFUSED"),
        ("circle.test", &[dns::Say::Wrong(Wrong::Circle)], "sent a malformed answer"),
        ("cut.test", &[dns::Say::Wrong(Wrong::Cut)], "sent a malformed answer"),
        ("formerr.test", &[Code(1)], "sent a malformed answer"),
        ("loop.test", &[Records(9, &[Alias("loop.test")])], "sent a malformed answer"),
    ] {
        for kind in [A, Aaaa] {
            first.tell(name, kind, &[saying]);
            second.tell(name, kind, &[saying]);
        }
        let fetch = client(&first).asking(second.address()).get(&format!("http://{name}./"));
        let both = [&first, &second].map(|dns| format!("{} {told}", dns.address()));
        assert_eq!(why(&fetch, name), both.join("; "));

        second.tell_here(name);
        let client = client(&first).asking(second.address());
        assert_done(&client.get(&url(name, &server)), IFETCH_LOOKUP_NEW);
    }
}

/// RFC 6891 section 7.
#[test]
fn a_server_that_knows_no_edns_is_asked_without() {
    let (dns, server) = (Dns::start(), server_at("127.0.0.1", 1));
    dns.tell("old.test", A, &[&[Code(1)], HERE]);
    dns.tell("old.test", Aaaa, &[&[Code(4)], NO_ADDRESS]);
    assert_done(&client(&dns).get(&url("old.test", &server)), IFETCH_LOOKUP_NEW);
    let plain = dns.queries().iter().filter(|query| !query.has_edns).count();
    assert_eq!((dns.queries().len(), plain), (4, 2));
}

#[test]
fn a_server_that_is_not_there_gives_way_at_once() {
    let dns = Dns::start();
    let server = server_at("127.0.0.1", 1);
    dns.tell_here("there.test");
    let gone = {
        let socket = std::net::UdpSocket::bind("127.0.0.1:0").expect("a loopback port");
        socket.local_addr().expect("it is bound")
    };
    let client = Client::new().asking(gone).asking(dns.address());
    assert_done(&client.get(&url("there.test", &server)), IFETCH_LOOKUP_NEW);

    let fetch = Client::new().asking(gone).get("http://there.test./");
    assert_eq!(why(&fetch, "there.test"), format!("{gone}: connection refused"));
    assert_eq!(fetch.os_error(), libc::ECONNREFUSED);
}

#[test]
fn a_lost_datagram_is_sent_again() {
    let (dns, server) = (Dns::start(), server_at("127.0.0.1", 1));
    dns.tell("lost.test", A, &[SILENCE, HERE]);
    dns.tell("lost.test", Aaaa, &[SILENCE, NO_ADDRESS]);
    assert_done(&client(&dns).get(&url("lost.test", &server)), IFETCH_LOOKUP_NEW);
    let from = |kind: Kind| {
        let queries = dns.queries();
        queries.iter().filter(|q| q.kind == kind).map(|q| (q.from, q.id)).collect::<Vec<_>>()
    };
    for kind in [A, Aaaa] {
        assert_eq!(from(kind).len(), 2);
        assert_eq!(from(kind)[0], from(kind)[1], "an answer to either will do");
    }
}

#[test]
fn each_query_has_a_number_and_a_port_of_its_own() {
    let dns = Dns::start();
    let client = client(&dns);
    for n in 0..32 {
        let fetch = client.get(&format!("http://n{n}.nobody.test./"));
        assert_eq!(fetch.error(), IFETCH_ERROR_RESOLVE);
    }
    let queries = dns.queries();
    let differing = |of: &dyn Fn(&dns::Query) -> u16| {
        queries.iter().map(of).collect::<std::collections::BTreeSet<_>>().len()
    };
    // Sixty-four of 65,536 are hardly ever the same more than once or twice.
    assert_eq!(queries.len(), 64);
    assert!(differing(&|query| query.id) > 60);
    assert!(differing(&|query| query.from.port()) > 60);
}

#[test]
fn an_answer_that_does_not_fit_is_asked_for_over_tcp() {
    let (dns, server) = (Dns::start(), server_at("127.0.0.1", 1));
    dns.tell("large.test", A, &[&[Truncated], HERE]);
    dns.tell("large.test", Aaaa, &[&[Truncated], NO_ADDRESS]);
    assert_done(&client(&dns).get(&url("large.test", &server)), IFETCH_LOOKUP_NEW);
    let over_tcp = dns.queries().iter().filter(|query| query.is_tcp).count();
    assert_eq!((dns.queries().len(), over_tcp), (4, 2));
}

#[test]
fn a_server_that_breaks_off_over_tcp_gives_way_to_the_next() {
    let second = Dns::start();
    let server = server_at("127.0.0.1", 4);
    second.tell_here("tcp.test");
    let refusing = "over TCP: connection refused";
    for (over_tcp, told) in [
        (None, refusing),
        (Some(&[Close][..]), "over TCP: it ended the connection"),
        (Some(&[dns::Say::Wrong(Wrong::Number)]), "over TCP: it answered another question"),
        (Some(&[Truncated]), "sent a malformed answer"),
    ] {
        let first = match over_tcp {
            None => Dns::start_without_tcp("127.0.0.1:0"),
            Some(_) => Dns::start(),
        };
        for kind in [A, Aaaa] {
            first.tell("tcp.test", kind, &[&[Truncated], over_tcp.unwrap_or(SILENCE)]);
        }
        let fetch = client(&first).get("http://tcp.test./");
        let why = why(&fetch, "tcp.test");
        assert!(why.starts_with(&first.address().to_string()) && why.ends_with(told), "{why}");

        for kind in [A, Aaaa] {
            first.tell("tcp.test", kind, &[&[Truncated], over_tcp.unwrap_or(SILENCE)]);
        }
        let client = client(&first).asking(second.address());
        assert_done(&client.get(&url("tcp.test", &server)), IFETCH_LOOKUP_NEW);
    }
}

/// RFC 8305 section 3: a server that does not answer for AAAA must not keep everybody waiting.
#[test]
fn addresses_of_ipv4_are_not_kept_waiting_for_others() {
    let (dns, server) = (Dns::start(), server_at("127.0.0.1", 1));
    dns.tell("half.test", A, &[HERE]);
    dns.tell("half.test", Aaaa, &[SILENCE]);
    let start = Instant::now();
    assert_done(&client(&dns).get(&url("half.test", &server)), IFETCH_LOOKUP_NEW);
    assert!(start.elapsed() < Duration::from_millis(900), "{:?}", start.elapsed());
}

/// Without a server at the other address nobody would be connected to in time.
#[test]
fn both_kinds_of_addresses_are_tried() {
    let dns = Dns::start();
    dns.tell("both.test", A, &[HERE]);
    dns.tell("both.test", Aaaa, &[&[Records(60, &[Address("::1")])]]);
    let client = client(&dns);
    // The answer for IPv6 comes in time, and its address is the first to be tried.
    let four = server_at("127.0.0.1", 1);
    let fetch = client.get(&url("both.test", &four));
    assert_done(&fetch, IFETCH_LOOKUP_NEW);
    assert_eq!(fetch.report().attempts, 2, "::1 refuses");
    let six = server_at("[::1]", 1);
    let fetch = client.get(&url("both.test", &six));
    assert_done(&fetch, IFETCH_LOOKUP_CACHED);
    assert_eq!(fetch.report().attempts, 1);
}

#[test]
fn an_answer_is_remembered_for_as_long_as_it_holds() {
    let (dns, server) = (Dns::start(), server_at("127.0.0.1", 6));
    dns.tell("short.test", A, &[&[Records(1, &[Address("127.0.0.1")])]]);
    dns.tell("short.test", Aaaa, &[NO_ADDRESS]);
    dns.tell_here("long.test");
    let client = client(&dns);
    for name in ["short.test", "long.test"] {
        assert_done(&client.get(&url(name, &server)), IFETCH_LOOKUP_NEW);
        assert_done(&client.get(&url(name, &server)), IFETCH_LOOKUP_CACHED);
    }
    std::thread::sleep(Duration::from_millis(1_100));
    assert_done(&client.get(&url("short.test", &server)), IFETCH_LOOKUP_NEW);
    assert_done(&client.get(&url("long.test", &server)), IFETCH_LOOKUP_CACHED);
    assert_eq!((dns.asked("short.test", A), dns.asked("long.test", A)), (2, 1));
}

/// However short a time it holds, it serves those who ask at the same moment.
#[test]
fn an_answer_that_does_not_hold_is_remembered_for_a_second() {
    let (dns, server) = (Dns::start(), server_at("127.0.0.1", 2));
    dns.tell("brief.test", A, &[&[Records(0, &[Address("127.0.0.1")])]]);
    dns.tell("brief.test", Aaaa, &[NO_ADDRESS]);
    let client = client(&dns);
    assert_done(&client.get(&url("brief.test", &server)), IFETCH_LOOKUP_NEW);
    assert_done(&client.get(&url("brief.test", &server)), IFETCH_LOOKUP_CACHED);
}

#[test]
fn the_timeout_of_the_client_bounds_what_the_server_says() {
    let (dns, server) = (Dns::start(), server_at("127.0.0.1", 4));
    dns.tell_here("bound.test");
    let client = client(&dns).timeout(IFETCH_CLIENT_TIMEOUT_NAME, 0);
    assert_done(&client.get(&url("bound.test", &server)), IFETCH_LOOKUP_NEW);
    assert_done(&client.get(&url("bound.test", &server)), IFETCH_LOOKUP_NEW);
    // It is no more than a bound.
    client.set_timeout(IFETCH_CLIENT_TIMEOUT_NAME, 3_600_000);
    dns.tell("bound-too.test", A, &[&[Records(1, &[Address("127.0.0.1")])]]);
    dns.tell("bound-too.test", Aaaa, &[NO_ADDRESS]);
    assert_done(&client.get(&url("bound-too.test", &server)), IFETCH_LOOKUP_NEW);
    std::thread::sleep(Duration::from_millis(1_100));
    assert_done(&client.get(&url("bound-too.test", &server)), IFETCH_LOOKUP_NEW);
}

#[test]
fn an_absence_is_remembered_for_as_long_as_it_is_said() {
    let dns = Dns::start();
    let lookup_of = |client: &Client, name: &str| {
        let fetch = client.get(&format!("http://{name}./"));
        assert_eq!(fetch.error(), IFETCH_ERROR_RESOLVE, "{}", fetch.message());
        fetch.report().lookup
    };
    const NEW: i32 = IFETCH_LOOKUP_NEW as i32;
    const CACHED: i32 = IFETCH_LOOKUP_CACHED as i32;
    for (name, saying, again, later) in [
        ("long.test", &[NoName(Some(60))][..], CACHED, CACHED),
        ("short.test", &[NoName(Some(1))], CACHED, NEW),
        ("empty.test", &[NoAddress(Some(60))], CACHED, CACHED),
        ("unsaid.test", &[NoName(None)], NEW, NEW),
        ("unsaid-too.test", &[NoAddress(None)], NEW, NEW),
        ("servfail.test", &[Code(2)], NEW, NEW),
    ] {
        for kind in [A, Aaaa] {
            dns.tell(name, kind, &[saying]);
        }
        let client = client(&dns);
        assert_eq!(lookup_of(&client, name), NEW, "{name}");
        assert_eq!(lookup_of(&client, name), again, "{name}");
        if again != later {
            std::thread::sleep(Duration::from_millis(1_100));
            assert_eq!(lookup_of(&client, name), later, "{name}");
        }
        client.set_timeout(IFETCH_CLIENT_TIMEOUT_NO_NAME, 0);
        assert_eq!(lookup_of(&client, name), NEW, "{name}");
    }
}

#[test]
fn fetches_for_one_name_share_its_lookup() {
    let (dns, server) = (Dns::start(), server_at("127.0.0.1", 3));
    dns.tell("shared.test", A, &[SILENCE, HERE]);
    dns.tell("shared.test", Aaaa, &[NO_ADDRESS]);
    let client = client(&dns);
    let fetches = [(); 4].map(|()| client.start(&url("shared.test", &server), &Options::new()));
    client.poll();
    assert_eq!(client.count(IFETCH_COUNT_RESOLVING), 4);
    let [first, second, third, fourth] = fetches;
    // Whoever began it may leave.
    first.cancel();
    assert_eq!(first.poll(), IFETCH_CANCELLED);
    for fetch in [&second, &third, &fourth] {
        assert_done(fetch, IFETCH_LOOKUP_SHARED);
    }
    assert_eq!((dns.asked("shared.test", A), dns.asked("shared.test", Aaaa)), (2, 1));
    assert_eq!(client.count(IFETCH_COUNT_LOOKUPS), 1);
    assert_eq!(client.count(IFETCH_COUNT_LOOKUPS_SHARED), 3);
}

#[test]
fn a_lookup_that_takes_too_long_ends_at_its_deadline() {
    let dns = Dns::start();
    dns.tell_nothing("never.test");
    let client = client(&dns);
    for which in [IFETCH_TIMEOUT_RESOLVE, IFETCH_TIMEOUT_TOTAL] {
        let options = Options::new().timeout(which, 100);
        let start = Instant::now();
        let fetch = client.start("http://never.test./", &options);
        assert_eq!(fetch.finish().status, IFETCH_FAILED);
        let wanted = match which {
            IFETCH_TIMEOUT_TOTAL => IFETCH_ERROR_TIMEOUT_TOTAL,
            _ => IFETCH_ERROR_TIMEOUT_RESOLVE,
        };
        assert_eq!(fetch.error(), wanted);
        assert!(start.elapsed() < Duration::from_secs(4), "{:?}", start.elapsed());
    }
}

#[test]
fn a_cancel_from_another_thread_ends_a_wait_for_a_name() {
    let dns = Dns::start();
    dns.tell_nothing("never.test");
    let client = client(&dns);
    let fetch = client.start("http://never.test./", &Options::new());
    let start = Instant::now();
    std::thread::scope(|scope| {
        scope.spawn(|| {
            dns.until_asked(2);
            fetch.cancel();
        });
        assert_eq!(fetch.wait(-1), IFETCH_CANCELLED);
    });
    // The lookup would end by itself, much later.
    assert!(start.elapsed() < Duration::from_secs(4), "it took {:?}", start.elapsed());
}

#[test]
fn servers_may_be_reached_by_ipv6() {
    let dns = Dns::start_at("[::1]:0");
    let server = server_at("127.0.0.1", 1);
    dns.tell_here("six.test");
    assert_done(&client(&dns).get(&url("six.test", &server)), IFETCH_LOOKUP_NEW);
}

#[test]
fn hosts_that_the_user_names_win_over_everything() {
    let (dns, server) = (Dns::start(), server_at("127.0.0.2", 4));
    dns.tell_here("listed.test");
    let client = client(&dns);
    client.add_host("Listed.TEST", "127.0.0.2");
    assert_done(&client.get(&url("listed.test", &server)), IFETCH_LOOKUP_LISTED);
    client.add_host("localhost", "127.0.0.2");
    let port = server.address().port();
    assert_done(&client.get(&format!("http://localhost:{port}/")), IFETCH_LOOKUP_LISTED);
    // With a dot at the end or without; and of the system no more is known.
    let client = client.resolver(ifetch_resolver::IFETCH_RESOLVER_SYSTEM);
    assert_done(&client.get(&format!("http://listed.test:{port}/")), IFETCH_LOOKUP_LISTED);
    assert!(dns.queries().is_empty());
    assert_eq!(client.count(IFETCH_COUNT_LOOKUPS), 0);

    // Several addresses are tried in the order in which they were given.
    let (_bound, refused) = refused_address();
    client.add_host("several.test", "127.0.0.1");
    client.add_host("several.test", "127.0.0.2");
    let fetch = client.get(&url("several.test", &server));
    assert_done(&fetch, IFETCH_LOOKUP_LISTED);
    assert_eq!(fetch.report().attempts, 2);
    let fetch = client.get(&format!("http://several.test.:{}/", refused.port()));
    let both =
        ["127.0.0.1", "127.0.0.2"].map(|ip| format!("{ip}:{}: connection refused", refused.port()));
    assert!(fetch.message().ends_with(&both.join("; ")), "{}", fetch.message());
}

#[test]
fn what_is_no_name_or_address_is_refused() {
    let client = Client::new();
    let server =
        |text: &str| call!(ifetch_client_add_name_server(client.as_ptr(), c_string(text).as_ptr()));
    for text in ["", "dns.test", "127.0.0.1:0", "127.0.0.1:x", "1.2.3", "[::1", "[127.0.0.1]:53"] {
        assert_eq!(server(text), IFETCH_ERROR_INVALID_ARGUMENT, "{text}");
    }
    for text in ["127.0.0.1", "127.0.0.1:5353", "::1", "[::1]", "[::1]:5353"] {
        assert_eq!(server(text), IFETCH_ERROR_NONE, "{text}");
    }
    let host = |name: &str, address: &str| {
        let (name, address) = (c_string(name), c_string(address));
        call!(ifetch_client_add_host(client.as_ptr(), name.as_ptr(), address.as_ptr()))
    };
    for (name, address) in [
        ("", "127.0.0.1"),
        ("a b", "127.0.0.1"),
        ("a/b", "127.0.0.1"),
        ("127.0.0.1", "127.0.0.1"),
        ("[::1]", "127.0.0.1"),
        ("a.test", ""),
        ("a.test", "b.test"),
        ("a.test", "127.0.0.1:80"),
        ("a.test", "[::1]"),
    ] {
        assert_eq!(host(name, address), IFETCH_ERROR_INVALID_ARGUMENT, "{name} {address}");
    }
    for (name, address) in [("a.test", "::1"), ("b\u{fc}cher.test", "127.0.0.1")] {
        assert_eq!(host(name, address), IFETCH_ERROR_NONE, "{name} {address}");
    }
    let set = |which| call!(ifetch_client_set_resolver(client.as_ptr(), which));
    for which in [-1, 3, i32::MAX, i32::MIN] {
        assert_eq!(set(which), IFETCH_ERROR_INVALID_ARGUMENT, "{which}");
    }
}

/// A change of who is asked takes away what others have said.
#[test]
fn what_was_remembered_is_forgotten_with_a_new_server_or_resolver() {
    let (first, second) = (Dns::start(), Dns::start());
    let server = server_at("127.0.0.1", 2);
    first.tell_here("moved.test");
    let client = client(&first);
    assert_done(&client.get(&url("moved.test", &server)), IFETCH_LOOKUP_NEW);
    assert_eq!(client.count(IFETCH_COUNT_NAMES), 1);
    let client = client.asking(second.address());
    assert_eq!(client.count(IFETCH_COUNT_NAMES), 0);
    assert_done(&client.get(&url("moved.test", &server)), IFETCH_LOOKUP_NEW);
    assert_eq!(first.asked("moved.test", A), 2, "it is still the first to be asked");
    assert_eq!(second.queries(), []);
    assert_eq!(client.count(IFETCH_COUNT_NAMES), 1);
    let client = client.resolver(ifetch_resolver::IFETCH_RESOLVER_NATIVE);
    assert_eq!(client.count(IFETCH_COUNT_NAMES), 0);
}
