//! https: whom to trust, who we are, and what a client keeps of it.
#![cfg(feature = "tls")]
#![allow(unsafe_code)] // for the environment and a fork

mod support;

use ifetch::ffi::client::ifetch_client_limit::IFETCH_CLIENT_LIMIT_IDLE;
use ifetch::ffi::client::ifetch_count::*;
use ifetch::ffi::error::ifetch_feature;
use ifetch::ffi::options::ifetch_timeout::IFETCH_TIMEOUT_IDLE;
use std::io::{ErrorKind, Read, Write};
use std::net::{SocketAddr, TcpListener, TcpStream};
use std::sync::Arc;
use std::sync::mpsc::{Receiver, channel};
use std::time::{Duration, Instant};
use support::*;

type Stream = rustls::StreamOwned<rustls::ServerConnection, TcpStream>;

/// A server that answers every request of a connection with what it knows of it; it tells of
/// each connection how that ended.
struct Host {
    address: SocketAddr,
    ends: Receiver<End>,
}

/// How a connection ended, seen by the server.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum End {
    /// With close_notify.
    Goodbye,
    /// Without.
    CutOff,
    /// In the handshake.
    Refused,
}

impl Host {
    fn start(config: &Arc<rustls::ServerConfig>) -> Host {
        let listener = TcpListener::bind("127.0.0.1:0").expect("a loopback port");
        let address = listener.local_addr().expect("it is bound");
        let (tell, ends) = channel();
        let config = Arc::clone(config);
        std::thread::spawn(move || {
            for stream in listener.incoming() {
                let stream = stream.expect("somebody connects");
                let (tell, config) = (tell.clone(), Arc::clone(&config));
                std::thread::spawn(move || tell.send(attend(stream, config)));
            }
        });
        Host { address, ends }
    }

    /// One that all tests trust by `Secure::settings`.
    fn shared() -> Host {
        Host::start(&Secure::shared().config)
    }

    fn url(&self, path: &str) -> String {
        format!("https://{}{path}", self.address)
    }

    fn end(&self) -> End {
        self.ends.recv_timeout(PATIENCE).expect("the connection ends")
    }
}

fn attend(stream: TcpStream, config: Arc<rustls::ServerConfig>) -> End {
    stream.set_read_timeout(Some(PATIENCE)).expect("a socket option");
    let connection = rustls::ServerConnection::new(config).expect("a configuration of ours");
    let mut stream = Stream::new(connection, stream);
    loop {
        let mut head = Vec::new();
        while !head.ends_with(b"\r\n\r\n") {
            let mut byte = [0];
            match stream.read(&mut byte) {
                Ok(0) => return End::Goodbye,
                Ok(_) => head.push(byte[0]),
                Err(error) if error.kind() == ErrorKind::UnexpectedEof => return End::CutOff,
                Err(error) if error.kind() == ErrorKind::ConnectionReset => return End::CutOff,
                Err(_) => return End::Refused,
            }
        }
        let name = stream.conn.server_name().unwrap_or("none").to_owned();
        let certificate = stream.conn.peer_certificates().map_or(0, <[_]>::len);
        let body = format!("name {name}, certificates {certificate}");
        let answer = format!("HTTP/1.1 200 OK\r\nContent-Length: {}\r\n\r\n{body}", body.len());
        stream.write_all(answer.as_bytes()).expect("the client is there");
    }
}

#[test]
fn a_connection_is_kept_and_used_again() {
    let host = Host::shared();
    let client = Client::trusting(&Secure::shared().settings());
    let first = client.get(&host.url("/a"));
    let second = client.get(&host.url("/b"));
    for (fetch, reused) in [(&first, 0), (&second, 1)] {
        assert_eq!(fetch.body().as_deref(), Some("name none, certificates 0"));
        let report = fetch.report();
        assert_eq!((report.reused, report.tls_version, report.ending), (reused, 13, 1));
        assert_eq!((report.tls_cipher_suite, report.tls_resumed), (0x1302, 0));
        assert_eq!(report.handshake_ns == u64::MAX, reused == 1, "{report:?}");
    }
    let report = first.report();
    assert!(report.connecting_ns <= report.handshake_ns);
    assert!(report.handshake_ns < report.sending_ns, "{report:?}");
    assert_eq!(client.count(IFETCH_COUNT_OPENED), 1);
    assert_eq!(client.count(IFETCH_COUNT_IDLE), 1);
    // An idle connection that is closed says so; before anybody has to wait for it.
    client.set_limit(IFETCH_CLIENT_LIMIT_IDLE, 0);
    assert_eq!(host.end(), End::Goodbye);
}

#[test]
fn a_goodbye_is_said_where_an_exchange_ends_and_nowhere_else() {
    let host = Host::shared();
    let options = || Options::new().tls(&Secure::shared().settings());
    let fetch = Fetch::start(host.url("/"), &options());
    assert_eq!(fetch.finish().status, IFETCH_DONE);
    assert_eq!(host.end(), End::Goodbye, "a fetch without a client");

    let listener = TcpListener::bind("127.0.0.1:0").expect("a loopback port");
    let url = format!("https://{}/", listener.local_addr().expect("it is bound"));
    let fetch = Fetch::start(url, &options());
    let (stream, _) = listener.accept().expect("it connects");
    let mut wire = Wire::new(stream, Some(&Secure::shared().config));
    wire.greet(|| _ = fetch.poll());
    fetch.cancel();
    drop(fetch);
    let (mut seen, mut buffer) = (0, [0; 4096]);
    let start = Instant::now();
    loop {
        match wire.read(&mut buffer) {
            Ok(0) => panic!("a goodbye"),
            Ok(count) => seen += count,
            Err(error) if error.kind() == ErrorKind::WouldBlock => {
                assert!(start.elapsed() < PATIENCE, "no end, after {seen} bytes");
            }
            Err(error) => {
                let ended = [ErrorKind::UnexpectedEof, ErrorKind::ConnectionReset];
                assert!(ended.contains(&error.kind()), "{error}");
                break;
            }
        }
    }
}

/// A forked child that frees what it inherited sends nothing.
#[test]
fn a_child_says_no_goodbye() {
    if !alone("a_child_says_no_goodbye") {
        return;
    }
    let host = Host::shared();
    let client = Client::trusting(&Secure::shared().settings());
    assert_eq!(client.get(&host.url("/")).poll(), IFETCH_DONE);
    // SAFETY: the child frees one client and leaves.
    match unsafe { libc::fork() } {
        0 => {
            drop(client);
            // SAFETY: takes no pointers.
            unsafe { libc::_exit(0) };
        }
        child => {
            let mut status = 1;
            // SAFETY: the child of above, and a place for how it ended.
            unsafe { libc::waitpid(child, &raw mut status, 0) };
            assert_eq!(status, 0);
        }
    }
    assert!(host.ends.recv_timeout(QUIET).is_err(), "the parent's connection has ended");
    assert_eq!(client.get(&host.url("/")).report().reused, 1);
}

#[test]
fn settings_are_part_of_whom_a_connection_is_for() {
    let host = Host::shared();
    let client = Client::trusting(&Secure::shared().settings());
    let settings = Secure::shared().settings();
    let named = |name: &str| Options::new().connect_to(host.address).verify_name(name);
    let get = |url: &str, options: &Options| {
        let fetch = client.start(url, options);
        assert_eq!(fetch.finish().status, IFETCH_DONE, "{}", fetch.message());
        fetch.report().reused
    };
    let url = host.url("/");
    let own = Options::new().tls(&settings);
    // Each of these is another one, twice.
    for options in [Options::new(), own, named("localhost"), named("127.0.0.1")] {
        assert_eq!([get(&url, &options), get(&url, &options)], [0, 1]);
    }
    // Settings that were used before, given once more.
    assert_eq!(get(&url, &Options::new().tls(&settings)), 1);
    // The client's own, changed: what was made before is not for later fetches.
    client.set_tls(&Secure::shared().settings());
    assert_eq!(get(&url, &Options::new()), 0);
    // Other settings that do not trust the server.
    let fetch = client.start(&url, &Options::new().tls(&Tls::new().trust_system(false).pin(PIN)));
    assert_eq!(fetch.finish().error, IFETCH_ERROR_NO_TRUST);
}

/// Of nobody.
const PIN: &str = "sha256/AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA=";

#[test]
fn the_server_is_told_the_name_that_it_has_to_prove() {
    let authority = Authority::new("names");
    let identity = authority.issue("DNS:a.example,DNS:b.example,IP:127.0.0.1");
    let host = Host::start(&Wire::config(&identity));
    let port = host.address.port();
    for (url, name, told) in [
        (format!("https://a.example:{port}/"), None, "a.example"),
        (format!("https://A.EXAMPLE:{port}/"), None, "a.example"),
        (format!("https://a.example:{port}/"), Some("b.example"), "b.example"),
        (format!("https://127.0.0.1:{port}/"), None, "none"),
        (format!("https://127.0.0.1:{port}/"), Some("a.example"), "a.example"),
        (format!("https://a.example:{port}/"), Some("127.0.0.1"), "none"),
    ] {
        let options = Options::new().tls(&Tls::trusting(authority.certificate()));
        let options = options.connect_to(host.address);
        let options = if let Some(name) = name { options.verify_name(name) } else { options };
        let fetch = Fetch::start(&*url, &options);
        let got = fetch.finish();
        assert_eq!(got.body, format!("name {told}, certificates 0"), "{url}: {}", got.message);
    }
    let options = Options::new().tls(&Tls::trusting(authority.certificate()));
    let fetch = Fetch::start(host.url("/"), &options.verify_name("c.example"));
    let got = fetch.finish();
    assert_eq!(got.error, IFETCH_ERROR_CERTIFICATE_NAME, "{}", got.message);
    assert!(got.message.contains("is not for c.example"), "{}", got.message);
}

#[test]
fn where_to_connect_to_can_be_said_without_tls_too() {
    let peer = Peer::closing("HTTP/1.1 200 OK\r\n\r\nhello");
    let options = Options::new().connect_to(peer.address());
    let got = Fetch::start("http://never.answered.example:81/x", &options).finish();
    assert_eq!(got.body, "hello", "{}", got.message);
    assert!(peer.seen().contains("\r\nHost: never.answered.example:81\r\n"));
    for wrong in ["", "localhost:80", "127.0.0.1", "127.0.0.1:0", "127.0.0.1:65536", ":80"] {
        assert_eq!(options.try_connect_to(wrong), IFETCH_ERROR_INVALID_ARGUMENT, "{wrong}");
    }
    for wrong in ["", "a b", "a\n"] {
        assert_eq!(options.try_verify_name(wrong), IFETCH_ERROR_INVALID_ARGUMENT, "{wrong}");
    }
}

#[test]
fn a_name_that_no_certificate_can_have_is_told() {
    let listener = TcpListener::bind("127.0.0.1:0").expect("a loopback port");
    let address = listener.local_addr().expect("it is bound");
    let options = Options::new().connect_to(address).verify_name("a..b");
    let options = options.tls(&Tls::new().accept_any(true));
    let got = Fetch::start(format!("https://{address}/"), &options).finish();
    assert_eq!(got.error, IFETCH_ERROR_CERTIFICATE_NAME, "{}", got.message);
}

#[test]
fn a_certificate_that_is_trusted_itself_is_accepted() {
    let authority = Authority::new("itself");
    for extension in ["basicConstraints=critical,CA:TRUE", "basicConstraints=critical,CA:FALSE"] {
        let identity = authority.self_signed("localhost", &[extension]);
        let host = Host::start(&Wire::config(&identity));
        let get = |tls: Tls, name: &str| {
            let options = Options::new().tls(&tls).verify_name(name);
            Fetch::start(host.url("/"), &options).finish().error
        };
        assert_eq!(get(Tls::trusting(&identity.chain), "localhost"), IFETCH_ERROR_NONE);
        // It vouches for nobody else, and for no other name.
        assert_ne!(get(Tls::trusting(&identity.chain), "other.example"), IFETCH_ERROR_NONE);
        assert_ne!(get(Tls::trusting(authority.certificate()), "localhost"), IFETCH_ERROR_NONE);
    }
    let dates = &["20200101000000Z", "20210101000000Z"];
    let old = authority.make(Wanted { dates, ..Wanted::default() });
    let host = Host::start(&Wire::config(&old));
    let options = Options::new().tls(&Tls::trusting(&old.chain));
    assert_eq!(
        Fetch::start(host.url("/"), &options).finish().error,
        IFETCH_ERROR_CERTIFICATE_DATE,
        "its time is over"
    );
}

#[test]
fn a_pinned_key_is_asked_for() {
    let authority = Authority::new("pins");
    let identity = authority.issue("IP:127.0.0.1");
    let other = authority.issue("IP:127.0.0.1");
    let host = Host::start(&Wire::config(&identity));
    let trusting = || Tls::trusting(authority.certificate());
    let get = |tls: Tls| {
        let fetch = Fetch::start(host.url("/"), &Options::new().tls(&tls));
        let got = fetch.finish();
        (got.error, got.message)
    };
    let (right, wrong) = (identity.pin(), other.pin());
    assert_eq!(get(trusting().pin(&right)).0, IFETCH_ERROR_NONE);
    assert_eq!(get(trusting().pin(&format!("sha256/{right}"))).0, IFETCH_ERROR_NONE);
    assert_eq!(get(trusting().pin(&wrong).pin(&right)).0, IFETCH_ERROR_NONE, "one of them");
    let (error, message) = get(trusting().pin(&wrong));
    assert_eq!(error, IFETCH_ERROR_CERTIFICATE_PIN);
    assert!(message.contains(&format!("sha256/{right}")), "{message}");
    // A pin comes on top of trust, and stays if there is none.
    let nobody = || Tls::trusting(&other.chain);
    assert_eq!(get(nobody().pin(&right)).0, IFETCH_ERROR_CERTIFICATE_ISSUER);
    assert_eq!(get(Tls::new().accept_any(true).pin(&right)).0, IFETCH_ERROR_NONE);
    assert_eq!(get(Tls::new().accept_any(true).pin(&wrong)).0, IFETCH_ERROR_CERTIFICATE_PIN);
    for no_pin in ["", "AAAA", "sha256/", "sha256/AAAA", "sha1/AAAA", &right[1..]] {
        assert_eq!(Tls::new().try_pin(no_pin), IFETCH_ERROR_INVALID_ARGUMENT, "{no_pin}");
    }
}

#[test]
fn a_certificate_of_ours_is_shown_to_those_who_ask() {
    let authority = Authority::new("mutual");
    let identity = authority.issue("IP:127.0.0.1");
    let host = Host::start(&Wire::config_asking(&identity, authority.certificate()));
    let client = authority.issue("DNS:client.example");
    let get = |tls: Tls| Fetch::start(host.url("/"), &Options::new().tls(&tls)).finish();
    let trusting = || Tls::trusting(authority.certificate());

    let got = get(trusting().identity_file(&client.chain, &client.key));
    assert_eq!(got.body, "name none, certificates 1", "{}", got.message);
    let (chain, key) = (std::fs::read(&client.chain).unwrap(), std::fs::read(&client.key).unwrap());
    let tls = trusting();
    assert_eq!(tls.try_identity_pem(&chain, &key), IFETCH_ERROR_NONE);
    assert_eq!(get(tls).status, IFETCH_DONE);
    // Without one, the server says so once it has read what we have sent.
    let got = get(trusting());
    assert_eq!(got.error, IFETCH_ERROR_TLS_ALERT, "{}", got.message);
    assert!(got.message.contains("certificate_required (116)"), "{}", got.message);
}

#[test]
fn files_that_are_of_no_use_are_told() {
    let authority = Authority::new("files");
    let (identity, other) = (authority.issue("DNS:a"), authority.issue("DNS:b"));
    let path = |name: &str| authority.folder().join(name);
    let encrypted = path("encrypted.key");
    let made = std::process::Command::new("openssl")
        .args(["pkey", "-aes128", "-passout", "pass:x", "-in"])
        .arg(&identity.key)
        .arg("-out")
        .arg(&encrypted)
        .status();
    assert!(made.is_ok_and(|status| status.success()));
    let broken = path("broken.pem");
    std::fs::write(&broken, "-----BEGIN CERTIFICATE-----\n????\n").expect("a temporary file");
    let no_certificate = path("no.pem");
    let text = "-----BEGIN CERTIFICATE-----\nAAAA\n-----END CERTIFICATE-----\n";
    std::fs::write(&no_certificate, text).expect("a temporary file");
    let (file, pem) = (IFETCH_ERROR_BAD_FILE, IFETCH_ERROR_BAD_PEM);

    let tls = Tls::new();
    for (path, error, says) in [
        (&path("none"), file, "no such file"),
        (&authority.folder().to_owned(), file, "is a directory"),
        (&identity.key, pem, "there is no certificate in it"),
        (&broken, pem, "it is not PEM"),
        (&no_certificate, pem, "certificate number 1 in it cannot be read"),
    ] {
        assert_eq!(tls.try_trust_file(path), error, "{says}");
        let message = tls.message();
        assert!(message.contains(says) && message.contains(path.to_str().unwrap()), "{message}");
    }
    for (chain, key, error, says) in [
        (&path("none"), &identity.key, file, "no such file"),
        (&identity.chain, &path("none"), file, "no such file"),
        (&identity.key, &identity.key, pem, "there is no certificate in it"),
        (&identity.chain, &identity.chain, pem, "there is no private key in it"),
        (&identity.chain, &encrypted, pem, "there is no private key in it that is not encrypted"),
        (&identity.chain, &other.key, pem, "it is not the key of"),
    ] {
        assert_eq!(tls.try_identity_file(chain, key), error, "{says}");
        assert!(tls.message().contains(says), "{}", tls.message());
    }
    assert_eq!(tls.try_trust_file(authority.certificate()), IFETCH_ERROR_NONE);
    assert_eq!(tls.message(), "", "what went well leaves no message");
}

/// The system's certificates are those that OpenSSL would find, read once by each client.
#[test]
fn the_system_is_trusted_unless_something_else_is_said() {
    if !alone("the_system_is_trusted_unless_something_else_is_said") {
        return;
    }
    let authority = Authority::new("system");
    let host = Host::start(&Wire::config(&authority.issue("IP:127.0.0.1")));
    let file = authority.folder().join("system.pem");
    let set = |name: &str, value: &std::path::Path| {
        // SAFETY: the only test in this process, before and between its fetches.
        unsafe { std::env::set_var(name, value) };
    };
    set("SSL_CERT_FILE", &file);
    // SAFETY: as above.
    unsafe { std::env::remove_var("SSL_CERT_DIR") };

    let client = Client::new();
    let got = client.get(&host.url("/")).finish();
    assert_eq!(got.error, IFETCH_ERROR_NO_TRUST, "{}", got.message);
    let says = "read the certificates that this system trusts: ";
    assert!(got.message.contains(says) && got.message.contains("system.pem"), "{}", got.message);
    assert_eq!(Fetch::get(&host.url("/")).finish().error, IFETCH_ERROR_NO_TRUST);

    std::fs::copy(authority.certificate(), &file).expect("a temporary file");
    assert_eq!(client.get(&host.url("/")).finish().error, IFETCH_ERROR_NONE, "read again");
    assert_eq!(Fetch::get(&host.url("/")).finish().error, IFETCH_ERROR_NONE);
    let other = Authority::new("another system");
    std::fs::copy(other.certificate(), &file).expect("a temporary file");
    client.set_limit(IFETCH_CLIENT_LIMIT_IDLE, 0);
    assert_eq!(client.get(&host.url("/")).finish().error, IFETCH_ERROR_NONE, "read once");
    assert_eq!(Fetch::get(&host.url("/")).finish().error, IFETCH_ERROR_NONE, "read once");
    let later = Client::new();
    assert_eq!(later.get(&host.url("/")).finish().error, IFETCH_ERROR_CERTIFICATE_ISSUER);
    later.set_tls(&Tls::new().trust_file(authority.certificate()));
    assert_eq!(later.get(&host.url("/")).finish().error, IFETCH_ERROR_NONE, "besides");

    let folder = authority.folder().join("system.d");
    std::fs::create_dir(&folder).expect("a temporary folder");
    std::fs::copy(authority.certificate(), folder.join("0123abcd.0")).expect("a temporary file");
    set("SSL_CERT_DIR", &folder);
    assert_eq!(Client::new().get(&host.url("/")).finish().error, IFETCH_ERROR_NONE, "a folder");
}

#[test]
fn keys_are_logged_only_when_asked_for() {
    let host = Host::shared();
    let authority = Authority::new("log");
    let log = authority.folder().join("keys");
    let get = |tls: &Tls| Fetch::start(host.url("/"), &Options::new().tls(tls)).finish().status;
    let tls = Secure::shared().settings();
    assert_eq!(get(&tls), IFETCH_DONE);
    let tls = tls.log_keys(&log);
    assert_eq!([get(&tls), get(&tls)], [IFETCH_DONE; 2]);
    let text = std::fs::read_to_string(&log).expect("it was made");
    for label in ["CLIENT_HANDSHAKE_TRAFFIC_SECRET ", "SERVER_TRAFFIC_SECRET_0 "] {
        assert_eq!(text.matches(label).count(), 2, "{text}");
    }
    assert!(text.lines().all(|line| line.split(' ').count() == 3), "{text}");
    use std::os::unix::fs::PermissionsExt as _;
    let mode = std::fs::metadata(&log).expect("it was made").permissions().mode();
    assert_eq!(mode & 0o777, 0o600, "nobody else reads it");
}

/// Bytes that TLS has decrypted and nobody has taken are told, though no event tells of them.
#[test]
fn what_is_decrypted_is_readable_until_it_is_read() {
    let listener = TcpListener::bind("127.0.0.1:0").expect("a loopback port");
    let url = format!("https://{}/", listener.local_addr().expect("it is bound"));
    let options = Options::new().tls(&Secure::shared().settings()).stream();
    let fetch = Fetch::start(url, &options);
    let (stream, _) = listener.accept().expect("it connects");
    let mut wire = Wire::new(stream, Some(&Secure::shared().config));
    wire.greet(|| _ = fetch.poll());
    let body = large_text(16_000);
    let head = format!("HTTP/1.1 200 OK\r\nContent-Length: {}\r\n\r\n", body.len());
    wire.write_all(head.as_bytes()).expect("there is room");
    wire.write_all(&body).expect("there is room");
    wire.flush().expect("there is room");
    assert_eq!(fetch.news(), IFETCH_HEAD);
    let mut got = Vec::new();
    let mut small = [0; 7];
    while got.len() < body.len() {
        assert_eq!(fetch.poll(), IFETCH_READABLE, "after {} bytes", got.len());
        let (count, _) = fetch.read(&mut small);
        assert!(count > 0, "after {} bytes", got.len());
        got.extend_from_slice(&small[..count]);
    }
    assert_eq!(got, body);
    assert_eq!(fetch.poll(), IFETCH_DONE);
}

/// Large bodies, both ways, however they are read; and a caller that does not read holds the
/// server back.
#[test]
fn large_bodies_come_through_as_they_are() {
    const LEN: usize = 3_000_000;
    let listener = TcpListener::bind("127.0.0.1:0").expect("a loopback port");
    let address = listener.local_addr().expect("it is bound");
    let echo = std::thread::spawn(move || {
        for turn in 0..8 {
            let (stream, _) = listener.accept().expect("somebody connects");
            stream.set_read_timeout(Some(PATIENCE)).expect("a socket option");
            let config = Arc::clone(&Secure::shared().config);
            let connection = rustls::ServerConnection::new(config).expect("ours");
            let mut stream = Stream::new(connection, stream);
            let mut request = Vec::new();
            let mut buffer = vec![0; 1 << 16];
            let text = loop {
                let count = stream.read(&mut buffer).expect("the client is there");
                request.extend_from_slice(&buffer[..count]);
                let end = request.windows(4).position(|four| four == b"\r\n\r\n");
                if let Some(end) = end.filter(|end| request.len() >= end + 4 + LEN) {
                    break request[end + 4..].to_vec();
                }
            };
            let mut answer = b"HTTP/1.1 200 OK\r\n".to_vec();
            if turn % 2 == 0 {
                answer.extend(format!("Content-Length: {LEN}\r\n\r\n").bytes());
                answer.extend(text);
            } else {
                answer.extend(b"Transfer-Encoding: chunked\r\n\r\n");
                for chunk in text.chunks(10_000) {
                    answer.extend(format!("{:x}\r\n", chunk.len()).bytes());
                    answer.extend(chunk);
                    answer.extend(b"\r\n");
                }
                answer.extend(b"0\r\n\r\n");
            }
            stream.write_all(&answer).expect("the client is there");
            let _ = stream.read(&mut buffer);
        }
    });
    let body = large_text(LEN);
    assert_eq!(body.len(), LEN);
    let url = format!("https://{address}/");
    for cap in [None, Some(700), Some(5_000), Some(1 << 20)] {
        for how in ["with a length", "in chunks"] {
            let options = Options::new().tls(&Secure::shared().settings()).method("PUT");
            let fetch = match cap {
                None => Fetch::start(&*url, &options.body(&body)),
                Some(_) => Fetch::start(&*url, &options.body(&body).stream()),
            };
            let got = fetch.finish_reading(cap.unwrap_or(1));
            assert_eq!(got.status, IFETCH_DONE, "{how}, {cap:?}: {}", got.message);
            assert!(got.body.as_bytes() == body, "{how}, {cap:?}: {} bytes", got.body.len());
        }
    }
    echo.join().expect("it has echoed");
}

#[test]
fn uploads_come_through_as_they_are() {
    const LEN: usize = 2_000_000;
    let listener = TcpListener::bind("127.0.0.1:0").expect("a loopback port");
    let url = format!("https://{}/", listener.local_addr().expect("it is bound"));
    let options = Options::new().tls(&Secure::shared().settings()).method("PUT");
    let fetch = Fetch::start(url, &options.upload(LEN as i64));
    let server = std::thread::spawn(move || {
        let (stream, _) = listener.accept().expect("somebody connects");
        stream.set_read_timeout(Some(PATIENCE)).expect("a socket option");
        let config = Arc::clone(&Secure::shared().config);
        let connection = rustls::ServerConnection::new(config).expect("ours");
        let mut stream = Stream::new(connection, stream);
        // So that the client has to wait in the middle.
        let mut request = vec![0; 1000];
        stream.read_exact(&mut request).expect("the client is there");
        std::thread::sleep(QUIET);
        let head = request.windows(4).position(|four| four == b"\r\n\r\n").expect("a head") + 4;
        let mut rest = vec![0; LEN - (1000 - head)];
        stream.read_exact(&mut rest).expect("the client is there");
        stream.write_all(HELLO.as_bytes()).expect("the client is there");
        let _ = stream.read(&mut [0]);
        [&request[head..], &rest].concat()
    });
    let body = large_text(LEN);
    assert!(fetch.write_all(&body), "{}", fetch.message());
    fetch.write_end();
    let got = fetch.finish();
    assert_eq!((got.status, got.body.as_str()), (IFETCH_DONE, "hello"), "{}", got.message);
    assert!(server.join().expect("it has read it") == body);
    assert!(fetch.report().sent > LEN as u64);
}

/// What TLS has taken and the kernel has not goes out too, wherever in the body that happens: the
/// bodies end around the place where the sockets are full.
#[test]
fn the_end_of_an_upload_goes_out_when_there_is_room() {
    const UPLOADS: usize = 40;
    let listener = TcpListener::bind("127.0.0.1:0").expect("a loopback port");
    let url = format!("https://{}/", listener.local_addr().expect("it is bound"));
    let options = || Options::new().tls(&Secure::shared().settings()).method("PUT");
    let accept = || {
        let (stream, _) = listener.accept().expect("it connects");
        Wire::new(stream, Some(&Secure::shared().config))
    };
    let fetch = Fetch::start(&*url, &options().upload(-1));
    let mut wire = accept();
    wire.greet(|| _ = fetch.poll());
    let body = large_text(16 << 20);
    let mut room = 0;
    while fetch.news_or_stall() == IFETCH_WRITABLE {
        room += fetch.write(&body[room..]).0;
    }
    assert!(room < body.len(), "the sockets are never full");
    drop(fetch);

    let step = 16 * 1024;
    let first =
        room.checked_sub(UPLOADS / 2 * step).unwrap_or_else(|| panic!("room for {room} bytes"));
    for upload in 0..UPLOADS {
        let len = first + upload * step;
        let fetch = Fetch::start(&*url, &options().body(&body[..len]));
        let mut wire = accept();
        wire.greet(|| _ = fetch.poll());
        while fetch.readable(Duration::from_millis(5)) && fetch.poll() == IFETCH_PENDING {}
        let mut left = None;
        let mut buffer = vec![0; 1 << 16];
        let start = Instant::now();
        while left != Some(0) {
            assert!(start.elapsed() < PATIENCE, "{len} bytes: {left:?} are missing");
            fetch.poll();
            let Ok(count) = wire.read(&mut buffer) else { continue };
            let head = || buffer.windows(4).position(|four| four == b"\r\n\r\n").expect("a head");
            left = Some(match left {
                None => len + head() + 4 - count,
                Some(left) => left - count,
            });
        }
        wire.write_all(HELLO.as_bytes()).expect("the client is there");
        wire.flush().expect("the client is there");
        assert_eq!(fetch.finish().body, "hello", "{len} bytes: {}", fetch.message());
    }
}

/// A record that comes slowly moves, though nothing in it can be read before it is complete.
#[test]
fn a_record_that_trickles_in_is_not_idle() {
    let listener = TcpListener::bind("127.0.0.1:0").expect("a loopback port");
    let url = format!("https://{}/", listener.local_addr().expect("it is bound"));
    let options = Options::new().tls(&Secure::shared().settings());
    let fetch = Fetch::start(url, &options.timeout(IFETCH_TIMEOUT_IDLE, 400));
    let (stream, _) = listener.accept().expect("it connects");
    let mut wire = Wire::new(stream, Some(&Secure::shared().config));
    wire.greet(|| _ = fetch.poll());
    wire.say_part(HELLO.as_bytes(), 10);
    for _ in 0..6 {
        fetch.poll();
        std::thread::sleep(Duration::from_millis(100));
        wire.say(5);
        assert_eq!(fetch.poll(), IFETCH_PENDING, "{}", fetch.message());
    }
    wire.say(usize::MAX);
    assert_eq!(fetch.finish().body, "hello");
}

#[test]
fn a_handshake_is_a_phase_and_is_counted() {
    let listener = TcpListener::bind("127.0.0.1:0").expect("a loopback port");
    let url = format!("https://{}/", listener.local_addr().expect("it is bound"));
    let client = Client::trusting(&Secure::shared().settings());
    let fetch = client.start(&url, &Options::new());
    client.drive_until("it is connected", || fetch.phase() == IFETCH_PHASE_TLS);
    assert_eq!(client.count(IFETCH_COUNT_TLS), 1);
    fetch.cancel();
    assert_eq!(fetch.poll(), IFETCH_CANCELLED);
    assert!(fetch.message().ends_with("cancelled while shaking hands for TLS"));
    assert_eq!(client.count(IFETCH_COUNT_TLS), 0);
    let report = fetch.report();
    assert_eq!((report.phase, report.acted, report.ending, report.sent), (3, 0, 3, 0));
}

/// What is recorded today cannot be read once there are quantum computers.
#[test]
fn keys_are_exchanged_in_the_newest_group_that_both_have() {
    const X25519: u32 = 0x001d;
    const X25519_ML_KEM_768: u32 = 0x11ec;
    let has_newest = call!(ifetch_feature(c"post-quantum".as_ptr())) == 1;
    assert_eq!(has_newest, cfg!(feature = "aws-lc"));
    let options = Options::new().tls(&Secure::shared().settings());
    let fetch = Fetch::start(Host::shared().url("/"), &options);
    assert_eq!(fetch.finish().status, IFETCH_DONE);
    let wanted = if has_newest { X25519_ML_KEM_768 } else { X25519 };
    assert_eq!(fetch.report().tls_group, wanted);
}
