//! Runs those programs in `examples-c/` that cancel through tokens.

mod support_c;

use std::io::Write;
use std::process::{Child, ChildStdin, Command, Stdio};
use std::sync::mpsc::Receiver;
use support_c::keeper::{Keeper, LEFT};
use support_c::programs::{PATIENCE, example, finish, interrupt, lines_of, run, spawn};
use support_c::servers::REFUSED;

#[test]
fn ctrl_c_ends_what_is_in_flight_and_tells_how_far_it_was() {
    let mut server = Keeper::start();
    let urls = ["/silent", "/hello", "/half", "/silent"].map(|path| server.url(path));
    let mut child = spawn(Command::new(example("ctrl_c")).args(&urls));
    let lines = lines_of(child.stdout.take().unwrap());
    let first = lines.recv_timeout(PATIENCE).unwrap();
    assert!(first.ends_with("/hello: complete, status 200"), "{first}");
    server.sees("/silent", 2);
    server.sees("/half", 1);
    interrupt(&child);
    server.sees(LEFT, 3);
    let ended = finish(child);
    assert_eq!((ended.code, &*ended.err), (Some(130), ""));
    let told: Vec<String> = lines.iter().collect();
    for (words, times) in [
        ("/silent: stopped after ", 2),
        ("/half: stopped after ", 1),
        (" bytes sent, ", 3),
        ("; the server may have acted", 3),
    ] {
        let count = told.iter().filter(|line| line.contains(words)).count();
        assert_eq!(count, times, "{words}: {told:#?}");
    }
}

#[test]
fn ctrl_c_tells_how_each_fetch_ended() {
    let server = Keeper::start();
    let hello = server.url("/hello");
    let ended = run(Command::new(example("ctrl_c")).args([&hello, &hello]));
    assert_eq!((ended.code, &*ended.err), (Some(0), ""));
    assert_eq!(ended.out, format!("{hello}: complete, status 200\n").repeat(2));

    let ended = run(Command::new(example("ctrl_c")).args([REFUSED, &hello]));
    assert_eq!(ended.code, Some(1), "{}", ended.out);
    assert!(ended.out.contains(&format!("{REFUSED}: failed: ")), "{}", ended.out);
}

/// The example, typed to.
struct Session {
    child: Child,
    keyboard: ChildStdin,
    lines: Receiver<String>,
}

impl Session {
    fn start(url: &str, patience_ms: &str) -> Session {
        let mut command = Command::new(example("token_tree"));
        let mut child = spawn(command.args([url, patience_ms]).stdin(Stdio::piped()));
        let keyboard = child.stdin.take().unwrap();
        let lines = lines_of(child.stdout.take().unwrap());
        Session { child, keyboard, lines }
    }

    fn types(&mut self, line: &str) {
        writeln!(self.keyboard, "{line}").unwrap();
    }

    /// The next lines that it says, in whatever order.
    fn says(&self, wanted: &[(&str, &str)]) {
        let next = |_| self.lines.recv_timeout(PATIENCE).expect("it goes on");
        let said: Vec<String> = wanted.iter().map(next).collect();
        for (start, end) in wanted {
            let is_it = |line: &&String| line.starts_with(start) && line.ends_with(end);
            assert_eq!(said.iter().filter(is_it).count(), 1, "{start}...{end}: {said:#?}");
        }
    }

    fn ends(self) {
        drop(self.keyboard);
        assert_eq!(finish(self.child).code, Some(0));
    }
}

const BY_TOKEN: &str = ", by its token";
const BY_DEADLINE: &str = ", as the deadline of its token passed";

#[test]
fn token_tree_cancels_the_query_before_and_nothing_else() {
    let mut server = Keeper::start();
    let gate = server.gate.clone();
    let closed = gate.write().unwrap();
    let mut session = Session::start(&server.url("/gated"), "600000");
    server.sees("/gated?profile=", 1);
    session.types("c");
    server.sees("/gated?results=c", 1);
    server.sees("/gated?suggestions=c", 1);
    session.types("c a");
    session.says(&[("results for c: ", BY_TOKEN), ("suggestions for c: ", BY_TOKEN)]);
    server.sees("/gated?suggestions=c+a", 1);
    drop(closed);
    let complete = ": status 200";
    session.says(&[
        ("results for c+a", complete),
        ("suggestions for c+a", complete),
        ("profile", complete),
    ]);
    session.says(&[("2 queries", "")]);
    session.ends();
}

#[test]
fn token_tree_ends_everything_with_the_session() {
    for (patience_ms, leaves, how) in [("600000", true, BY_TOKEN), ("3000", false, BY_DEADLINE)] {
        let mut server = Keeper::start();
        let mut session = Session::start(&server.url("/silent"), patience_ms);
        session.types("c");
        server.sees("/silent?profile=", 1);
        server.sees("/silent?suggestions=c", 1);
        server.sees("/silent?results=c", 1);
        if leaves {
            session.types(".");
        }
        session.says(&[("profile: ", how), ("results for c: ", how), ("suggestions for c: ", how)]);
        server.sees(LEFT, 3);
        session.says(&[("1 query", "")]);
        session.ends();
    }
}
