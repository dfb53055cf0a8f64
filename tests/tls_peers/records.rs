//! What breaks TLS before the handshake is complete: bytes over a socket.

use super::{Expected, difference, none};
use crate::support::*;
use ifetch::ffi::options::ifetch_timeout::IFETCH_TIMEOUT_CONNECT;

use ifetch_error::{IFETCH_ERROR_TLS as BROKEN, IFETCH_ERROR_TLS_ALERT as ALERT};

struct Row {
    name: &'static str,
    /// Sent when the client has begun.
    bytes: Vec<u8>,
    end: End,
    expected: Expected,
}

#[derive(Clone, Copy, PartialEq, Eq)]
enum End {
    Stays,
    Closes,
    Resets,
}

use End::{Closes, Resets, Stays};

fn row(
    name: &'static str,
    bytes: Vec<u8>,
    end: End,
    error: ifetch_error,
    says: &'static [&'static str],
) -> Row {
    Row { name, bytes, end, expected: Expected { error, says } }
}

/// A record (RFC 8446 section 5.1): its type, version and fragment.
fn record(kind: u8, fragment: impl AsRef<[u8]>) -> Vec<u8> {
    let fragment = fragment.as_ref();
    let len = u16::try_from(fragment.len()).expect("a fragment is short").to_be_bytes();
    [&[kind, 3, 3], &len[..], fragment].concat()
}

fn alert(description: u8) -> Vec<u8> {
    record(21, [2, description])
}

/// A handshake message in a record.
fn message(kind: u8, body: &[u8]) -> Vec<u8> {
    let len = u32::try_from(body.len()).expect("a message is short").to_be_bytes();
    record(22, [&[kind], &len[1..], body].concat())
}

/// A ServerHello (RFC 8446 section 4.1.3) with what can be wrong in it.
fn server_hello(version: u16, random: [u8; 32], cipher: u16, extensions: &[u8]) -> Vec<u8> {
    let len = u16::try_from(extensions.len()).expect("they are short").to_be_bytes();
    let body =
        [&version.to_be_bytes()[..], &random, &[0], &cipher.to_be_bytes(), &[0], &len, extensions];
    message(2, &body.concat())
}

/// As a server has to end its random number that speaks TLS 1.3 but was brought to speak 1.2 (RFC
/// 8446 section 4.1.3): somebody in between has changed what the client said.
fn downgraded() -> [u8; 32] {
    let mut random = [7; 32];
    random[24..].copy_from_slice(b"DOWNGRD\x01");
    random
}

const ECDHE_ECDSA_AES128: u16 = 0xc02b;
/// supported_versions: TLS 1.3.
const CHOOSES_13: &[u8] = &[0, 43, 0, 2, 3, 4];
/// renegotiation_info, without which no 1.2 is spoken; extended_master_secret.
const OF_12: &[u8] = &[0xff, 1, 0, 1, 0, 0, 23, 0, 0];

#[rustfmt::skip] // a row is a line
fn rows() -> Vec<Row> {
    let hello_12 = |random| server_hello(0x0303, random, ECDHE_ECDSA_AES128, OF_12);
    vec![
        row("HTTP on the port of https", b"HTTP/1.1 400 Bad Request\r\n\r\n".to_vec(), Closes, BROKEN, &["it answers in plain HTTP"]),
        row("HTTP, a byte of it", b"H".to_vec(), Closes, BROKEN, &["what is no TLS record"]),
        row("another protocol", b"SSH-2.0-OpenSSH_9.2\r\n".to_vec(), Stays, BROKEN, &["what is no TLS record"]),
        row("zeros", vec![0; 64], Stays, BROKEN, &["what is no TLS record"]),
        row("a record of no known type", record(99, [1]), Stays, BROKEN, &["what is no TLS record"]),
        row("a record of an old version", [22, 2, 0, 0, 1, 0].to_vec(), Stays, BROKEN, &["what is no TLS record"]),
        row("a record that is too long", [22, 3, 3, 0xff, 0xff].to_vec(), Stays, BROKEN, &["a record that is too long"]),
        row("an empty record", record(22, []), Stays, BROKEN, &["malformed message"]),
        row("a message that is too long", record(22, [2, 0xff, 0xff, 0xff, 0]), Stays, BROKEN, &["malformed message"]),
        row("half a record", record(22, [2; 100])[..50].to_vec(), Closes, BROKEN, &["closed the connection before the handshake"]),
        row("closed at once", Vec::new(), Closes, BROKEN, &["closed the connection before the handshake"]),
        row("reset at once", Vec::new(), Resets, BROKEN, &["connection reset by peer"]),
        row("reset within a record", record(22, [2; 100])[..50].to_vec(), Resets, BROKEN, &["connection reset by peer"]),
        row("the alert handshake_failure", alert(40), Closes, ALERT, &["the TLS alert handshake_failure (40)"]),
        row("the alert protocol_version", alert(70), Closes, ALERT, &["the TLS alert protocol_version (70)"]),
        row("the alert unrecognized_name", alert(112), Closes, ALERT, &["the TLS alert unrecognised_name (112)"]),
        row("the alert internal_error, and a reset", alert(80), Resets, ALERT, &["the TLS alert internal_error (80)"]),
        row("the alert unknown_ca", alert(48), Stays, ALERT, &["the TLS alert unknown_ca (48)"]),
        row("an alert of an unknown kind", alert(201), Stays, ALERT, &["of an unknown kind (201)"]),
        row("a malformed alert", record(21, [2]), Stays, BROKEN, &["malformed message"]),
        row("half an alert", alert(40)[..6].to_vec(), Closes, BROKEN, &["closed the connection before the handshake"]),
        row("warnings without end", record(21, [1, 90]).repeat(16), Stays, BROKEN, &["broke the protocol"]),
        row("data before the handshake", record(23, [0; 32]), Stays, BROKEN, &["out of turn"]),
        row("an end before a hello", message(14, &[]), Stays, BROKEN, &["out of turn"]),
        row("a hello that is cut short", message(2, &[3, 3, 7, 7]), Stays, BROKEN, &["malformed message"]),
        row("TLS 1.1", server_hello(0x0302, [7; 32], ECDHE_ECDSA_AES128, OF_12), Stays, BROKEN, &["no version of TLS that is allowed"]),
        row("TLS 1.0", server_hello(0x0301, [7; 32], ECDHE_ECDSA_AES128, OF_12), Stays, BROKEN, &["no version of TLS that is allowed"]),
        row("a downgrade to TLS 1.2", hello_12(downgraded()), Stays, BROKEN, &["broke the protocol (AttemptedDowngradeToTls12WhenTls13IsSupported)"]),
        row("a cipher suite that was not offered", server_hello(0x0303, [7; 32], 0x0005, OF_12), Stays, BROKEN, &["broke the protocol"]),
        row("a cipher suite of the other version", server_hello(0x0303, [7; 32], ECDHE_ECDSA_AES128, CHOOSES_13), Stays, BROKEN, &["broke the protocol"]),
        row("no key share", server_hello(0x0303, [7; 32], 0x1301, CHOOSES_13), Stays, BROKEN, &["broke the protocol"]),
        row("an extension that was not asked for", server_hello(0x0303, [7; 32], ECDHE_ECDSA_AES128, &[0x12, 0x34, 0, 0]), Stays, BROKEN, &["broke the protocol"]),
        row("two hellos", [hello_12([7; 32]), hello_12([7; 32])].concat(), Stays, BROKEN, &["out of turn"]),
    ]
}

/// Sends what the row says once the client has begun.
fn play(row: &Row) -> Option<String> {
    let (bytes, end) = (row.bytes.clone(), row.end);
    let peer = Peer::start(move |mut link| {
        let header = link.read(5);
        link.read(usize::from(u16::from_be_bytes([header[3], header[4]])));
        link.send(&bytes);
        match end {
            Stays => {}
            Closes => link.finish(),
            // Else the reset would overtake what was sent.
            Resets => {
                std::thread::sleep(QUIET / 4);
                return link.reset();
            }
        }
        link.ended();
    });
    let fetch = Fetch::start(format!("https://{}/", peer.address()), &options());
    let wrong = difference(row.name, &fetch, &row.expected);
    let report = fetch.report();
    let acted = (report.acted, report.sent, report.tls_version) != (0, 0, 0);
    drop(fetch);
    peer.seen();
    wrong.or_else(|| acted.then(|| format!("{}: {report:?}", row.name)))
}

fn options() -> Options {
    Options::new().tls(&Tls::new().accept_any(true)).timeout(IFETCH_TIMEOUT_CONNECT, 10_000)
}

#[test]
fn a_broken_handshake_says_what_was_wrong() {
    none(rows().iter().filter_map(play).collect());
}

/// However little of it comes, and whenever it stops: the deadline for connecting covers it.
#[test]
fn a_handshake_that_stops_is_not_waited_for() {
    let hello = server_hello(0x0303, [7; 32], ECDHE_ECDSA_AES128, OF_12);
    let lens = [0, 1, 4, 5, 6, hello.len() - 1, hello.len()];
    let stops = |len: usize| {
        let bytes = hello[..len].to_vec();
        let peer = Peer::start(move |mut link| {
            link.read(5);
            link.send(&bytes);
            link.ended()
        });
        let options =
            Options::new().tls(&Tls::new().accept_any(true)).timeout(IFETCH_TIMEOUT_CONNECT, 60);
        let url = format!("https://{}/", peer.address());
        let fetch = Fetch::start(&*url, &options);
        let says = &["it took too long to connect"];
        let expected = Expected { error: IFETCH_ERROR_TIMEOUT_CONNECT, says };
        let wrong = difference(&format!("{len} bytes"), &fetch, &expected);
        let phase = fetch.report().phase;
        let wrong = wrong.or_else(|| (phase != 3).then(|| format!("{len} bytes: phase {phase}")));
        peer.seen();
        wrong
    };
    none(lens.into_iter().filter_map(stops).collect());
}
