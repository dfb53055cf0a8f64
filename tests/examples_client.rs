//! Runs those programs in `examples-c/` that are built around an `ifetch_client`, against servers
//! that keep connections, and servers that do not behave.

mod support_c;

use std::fs;
use std::process::Command;
use std::sync::mpsc::Receiver;
use std::time::Instant;
use support_c::Folder;
use support_c::keeper::{FIRST, Keeper, LEFT};
use support_c::programs::{Ended, PATIENCE, example, finish, interrupt, lines_of, run, spawn};
use support_c::servers::{HELLO, REFUSED, TRUNCATED, serve};

/// A name that does not exist (RFC 6761 section 6.4).
const UNKNOWN: &str = "http://ifetch.invalid/";

/// The file that `client` is given, and what goes with it.
fn list(name: &str, urls: &[impl AsRef<str>]) -> (Folder, Command) {
    let folder = Folder::new(name);
    let text: String = urls.iter().map(|url| format!("{}\n", url.as_ref())).collect();
    fs::write(folder.path("urls"), text).unwrap();
    let mut client = Command::new(example("client"));
    client.current_dir(folder.path("")).arg("urls");
    (folder, client)
}

/// The number behind these words.
fn number(text: &str, words: &str) -> usize {
    let (_, after) = text.split_once(words).unwrap_or_else(|| panic!("no {words:?} in {text}"));
    let digits: String = after.chars().take_while(char::is_ascii_digit).collect();
    digits.parse().unwrap_or_else(|e| panic!("{words:?} in {text}: {e}"))
}

/// Reads lines until one is this, of a program that says more every second.
fn until(lines: &Receiver<String>, wanted: &str) {
    let begin = Instant::now();
    let mut last = String::new();
    while last != wanted {
        assert!(begin.elapsed() < PATIENCE, "not {wanted:?} but {last:?}");
        last = lines.recv_timeout(PATIENCE).unwrap_or_else(|e| panic!("{e} after {last:?}"));
    }
}

#[test]
fn client_uses_its_connections_again() {
    let mut server = Keeper::start();
    let (_folder, mut client) = list("client-reuse", &vec![server.url("/hello"); 1000]);
    let ended = run(client.arg("4"));
    assert_eq!(ended.code, Some(0), "{}{}", ended.out, ended.err);
    assert!(ended.out.starts_with("1000 complete, 0 failed, 0 cancelled; 6000 bytes\n"));
    let opened = number(&ended.out, "connections opened: ");
    assert!(opened <= 4, "{}", ended.out);
    assert_eq!(number(&ended.out, "used again: "), 1000 - opened, "{}", ended.out);
    assert_eq!((server.count("/hello"), server.count(FIRST)), (1000, opened));
}

#[test]
fn client_tells_each_url_that_failed() {
    let server = Keeper::start();
    let url = |path| server.url(path);
    let hello = url("/hello");
    let urls = [&hello, "", &url("/truncated"), REFUSED, "not a URL", &url("/none"), UNKNOWN];
    let (_folder, mut client) = list("client-failures", &urls);
    let ended = run(client.arg("2"));
    assert_eq!(ended.code, Some(1), "{}", ended.out);
    assert!(
        ended.out.starts_with("2 complete, 4 failed, 0 cancelled; 17 bytes\n"),
        "{}",
        ended.out
    );
    assert_eq!(number(&ended.out, "lookups: "), 1, "{}", ended.out);
    let told =
        |line: usize| ended.err.lines().any(|said| said.starts_with(&format!("urls:{line}: ")));
    let lines: Vec<_> = (1..=urls.len()).filter(|line| told(*line)).collect();
    assert_eq!(lines, [3, 4, 5, 7], "{}", ended.err);
}

#[test]
fn client_keeps_n_in_flight_and_tells_how_far_it_is() {
    let mut server = Keeper::start();
    let gate = server.gate.clone();
    let closed = gate.write().unwrap();
    let urls = [vec![server.url("/hello"); 5], vec![server.url("/gated"); 10]].concat();
    let (_folder, mut client) = list("client-progress", &urls);
    let mut child = spawn(client.arg("3"));
    until(&lines_of(child.stderr.take().unwrap()), "5 have ended, 3 are in flight");
    assert_eq!(server.count("/gated"), 3);
    drop(closed);
    let ended = finish(child);
    assert_eq!(ended.code, Some(0), "{}", ended.out);
    assert!(
        ended.out.starts_with("15 complete, 0 failed, 0 cancelled; 90 bytes\n"),
        "{}",
        ended.out
    );
}

#[test]
fn client_ends_what_is_in_flight_on_ctrl_c_and_sums_up() {
    let mut server = Keeper::start();
    let urls = ["/hello", "/silent", "/hello", "/half", "/silent", "/silent", "/hello", "/hello"];
    let (_folder, mut client) = list("client-ctrl-c", &urls.map(|path| server.url(path)));
    let child = spawn(client.arg("4"));
    server.sees("/silent", 3);
    server.sees("/half", 1);
    interrupt(&child);
    server.sees(LEFT, 4);
    let ended = finish(child);
    assert_eq!(ended.code, Some(1), "{}{}", ended.out, ended.err);
    assert!(ended.out.starts_with("2 complete, 0 failed, 4 cancelled; "), "{}", ended.out);
    assert_eq!(server.count("/hello"), 2, "the rest was not started");
}

#[test]
fn client_says_which_file_it_cannot_read() {
    for file in ["no such file", "."] {
        let ended = run(Command::new(example("client")).args([file, "4"]));
        assert_eq!(ended.code, Some(1), "{}", ended.out);
        assert!(ended.err.starts_with(&format!("{file}: ")), "{}", ended.err);
    }
}

fn hedge(first: &str, second: &str, ms: &str) -> Command {
    let mut hedge = Command::new(example("hedge"));
    hedge.args([first, second, ms]);
    hedge
}

/// It wrote the answer, and said this of the two servers.
fn assert_hedged(ended: &Ended, winner: &str, loser: &str, story: &str) {
    assert_eq!((ended.code, &*ended.out), (Some(0), "hello\n"), "{}", ended.err);
    assert!(ended.err.contains(&format!("{winner} has won\n")), "{}", ended.err);
    assert!(ended.err.contains(&format!("{winner}: complete after ")), "{}", ended.err);
    let of_loser = ended.err.lines().find(|line| line.starts_with(&format!("{loser}: ")));
    assert!(of_loser.is_some_and(|line| line.contains(story)), "{story}: {}", ended.err);
}

#[test]
fn hedge_does_not_ask_the_second_if_the_first_answers_in_time() {
    let mut server = Keeper::start();
    let [first, second] = ["/hello", "/second"].map(|path| server.url(path));
    let ended = run(&mut hedge(&first, &second, "600000"));
    assert_hedged(&ended, &first, &second, "not asked");
    assert_eq!(server.count("/second"), 0);
}

#[test]
fn hedge_takes_the_answer_of_the_second_if_the_first_is_slow() {
    for (slow, while_doing) in
        [("/silent", "while waiting for the response"), ("/half", "while receiving the body")]
    {
        let mut server = Keeper::start();
        let (slow, fast) = (server.url(slow), serve(&[HELLO]).url);
        let ended = run(&mut hedge(&slow, &fast, "200"));
        server.sees(LEFT, 1);
        assert_hedged(&ended, &fast, &slow, while_doing);
        assert_hedged(&ended, &fast, &slow, "may have acted on it; the connection was ended");
    }
}

#[test]
fn hedge_takes_the_answer_of_the_first_if_it_still_comes_first() {
    let mut server = Keeper::start();
    let [first, second] = ["/gated", "/silent"].map(|path| server.url(path));
    let gate = server.gate.clone();
    let closed = gate.write().unwrap();
    let child = spawn(&mut hedge(&first, &second, "0"));
    server.sees("/silent", 1);
    drop(closed);
    server.sees(LEFT, 1);
    assert_hedged(&finish(child), &first, &second, "while waiting for the response");
}

#[test]
fn hedge_asks_the_second_at_once_if_the_first_fails() {
    for first in [REFUSED, &serve(&[TRUNCATED]).url] {
        let second = serve(&[HELLO]).url;
        assert_hedged(&run(&mut hedge(first, &second, "600000")), &second, first, "");
    }
}

#[test]
fn hedge_fails_if_both_fail() {
    let truncated = serve(&[TRUNCATED]).url;
    let ended = run(&mut hedge(REFUSED, &truncated, "0"));
    assert_eq!((ended.code, &*ended.out), (Some(1), ""));
    for url in [REFUSED, &truncated] {
        assert!(ended.err.contains(&format!("{url}: ")), "{}", ended.err);
    }
}

fn epoll_client(url: &str, count: &str) -> Command {
    let mut epoll_client = Command::new(example("epoll_client"));
    epoll_client.args([url, count]);
    epoll_client
}

/// Also when the server closes each connection without having said so.
#[test]
fn epoll_client_completes_all_its_fetches() {
    let server = Keeper::start();
    for url in [server.url("/hello"), serve(&[HELLO; 100]).url] {
        let ended = run(&mut epoll_client(&url, "100"));
        assert_eq!(ended.code, Some(0), "{}", ended.err);
        assert!(ended.out.starts_with("100 of 100 complete, 600 bytes;"), "{}", ended.out);
    }
}

#[test]
fn epoll_client_counts_what_failed() {
    let server = serve(&[HELLO, TRUNCATED, HELLO]);
    let ended = run(&mut epoll_client(&server.url, "3"));
    assert_eq!(ended.code, Some(1));
    assert!(ended.out.starts_with("2 of 3 complete, 18 bytes;"), "{}", ended.out);
    let failures = ended.err.lines().filter(|line| !line.contains("have ended"));
    assert_eq!(failures.count(), 1, "{}", ended.err);
}

#[test]
fn epoll_client_shows_what_its_client_is_doing() {
    let mut server = Keeper::start();
    let gate = server.gate.clone();
    let closed = gate.write().unwrap();
    let mut child = spawn(&mut epoll_client(&server.url("/gated"), "100"));
    until(
        &lines_of(child.stderr.take().unwrap()),
        "0 have ended; 36 queue, 0 connect, 64 wait, 0 receive, on 64 connections",
    );
    drop(closed);
    let ended = finish(child);
    assert_eq!(ended.code, Some(0));
    assert!(ended.out.starts_with("100 of 100 complete, 600 bytes;"), "{}", ended.out);
    assert_eq!((server.count("/gated"), server.count(FIRST)), (100, 64));
}
