//! Responses of servers: whole and in parts, with a head that is known and without.

use super::inputs::try_all;
use super::mutation::{mutate, split};
use super::random::Random;
use crate::error::Kind;
use crate::proto::framing::Framing;
use crate::proto::h1::decode::{Decoder, Headed, Rules, Run};
use crate::proto::head::{Fields, Head};
use crate::proto::known::KnownHead;

const RESPONSES: &[&str] = &[
    "HTTP/1.1 200 OK\r\nContent-Length: 5\r\n\r\nhello",
    "HTTP/1.1 200 OK\r\nDate: now\r\nTransfer-Encoding: chunked\r\n\r\n3;a=\"b\"\r\nhel\r\n2\r\nlo\r\n0\r\nA: b\r\n\r\n",
    "HTTP/1.1 103 Early\r\nLink: </a>\r\n\r\nHTTP/1.1 200 OK\r\nContent-Length: 2, 2\r\n\r\nok",
    "HTTP/1.0 404 \r\nConnection: keep-alive\r\n\r\nuntil the end",
    "HTTP/1.1 204 No Content\r\nServer:\r\n\r\n",
    "HTTP/1.1 101 Switching Protocols\r\nUpgrade: x\r\n\r\nwords",
    "HTTP/1.1 200 OK\r\nTransfer-Encoding:\tchunked \r\nConnection: x, close\r\n\r\n0a\r\n0123456789\r\n000\r\n\r\n",
];
const WORDS: &[&[u8]] = &[
    b"\r\n",
    b"\n",
    b"\r",
    b"\r\n\r\n",
    b" ",
    b"\t",
    b":",
    b",",
    b"0\r\n\r\n",
    b"f\r\n",
    b"-1",
    b"0x5",
    b"Content-Length: 5\r\n",
    b"content-length:3\r\n",
    b"Transfer-Encoding: chunked\r\n",
    b"transfer-encoding: gzip, chunked\r\n",
    b"Connection: close\r\n",
    b"HTTP/1.1 100 \r\n\r\n",
    b"18446744073709551616",
];

/// What is made of a response.
#[derive(Debug, Default, PartialEq)]
struct Outcome {
    interim: Vec<String>,
    head: Option<String>,
    is_chunked: bool,
    body: Vec<u8>,
    trailers: Option<Vec<(Vec<u8>, Vec<u8>)>>,
    wrong: Option<Kind>,
}

#[test]
fn a_response_means_the_same_however_it_comes() {
    let all: Vec<_> = RESPONSES.iter().map(|text| text.as_bytes().to_vec()).collect();
    let kinds = ["complete", "head", "framing", "chunk", "truncated", "other"];
    try_all("responses", &kinds, |random| {
        let bytes = {
            // In the head, or mostly behind it.
            let from = random.one_of(&[9, 60]);
            mutate(random, &all, WORDS, from)
        };
        let rules = Rules {
            to_head_request: random.percent(10),
            upgrade_asked: random.percent(50),
            head_bytes: random.one_of(&[40, 1000, 1000, 1000]),
            fields: random.one_of(&[1, 4, 200, 200]),
            interim: random.one_of(&[0, 2, 2]),
        };
        let whole = decode(&[&bytes], &rules, None);
        if whole.is_chunked && whole.wrong.is_none() {
            assert_eq!(whole.body, body_of_chunks(&bytes), "{:?}", bytes.escape_ascii());
        }
        assert_eq!(decode(&split(random, &bytes), &rules, None), whole, "in parts");
        let mut known = KnownHead::default();
        let alike = mutate(random, std::slice::from_ref(&bytes), WORDS, b"HTTP/1.1 ".len());
        for before in [alike, bytes.clone()] {
            decode(&[&before], &rules, Some(&mut known));
            let after = decode(&[&bytes], &rules, Some(&mut known));
            assert_eq!(after, whole, "another head, or the same, is known");
        }
        match whole.wrong {
            None => "complete",
            Some(Kind::BadHead | Kind::NotHttp) => "head",
            Some(Kind::BadFraming) => "framing",
            Some(Kind::BadChunk) => "chunk",
            Some(Kind::Truncated | Kind::NoResponse) => "truncated",
            Some(_) => "other",
        }
    });
}

/// RFC 9112 section 7.1, read in the simplest way, for a whole response that was not refused.
fn body_of_chunks(bytes: &[u8]) -> Vec<u8> {
    let line_at = |at: usize| {
        let len = bytes[at..].windows(2).position(|two| two == b"\r\n").expect("lines end");
        (&bytes[at..at + len], at + len + 2)
    };
    // Interim responses come before it, and each has a blank line, too.
    let (mut line, mut at) = line_at(0);
    while !line.is_empty() || bytes[at..].starts_with(b"HTTP/") {
        (line, at) = line_at(at);
    }
    let mut body = Vec::new();
    loop {
        let (line, data_at) = line_at(at);
        let size = line.split(|&byte| byte == b';').next().expect("split gives one piece");
        assert!(size.iter().all(u8::is_ascii_hexdigit), "{:?}", size.escape_ascii());
        let size = str::from_utf8(size).expect("digits are ASCII");
        let size = usize::from_str_radix(size, 16).expect("it fits");
        if size == 0 {
            return body;
        }
        body.extend_from_slice(&bytes[data_at..data_at + size]);
        assert_eq!(line_at(data_at + size).0, b"", "a chunk ends where its size says");
        at = data_at + size + 2;
    }
}

/// Decodes what comes in these parts, and then ends.
fn decode(parts: &[&[u8]], rules: &Rules, mut known: Option<&mut KnownHead>) -> Outcome {
    let (mut decoder, mut outcome) = (Decoder::new(), Outcome::default());
    let mut rest: Vec<u8> = Vec::new();
    for part in parts {
        rest.extend_from_slice(part);
        if let Err(wrong) = take(&mut decoder, &mut rest, rules, known.as_deref_mut(), &mut outcome)
        {
            outcome.wrong = Some(wrong);
            return outcome;
        }
    }
    match decoder.handle_eof(&rest) {
        Ok(_) => assert!(outcome.head.is_some() && rest.is_empty(), "nothing is left over"),
        Err(error) => outcome.wrong = Some(error.kind),
    }
    outcome
}

/// Takes as much as it can, as an exchange does.
fn take(
    decoder: &mut Decoder,
    rest: &mut Vec<u8>,
    rules: &Rules,
    mut known: Option<&mut KnownHead>,
    outcome: &mut Outcome,
) -> Result<(), Kind> {
    while outcome.head.is_none() {
        let headed = decoder.handle_head(rest, rules, known.as_deref_mut()).map_err(|e| e.kind)?;
        let Some((taken, headed)) = headed else {
            return Ok(());
        };
        let bytes: Vec<u8> = rest.drain(..taken).collect();
        assert!(taken <= rules.head_bytes, "a head of {taken} bytes");
        match headed {
            Headed::Interim(head) => {
                assert!(head.status < 200);
                outcome.interim.push(check_head(&head, &bytes));
                assert!(outcome.interim.len() <= rules.interim as usize);
            }
            Headed::Final(head, framing, closes) => {
                assert!(head.fields.len() <= rules.fields);
                assert_eq!(framing, framing_of(&head, rules), "{:?}", bytes.escape_ascii());
                outcome.is_chunked = framing == Framing::Chunked;
                outcome.head = Some(format!("{} {closes:?}", check_head(&head, &bytes)));
            }
        }
    }
    loop {
        let (taken, complete) = decoder.handle(rest, rules).map_err(|error| error.kind)?;
        rest.drain(..taken);
        // An empty trailer section is as good as none.
        let trailers = complete.and_then(|complete| complete.0).filter(|fields| fields.len() > 0);
        outcome.trailers = trailers.map(|fields| pairs(&fields)).or(outcome.trailers.take());
        let run = decoder.run();
        let count = usize::try_from(run.left()).unwrap_or(usize::MAX).min(rest.len());
        outcome.body.extend(rest.drain(..count));
        decoder.handle_run(count);
        let is_framing_next = run == Run::None || decoder.run() == Run::None;
        if taken == 0 && count == 0 && (rest.is_empty() || !is_framing_next) {
            return Ok(());
        }
    }
}

fn pairs(fields: &Fields) -> Vec<(Vec<u8>, Vec<u8>)> {
    let pair = |at| fields.at(at).expect("it counts right");
    let bytes = |(name, value): (&std::ffi::CStr, &std::ffi::CStr)| {
        (name.to_bytes().to_vec(), value.to_bytes().to_vec())
    };
    (0..fields.len()).map(|at| bytes(pair(at))).collect()
}

/// The head as text, if it is what stands in its bytes, read in the simplest way.
fn check_head(head: &Head, bytes: &[u8]) -> String {
    let text = bytes.strip_suffix(b"\r\n\r\n").expect("a blank line ends it");
    let lines: Vec<&[u8]> = text.split(|&byte| byte == b'\n').collect();
    let mut lines = lines.iter().enumerate().map(|(number, line)| {
        if number + 1 < lines.len() {
            line.strip_suffix(b"\r").expect("a CR before each LF")
        } else {
            line
        }
    });
    let start = lines.next().expect("split gives one piece");
    let status = format!("HTTP/1.{} {}", head.version - 10, head.status);
    assert!(start.starts_with(status.as_bytes()), "{:?}", start.escape_ascii());
    let reason = start.get(status.len() + 1..).unwrap_or_default();
    assert_eq!(head.reason().to_bytes(), reason);
    let fields = pairs(&head.fields);
    let read: Vec<_> = lines
        .map(|line| {
            let colon = line.iter().position(|&byte| byte == b':').expect("a colon in each line");
            (line[..colon].to_vec(), line[colon + 1..].trim_ascii().to_vec())
        })
        .collect();
    assert_eq!(fields, read);
    for (name, value) in &fields {
        assert!(!name.is_empty() && name.iter().all(|byte| byte.is_ascii_graphic()), "{name:?}");
        assert!(
            value.iter().all(|&byte| byte == b'\t' || byte >= b' ' && byte != 0x7f),
            "{value:?}"
        );
    }
    format!("{status} {:?} {fields:?}", reason.escape_ascii())
}

/// RFC 9112 section 6.3, read in the simplest way, for a head that was not refused.
fn framing_of(head: &Head, rules: &Rules) -> Framing {
    let values = |wanted: &str| {
        let all = pairs(&head.fields).into_iter();
        let ours = all.filter(|(name, _)| name.eq_ignore_ascii_case(wanted.as_bytes()));
        ours.map(|(_, value)| String::from_utf8(value).expect("it is understood"))
            .collect::<Vec<_>>()
    };
    let (codings, lengths) = (values("transfer-encoding"), values("content-length"));
    let numbers: Vec<u64> = lengths
        .iter()
        .flat_map(|value| value.split(','))
        .map(|number| number.trim().parse().expect("it is a number"))
        .collect();
    assert!(codings.is_empty() || numbers.is_empty(), "both are refused");
    assert!(
        codings.iter().all(|coding| coding.eq_ignore_ascii_case("chunked")) && codings.len() < 2
    );
    assert!(numbers.windows(2).all(|pair| pair[0] == pair[1]), "they are the same");
    match head.status {
        101 => Framing::Close,
        100..200 | 204 | 304 => Framing::Empty,
        _ if rules.to_head_request => Framing::Empty,
        _ if !codings.is_empty() => Framing::Chunked,
        _ => numbers.first().map_or(Framing::Close, |&length| Framing::Length(length)),
    }
}

#[test]
fn a_body_comes_out_of_its_chunks_as_it_went_in() {
    let rules = Rules {
        to_head_request: false,
        upgrade_asked: false,
        head_bytes: 1000,
        fields: 9,
        interim: 0,
    };
    try_all("bodies in chunks", &["complete", "cut"], |random| {
        let body: Vec<u8> = (0..random.below(300)).map(|_| random.number() as u8).collect();
        let mut bytes = b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n".to_vec();
        for chunk in split(random, &body) {
            bytes.extend_from_slice(size_line(random, chunk.len()).as_bytes());
            bytes.extend_from_slice(chunk);
            bytes.extend_from_slice(b"\r\n");
        }
        bytes.extend_from_slice(size_line(random, 0).as_bytes());
        bytes.extend_from_slice(random.one_of(&[&b"\r\n"[..], b"A: b\r\n\r\n"]));
        let cut = if random.percent(50) {
            random.below(bytes.len() as u64) as usize
        } else {
            bytes.len()
        };
        let outcome = decode(&split(random, &bytes[..cut]), &rules, None);
        assert!(body.starts_with(&outcome.body));
        if cut < bytes.len() {
            assert!(outcome.wrong.is_some(), "a part is never taken for the whole");
            return "cut";
        }
        assert_eq!((&outcome.body, outcome.wrong), (&body, None));
        "complete"
    });
}

/// A size in any of the ways in which it may be written.
fn size_line(random: &mut Random, len: usize) -> String {
    let size = if random.percent(50) { format!("{len:x}") } else { format!("{len:05X}") };
    format!("{size}{}\r\n", random.one_of(&["", ";", ";a=b", ";\ta=\"0\""]))
}
