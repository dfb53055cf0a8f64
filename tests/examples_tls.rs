//! Runs those programs in `examples-c/` that are about https.
#![cfg(feature = "tls")]

mod support;
mod support_c;

use std::io::{Read, Write};
use std::net::{SocketAddr, TcpListener, TcpStream};
use std::process::Command;
use std::sync::Arc;
use support::{Authority, Wire};
use support_c::programs::{example, run};

/// Answers each request on each connection with "hello", as long as the test runs.
fn serve(config: Arc<rustls::ServerConfig>) -> SocketAddr {
    let listener = TcpListener::bind("127.0.0.1:0").expect("a loopback port");
    let address = listener.local_addr().expect("it is bound");
    std::thread::spawn(move || {
        for stream in listener.incoming() {
            let (stream, config) = (stream.expect("somebody connects"), Arc::clone(&config));
            std::thread::spawn(move || attend(stream, config));
        }
    });
    address
}

fn attend(stream: TcpStream, config: Arc<rustls::ServerConfig>) {
    let connection = rustls::ServerConnection::new(config).expect("a configuration of ours");
    let mut stream = rustls::StreamOwned::new(connection, stream);
    let mut head = Vec::new();
    let mut byte = [0];
    while stream.read(&mut byte).is_ok_and(|count| count > 0) {
        head.push(byte[0]);
        if head.ends_with(b"\r\n\r\n") {
            head.clear();
            let answer = "HTTP/1.1 200 OK\r\nContent-Length: 6\r\n\r\nhello\n";
            stream.write_all(answer.as_bytes()).expect("the client is there");
        }
    }
}

#[test]
fn https_fetches_from_those_it_trusts() {
    let authority = Authority::new("https");
    let identity = authority.issue("DNS:localhost");
    let port = serve(Wire::config(&identity)).port();
    let url = format!("https://localhost:{port}/");
    let program = || Command::new(example("https"));

    let ended = run(program().arg(&url).arg(authority.certificate()));
    assert_eq!((ended.code, &*ended.out), (Some(0), "hello\n"), "{}", ended.err);
    assert!(ended.err.starts_with("TLS 1.3, cipher suite 0x130"), "{}", ended.err);

    let ended = run(program().arg(&url).env("SSL_CERT_FILE", authority.certificate()));
    assert_eq!((ended.code, &*ended.out), (Some(0), "hello\n"), "{}", ended.err);

    let stranger = Authority::new("stranger");
    let ended = run(program().arg(&url).arg(stranger.certificate()));
    assert_eq!((ended.code, &*ended.out), (Some(1), ""));
    let says = "CERTIFICATE_ISSUER: fetch https://localhost:";
    assert!(ended.err.starts_with(says), "{}", ended.err);

    let ended = run(program().arg(&url).arg("/no/such/file"));
    assert_eq!((ended.code, &*ended.out), (Some(1), ""));
    assert!(ended.err.contains("/no/such/file: no such file"), "{}", ended.err);
}

#[test]
fn mtls_shows_who_we_are() {
    let authority = Authority::new("mtls");
    let config = Wire::config_asking(&authority.issue("DNS:localhost"), authority.certificate());
    let port = serve(config).port();
    let ours = authority.issue("DNS:client.example");
    let urls = ["a", "b"].map(|path| format!("https://localhost:{port}/{path}"));
    let mut program = Command::new(example("mtls"));
    let files = [authority.certificate(), &ours.chain, &ours.key];
    let ended = run(program.args(files).args(&urls));
    let told = format!(
        "{}: status 200, new connection\n{}: status 200, kept connection\n",
        urls[0], urls[1]
    );
    assert_eq!((ended.code, ended.out), (Some(0), told), "{}", ended.err);

    let other = authority.issue("DNS:other.example");
    let mut program = Command::new(example("mtls"));
    let ended = run(program.args([authority.certificate(), &ours.chain, &other.key]).args(&urls));
    assert_eq!((ended.code, &*ended.out), (Some(1), ""));
    assert!(ended.err.contains("it is not the key of"), "{}", ended.err);
}
