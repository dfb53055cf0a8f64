//! Interim responses (RFC 9110 section 15.2) and switching protocols (section 7.8).

use crate::row::*;
use crate::support::*;

#[rustfmt::skip] // a row is a line
pub(crate) fn rows() -> Vec<Row> {
    let offered = |o: Options| o.interim();
    let upgrade = |o: Options| o.upgrade("echo");
    let both = |o: Options| o.upgrade("echo").interim();
    vec![
        row("100 is skipped", sends(CONTINUE.to_owned() + FINAL), done(200, "ok").headers(&[("Content-Length", "2")])),
        row("several are skipped", sends(CONTINUE.to_owned() + HINTS + PROCESSING + FINAL), done(200, "ok").headers(&[("Content-Length", "2")])),
        row("one is offered", sends(HINTS.to_owned() + FINAL), done(200, "ok").interim(103, LINK)).options(offered),
        row(
            "several are offered in their order",
            sends(CONTINUE.to_owned() + HINTS + PROCESSING + FINAL),
            done(200, "ok").interim(100, &[]).interim(103, LINK).interim(102, &[]).headers(&[("Content-Length", "2")]),
        )
        .options(offered),
        row("one that nobody knows is offered", sends("HTTP/1.1 199 Hm\r\nA: b\r\n\r\n".to_owned() + FINAL), done(200, "ok").interim(199, &[("A", "b")])).options(offered),
        row("an interim response has no body", sends("HTTP/1.1 100 On\r\nContent-Length: 5\r\n\r\n".to_owned() + FINAL), done(200, "ok")),
        row("an interim response is not chunked", sends("HTTP/1.1 103 On\r\nTransfer-Encoding: chunked\r\n\r\n".to_owned() + FINAL), done(200, "ok")),
        row("an interim response, and a body until the end", sends(CONTINUE.to_owned() + "HTTP/1.1 200 OK\r\n\r\nhello").closes(), done(200, "hello")),
        row("an interim response, and 204", sends(CONTINUE.to_owned() + "HTTP/1.1 204 No\r\n\r\n"), done(204, "")),
        row("an interim response, and the end", sends(CONTINUE).closes(), fails(IFETCH_ERROR_TRUNCATED)),
        row("an interim response, and half of the final one", sends(CONTINUE.to_owned() + "HTTP/1.1 200").closes(), fails(IFETCH_ERROR_TRUNCATED)),
        row("an interim response with a folded line", sends("HTTP/1.1 103 On\r\nA: b\r\n c\r\n\r\n".to_owned() + FINAL), fails(IFETCH_ERROR_BAD_HEAD)),
        row("an interim response, and no HTTP", sends(CONTINUE.to_owned() + "SSH-2.0-x\r\n"), fails(IFETCH_ERROR_NOT_HTTP)),
        row("a blank line after an interim response", sends(CONTINUE.to_owned() + "\r\n" + FINAL), fails(IFETCH_ERROR_NOT_HTTP)),
        row("101 that nobody asked for", sends(SWITCH), fails(IFETCH_ERROR_UNEXPECTED_UPGRADE)),
        row("101 that nobody asked for, after 100", sends(CONTINUE.to_owned() + SWITCH), fails(IFETCH_ERROR_UNEXPECTED_UPGRADE)),
        row("101 is not offered as interim", sends(SWITCH), fails(IFETCH_ERROR_UNEXPECTED_UPGRADE)).options(offered),
        row("101 that was asked for", sends(SWITCH.to_owned() + "0\r\n\r\nbytes").closes(), done(101, "0\r\n\r\nbytes").headers(&[("Connection", "upgrade"), ("Upgrade", "echo")])).options(upgrade).streamed(),
        row("101 and no bytes", sends(SWITCH).closes(), done(101, "")).options(upgrade).streamed(),
        row("101 with a length that means nothing", sends("HTTP/1.1 101 On\r\nUpgrade: echo\r\nContent-Length: 2\r\n\r\nhello").closes(), done(101, "hello")).options(upgrade).streamed(),
        row("101 after 100", sends(CONTINUE.to_owned() + SWITCH + "bytes").closes(), done(101, "bytes")).options(upgrade).streamed(),
        row("101 after 100 that was offered", sends(CONTINUE.to_owned() + SWITCH + "bytes").closes(), done(101, "bytes").interim(100, &[])).options(both).streamed(),
        row("101, and then a reset", sends(SWITCH.to_owned() + "bytes").resets(), fails_after(IFETCH_ERROR_RECEIVE, 101, "bytes")).options(upgrade).streamed(),
        row("an upgrade that is not taken", sends(FINAL), done(200, "ok")).options(upgrade).streamed(),
        row("an upgrade that is required", sends("HTTP/1.1 426 No\r\nUpgrade: other\r\nContent-Length: 0\r\n\r\n"), done(426, "")).options(upgrade).streamed(),
    ]
}

const CONTINUE: &str = "HTTP/1.1 100 Continue\r\n\r\n";
const HINTS: &str = "HTTP/1.1 103 Early Hints\r\nLink: </a>\r\nLink: </b>\r\n\r\n";
const LINK: &[(&str, &str)] = &[("Link", "</a>"), ("Link", "</b>")];
const PROCESSING: &str = "HTTP/1.1 102 Processing\r\n\r\n";
const SWITCH: &str =
    "HTTP/1.1 101 Switching Protocols\r\nConnection: upgrade\r\nUpgrade: echo\r\n\r\n";
const FINAL: &str = "HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok";
