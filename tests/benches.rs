//! The benchmarks still compile, still do what they say, and still print their table. What they
//! measure is nobody's test.
#![allow(missing_docs)]

mod support_c;

use std::io::{BufRead, BufReader};
use std::process::{Child, Command, Stdio};
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

    /// What a client prints for `row`, of which `sizes` are COUNT, CONCURRENCY and BODY.
    fn row(&self, client: &str, row: &str, sizes: &str) -> String {
        let mut client = Command::new(self.folder.path(client));
        run(client.args([row, &self.port]).args(sizes.split_whitespace()))
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

#[test]
fn every_client_completes_every_request_and_body() {
    let benches = Benches::new("bench-requests");
    for client in CLIENTS {
        benches.assert_row(client, "new", "20 1", &["count=20", "bytes=2000"]);
        benches.assert_row(client, "new", "100 8", &["count=100", "bytes=10000"]);
        benches.assert_row(client, "length", "2 1 1000001", &["count=2", "bytes=2000002"]);
        benches.assert_row(client, "chunked", "2 1 4194304", &["count=2", "bytes=8388608"]);
    }
    for row in ["new-wait", "alone", "alone-wait"] {
        benches.assert_row("ifetch", row, "20 1", &["count=20", "bytes=2000"]);
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
    for client in ["raw", "ifetch"] {
        benches.assert_row(client, "busy", "20 20", &["count=20"]);
    }
    assert_eq!(benches.row("curl", "busy", "20 20"), "row=busy impossible\n");
}

#[test]
fn a_table_is_printed_of_each_kind_of_row() {
    let folder = compiled("bench-table");
    let mut table = tool("python3 -B benches/run.py --quick");
    let table = run(table.arg(folder.path("")).args(["in chunks", "1,000 waiting"]));
    for word in ["instructions", "heap bytes", "p99 us", "raw", "libcurl", "ifetch"] {
        assert!(table.contains(word), "no {word} in\n{table}");
    }
}
