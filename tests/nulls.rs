//! NULL is safe in every function, as any argument, and each says what it then returns.
#![allow(unsafe_code)] // this is about pointers

mod support;

use ::ifetch::ffi::body::*;
use ::ifetch::ffi::client::*;
use ::ifetch::ffi::error::*;
use ::ifetch::ffi::fetch::*;
use ::ifetch::ffi::options::*;
use ::ifetch::ffi::report::*;
use ::ifetch::ffi::resolver::*;
use ::ifetch::ffi::response::*;
use ::ifetch::ffi::tls::*;
use ::ifetch::ffi::token::*;
use std::ffi::{c_char, c_int};
use std::ptr::{null, null_mut};
use support::*;

const INVALID: ifetch_error = IFETCH_ERROR_INVALID_ARGUMENT;

/// The exports that the header declares: every word before a parenthesis outside its comments.
fn declared() -> Vec<&'static str> {
    let code = include_str!("../include/ifetch.h")
        .split("/*")
        .map(|part| part.split_once("*/").map_or(part, |p| p.1));
    let is_word = |c: char| c.is_ascii_alphanumeric() || c == '_';
    let words = code
        .flat_map(|code| code.split('('))
        .map(|before| before.rsplit(|c| !is_word(c)).next().unwrap_or(""));
    words.filter(|word| word.starts_with("ifetch_")).collect()
}

#[test]
fn no_export_is_missing_here() {
    let exports = declared();
    assert!(exports.len() > 50, "the header declares {} functions", exports.len());
    let here = include_str!("nulls.rs");
    for export in exports {
        assert!(here.contains(&format!("{export}(")), "{export}() is not called with NULL here");
    }
}

#[test]
fn a_null_fetch() {
    let mut byte = 0_u8;
    let mut n = 7;
    let byte = (&raw mut byte).cast();

    assert_eq!(call!(ifetch_fd(null())), -1);
    assert_eq!(call!(ifetch_poll(null_mut())), IFETCH_FAILED);
    call!(ifetch_cancel(null()));
    assert!(call!(ifetch_result(null())).is_null());
    call!(ifetch_free(null_mut()));
    assert_eq!(call!(ifetch_phase_of(null())), IFETCH_PHASE_ENDED);
    assert_eq!(call!(ifetch_error_code(null())), INVALID);
    assert_eq!(lent(call!(ifetch_error_message(null()))), Some(String::new()));
    assert_eq!(call!(ifetch_os_error(null())), 0);
    assert!(call!(ifetch_userdata(null())).is_null());
    assert_eq!(call!(ifetch_set_userdata(null_mut(), byte)), INVALID);
    assert_eq!(call!(ifetch_wait(null_mut(), -1)), IFETCH_FAILED);
    assert_eq!(call!(ifetch_run(null_mut(), None, null_mut(), 0)), IFETCH_FAILED);
    assert_eq!(call!(ifetch_run(null_mut(), Some(never_asked), byte, 0)), IFETCH_FAILED);
    assert_eq!(call!(ifetch_read(null_mut(), byte, 1, &raw mut n)), IFETCH_FAILED);
    assert_eq!(n, 0, "set whatever is returned");
    n = 7;
    assert_eq!(call!(ifetch_write(null_mut(), byte, 1, &raw mut n)), IFETCH_FAILED);
    assert_eq!(n, 0, "set whatever is returned");
    assert_eq!(call!(ifetch_write_end(null_mut())), IFETCH_FAILED);
}

extern "C" fn never_asked(_: *mut std::ffi::c_void) -> i32 {
    panic!("there is no fetch to be interrupted")
}

#[test]
fn a_null_fetch_has_made_no_progress() {
    let (mut sent, mut received, mut expected) = (7, 7, 7);
    call!(ifetch_progress(null(), &raw mut sent, &raw mut received, &raw mut expected));
    assert_eq!((sent, received, expected), (0, 0, u64::MAX));
    call!(ifetch_progress(null(), null_mut(), null_mut(), null_mut()));
}

#[test]
fn progress_to_nowhere() {
    let fetch =
        Fetch::get(&Peer::closing("HTTP/1.1 200 OK\r\nContent-Length: 5\r\n\r\nhello").url("/"));
    assert_eq!(fetch.finish().body, "hello");
    let (mut sent, mut received, mut expected) = (0, 0, 0);
    let fetch = fetch.as_ptr();
    call!(ifetch_progress(fetch, null_mut(), &raw mut received, &raw mut expected));
    call!(ifetch_progress(fetch, &raw mut sent, null_mut(), null_mut()));
    call!(ifetch_progress(fetch, null_mut(), null_mut(), null_mut()));
    assert!(sent > 0);
    assert_eq!((received, expected), (5, 5));
}

#[test]
fn a_null_url() {
    for options in [null_mut(), ifetch_options_new()] {
        let fetch = call!(ifetch_start(null(), options));
        assert!(!fetch.is_null());
        assert_eq!(call!(ifetch_poll(fetch)), IFETCH_FAILED);
        assert_eq!(call!(ifetch_error_code(fetch)), INVALID);
        assert_ne!(lent(call!(ifetch_error_message(fetch))), Some(String::new()));
        assert!(call!(ifetch_result(fetch)).is_null());
        call!(ifetch_free(fetch));
        call!(ifetch_options_free(options));
    }
}

#[test]
fn null_options_mean_the_defaults() {
    let peer = Peer::answering("HTTP/1.1 204 No\r\n\r\n");
    let url = c_string(peer.url("/"));
    let fetch = call!(ifetch_start(url.as_ptr(), null()));
    while call!(ifetch_wait(fetch, -1)) == IFETCH_PENDING {}
    let response = call!(ifetch_result(fetch));
    assert_eq!(call!(ifetch_response_status(response)), 204);
    call!(ifetch_free(fetch));
    assert!(peer.seen().starts_with("GET / "));
}

#[test]
fn nothing_to_interrupt_with() {
    let fetch = Fetch::get(&Peer::closing("HTTP/1.1 204 No\r\n\r\n").url("/"));
    assert_eq!(call!(ifetch_run(fetch.as_ptr(), None, null_mut(), -1)), IFETCH_DONE);
}

#[test]
fn a_null_userdata_is_none() {
    let fetch = Fetch::get("http://");
    let here = fetch.as_ptr().cast();
    assert!(call!(ifetch_userdata(fetch.as_ptr())).is_null());
    assert_eq!(call!(ifetch_set_userdata(fetch.as_ptr(), here)), IFETCH_ERROR_NONE);
    assert_eq!(call!(ifetch_userdata(fetch.as_ptr())), here);
    assert_eq!(call!(ifetch_set_userdata(fetch.as_ptr(), null_mut())), IFETCH_ERROR_NONE);
    assert!(call!(ifetch_userdata(fetch.as_ptr())).is_null());
}

#[test]
fn a_null_buffer_or_count_reads_nothing() {
    let peer = Peer::closing("HTTP/1.1 200 OK\r\nContent-Length: 5\r\n\r\nhello");
    let fetch = Fetch::start(peer.url("/"), &Options::new().stream());
    while fetch.news() != IFETCH_READABLE {}
    let mut buffer = [0_u8; 8];
    let to = buffer.as_mut_ptr().cast();
    let mut n = 7;
    assert_eq!(call!(ifetch_read(fetch.as_ptr(), null_mut(), 8, &raw mut n)), IFETCH_FAILED);
    assert_eq!(n, 0, "set whatever is returned");
    assert_eq!(call!(ifetch_read(fetch.as_ptr(), to, 8, null_mut())), IFETCH_FAILED);
    n = 7;
    assert_eq!(call!(ifetch_read(fetch.as_ptr(), to, 0, &raw mut n)), IFETCH_FAILED);
    assert_eq!(n, 0, "set whatever is returned");
    assert_eq!(call!(ifetch_read(fetch.as_ptr(), null_mut(), 0, null_mut())), IFETCH_FAILED);
    assert_eq!(fetch.finish().body, "hello", "the fetch went on");
}

#[test]
fn null_data_or_count_writes_nothing() {
    let peer = Peer::start(|mut link| {
        link.read_head();
        let body = latin1(&link.read(5));
        link.send("HTTP/1.1 204 No\r\n\r\n");
        body
    });
    let fetch = Fetch::start(peer.url("/"), &Options::new().method("PUT").upload(5));
    while fetch.news() != IFETCH_WRITABLE {}
    let from = c"wrong".as_ptr().cast();
    let mut n = 7;
    assert_eq!(call!(ifetch_write(fetch.as_ptr(), null(), 5, &raw mut n)), IFETCH_FAILED);
    assert_eq!(n, 0, "set whatever is returned");
    assert_eq!(call!(ifetch_write(fetch.as_ptr(), from, 5, null_mut())), IFETCH_FAILED);
    assert_ne!(
        call!(ifetch_write(fetch.as_ptr(), null(), 0, null_mut())),
        IFETCH_FAILED,
        "an empty write"
    );
    assert!(fetch.write_all(b"hello"));
    assert_eq!(fetch.finish().code(), 204);
    assert_eq!(peer.seen(), "hello");
}

#[test]
fn a_null_response() {
    let mut len = 7;
    assert_eq!(call!(ifetch_response_status(null())), 0);
    assert_eq!(call!(ifetch_response_version(null())), 0);
    assert!(call!(ifetch_response_reason(null())).is_null());
    assert!(call!(ifetch_response_url(null())).is_null());
    assert!(call!(ifetch_response_header(null(), c"A".as_ptr())).is_null());
    assert!(call!(ifetch_response_header(null(), null())).is_null());
    assert_eq!(call!(ifetch_response_header_count(null())), 0);
    assert_eq!(call!(ifetch_response_trailer_count(null())), 0);
    assert!(call!(ifetch_response_body(null(), &raw mut len)).is_null());
    assert_eq!(len, 0);
    assert!(call!(ifetch_response_body(null(), null_mut())).is_null());

    let somewhere = c"".as_ptr();
    let (mut name, mut value) = (somewhere, somewhere);
    assert_eq!(call!(ifetch_response_header_at(null(), 0, &raw mut name, &raw mut value)), 0);
    assert!(name.is_null() && value.is_null());
    (name, value) = (somewhere, somewhere);
    assert_eq!(call!(ifetch_response_trailer_at(null(), 0, &raw mut name, &raw mut value)), 0);
    assert!(name.is_null() && value.is_null());
    assert_eq!(call!(ifetch_response_header_at(null(), 0, null_mut(), null_mut())), 0);
    assert_eq!(call!(ifetch_response_trailer_at(null(), 0, null_mut(), null_mut())), 0);
}

#[test]
fn parts_of_a_response_to_nowhere() {
    let peer = Peer::closing(
        "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n2\r\nok\r\n0\r\nA: b\r\n\r\n",
    );
    let fetch = Fetch::get(&peer.url("/"));
    assert_eq!(fetch.finish().body, "ok");
    let response = call!(ifetch_result(fetch.as_ptr()));
    assert!(call!(ifetch_response_header(response, null())).is_null());
    assert!(!call!(ifetch_response_body(response, null_mut())).is_null());

    type At = unsafe extern "C" fn(
        *const ifetch_response,
        usize,
        *mut *const c_char,
        *mut *const c_char,
    ) -> c_int;
    for at in [ifetch_response_header_at as At, ifetch_response_trailer_at] {
        let (mut name, mut value) = (null(), null());
        assert_eq!(call!(at(response, 0, null_mut(), null_mut())), 1);
        assert_eq!(call!(at(response, 0, &raw mut name, null_mut())), 1);
        assert_eq!(call!(at(response, 0, null_mut(), &raw mut value)), 1);
        assert!(!name.is_null() && !value.is_null());
        assert_eq!(call!(at(response, 1, &raw mut name, &raw mut value)), 0);
        assert!(name.is_null() && value.is_null(), "there is no second one");
        assert_eq!(call!(at(response, usize::MAX, null_mut(), null_mut())), 0);
    }
}

#[test]
fn null_options() {
    let text = c"A".as_ptr();
    call!(ifetch_options_free(null_mut()));
    assert_eq!(call!(ifetch_options_method(null_mut(), text)), INVALID);
    assert_eq!(call!(ifetch_options_method(null_mut(), null())), INVALID);
    assert_eq!(call!(ifetch_options_header(null_mut(), text, text)), INVALID);
    assert_eq!(call!(ifetch_options_header_set(null_mut(), text, text)), INVALID);
    assert_eq!(call!(ifetch_options_header_remove(null_mut(), text)), INVALID);
    assert_eq!(call!(ifetch_options_body(null_mut(), text.cast(), 1)), INVALID);
    assert_eq!(call!(ifetch_options_body(null_mut(), null(), 0)), INVALID);
    assert_eq!(call!(ifetch_options_body_borrowed(null_mut(), text.cast(), 1)), INVALID);
    assert_eq!(call!(ifetch_options_upload(null_mut(), 1)), INVALID);
    assert_eq!(call!(ifetch_options_stream(null_mut(), 1)), INVALID);
    assert_eq!(call!(ifetch_options_interim(null_mut(), 1)), INVALID);
    assert_eq!(call!(ifetch_options_upgrade(null_mut(), text)), INVALID);
    assert_eq!(call!(ifetch_options_upgrade(null_mut(), null())), INVALID);
    assert_eq!(call!(ifetch_options_timeout(null_mut(), 1, 1)), INVALID);
    assert_eq!(call!(ifetch_options_limit(null_mut(), 1, 1)), INVALID);
    assert_eq!(call!(ifetch_options_cancel_policy(null_mut(), 0)), INVALID);
    assert_eq!(call!(ifetch_options_userdata(null_mut(), null_mut())), INVALID);
    assert_eq!(call!(ifetch_options_token(null_mut(), null_mut())), INVALID);
}

#[test]
fn null_in_options_changes_nothing() {
    let options = Options::new().method("PUT").header("A", "b").body(b"hello").upgrade("x");
    let o = options.as_ptr();
    let text = c"A".as_ptr();
    assert_eq!(call!(ifetch_options_method(o, null())), INVALID);
    assert_eq!(call!(ifetch_options_header(o, null(), text)), INVALID);
    assert_eq!(call!(ifetch_options_header(o, text, null())), INVALID);
    assert_eq!(call!(ifetch_options_header_set(o, null(), text)), INVALID);
    assert_eq!(call!(ifetch_options_header_set(o, text, null())), INVALID);
    assert_eq!(call!(ifetch_options_header_remove(o, null())), INVALID);
    assert_eq!(call!(ifetch_options_body(o, null(), 1)), INVALID);
    assert_eq!(call!(ifetch_options_body_borrowed(o, null(), 1)), INVALID);
    assert_eq!(
        call!(ifetch_options_body(o, text.cast(), usize::MAX)),
        INVALID,
        "no object is so long"
    );
    assert_eq!(call!(ifetch_options_userdata(o, null_mut())), IFETCH_ERROR_NONE);
    assert_eq!(call!(ifetch_options_upgrade(o, null())), IFETCH_ERROR_NONE, "takes it back");
    let token = Token::new();
    token.cancel();
    assert_eq!(call!(ifetch_options_token(o, token.as_ptr())), IFETCH_ERROR_NONE);
    assert_eq!(call!(ifetch_options_token(o, null_mut())), IFETCH_ERROR_NONE, "takes it back");

    let peer = Peer::start(|mut link| {
        let head = link.read_head();
        let body = latin1(&link.read(5));
        link.send("HTTP/1.1 204 No\r\n\r\n");
        head + &body
    });
    assert_eq!(Fetch::start(peer.url("/"), &options).finish().code(), 204);
    let seen = peer.seen();
    assert!(
        seen.starts_with("PUT / ")
            && seen.contains("\r\nA: b\r\n")
            && seen.ends_with("\r\n\r\nhello"),
        "{seen}"
    );
}

#[test]
fn a_null_body_of_no_length_is_empty() {
    let options = ifetch_options_new();
    assert!(!options.is_null());
    assert_eq!(call!(ifetch_options_body(options, null(), 0)), IFETCH_ERROR_NONE);
    assert_eq!(call!(ifetch_options_body_borrowed(options, null(), 0)), IFETCH_ERROR_NONE);
    call!(ifetch_options_free(options));
}

#[test]
fn a_null_client() {
    call!(ifetch_client_free(null_mut()));
    assert!(
        call!(ifetch_client_start(null_mut(), c"http://127.0.0.1/".as_ptr(), null())).is_null()
    );
    assert_eq!(call!(ifetch_client_fd(null())), -1);
    assert_eq!(call!(ifetch_client_poll(null_mut())), -1);
    assert!(call!(ifetch_client_next(null_mut())).is_null());
    assert_eq!(call!(ifetch_client_wait(null_mut(), -1)), -1);
    assert!(call!(ifetch_client_userdata(null())).is_null());
    assert_eq!(call!(ifetch_client_set_userdata(null_mut(), null_mut())), INVALID);
    assert_eq!(call!(ifetch_client_set_timeout(null_mut(), 1, 1)), INVALID);
    assert_eq!(call!(ifetch_client_set_limit(null_mut(), 1, 1)), INVALID);
    assert_eq!(call!(ifetch_client_set_resolver(null_mut(), 0)), INVALID);
    let (name, address) = (c"a.test".as_ptr(), c"127.0.0.1".as_ptr());
    assert_eq!(call!(ifetch_client_add_name_server(null_mut(), address)), INVALID);
    assert_eq!(call!(ifetch_client_add_name_server(null_mut(), null())), INVALID);
    assert_eq!(call!(ifetch_client_add_host(null_mut(), name, address)), INVALID);
    assert_eq!(call!(ifetch_client_add_host(null_mut(), null(), null())), INVALID);
    assert_eq!(call!(ifetch_client_count(null(), 1)), 0);
}

#[test]
fn null_tls_settings() {
    let (path, byte) = (c"/no/such/file".as_ptr(), [0_u8]);
    let bytes = byte.as_ptr().cast();
    call!(ifetch_tls_free(null_mut()));
    assert_eq!(lent(call!(ifetch_tls_error_message(null()))), Some(String::new()));
    assert_eq!(call!(ifetch_tls_trust_system(null_mut(), 0)), INVALID);
    assert_eq!(call!(ifetch_tls_trust_file(null_mut(), path)), INVALID);
    assert_eq!(call!(ifetch_tls_trust_pem(null_mut(), bytes, 1)), INVALID);
    assert_eq!(call!(ifetch_tls_pin(null_mut(), path)), INVALID);
    assert_eq!(call!(ifetch_tls_identity_file(null_mut(), path, path)), INVALID);
    assert_eq!(call!(ifetch_tls_identity_pem(null_mut(), bytes, 1, bytes, 1)), INVALID);
    assert_eq!(call!(ifetch_tls_min_version(null_mut(), 12)), INVALID);
    assert_eq!(call!(ifetch_tls_dangerously_accept_any_certificate(null_mut(), 1)), INVALID);
    assert_eq!(call!(ifetch_tls_log_keys(null_mut(), null())), INVALID);
    assert_eq!(call!(ifetch_client_set_tls(null_mut(), null())), INVALID);
    for call in [
        |o| call!(ifetch_options_tls(o, null())),
        |o| call!(ifetch_options_verify_name(o, null())),
        |o| call!(ifetch_options_connect_to(o, null())),
    ] {
        assert_eq!(call(null_mut()), INVALID);
    }
}

#[test]
fn null_in_tls_settings() {
    let tls = ifetch_tls_new();
    assert!(!tls.is_null());
    let (path, byte) = (c"/no/such/file".as_ptr(), [0_u8]);
    let bytes = byte.as_ptr().cast();
    assert_eq!(call!(ifetch_tls_trust_file(tls, null())), INVALID);
    assert!(lent(call!(ifetch_tls_error_message(tls))).is_some_and(|text| text.contains("NULL")));
    assert_eq!(call!(ifetch_tls_trust_pem(tls, null(), 1)), INVALID);
    assert_eq!(call!(ifetch_tls_trust_pem(tls, null(), 0)), IFETCH_ERROR_BAD_PEM);
    assert_eq!(call!(ifetch_tls_pin(tls, null())), INVALID);
    assert_eq!(call!(ifetch_tls_identity_file(tls, null(), path)), INVALID);
    assert_eq!(call!(ifetch_tls_identity_pem(tls, null(), 1, bytes, 1)), INVALID);
    assert_eq!(call!(ifetch_tls_identity_pem(tls, bytes, 1, null(), 1)), INVALID);
    assert_eq!(call!(ifetch_tls_log_keys(tls, null())), IFETCH_ERROR_NONE, "stops it");
    assert_eq!(lent(call!(ifetch_tls_error_message(tls))), Some(String::new()));
    call!(ifetch_tls_free(tls));

    let (client, options) = (ifetch_client_new(), ifetch_options_new());
    assert!(!client.is_null() && !options.is_null());
    let taken_back = [
        call!(ifetch_client_set_tls(client, null())),
        call!(ifetch_options_tls(options, null())),
        call!(ifetch_options_verify_name(options, null())),
        call!(ifetch_options_connect_to(options, null())),
    ];
    assert_eq!(taken_back, [IFETCH_ERROR_NONE; 4]);
    call!(ifetch_client_free(client));
    call!(ifetch_options_free(options));
}

#[test]
fn null_in_a_client() {
    let client = ifetch_client_new();
    assert!(!client.is_null());
    assert_eq!(call!(ifetch_client_set_userdata(client, null_mut())), IFETCH_ERROR_NONE);
    assert!(call!(ifetch_client_userdata(client)).is_null());
    let (name, address) = (c"a.test".as_ptr(), c"127.0.0.1".as_ptr());
    assert_eq!(call!(ifetch_client_add_name_server(client, null())), INVALID);
    assert_eq!(call!(ifetch_client_add_host(client, null(), address)), INVALID);
    assert_eq!(call!(ifetch_client_add_host(client, name, null())), INVALID);
    let fetch = call!(ifetch_client_start(client, null(), null()));
    assert!(!fetch.is_null());
    assert_eq!(call!(ifetch_poll(fetch)), IFETCH_FAILED);
    assert_eq!(call!(ifetch_error_code(fetch)), INVALID);
    call!(ifetch_free(fetch));
    call!(ifetch_client_free(client));
}

#[test]
fn a_null_report() {
    let fetch = Fetch::get("http://");
    let mut report = fetch.report();
    let size = size_of::<ifetch_report>();
    assert_eq!(call!(ifetch_report_get(null(), &raw mut report, size)), INVALID);
    assert_eq!(call!(ifetch_report_get(fetch.as_ptr(), null_mut(), size)), INVALID);
    assert_eq!(call!(ifetch_report_get(fetch.as_ptr(), &raw mut report, 0)), INVALID);
    assert_eq!(call!(ifetch_report_get(fetch.as_ptr(), &raw mut report, 3)), INVALID);
}

#[test]
fn a_null_token() {
    assert!(call!(ifetch_token_ref(null_mut())).is_null());
    call!(ifetch_token_unref(null_mut()));
    call!(ifetch_token_cancel(null()));
    assert_eq!(call!(ifetch_token_is_cancelled(null())), 0);
    assert_eq!(call!(ifetch_token_set_timeout(null_mut(), 1)), INVALID);
    let orphan = call!(ifetch_token_new(null_mut()));
    assert!(!orphan.is_null());
    call!(ifetch_token_unref(orphan));
}

/// These take no pointer, or say what NULL means.
#[test]
fn what_needs_no_object() {
    assert_eq!(call!(ifetch_feature(null())), 0);
    assert_eq!(lent(ifetch_error_name(0)), Some("NONE".into()));
    assert_eq!(lent(ifetch_error_text(0)), Some("no error".into()));
    assert_eq!(lent(ifetch_version()), Some(env!("CARGO_PKG_VERSION").into()));
    let (options, client) = (ifetch_options_new(), ifetch_client_new());
    assert!(!options.is_null() && !client.is_null());
    call!(ifetch_options_free(options));
    call!(ifetch_client_free(client));
}
