//! Real servers over TLS: each is fetched from twice, and says itself that the second handshake
//! resumed the first one's session.
//!
//! `make test` asks nginx, Node, GnuTLS and, in tests/tls_peers, OpenSSL. `make servers` asks Go as
//! well.
#![cfg(feature = "tls")]

#[path = "../support/mod.rs"]
mod support;

use ifetch::ffi::client::ifetch_client_limit::IFETCH_CLIENT_LIMIT_IDLE;
use std::fs::{self, File};
use std::net::{SocketAddr, TcpListener, TcpStream};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::sync::atomic::{AtomicU32, Ordering::Relaxed};
use std::time::{Duration, Instant};
use support::*;

/// Go compiles its own library at the first start.
const STARTING: Duration = Duration::from_secs(180);

/// Ended when dropped.
struct Running {
    child: Child,
    address: SocketAddr,
    /// What it prints.
    log: PathBuf,
}

struct Server {
    name: &'static str,
    /// The program and its arguments, in which some words stand for others.
    command: &'static str,
    /// What it answers or prints of a session that is new, and of one that was resumed.
    says: [&'static str; 2],
}

const PLAIN: [&str; 2] = ["TLSv@VERSION@ full\n", "TLSv@VERSION@ resumed\n"];

const IN_EVERY_TEST: &[Server] = &[
    Server { name: "nginx", command: "nginx -p @FOLDER@ -c @FOLDER@/nginx.conf", says: PLAIN },
    Server { name: "Node", command: "node @FOLDER@/node.js", says: PLAIN },
    Server {
        name: "GnuTLS",
        command: "gnutls-serv --http --port @PORT@ --x509certfile @CHAIN@ --x509keyfile @KEY@ \
                  --priority NORMAL:-VERS-ALL:+VERS-TLS@VERSION@",
        says: ["TLS@VERSION@", "This is a resumed session"],
    },
];

const OTHERS: &[Server] =
    &[Server { name: "Go", command: "go run @FOLDER@/server.go", says: PLAIN }];

fn start(server: &Server, version: &str, identity: &Identity) -> Running {
    let listener = TcpListener::bind("127.0.0.1:0").expect("a loopback port");
    let address = listener.local_addr().expect("it is bound");
    drop(listener);
    let target = Path::new(env!("CARGO_TARGET_TMPDIR"));
    static STARTED: AtomicU32 = AtomicU32::new(0);
    let number = STARTED.fetch_add(1, Relaxed);
    let folder = target.join(format!("tls-{}-{number}", server.name));
    let _ = fs::remove_dir_all(&folder);
    fs::create_dir_all(&folder).expect("a temporary folder");
    let path = |path: &Path| path.to_str().expect("a plain path").to_owned();
    let fill = |text: &str| {
        text.replace("@FOLDER@", &path(&folder))
            .replace("@PORT@", &address.port().to_string())
            .replace("@CHAIN@", &path(&identity.chain))
            .replace("@KEY@", &path(&identity.key))
            .replace("@VERSION@", version)
    };
    let sources = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/tls_servers");
    for file in ["nginx.conf", "node.js", "server.go"] {
        let text = fs::read_to_string(sources.join(file)).expect("the server has its file");
        fs::write(folder.join(file), fill(&text)).expect("a temporary file");
    }
    fs::write(folder.join("large"), large_text(LARGE)).expect("a temporary file");
    let command = fill(server.command);
    let mut words = command.split_whitespace();
    let log = folder.join("log");
    let output = |log: &PathBuf| File::create(log).expect("a temporary file");
    let child = Command::new(words.next().expect("a program"))
        .args(words)
        .current_dir(&folder)
        .env("PORT", address.port().to_string())
        .env("VERSION", version)
        .env("CHAIN", &identity.chain)
        .env("KEY", &identity.key)
        .env("GOCACHE", target.join("go-cache"))
        .stdin(Stdio::null())
        .stdout(output(&log))
        .stderr(output(&folder.join("errors")))
        .spawn()
        .unwrap_or_else(|error| panic!("{} is not installed: {error}", server.name));
    let mut running = Running { child, address, log };
    let begun = Instant::now();
    while TcpStream::connect(address).is_err() {
        let said = fs::read_to_string(folder.join("errors")).unwrap_or_default();
        let ended = running.child.try_wait().expect("it was started");
        assert!(ended.is_none() && begun.elapsed() < STARTING, "{}: {said}", server.name);
        std::thread::sleep(Duration::from_millis(10));
    }
    running
}

impl Drop for Running {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

fn ask(servers: &[Server]) {
    let authority = Authority::new("servers");
    let identity = authority.issue("DNS:localhost,IP:127.0.0.1");
    let settings = Tls::trusting(authority.certificate());
    for server in servers {
        for version in ["1.2", "1.3"] {
            let running = start(server, version, &identity);
            let client = Client::trusting(&settings).limit(IFETCH_CLIENT_LIMIT_IDLE, 0);
            for (resumed, says) in server.says.iter().enumerate() {
                let fetch = client.get(&format!("https://{}/", running.address));
                let what = format!("{} with TLS {version}", server.name);
                assert_eq!(fetch.poll(), IFETCH_DONE, "{what}: {}", fetch.message());
                let body = fetch.body().expect("it was collected");
                let told = body + &fs::read_to_string(&running.log).expect("it was made");
                assert!(told.contains(&says.replace("@VERSION@", version)), "{what}: {told}");
                let report = fetch.report();
                let wanted = if version == "1.2" { 12 } else { 13 };
                assert_eq!((report.tls_version, report.tls_resumed), (wanted, resumed as u32));
            }
        }
    }
}

#[test]
fn sessions_are_resumed_as_the_server_sees_it() {
    ask(IN_EVERY_TEST);
}

#[test]
fn handlers_of_other_servers_see_it_too() {
    // Only `make servers` installs them.
    if std::env::var_os("SERVERS").is_some() {
        ask(OTHERS);
    }
}

const LARGE: usize = 20_000_000;

/// Many at a time, on kept connections, and one that is large.
#[test]
fn a_client_fetches_much_from_nginx() {
    let authority = Authority::new("much");
    let identity = authority.issue("DNS:localhost,IP:127.0.0.1");
    let nginx = start(&IN_EVERY_TEST[0], "1.3", &identity);
    let client = Client::trusting(&Tls::trusting(authority.certificate()));
    let url = |path: &str| format!("https://localhost:{}{path}", nginx.address.port());
    for _ in 0..3 {
        let options = Options::new();
        let fetches: Vec<_> = (0..40).map(|_| client.start(&url("/"), &options)).collect();
        client.finish_all(&fetches);
        for fetch in &fetches {
            assert_eq!(fetch.poll(), IFETCH_DONE, "{}", fetch.message());
        }
    }
    assert!(client.count(ifetch::ffi::client::ifetch_count::IFETCH_COUNT_REUSED) >= 80);
    let large = client.get(&url("/large"));
    assert_eq!(large.poll(), IFETCH_DONE, "{}", large.message());
    assert!(large.body().expect("it was collected").as_bytes() == large_text(LARGE));
    let streamed = client.start(&url("/large"), &Options::new().stream());
    assert!(streamed.finish().body.as_bytes() == large_text(LARGE));
}
