//! What a client remembers of names, and how fetches share their lookups.

mod support;

#[path = "support/names.rs"]
mod names;

use ::ifetch::ffi::client::ifetch_client_limit::*;
use ::ifetch::ffi::client::ifetch_client_timeout::*;
use ::ifetch::ffi::client::ifetch_count::*;
use ::ifetch::ffi::options::ifetch_timeout::*;
use ::ifetch::ffi::report::ifetch_lookup::{self, *};
use ::ifetch::ffi::resolver::*;
use names::Answer::*;
use names::{asked, hold, release, tell, until_asked};
use std::time::Duration;
use support::Act::*;
use support::*;

/// Long enough to be told from no time at all.
const SHORT_MS: u32 = 150;
const SHORT: Duration = Duration::from_millis(SHORT_MS as u64);

/// A client that asks the system, and keeps no connections, so that each fetch needs an address.
fn client() -> Client {
    asking_the_system().limit(IFETCH_CLIENT_LIMIT_IDLE, 0)
}

fn asking_the_system() -> Client {
    Client::new().resolver(ifetch_resolver::IFETCH_RESOLVER_SYSTEM)
}

/// A server at an address of the loopback network, for so many connections.
fn server_at(ip: &str, connections: usize) -> Server {
    Server::start_on(&format!("{ip}:0"), &vec![&[Serve][..]; connections])
}

fn url(name: &str, server: &Server) -> String {
    format!("http://{name}:{}/", server.address().port())
}

fn assert_lookup(fetch: &Fetch, lookup: ifetch_lookup) {
    assert_eq!(fetch.report().lookup, lookup as i32, "{:?}: {}", lookup, fetch.message());
}

/// The fetch is done, and this is where its address came from.
fn assert_done(fetch: &Fetch, lookup: ifetch_lookup) {
    assert_eq!(fetch.finish().body, "/", "{}", fetch.message());
    assert_lookup(fetch, lookup);
}

/// Lookups begun, shared, and saved.
fn lookups(client: &Client) -> [u64; 3] {
    [IFETCH_COUNT_LOOKUPS, IFETCH_COUNT_LOOKUPS_SHARED, IFETCH_COUNT_LOOKUPS_CACHED]
        .map(|which| client.count(which))
}

fn remembered(client: &Client) -> u64 {
    client.count(IFETCH_COUNT_NAMES)
}

/// Two fetches for one name, whose lookup waits.
fn two_waiting(client: &Client, server: &Server, name: &'static str) -> [Fetch; 2] {
    tell(name, At("127.0.0.1"));
    hold(name);
    let fetches = [(); 2].map(|()| client.start(&url(name, server), &Options::new()));
    until_asked(name, 1);
    client.poll();
    assert!(fetches.iter().all(|fetch| fetch.phase() == IFETCH_PHASE_RESOLVING));
    assert_eq!(client.count(IFETCH_COUNT_RESOLVING), 2);
    fetches
}

#[test]
fn two_fetches_for_one_name_wait_for_one_lookup() {
    let (server, client) = (server_at("127.0.0.1", 2), client());
    let [one, other] = two_waiting(&client, &server, "shared.test");
    release("shared.test");
    assert_done(&one, IFETCH_LOOKUP_NEW);
    assert_done(&other, IFETCH_LOOKUP_SHARED);
    assert_eq!(asked("shared.test"), 1);
    assert_eq!(lookups(&client), [1, 1, 0]);
    assert_eq!(remembered(&client), 1);
}

/// A name is the same whatever the port and however it is spelled.
#[test]
fn origins_of_one_name_share_its_lookup() {
    let servers = [server_at("127.0.0.1", 1), server_at("127.0.0.1", 1)];
    let client = client();
    tell("ports.test", At("127.0.0.1"));
    hold("ports.test");
    let one = client.start(&url("ports.test", &servers[0]), &Options::new());
    let other = client.start(&url("PORTS.test", &servers[1]), &Options::new());
    until_asked("ports.test", 1);
    release("ports.test");
    assert_done(&one, IFETCH_LOOKUP_NEW);
    assert_done(&other, IFETCH_LOOKUP_SHARED);
    assert_eq!(asked("ports.test"), 1);
}

/// Whichever leaves, the lookup goes on for the other.
#[test]
fn a_fetch_that_leaves_a_shared_lookup_takes_nothing_from_the_other() {
    const NAMES: [&str; 6] = [
        "leave-0.test",
        "leave-1.test",
        "leave-2.test",
        "leave-3.test",
        "leave-4.test",
        "leave-5.test",
    ];
    for (name, way) in NAMES.into_iter().zip(0..) {
        let (server, client) = (server_at("127.0.0.1", 1), client());
        let [one, other] = two_waiting(&client, &server, name);
        let (leaves, stays) = if way % 2 == 0 { (one, other) } else { (other, one) };
        match way / 2 {
            0 => {
                leaves.cancel();
                assert_eq!(leaves.poll(), IFETCH_CANCELLED);
            }
            1 => drop(leaves),
            _ => std::thread::scope(|scope| {
                scope.spawn(|| leaves.cancel());
            }),
        }
        client.poll();
        assert_eq!(stays.phase(), IFETCH_PHASE_RESOLVING, "{name}");
        release(name);
        assert_eq!(stays.finish().body, "/", "{name}: {}", stays.message());
        assert_eq!(asked(name), 1, "{name}");
    }
}

#[test]
fn a_deadline_of_one_takes_nothing_from_the_other() {
    let (server, client) = (server_at("127.0.0.1", 1), client());
    tell("late.test", At("127.0.0.1"));
    hold("late.test");
    let url = url("late.test", &server);
    let options = Options::new().timeout(IFETCH_TIMEOUT_RESOLVE, SHORT_MS);
    let hasty = client.start(&url, &options);
    let patient = client.start(&url, &Options::new());
    until_asked("late.test", 1);
    assert_eq!(hasty.finish().error, IFETCH_ERROR_TIMEOUT_RESOLVE);
    release("late.test");
    assert_done(&patient, IFETCH_LOOKUP_SHARED);
}

/// Nobody waits for it any more, and nobody gets its answer: the next fetch begins anew.
#[test]
fn a_lookup_that_all_have_left_is_orphaned() {
    for (name, is_freed) in [("orphan.test", false), ("freed-orphan.test", true)] {
        let (server, client) = (server_at("127.0.0.1", 1), client());
        let fetches = two_waiting(&client, &server, name);
        if is_freed {
            drop(fetches);
        } else {
            fetches.iter().for_each(Fetch::cancel);
            client.poll();
        }
        let next = client.start(&url(name, &server), &Options::new());
        until_asked(name, 2);
        release(name);
        assert_done(&next, IFETCH_LOOKUP_NEW);
        assert_eq!(lookups(&client), [2, 1, 0], "{name}");
    }
}

#[test]
fn a_failure_is_shared_as_well() {
    for (name, answer) in [("no-such.test", Unknown), ("no-server.test", Failing)] {
        let (server, client) = (server_at("127.0.0.1", 0), client());
        let fetches = two_waiting(&client, &server, name);
        tell(name, answer);
        release(name);
        for fetch in &fetches {
            assert_eq!(fetch.finish().error, IFETCH_ERROR_RESOLVE);
            assert!(fetch.message().contains(name), "{}", fetch.message());
        }
        assert_lookup(&fetches[0], IFETCH_LOOKUP_NEW);
        assert_lookup(&fetches[1], IFETCH_LOOKUP_SHARED);
        assert_eq!(asked(name), 1);
    }
}

#[test]
fn an_answer_is_remembered() {
    let (server, client) = (server_at("127.0.0.1", 2), client());
    tell("known.test", At("127.0.0.1"));
    assert_done(&client.get(&url("known.test", &server)), IFETCH_LOOKUP_NEW);
    // Whatever it is now.
    tell("known.test", Unknown);
    let again = client.start(&url("known.test", &server), &Options::new());
    assert_ne!(again.phase(), IFETCH_PHASE_RESOLVING, "it does not wait for anything");
    assert_done(&again, IFETCH_LOOKUP_CACHED);
    assert_eq!((asked("known.test"), remembered(&client)), (1, 1));
    assert_eq!(lookups(&client), [1, 0, 1]);
}

#[test]
fn an_answer_is_not_remembered_for_longer_than_its_time() {
    let (server, client) = (server_at("127.0.0.1", 3), client());
    client.set_timeout(IFETCH_CLIENT_TIMEOUT_NAME, SHORT_MS);
    let url = url("passing.test", &server);
    tell("passing.test", At("127.0.0.1"));
    assert_done(&client.get(&url), IFETCH_LOOKUP_NEW);
    std::thread::sleep(SHORT);
    assert_done(&client.get(&url), IFETCH_LOOKUP_NEW);
    std::thread::sleep(SHORT);
    tell("passing.test", Unknown);
    assert_eq!(client.get(&url).error(), IFETCH_ERROR_RESOLVE);
    assert_eq!(asked("passing.test"), 3);
}

#[test]
fn with_a_timeout_of_0_no_answer_is_remembered() {
    let (server, client) = (server_at("127.0.0.1", 2), client());
    client.set_timeout(IFETCH_CLIENT_TIMEOUT_NAME, 0);
    tell("fleeting.test", At("127.0.0.1"));
    for count in [1, 2] {
        assert_done(&client.get(&url("fleeting.test", &server)), IFETCH_LOOKUP_NEW);
        assert_eq!((asked("fleeting.test"), remembered(&client)), (count, 0));
    }
}

#[test]
fn the_timeouts_may_be_changed_at_any_time() {
    let (server, client) = (server_at("127.0.0.1", 2), client());
    tell("changed.test", At("127.0.0.1"));
    tell("changed-absent.test", Unknown);
    assert_done(&client.get(&url("changed.test", &server)), IFETCH_LOOKUP_NEW);
    assert_lookup(&client.get("http://changed-absent.test/"), IFETCH_LOOKUP_NEW);
    client.set_timeout(IFETCH_CLIENT_TIMEOUT_NAME, 0);
    client.set_timeout(IFETCH_CLIENT_TIMEOUT_NO_NAME, 0);
    assert_done(&client.get(&url("changed.test", &server)), IFETCH_LOOKUP_NEW);
    assert_lookup(&client.get("http://changed-absent.test/"), IFETCH_LOOKUP_NEW);
}

#[test]
fn it_is_remembered_that_a_name_does_not_exist() {
    let client = client();
    client.set_timeout(IFETCH_CLIENT_TIMEOUT_NO_NAME, SHORT_MS);
    tell("nobody.test", Unknown);
    let first = client.get("http://nobody.test/");
    assert_eq!(first.error(), IFETCH_ERROR_RESOLVE);
    assert_lookup(&first, IFETCH_LOOKUP_NEW);
    let again = client.get("http://nobody.test:81/");
    assert_lookup(&again, IFETCH_LOOKUP_CACHED);
    assert_eq!((again.error(), again.message()), (IFETCH_ERROR_RESOLVE, first.message()));
    assert_eq!(asked("nobody.test"), 1);

    // It exists now, which is found out in time.
    std::thread::sleep(SHORT);
    let server = server_at("127.0.0.1", 1);
    tell("nobody.test", At("127.0.0.1"));
    assert_done(&client.get(&url("nobody.test", &server)), IFETCH_LOOKUP_NEW);
}

#[test]
fn a_failure_that_may_pass_is_not_remembered() {
    let client = client();
    let server = server_at("127.0.0.1", 1);
    tell("flaky.test", Failing);
    assert_eq!(client.get("http://flaky.test/").error(), IFETCH_ERROR_RESOLVE);
    assert_eq!(remembered(&client), 0);
    tell("flaky.test", At("127.0.0.1"));
    assert_done(&client.get(&url("flaky.test", &server)), IFETCH_LOOKUP_NEW);
}

#[test]
fn with_a_timeout_of_0_no_absence_is_remembered() {
    let client = client();
    client.set_timeout(IFETCH_CLIENT_TIMEOUT_NO_NAME, 0);
    tell("absent.test", Unknown);
    for count in [1, 2] {
        assert_eq!(client.get("http://absent.test/").error(), IFETCH_ERROR_RESOLVE);
        assert_eq!((asked("absent.test"), remembered(&client)), (count, 0));
    }
}

#[test]
fn no_more_names_are_remembered_than_the_limit_says() {
    let (server, client) = (server_at("127.0.0.1", 6), client());
    client.set_limit(IFETCH_CLIENT_LIMIT_NAMES, 2);
    let names = ["many-0.test", "many-1.test", "many-2.test"];
    for (name, count) in names.into_iter().zip([1, 2, 2]) {
        tell(name, At("127.0.0.1"));
        assert_done(&client.get(&url(name, &server)), IFETCH_LOOKUP_NEW);
        assert_eq!(remembered(&client), count);
    }
    // The last one is among them, and the first one has made room.
    assert_done(&client.get(&url(names[2], &server)), IFETCH_LOOKUP_CACHED);
    assert_done(&client.get(&url(names[0], &server)), IFETCH_LOOKUP_NEW);
    client.set_limit(IFETCH_CLIENT_LIMIT_NAMES, 0);
    assert_eq!(remembered(&client), 0);
    assert_done(&client.get(&url(names[0], &server)), IFETCH_LOOKUP_NEW);
    assert_eq!(remembered(&client), 0);
}

/// What was remembered may be what is wrong.
#[test]
fn a_failure_to_connect_makes_the_client_forget() {
    let (_bound, refused) = refused_address();
    let server = server_at("127.0.0.2", 1);
    let client = client();
    tell("moved.test", At("127.0.0.1"));
    let fetch = client.get(&format!("http://moved.test:{}/", refused.port()));
    assert_eq!(fetch.error(), IFETCH_ERROR_CONNECT);
    assert_eq!(remembered(&client), 0);
    tell("moved.test", At("127.0.0.2"));
    assert_done(&client.get(&url("moved.test", &server)), IFETCH_LOOKUP_NEW);
}

#[test]
fn what_needs_no_lookup_says_so() {
    let server = Server::start(&[&[Serve], &[Serve], &[Serve, Serve]]);
    let client = asking_the_system();
    tell("kept.test", At("127.0.0.1"));
    assert_done(&client.get(&server.url("/")), IFETCH_LOOKUP_NONE);
    assert_done(&client.get(&url("localhost", &server)), IFETCH_LOOKUP_NONE);
    assert_done(&client.get(&url("kept.test", &server)), IFETCH_LOOKUP_NEW);
    // On a kept connection.
    let again = client.get(&url("kept.test", &server));
    assert_eq!(again.report().reused, 1);
    assert_done(&again, IFETCH_LOOKUP_NONE);
    assert_eq!(lookups(&client), [1, 0, 0]);
}

#[test]
fn clients_remember_for_themselves() {
    let server = server_at("127.0.0.1", 2);
    tell("both.test", At("127.0.0.1"));
    for (client, count) in [(client(), 1), (client(), 2)] {
        assert_done(&client.get(&url("both.test", &server)), IFETCH_LOOKUP_NEW);
        assert_eq!(asked("both.test"), count);
    }
}

#[test]
fn a_client_that_is_freed_leaves_its_lookups() {
    let server = server_at("127.0.0.1", 0);
    let client = client();
    let fetches = two_waiting(&client, &server, "left.test");
    drop(client);
    assert!(fetches.iter().all(|fetch| fetch.poll() == IFETCH_CANCELLED));
    release("left.test");
}
