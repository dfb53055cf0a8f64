//! Who looks names up, and how, as the files in /etc say. In a network and a folder /etc of its own.
#![allow(unsafe_code)] // for the environment and for limits

mod support;

use ::ifetch::ffi::client::ifetch_client_limit::*;
use ::ifetch::ffi::client::ifetch_count::*;
use ::ifetch::ffi::report::ifetch_lookup::{self, *};
use ::ifetch::ffi::resolver::ifetch_resolver::*;
use std::time::{Duration, Instant};
use support::dns::Kind::*;
use support::dns::Say::*;
use support::dns::{Dns, HERE, NO_ADDRESS, SILENCE};
use support::network::{bare, write_etc};
use support::*;

const LOOPBACK: &str = "nameserver 127.0.0.1\n";
const USUAL: &str = "hosts: files dns\n";

fn name_server() -> Dns {
    Dns::start_at("127.0.0.1:53")
}

/// A server at 127.0.0.1, for any number of connections with one request each.
fn server(connections: usize) -> Server {
    Server::start(&vec![&[Act::Serve][..]; connections])
}

/// A client that keeps no connections, so that each fetch needs an address.
fn client() -> Client {
    Client::new().limit(IFETCH_CLIENT_LIMIT_IDLE, 0)
}

fn url(name: &str, server: &Server) -> String {
    format!("http://{name}:{}/", server.address().port())
}

fn assert_done(fetch: &Fetch, lookup: ifetch_lookup) {
    assert_eq!(fetch.finish().body, "/", "{}", fetch.message());
    assert_eq!(fetch.report().lookup, lookup as i32);
}

fn assert_no_such_host(fetch: &Fetch) {
    assert_eq!(fetch.finish().status, IFETCH_FAILED);
    assert_eq!(fetch.error(), IFETCH_ERROR_RESOLVE);
    assert!(fetch.message().contains(": no such host"), "{}", fetch.message());
}

/// What is in /etc, and for the environment, and whether the name a.test is left to the system.
struct Machine {
    resolv_conf: Option<&'static str>,
    nsswitch_conf: Option<&'static str>,
    hosts: Option<&'static str>,
    name: &'static str,
    is_left: bool,
}

const PLAIN: Machine = Machine {
    resolv_conf: Some(LOOPBACK),
    nsswitch_conf: Some(USUAL),
    hosts: Some("127.0.0.1 localhost\n"),
    name: "a.test",
    is_left: false,
};

const MACHINES: &[Machine] = &[
    PLAIN,
    Machine { resolv_conf: None, nsswitch_conf: None, hosts: None, ..PLAIN },
    Machine { resolv_conf: Some(""), nsswitch_conf: Some(""), hosts: Some(""), ..PLAIN },
    Machine {
        resolv_conf: Some("nameserver 127.0.0.1\nsearch x.test\noptions ndots:1 edns0 trust-ad\n"),
        ..PLAIN
    },
    Machine { nsswitch_conf: Some("hosts: files mdns4_minimal [NOTFOUND=return] dns"), ..PLAIN },
    Machine { nsswitch_conf: Some("hosts: files dns myhostname"), ..PLAIN },
    Machine { nsswitch_conf: Some("hosts: files wins dns"), is_left: true, ..PLAIN },
    Machine { nsswitch_conf: Some("hosts: dns files"), is_left: true, ..PLAIN },
    Machine {
        resolv_conf: Some("nameserver 127.0.0.1\nsortlist 10.0.0.0\n"),
        is_left: true,
        ..PLAIN
    },
    Machine {
        resolv_conf: Some("nameserver 127.0.0.1\noptions no-tld-query\n"),
        is_left: true,
        ..PLAIN
    },
    Machine { name: "a.local", is_left: true, ..PLAIN },
];

fn set_up(name: &str, text: Option<&str>) {
    match text {
        Some(text) => write_etc(name, text),
        None => drop(std::fs::remove_file(format!("/etc/{name}"))),
    }
}

#[test]
fn the_system_is_asked_where_it_would_do_more() {
    if !bare("the_system_is_asked_where_it_would_do_more") {
        return;
    }
    let (dns, server) = (name_server(), server(3 * MACHINES.len()));
    for name in ["a.test", "a.local"] {
        dns.tell_here(name);
    }
    for (number, machine) in MACHINES.iter().enumerate() {
        set_up("resolv.conf", machine.resolv_conf);
        set_up("nsswitch.conf", machine.nsswitch_conf);
        set_up("hosts", machine.hosts);
        let left = |client: &Client| client.count(IFETCH_COUNT_LOOKUPS_SYSTEM);
        let auto = client();
        assert_done(&auto.get(&url(machine.name, &server)), IFETCH_LOOKUP_NEW);
        assert_eq!(left(&auto), u64::from(machine.is_left), "machine {number}");

        let native = client().resolver(IFETCH_RESOLVER_NATIVE);
        assert_done(&native.get(&url(machine.name, &server)), IFETCH_LOOKUP_NEW);
        assert_eq!(left(&native), 0);

        // The system cannot be told of a server.
        let own = client().asking(dns.address());
        assert_done(&own.get(&url(machine.name, &server)), IFETCH_LOOKUP_NEW);
        assert_eq!(left(&own), 0);
    }
}

#[test]
fn files_that_cannot_be_read_keep_nobody_waiting() {
    if !bare("files_that_cannot_be_read_keep_nobody_waiting") {
        return;
    }
    let (dns, server) = (name_server(), server(8));
    dns.tell_here("a.test");
    let left_with = |name: &str, make: &dyn Fn(&std::path::Path)| {
        set_up("resolv.conf", Some(LOOPBACK));
        set_up("nsswitch.conf", Some(USUAL));
        set_up("hosts", Some(""));
        let path = std::path::Path::new("/etc").join(name);
        std::fs::remove_file(&path).expect("it was made above");
        make(&path);
        let auto = client();
        let fetch = auto.start(&url("a.test", &server), &Options::new());
        // What the system makes of it is not what this is about.
        let left = auto.count(IFETCH_COUNT_LOOKUPS_SYSTEM);
        drop(fetch);
        let _ = std::fs::remove_dir(&path);
        left
    };
    let folder = |path: &std::path::Path| std::fs::create_dir(path).expect("/etc is ours");
    let pipe = |path: &std::path::Path| {
        let path = c_string(path.to_str().expect("a plain path"));
        // SAFETY: the path ends with a NUL.
        assert_eq!(unsafe { libc::mkfifo(path.as_ptr(), 0o644) }, 0);
    };
    let long = |path: &std::path::Path| {
        std::fs::write(path, "0.0.0.0 blocked.test\n".repeat(52_000)).expect("/etc is ours");
    };
    for name in ["resolv.conf", "nsswitch.conf", "hosts"] {
        assert_eq!(left_with(name, &folder), 1, "{name} is a folder");
        assert_eq!(left_with(name, &long), 1, "{name} is too long");
    }
    // getaddrinfo would wait for the other end of a pipe, on its helper thread.
    let start = Instant::now();
    assert_eq!(left_with("hosts", &pipe), 1);
    assert!(start.elapsed() < Duration::from_secs(5));
}

#[test]
fn the_environment_may_have_something_to_say_to_the_system() {
    if !bare("the_environment_may_have_something_to_say_to_the_system") {
        return;
    }
    let (dns, server) = (name_server(), server(4));
    write_etc("resolv.conf", LOOPBACK);
    dns.tell_here("a.test");
    for variable in ["RES_OPTIONS", "LOCALDOMAIN", "HOSTALIASES"] {
        // SAFETY: no other thread of this process looks at the environment now.
        unsafe { std::env::set_var(variable, "") };
        let client = client();
        assert_done(&client.get(&url("a.test", &server)), IFETCH_LOOKUP_NEW);
        assert_eq!(client.count(IFETCH_COUNT_LOOKUPS_SYSTEM), 1, "{variable}");
        // SAFETY: as above; the helper has given its answer.
        unsafe { std::env::remove_var(variable) };
    }
    let client = client();
    assert_done(&client.get(&url("a.test", &server)), IFETCH_LOOKUP_NEW);
    assert_eq!(client.count(IFETCH_COUNT_LOOKUPS_SYSTEM), 0);
}

#[test]
fn a_fetch_without_a_client_does_the_same() {
    if !bare("a_fetch_without_a_client_does_the_same") {
        return;
    }
    let (dns, server) = (name_server(), server(2));
    write_etc("resolv.conf", LOOPBACK);
    write_etc("hosts", "127.0.0.1 listed.test\n");
    dns.tell_here("a.test");
    let threads = || std::fs::read_dir("/proc/self/task").expect("proc is mounted").count();
    let before = threads();
    let fetch = Fetch::get(&url("a.test", &server));
    assert_eq!(threads(), before, "nobody helps");
    assert_done(&fetch, IFETCH_LOOKUP_NEW);
    assert_done(&Fetch::get(&url("listed.test", &server)), IFETCH_LOOKUP_LISTED);
}

#[test]
fn without_name_servers_both_loopback_addresses_are_asked() {
    if !bare("without_name_servers_both_loopback_addresses_are_asked") {
        return;
    }
    let (dns, server) = (Dns::start_at("[::1]:53"), server(1));
    dns.tell_here("a.test");
    assert_done(&client().get(&url("a.test", &server)), IFETCH_LOOKUP_NEW);
    drop(dns);
    let fetch = client().get("http://b.test/");
    let refused = "127.0.0.1:53: connection refused; [::1]:53: connection refused";
    assert_eq!(fetch.message(), format!("look up b.test: {refused}"));
}

/// The search list and the number of dots, a name, and what is asked for.
const SEARCHES: &[(&str, &str, &[&str])] = &[
    ("search one.test two.test", "a", &["a.one.test", "a.two.test", "a"]),
    ("search one.test two.test", "a.b", &["a.b", "a.b.one.test", "a.b.two.test"]),
    ("search one.test", "a.b.", &["a.b"]),
    ("domain one.test", "a", &["a.one.test", "a"]),
    ("search one.test\noptions ndots:3", "a.b.c", &["a.b.c.one.test", "a.b.c"]),
    ("search one.test\noptions ndots:2", "a.b.c", &["a.b.c", "a.b.c.one.test"]),
    // As containers have it.
    (
        "search ns.svc.cluster.test svc.cluster.test cluster.test\noptions ndots:5",
        "www.example",
        &[
            "www.example.ns.svc.cluster.test",
            "www.example.svc.cluster.test",
            "www.example.cluster.test",
            "www.example",
        ],
    ),
];

#[test]
fn the_search_list_is_walked() {
    if !bare("the_search_list_is_walked") {
        return;
    }
    let (dns, server) = (name_server(), server(SEARCHES.len()));
    for &(conf, name, wanted) in SEARCHES {
        write_etc("resolv.conf", &format!("{LOOPBACK}{conf}\n"));
        assert_no_such_host(&client().get(&format!("http://{name}/")));
        let asked = dns.take_asked();
        let both = wanted.iter().flat_map(|name| [format!("{name} A"), format!("{name} Aaaa")]);
        assert_eq!(asked, both.collect::<Vec<_>>(), "{conf}, {name}");

        // The first that has an address ends it.
        let last = wanted.last().expect("something is asked for");
        dns.tell_here(last);
        assert_done(&client().get(&url(name, &server)), IFETCH_LOOKUP_NEW);
        dns.take_asked();
        dns.tell(last, A, &[&[NoName(Some(9))]]);
        dns.tell(last, Aaaa, &[&[NoName(Some(9))]]);
    }
}

#[test]
fn a_name_of_the_search_list_that_cannot_be_asked_for_is_told() {
    if !bare("a_name_of_the_search_list_that_cannot_be_asked_for_is_told") {
        return;
    }
    let dns = name_server();
    write_etc("resolv.conf", &format!("{LOOPBACK}search one.test\noptions timeout:1 attempts:1\n"));
    for kind in [A, Aaaa] {
        dns.tell("a.one.test", kind, &[&[Code(2)]]);
        dns.tell("b.one.test", kind, &[SILENCE]);
    }
    let fetch = client().get("http://a/");
    assert_eq!(fetch.message(), "look up a: a.one.test: 127.0.0.1:53 said SERVFAIL");
    assert_eq!(dns.take_asked().len(), 4, "the name itself was asked for, too");
    let fetch = client().get("http://b/");
    let told = "look up b: b.one.test: 127.0.0.1:53 did not answer in 1 s, asked once";
    assert_eq!(fetch.message(), told);
    assert_eq!(dns.take_asked().len(), 2, "nobody answers, so nothing more is asked");
}

#[test]
fn silent_servers_are_asked_as_often_as_the_options_say() {
    if !bare("silent_servers_are_asked_as_often_as_the_options_say") {
        return;
    }
    let (first, second) = (name_server(), Dns::start_at("127.0.0.2:53"));
    let servers = "nameserver 127.0.0.1\nnameserver 127.0.0.2\n";
    write_etc("resolv.conf", &format!("{servers}options timeout:1 attempts:2\n"));
    first.tell_nothing("a.test");
    second.tell_nothing("a.test");
    let fetch = client().get("http://a.test/");
    let told = ["127.0.0.1", "127.0.0.2"]
        .map(|ip| format!("{ip}:53 did not answer in 2 s, asked 2 times"));
    assert_eq!(fetch.message(), format!("look up a.test: {}", told.join("; ")));
    assert_eq!((first.asked("a.test", A), second.asked("a.test", A)), (2, 2));

    // The second round is not the last word.
    let server = server(1);
    second.tell("b.test", A, &[SILENCE, HERE]);
    second.tell("b.test", Aaaa, &[SILENCE, NO_ADDRESS]);
    first.tell_nothing("b.test");
    assert_done(&client().get(&url("b.test", &server)), IFETCH_LOOKUP_NEW);
}

#[test]
fn servers_take_turns_if_the_options_say_so() {
    if !bare("servers_take_turns_if_the_options_say_so") {
        return;
    }
    let both = [name_server(), Dns::start_at("127.0.0.2:53")];
    write_etc("resolv.conf", "nameserver 127.0.0.1\nnameserver 127.0.0.2\noptions rotate\n");
    let client = client();
    for n in 0..4 {
        assert_no_such_host(&client.get(&format!("http://n{n}.test./")));
    }
    assert_eq!(both.map(|dns| dns.queries().len()), [4, 4]);
}

#[test]
fn servers_are_asked_over_tcp_alone_if_the_options_say_so() {
    if !bare("servers_are_asked_over_tcp_alone_if_the_options_say_so") {
        return;
    }
    let (dns, server) = (name_server(), server(1));
    write_etc("resolv.conf", &format!("{LOOPBACK}options use-vc\n"));
    dns.tell_here("a.test");
    assert_done(&client().get(&url("a.test", &server)), IFETCH_LOOKUP_NEW);
    assert!(dns.queries().iter().all(|query| query.is_tcp));
}

#[test]
fn hosts_are_looked_for_where_nsswitch_says() {
    if !bare("hosts_are_looked_for_where_nsswitch_says") {
        return;
    }
    let (dns, server) = (name_server(), server(6));
    write_etc("resolv.conf", LOOPBACK);
    write_etc(
        "hosts",
        "127.0.0.9 several.test\n127.0.0.1 several.test a.test both.test # mine\n::1 both.test\n",
    );
    dns.tell_here("a.test");
    dns.tell_here("b.test");
    write_etc("nsswitch.conf", USUAL);
    let both = client();
    assert_done(&both.get(&url("A.test", &server)), IFETCH_LOOKUP_LISTED);
    assert_eq!(both.count(IFETCH_COUNT_NAMES) + both.count(IFETCH_COUNT_LOOKUPS), 0);
    let fetch = both.get(&url("several.test", &server));
    assert_done(&fetch, IFETCH_LOOKUP_LISTED);
    assert_eq!(fetch.report().attempts, 2, "127.0.0.9 refuses");
    assert_done(&both.get(&url("b.test", &server)), IFETCH_LOOKUP_NEW);
    // Finding the order of those takes sockets, for a moment.
    assert_done(&both.get(&url("both.test", &server)), IFETCH_LOOKUP_LISTED);
    assert_eq!(datagram_sockets(), 1, "that of the name server alone");

    write_etc("nsswitch.conf", "hosts: dns\n");
    assert_done(&client().get(&url("a.test", &server)), IFETCH_LOOKUP_NEW);
    write_etc("nsswitch.conf", "hosts: files\n");
    let files = client();
    dns.take_asked();
    assert_no_such_host(&files.get("http://b.test/"));
    assert_eq!(dns.take_asked(), Vec::<String>::new());
    assert_eq!(files.count(IFETCH_COUNT_LOOKUPS_SYSTEM), 0);
    assert_done(&files.get(&url("a.test", &server)), IFETCH_LOOKUP_LISTED);
}

/// They are looked at every five seconds at the most.
#[test]
fn files_that_have_changed_are_read_again() {
    if !bare("files_that_have_changed_are_read_again") {
        return;
    }
    let (old, new) = (name_server(), Dns::start_at("127.0.0.2:53"));
    let server = server(9);
    write_etc("resolv.conf", LOOPBACK);
    write_etc("hosts", "");
    for dns in [&old, &new] {
        dns.tell_here("a.test");
        dns.tell_here("b.test");
    }
    let client = client();
    assert_done(&client.get(&url("a.test", &server)), IFETCH_LOOKUP_NEW);
    write_etc("resolv.conf", "nameserver 127.0.0.2\n");
    write_etc("hosts", "127.0.0.1 c.test\n");
    write_etc("nsswitch.conf", USUAL);
    assert_done(&client.get(&url("a.test", &server)), IFETCH_LOOKUP_CACHED);
    assert_done(&client.get(&url("b.test", &server)), IFETCH_LOOKUP_NEW);
    assert!(new.queries().is_empty(), "it is too early to look");

    std::thread::sleep(Duration::from_millis(5_100));
    // What the old one has said may not be what the new one says.
    assert_done(&client.get(&url("a.test", &server)), IFETCH_LOOKUP_NEW);
    assert_eq!((old.asked("a.test", A), new.asked("a.test", A)), (1, 1));
    assert_done(&client.get(&url("c.test", &server)), IFETCH_LOOKUP_LISTED);
    write_etc("hosts", "127.0.0.1 a.test\n");
    assert_done(&client.get(&url("a.test", &server)), IFETCH_LOOKUP_CACHED);

    std::thread::sleep(Duration::from_millis(5_100));
    assert_done(&client.get(&url("a.test", &server)), IFETCH_LOOKUP_LISTED);
    // Nothing has changed since, so nothing is forgotten.
    assert_done(&client.get(&url("b.test", &server)), IFETCH_LOOKUP_NEW);
    std::thread::sleep(Duration::from_millis(5_100));
    assert_done(&client.get(&url("b.test", &server)), IFETCH_LOOKUP_CACHED);
}

/// How many there are in this network.
fn datagram_sockets() -> usize {
    let lines = |path: &str| {
        let text = std::fs::read_to_string(path).expect("proc is mounted");
        text.lines().count() - 1
    };
    lines("/proc/self/net/udp") + lines("/proc/self/net/udp6")
}

fn count_of(folder: &str) -> usize {
    std::fs::read_dir(folder).expect("proc is mounted").count()
}

fn raise_descriptor_limit(needed: u64) {
    // SAFETY: the limit is a place to write to, and then one to read from.
    unsafe {
        let mut limit: libc::rlimit = std::mem::zeroed();
        assert_eq!(libc::getrlimit(libc::RLIMIT_NOFILE, &raw mut limit), 0);
        limit.rlim_cur = limit.rlim_max;
        assert_eq!(libc::setrlimit(libc::RLIMIT_NOFILE, &raw const limit), 0);
        assert!(limit.rlim_cur >= needed, "this test needs {needed} descriptors");
    }
}

#[test]
fn a_thousand_cancelled_lookups_leave_nothing_and_delay_nobody() {
    const COUNT: usize = 1_000;
    if !bare("a_thousand_cancelled_lookups_leave_nothing_and_delay_nobody") {
        return;
    }
    raise_descriptor_limit(3 * COUNT as u64);
    let (dns, server) = (name_server(), server(1));
    write_etc("resolv.conf", LOOPBACK);
    dns.tell_here("good.test");
    let client = client();
    // The descriptors that a client makes once are there.
    drop(client.start("http://dead.test./", &Options::new()));
    let before = (count_of("/proc/self/fd"), count_of("/proc/self/task"));
    let dead: Vec<Fetch> = (0..COUNT)
        .map(|n| {
            let name = format!("dead-{n}.test");
            dns.tell_nothing(&name);
            client.start(&format!("http://{name}./"), &Options::new())
        })
        .collect();
    client.poll();
    assert_eq!(client.count(IFETCH_COUNT_RESOLVING), COUNT as u64);
    assert_eq!(count_of("/proc/self/fd"), before.0 + 2 * COUNT);
    dead.iter().for_each(Fetch::cancel);
    client.poll();
    assert!(dead.iter().all(|fetch| fetch.poll() == IFETCH_CANCELLED));
    assert_eq!((count_of("/proc/self/fd"), count_of("/proc/self/task")), before);

    let start = Instant::now();
    assert_done(&client.get(&url("good.test", &server)), IFETCH_LOOKUP_NEW);
    // The dead ones would be asked for again after a second.
    assert!(start.elapsed() < Duration::from_millis(900), "it took {:?}", start.elapsed());
    drop(dead);
    assert_eq!(client.count(IFETCH_COUNT_LOOKUPS_SYSTEM), 0);
}

/// None of them is in the way of the others.
#[test]
fn lookups_that_are_not_answered_delay_no_other() {
    if !bare("lookups_that_are_not_answered_delay_no_other") {
        return;
    }
    let (dns, server) = (name_server(), server(1));
    write_etc("resolv.conf", LOOPBACK);
    dns.tell_here("good.test");
    let client = client();
    let dead: Vec<Fetch> = (0..100)
        .map(|n| {
            let name = format!("dead-{n}.test");
            dns.tell_nothing(&name);
            client.start(&format!("http://{name}./"), &Options::new())
        })
        .collect();
    let start = Instant::now();
    assert_done(&client.get(&url("good.test", &server)), IFETCH_LOOKUP_NEW);
    assert!(start.elapsed() < Duration::from_millis(900), "it took {:?}", start.elapsed());
    assert!(dead.iter().all(|fetch| fetch.poll() == IFETCH_PENDING));
    // Cancelled, they are not asked for again.
    drop(dead);
    let asked = dns.queries().len();
    std::thread::sleep(Duration::from_millis(1_100));
    assert_eq!(client.poll(), 0);
    assert_eq!(dns.queries().len(), asked);
}

/// A lookup for which there is no descriptor fails, and says so.
#[test]
fn a_lookup_without_descriptors_fails_at_once() {
    if !bare("a_lookup_without_descriptors_fails_at_once") {
        return;
    }
    let dns = name_server();
    write_etc("resolv.conf", LOOPBACK);
    dns.tell_here("a.test");
    let client = client();
    // The client's descriptors, and the file's contents, are there.
    assert_no_such_host(&client.get("http://b.test/"));
    let mut taken = Vec::new();
    while let Ok(file) = std::fs::File::open("/dev/null") {
        taken.push(file);
    }
    let fetch = client.start("http://a.test/", &Options::new());
    assert_eq!(fetch.poll(), IFETCH_FAILED);
    assert_eq!((fetch.error(), fetch.os_error()), (IFETCH_ERROR_SYSTEM, libc::EMFILE));
    let told = "look up a.test: 127.0.0.1:53: open a socket: too many open files";
    assert_eq!(fetch.message(), told);

    // One for its wake, and two for the lookup, which then has no timer.
    taken.truncate(taken.len() - 1);
    let client = self::client();
    taken.truncate(taken.len() - 3);
    let fetch = client.start("http://a.test/", &Options::new());
    assert_eq!(fetch.finish().status, IFETCH_FAILED);
    assert_eq!((fetch.error(), fetch.os_error()), (IFETCH_ERROR_SYSTEM, libc::EMFILE));
    assert_eq!(fetch.message(), "look up a.test: make a timer: too many open files");
    // Nothing of it is left, also when its time would have come.
    drop(taken);
    std::thread::sleep(Duration::from_millis(1_100));
    assert_eq!(client.poll(), 0);
    assert_no_such_host(&client.get("http://b.test/"));
}
