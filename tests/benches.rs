//! The benchmarks still compile, still do what they say, and still print their table. What they
//! measure is nobody's test.
#![allow(missing_docs)]

mod support_c;

use std::collections::BTreeSet;
use std::io::{BufRead, BufReader, Write};
use std::net::TcpListener;
use std::process::{Child, Command, Stdio};
use std::thread;
use support_c::{Folder, libraries, run, tool};

const CLIENTS: [&str; 3] = ["raw", "curl", "ifetch"];

/// The programs in a folder of their own, and their server.
struct Benches {
    folder: Folder,
    server: Child,
    port: String,
}

impl Benches {
    fn new(name: &str) -> Benches {
        let folder = compiled(name);
        let mut server = Command::new(folder.path("server"))
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .spawn()
            .expect("it has just been compiled");
        let mut port = String::new();
        let stdout = server.stdout.as_mut().expect("it is piped");
        BufReader::new(stdout).read_line(&mut port).expect("the server says its port");
        Benches { folder, server, port: port.trim().to_owned() }
    }

    /// What a client prints for `row`, of which `sizes` are COUNT, CONCURRENCY and SIZE.
    fn row(&self, client: &str, row: &str, sizes: &str) -> String {
        self.row_at(&self.port, client, row, sizes)
    }

    fn row_at(&self, port: &str, client: &str, row: &str, sizes: &str) -> String {
        let mut client = Command::new(self.folder.path(client));
        run(client.args([row, port]).args(sizes.split_whitespace()))
    }

    fn assert_row(&self, client: &str, row: &str, sizes: &str, expected: &[&str]) {
        let printed = self.row(client, row, sizes);
        let words: Vec<&str> = printed.split_whitespace().collect();
        for word in expected {
            assert!(words.contains(word), "{client} {row} {sizes}: no {word} in {printed}");
        }
    }
}

impl Drop for Benches {
    fn drop(&mut self) {
        drop(self.server.stdin.take()); // its end is the server's end
        let _ = self.server.wait();
    }
}

fn compiled(name: &str) -> Folder {
    let folder = Folder::new(name);
    let library = libraries().join("libifetch.a");
    run(tool("benches/build.sh").arg(folder.path("")).arg(library));
    folder
}

/// Answers the first `n` requests on the next connection with a hundred bytes each, then closes it.
/// Gives the first lines of the requests.
fn answer(listener: &TcpListener, n: usize) -> Vec<String> {
    let (stream, _) = listener.accept().expect("the client connects");
    let mut writer = stream.try_clone().expect("a descriptor more");
    let mut lines = BufReader::new(stream).lines().map(|line| line.expect("the client sends"));
    let mut asked = Vec::new();
    for _ in 0..n {
        asked.push(lines.next().expect("a request line"));
        lines.by_ref().find(String::is_empty).expect("the end of the head");
        let body = "x".repeat(100);
        write!(writer, "HTTP/1.1 200 OK\r\nContent-Length: 100\r\n\r\n{body}").expect("it reads");
    }
    asked
}

#[test]
fn every_client_completes_every_request_and_body() {
    let benches = Benches::new("bench-requests");
    for client in CLIENTS {
        benches.assert_row(client, "new", "20 1", &["bytes=2000", "connections=20", "open=0"]);
        benches.assert_row(client, "new", "100 8", &["bytes=10000", "connections=100"]);
        benches.assert_row(client, "length", "2 1 1000001", &["count=2", "bytes=2000002"]);
        benches.assert_row(client, "chunked", "2 1 4194304", &["count=2", "bytes=8388608"]);
    }
    for row in ["new-wait", "alone", "alone-wait"] {
        benches.assert_row("ifetch", row, "20 1", &["bytes=2000", "connections=20"]);
    }
}

#[test]
fn every_client_keeps_its_connections() {
    let benches = Benches::new("bench-kept");
    for client in CLIENTS {
        for row in ["keep", "keep-urls"] {
            benches.assert_row(client, row, "20 1", &["bytes=2000", "connections=1", "open=1"]);
            benches.assert_row(client, row, "100 8", &["bytes=10000", "open=8"]);
        }
    }
    for (client, open) in [("raw", "open=8"), ("curl", "open=8"), ("ifetch", "open=4")] {
        benches.assert_row(client, "origins", "200 4 20", &["bytes=20000", open]);
    }
    benches.assert_row("ifetch", "keep-wait", "20 1", &["connections=1", "open=1"]);
}

#[test]
fn others_wait_beside_for_the_one_connection_of_their_origin() {
    let benches = Benches::new("bench-beside");
    for client in ["curl", "ifetch"] {
        benches.assert_row(client, "deadlines", "20 1 50", &["bytes=2000", "open=2"]);
    }
}

#[test]
fn a_numbered_row_asks_for_a_new_url_each_time() {
    let benches = Benches::new("bench-numbered");
    for client in CLIENTS {
        for (row, distinct) in [("keep", 1), ("keep-urls", 20)] {
            let listener = TcpListener::bind("127.0.0.1:0").expect("loopback has a free port");
            let port = listener.local_addr().expect("it is bound").port().to_string();
            let server = thread::spawn(move || {
                let asked = answer(&listener, 20);
                answer(&listener, 1); // the client says that it is done
                asked
            });
            benches.row_at(&port, client, row, "20 1");
            let asked: BTreeSet<_> = server.join().expect("it answers").into_iter().collect();
            assert_eq!(asked.len(), distinct, "{client} {row}: {asked:?}");
        }
    }
}

#[test]
fn the_server_notices_every_cancel() {
    let benches = Benches::new("bench-cancels");
    for client in CLIENTS {
        for row in ["waiting", "waiting-urls", "waiting-alone"] {
            benches.assert_row(client, row, "20 20", &["count=20"]);
        }
        benches.assert_row(client, "cancel", "40 20", &["count=40"]);
    }
    benches.assert_row("raw", "cancel-reset", "40 20", &["count=40", "eof=40", "rst=40"]);
    benches.assert_row("ifetch", "cancel-finish", "40 20", &["count=40", "eof=40", "rst=0"]);
    benches.assert_row("raw", "busy-at-once-reset", "40 20", &["count=40", "eof=40", "rst=40"]);
    for row in ["busy", "busy-signal", "busy-at-once", "busy-at-once-signal"] {
        for client in ["raw", "ifetch"] {
            benches.assert_row(client, row, "20 20", &["count=20"]);
            benches.assert_row(client, row, "20 1", &["count=20"]);
        }
        assert_eq!(benches.row("curl", row, "20 20"), format!("row={row} impossible\n"));
    }
}

#[test]
fn a_table_is_printed_of_each_kind_of_row() {
    let folder = compiled("bench-table");
    let mut table = tool("python3 -B benches/run.py --quick");
    let words =
        ["in chunks", "new URLs, nginx", "TLS, kept", "deadlines", "1,000 waiting", "idle", "dead"];
    let table = run(table.arg(folder.path("")).args(words));
    for word in [
        "instructions",
        "heap bytes",
        "p99 us",
        "raw",
        "libcurl",
        "ifetch",
        "x rustls",
        "1,000 idle",
        "threads left",
    ] {
        assert!(table.contains(word), "no {word} in\n{table}");
    }
}
