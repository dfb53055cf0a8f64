//! What breaks TLS once the handshake is complete, and what does not.

use super::{Expected, difference, none};
use crate::support::*;
use ifetch::ffi::options::ifetch_timeout::IFETCH_TIMEOUT_HEAD;
use ifetch_error::{
    IFETCH_ERROR_NONE as FINE, IFETCH_ERROR_TLS as BROKEN, IFETCH_ERROR_TLS_ALERT as ALERT,
    IFETCH_ERROR_TRUNCATED as TRUNCATED,
};
use std::io::{Read, Write};
use std::net::TcpListener;
use std::sync::Arc;
use std::time::Instant;

const HEAD: &str = "HTTP/1.1 200 OK\r\nContent-Length: 5\r\n\r\n";
const UNTIL_CLOSE: &str = "HTTP/1.1 200 OK\r\n\r\n";

/// What a server does once it has read the request.
#[derive(Clone, Copy)]
enum Does {
    /// In records.
    Say(&'static str),
    /// As it is, in between.
    Raw(&'static [u8]),
    /// Of the next record, so many bytes.
    Part(&'static str, usize),
    /// Changes its keys, and asks the client to do so.
    Refresh,
    /// close_notify.
    Goodbye,
    Finish,
    Reset,
    /// The alert bad_record_mac.
    Fail,
}

use Does::{Fail, Finish, Goodbye, Part, Raw, Refresh, Say};

struct Row {
    name: &'static str,
    does: &'static [Does],
    expected: Expected,
    body: &'static str,
}

fn row(
    name: &'static str,
    does: &'static [Does],
    error: ifetch_error,
    says: &'static [&'static str],
    body: &'static str,
) -> Row {
    Row { name, does, expected: Expected { error, says }, body }
}

#[rustfmt::skip] // a row is a line
fn rows() -> Vec<Row> {
    vec![
        row("a body of a given length, and a goodbye", &[Say(HEAD), Say("hello"), Goodbye, Finish], FINE, &[], "hello"),
        row("a body of a given length, and no goodbye", &[Say(HEAD), Say("hello"), Finish], FINE, &[], "hello"),
        row("a body until the end, and a goodbye", &[Say(UNTIL_CLOSE), Say("hello"), Goodbye, Finish], FINE, &[], "hello"),
        row("a body until the end, and a goodbye without an end", &[Say(UNTIL_CLOSE), Say("hello"), Goodbye], FINE, &[], "hello"),
        row("a body until the end, and no goodbye", &[Say(UNTIL_CLOSE), Say("hello"), Finish], TRUNCATED, &["without the TLS alert close_notify"], "hello"),
        row("a body until the end, and no goodbye but half a record", &[Say(UNTIL_CLOSE), Say("hello"), Part("more", 10), Finish], TRUNCATED, &["without the TLS alert close_notify"], "hello"),
        row("a body that is cut short, and a goodbye", &[Say(HEAD), Say("hel"), Goodbye, Finish], TRUNCATED, &[], "hel"),
        row("a body that is cut short, and no goodbye", &[Say(HEAD), Say("hel"), Finish], TRUNCATED, &[], "hel"),
        row("a body within a record", &[Say(HEAD), Part("hello", 10), Finish], TRUNCATED, &[], ""),
        row("a chunked body without its end, and a goodbye", &[Say("HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n5\r\nhello\r\n"), Goodbye, Finish], TRUNCATED, &[], "hello"),
        row("no response, and a goodbye", &[Goodbye, Finish], IFETCH_ERROR_NO_RESPONSE, &[], ""),
        row("no response, and no goodbye", &[Finish], IFETCH_ERROR_NO_RESPONSE, &[], ""),
        row("no response, and a reset", &[Does::Reset], IFETCH_ERROR_RECEIVE, &["connection reset by peer"], ""),
        row("what comes behind a goodbye", &[Say(UNTIL_CLOSE), Say("hello"), Goodbye, Raw(b"\x17\x03\x03\x00\x05after"), Finish], FINE, &[], "hello"),
        row("a change of keys", &[Refresh, Say(HEAD), Refresh, Say("hel"), Refresh, Say("lo")], FINE, &[], "hello"),
        row("changes of keys without end", &[Refresh; 100], BROKEN, &["TooManyKeyUpdateRequests"], ""),
        row("a record that was changed", &[Say(HEAD), Raw(&[23, 3, 3, 0, 22, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13, 14, 15, 16, 17, 18, 19, 20, 21, 22])], BROKEN, &["a record that cannot be decrypted"], ""),
        row("a record that is too long", &[Say(HEAD), Raw(&[23, 3, 3, 0x48, 0])], BROKEN, &["a record that is too long"], ""),
        row("a record that is too short", &[Say(HEAD), Raw(&[23, 3, 3, 0, 1, 0])], BROKEN, &["a record that cannot be decrypted"], ""),
        row("plain bytes in between", &[Say(HEAD), Say("hel"), Raw(b"lo")], BROKEN, &["what is no TLS record"], "hel"),
        row("plain HTTP in between", &[Say(HEAD), Say("hel"), Raw(b"HTTP/1.1 200 OK\r\n\r\n")], BROKEN, &["what is no TLS record"], "hel"),
        row("an alert that is not encrypted", &[Say(HEAD), Say("hel"), Raw(&[21, 3, 3, 0, 2, 2, 80])], BROKEN, &["a record that cannot be decrypted"], "hel"),
        row("an alert in the middle", &[Say(HEAD), Say("hel"), Fail], ALERT, &["the TLS alert bad_record_mac (20)"], "hel"),
        row("an alert before the response", &[Fail, Finish], ALERT, &["the TLS alert bad_record_mac (20)"], ""),
        row("a complete response, and an alert", &[Say(HEAD), Say("hello"), Fail], FINE, &[], "hello"),
    ]
}

impl Does {
    fn run(self, wire: &mut Wire) {
        let ok = "the client is there";
        match self {
            Say(text) => wire.write_all(text.as_bytes()).and_then(|()| wire.flush()).expect(ok),
            Raw(bytes) => wire.stream().write_all(bytes).expect(ok),
            Part(text, count) => wire.say_part(text.as_bytes(), count),
            Refresh => wire.refresh(),
            Goodbye => wire.say_goodbye(),
            Finish => wire.stream().shutdown(std::net::Shutdown::Write).expect(ok),
            Does::Reset => wire.abort(),
            Fail => wire.fail(),
        }
    }
}

fn play(row: &Row, streams: bool) -> Option<String> {
    let listener = TcpListener::bind("127.0.0.1:0").expect("a loopback port");
    let url = format!("https://{}/", listener.local_addr().expect("it is bound"));
    let options = Options::new().tls(&Secure::shared().settings());
    let fetch = Fetch::start(url, &if streams { options.stream() } else { options });
    let mut wire = serve(&listener, &fetch);
    for one in row.does {
        one.run(&mut wire);
    }
    let name = format!("{}{}", row.name, if streams { ", streamed" } else { "" });
    let got = fetch.finish();
    let says = row.expected.says.iter().all(|part| got.message.contains(part));
    let right = got.error == row.expected.error && got.body == row.body && says;
    (!right).then(|| format!("{name}: {:?}, \"{}\", {:?}", got.error, got.message, got.body))
}

/// Accepts a fetch, shakes hands with it and reads its request.
fn serve(listener: &TcpListener, fetch: &Fetch) -> Wire {
    let (stream, _) = listener.accept().expect("the client connects");
    let mut wire = Wire::new(stream, Some(&Secure::shared().config));
    wire.greet(|| _ = fetch.poll());
    let start = Instant::now();
    while !wire.read(&mut [0; 1024]).is_ok_and(|count| count > 0) {
        assert!(start.elapsed() < PATIENCE, "no request");
    }
    wire
}

#[test]
fn a_connection_that_is_cut_off_is_told_from_one_that_ends() {
    let both = |row: &Row| [play(row, false), play(row, true)].into_iter().flatten().collect();
    none(rows().iter().flat_map(|row| -> Vec<String> { both(row) }).collect());
}

/// Each ticket is for a session that could be resumed, and none is what was asked for.
#[test]
fn tickets_without_end_are_not_taken() {
    let secure = Secure::shared();
    for (tickets, error) in [(100, FINE), (8_000, BROKEN)] {
        let mut config = rustls::ServerConfig::clone(&secure.config);
        config.send_tls13_tickets = tickets;
        let listener = TcpListener::bind("127.0.0.1:0").expect("a loopback port");
        let url = format!("https://{}/", listener.local_addr().expect("it is bound"));
        let fetch = Fetch::start(url, &Options::new().tls(&secure.settings()));
        let (stream, _) = listener.accept().expect("the client connects");
        let mut wire = Wire::new(stream, Some(&Arc::new(config)));
        wire.greet(|| _ = fetch.poll());
        // The client may have gone by then.
        let _ = wire.write_all(HELLO.as_bytes()).and_then(|()| wire.flush());
        let says: &[&str] = if error == FINE { &[] } else { &["a message that is too long"] };
        let expected = Expected { error, says };
        none(difference(&format!("{tickets} tickets"), &fetch, &expected).into_iter().collect());
    }
}

/// Behind the handshake the deadlines of a response run as they do without TLS.
#[test]
fn a_server_that_falls_silent_is_not_waited_for() {
    for part in [0, 1, 5, 10] {
        let listener = TcpListener::bind("127.0.0.1:0").expect("a loopback port");
        let url = format!("https://{}/", listener.local_addr().expect("it is bound"));
        let options = Options::new().tls(&Secure::shared().settings());
        let options = options.timeout(IFETCH_TIMEOUT_HEAD, 60);
        let fetch = Fetch::start(url, &options);
        let mut wire = serve(&listener, &fetch);
        wire.say_part(b"HTTP/1.1 200 OK\r\n", part);
        let expected = Expected { error: IFETCH_ERROR_TIMEOUT_HEAD, says: &["response head"] };
        none(difference(&format!("{part} bytes"), &fetch, &expected).into_iter().collect());
    }
}
