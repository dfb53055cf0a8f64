//! Servers that leave or abort, and those that answer before they have read the request.

use crate::row::*;
use crate::support::*;

#[rustfmt::skip] // a row is a line
pub(crate) fn rows() -> Vec<Row> {
    let post = |o: Options| o.method("POST").body(&vec![b'x'; 8 << 20]);
    vec![
        row("gone without a byte", sends("").closes(), fails(IFETCH_ERROR_NO_RESPONSE)),
        row("gone within HTTP", sends("HTT").closes(), fails(IFETCH_ERROR_TRUNCATED)),
        row("gone within the version", sends("HTTP/1.").closes(), fails(IFETCH_ERROR_TRUNCATED)),
        row("gone within the status line", sends("HTTP/1.1 20").closes(), fails(IFETCH_ERROR_TRUNCATED)),
        row("gone after the status line", sends("HTTP/1.1 200 OK\r\n").closes(), fails(IFETCH_ERROR_TRUNCATED)),
        row("gone within a field", answer("Content-Len").closes(), fails(IFETCH_ERROR_TRUNCATED)),
        row("gone before the blank line", answer("Content-Length: 5\r\n").closes(), fails(IFETCH_ERROR_TRUNCATED)),
        row("gone within the blank line", answer("Content-Length: 5\r\n\r").closes(), fails(IFETCH_ERROR_TRUNCATED)),
        row("gone before the body", answer("Content-Length: 5\r\n\r\n").closes(), truncated("")),
        row("gone within the body", answer("Content-Length: 5\r\n\r\nhel").closes(), truncated("hel")),
        row("gone one byte before the end", answer("Content-Length: 5\r\n\r\nhell").closes(), truncated("hell")),
        row("gone far from the end", answer("Content-Length: 60000000\r\n\r\nhello").closes(), truncated("hello")),
        row("reset without a byte", sends("").resets(), fails(IFETCH_ERROR_RECEIVE)),
        row("reset within the head", answer("Content-Le").resets(), fails(IFETCH_ERROR_RECEIVE)),
        row("reset after an interim response", sends("HTTP/1.1 100 Continue\r\n\r\n").resets(), fails(IFETCH_ERROR_RECEIVE)),
        row("reset before the body", answer("Content-Length: 5\r\n\r\n").resets(), aborted("")),
        row("reset within the body", answer("Content-Length: 5\r\n\r\nhel").resets(), aborted("hel")),
        row("reset within a chunk", chunks("5\r\nhel").resets(), aborted("hel")),
        row("reset before the last chunk", chunks("5\r\nhello\r\n").resets(), aborted("hello")),
        row("reset within a body until the end", answer("\r\nhel").resets(), aborted("hel")),
        row("reset after the end", answer("Content-Length: 5\r\n\r\nhello").resets(), done(200, "hello")),
        row("reset after the last chunk", chunks("5\r\nhello\r\n0\r\n\r\n").resets(), done(200, "hello")),
        // The request body is far from sent when these come, and nobody reads the rest of it.
        row("an early answer", answer("Content-Length: 2\r\n\r\nok"), done(200, "ok")).options(post),
        row("an early answer, chunked", chunks("2\r\nok\r\n0\r\n\r\n"), done(200, "ok")).options(post),
        row("an early answer after 100", sends("HTTP/1.1 100 On\r\n\r\nHTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok"), done(200, "ok")).options(post),
        row("an early refusal", sends(REFUSAL), done(413, "no")).options(post),
        row("an early refusal, and the end", sends(REFUSAL).closes(), done(413, "no")).options(post),
        row("an early refusal, and a reset", sends(REFUSAL).resets(), done(413, "no")).options(post),
        row("an early refusal until the end", sends("HTTP/1.1 413 No\r\n\r\nno").closes(), done(413, "no")).options(post),
        row("an early refusal that is truncated", sends("HTTP/1.1 413 No\r\nContent-Length: 5\r\n\r\nno").closes(), fails_after(IFETCH_ERROR_TRUNCATED, 413, "no")).options(post),
    ]
}

const REFUSAL: &str = "HTTP/1.1 413 No\r\nContent-Length: 2\r\n\r\nno";

fn truncated(body: &str) -> Expected {
    fails_after(IFETCH_ERROR_TRUNCATED, 200, body)
}

fn aborted(body: &str) -> Expected {
    fails_after(IFETCH_ERROR_RECEIVE, 200, body)
}
