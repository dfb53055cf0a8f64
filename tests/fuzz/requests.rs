//! What callers ask for: URLs, methods and fields, which may have been given to them by others.

use super::inputs::try_all;
use super::mutation::mutate;
use super::random::Random;
use crate::error::Kind;
use crate::proto::h1::encode;
use crate::proto::request::{Body, Request};
use crate::proto::target::Target;

const URLS: &[&str] = &[
    "http://a.example/",
    "http://a.example/x/y.html?a=b&c",
    "http://A.Example:8080/%41/../b/./c?q#f",
    "http://user:pass%20word@a.example:81/",
    "http://[2001:db8::1]:81/x",
    "http://127.1/x;y,z",
    "http://b\u{fc}cher.example/\u{fc}",
    "ftp://a.example/",
];
const URL_WORDS: &[&[u8]] = &[
    b"/", b"..", b"%2e", b"%0d%0a", b"\r\n", b"?", b"#", b"@", b":", b"[", b"\\", b"xn--", b"\xff",
    b"http://", b"https", b"//",
];
const FIELDS: &[&str] = &["X-A", "Accept", "Host", "Connection", "Content-Length", "upgrade", ""];
const VALUES: &[&str] = &["b", "text/html, */*;q=0.1", "close", "caf\u{e9}", "5", ""];
const FIELD_WORDS: &[&[u8]] = &[b"\r\n", b"\n", b"\0", b" ", b"\t", b":", b"\r\nX: y", b"\x7f"];

fn bytes_of(texts: &[&str]) -> Vec<Vec<u8>> {
    texts.iter().map(|text| text.as_bytes().to_vec()).collect()
}

#[test]
fn a_url_is_refused_or_made_fit_for_a_request() {
    let all = bytes_of(URLS);
    try_all("URLs", &["http", "refused", "sibling"], |random| {
        let text = mutate(random, &all, URL_WORDS, b"http://".len());
        let target = match Target::parse(&text) {
            Ok(target) => target,
            Err(error) => {
                assert!([Kind::InvalidUrl, Kind::Unsupported].contains(&error.kind), "{error:?}");
                return "refused";
            }
        };
        let is_blank = |byte: &u8| *byte <= b' ' || *byte == 0x7f;
        assert!(!text.iter().any(is_blank), "nothing is dropped: {:?}", text.escape_ascii());
        let url = target.text();
        assert!(url.iter().all(|&byte| byte > b' ' && byte < 0x7f), "{:?}", url.escape_ascii());
        assert!(target.path_and_query().starts_with(b"/") && !url.contains(&b'#'));
        let authority = target.authority();
        let is_plain = |byte: &u8| byte.is_ascii_graphic() && !b"/?#@\\".contains(byte);
        assert!(!authority.is_empty() && authority.iter().all(is_plain), "{authority:?}");
        assert_ne!(target.port(), 0);
        // Once more changes nothing, and needs no credentials.
        let again = Target::parse(url).expect("it is the URL of a target");
        assert_eq!((again.text(), again.port()), (url, target.port()));
        assert_eq!((again.address(), again.authorization()), (target.address(), None));

        // Another URL of its origin is what it would be by itself.
        let origin_len = target.origin().len();
        let other = mutate(random, &[url.to_vec()], URL_WORDS, origin_len);
        if let Some(sibling) = target.sibling(&other) {
            let parsed = Target::parse(&other).expect("it is taken as it stands");
            assert_eq!(format!("{sibling:?}"), format!("{parsed:?}"));
            return "sibling";
        }
        "http"
    });
}

#[test]
fn a_request_head_has_the_lines_that_it_is_to_have() {
    let (urls, names, values) = (bytes_of(URLS), bytes_of(FIELDS), bytes_of(VALUES));
    try_all("requests", &["whole", "refused"], |random| {
        let Ok(target) = Target::parse(&mutate(random, &urls, URL_WORDS, b"http://".len())) else {
            return "refused";
        };
        let mut request = Request::default();
        for _ in 0..random.below(4) {
            let name = mutate(random, &names, FIELD_WORDS, 0);
            let value = mutate(random, &values, FIELD_WORDS, 0);
            let _ = change(&mut request, random, &name, &value);
        }
        let keeps = random.percent(50);
        let mut head = Vec::new();
        encode::head(&mut head, &request, &target, keeps);
        check(&head, &request, &target);
        "whole"
    });
}

/// Does one of the things that can be done to a request.
fn change(request: &mut Request, random: &mut Random, name: &[u8], value: &[u8]) -> Result<(), ()> {
    match random.below(6) {
        0 => request.set_method(name),
        1 => request.set_field(name, value),
        2 => request.remove_field(name),
        3 => request.set_upgrade(Some(value)),
        4 => {
            request.body =
                random.one_of(&[None, Some(7)]).map_or(Body::None, |len| Body::Streamed(Some(len)));
            Ok(())
        }
        _ => request.add_field(name, value),
    }
    .map_err(|refused| assert!(!refused.message.is_empty()))
}

/// Reads the head as the strictest of servers would.
fn check(head: &[u8], request: &Request, target: &Target) {
    let shown = head.escape_ascii().to_string();
    let lines = head.strip_suffix(b"\r\n\r\n").expect("it ends in a blank line");
    let mut lines =
        lines.split(|&byte| byte == b'\n').map(|line| line.strip_suffix(b"\r").unwrap_or(line));
    let start = [request.method().as_bytes(), target.path_and_query(), b"HTTP/1.1"].join(&b' ');
    assert_eq!(lines.next(), Some(&start[..]), "{shown}");
    let (mut hosts, mut lengths) = (0, 0);
    for line in lines {
        let colon = line.iter().position(|&byte| byte == b':').unwrap_or(0);
        let (name, value) = line.split_at(colon);
        let is_tchar =
            |byte: &u8| byte.is_ascii_graphic() && !b"\"(),/:;<=>?@[\\]{}".contains(byte);
        assert!(!name.is_empty() && name.iter().all(is_tchar), "{shown}");
        assert!(value.iter().all(|&byte| byte == b'\t' || byte >= b' ' && byte != 0x7f), "{shown}");
        hosts += usize::from(name.eq_ignore_ascii_case(b"host"));
        lengths += usize::from(name.eq_ignore_ascii_case(b"content-length"));
        assert!(
            !name.eq_ignore_ascii_case(b"transfer-encoding"),
            "nothing is sent in chunks: {shown}"
        );
    }
    let has_length =
        !matches!(request.body, Body::None) || ["POST", "PUT", "PATCH"].contains(&request.method());
    assert_eq!((hosts, lengths), (1, usize::from(has_length)), "{shown}");
}
