//! The library without the feature `tls`, as `make test` builds it once more: http works, and what
//! is about https says that this build cannot do it.
#![cfg(not(feature = "tls"))]
#![allow(unsafe_code)]

use ifetch::ffi::error::ifetch_error::{self, *};
use ifetch::ffi::error::ifetch_feature;
use ifetch::ffi::fetch::{
    ifetch_error_code, ifetch_free, ifetch_start, ifetch_status, ifetch_wait,
};
use ifetch::ffi::tls::*;
use std::ffi::CString;
use std::io::{Read, Write};
use std::net::TcpListener;
use std::ptr::null;

/// How a fetch of this URL ends.
fn fetch(url: &str) -> (ifetch_status, ifetch_error) {
    let url = CString::new(url).expect("no NUL");
    // SAFETY: the URL is live, and the fetch is freed once.
    unsafe {
        let fetch = ifetch_start(url.as_ptr(), null());
        let ended = (ifetch_wait(fetch, 10_000), ifetch_error_code(fetch));
        ifetch_free(fetch);
        ended
    }
}

#[test]
fn https_is_refused_before_anything_is_sent() {
    let listener = TcpListener::bind("127.0.0.1:0").expect("a loopback port");
    let url = format!("https://{}/", listener.local_addr().expect("it is bound"));
    assert_eq!(fetch(&url), (ifetch_status::IFETCH_FAILED, IFETCH_ERROR_UNSUPPORTED));
    listener.set_nonblocking(true).expect("a socket option");
    assert!(listener.accept().is_err(), "nobody connects");
    for (name, is_there) in [(c"https", 0), (c"post-quantum", 0), (c"http/1.1", 1)] {
        // SAFETY: the name is live.
        assert_eq!(unsafe { ifetch_feature(name.as_ptr()) }, is_there, "{name:?}");
    }
}

#[test]
fn http_works() {
    let listener = TcpListener::bind("127.0.0.1:0").expect("a loopback port");
    let url = format!("http://{}/", listener.local_addr().expect("it is bound"));
    let server = std::thread::spawn(move || {
        let (mut link, _) = listener.accept().expect("the client connects");
        let count = link.read(&mut [0; 1024]).expect("it asks");
        link.write_all(b"HTTP/1.1 200 OK\r\nContent-Length: 5\r\n\r\nhello").expect("it listens");
        count
    });
    assert_eq!(fetch(&url), (ifetch_status::IFETCH_DONE, IFETCH_ERROR_NONE));
    assert!(server.join().expect("it serves") > 0);
}

#[test]
fn nothing_can_be_set_that_would_be_of_no_use() {
    let tls = ifetch_tls_new();
    let (path, pem) = (c"/etc/hosts".as_ptr(), c"x".as_ptr().cast());
    // SAFETY: the settings, the texts and the bytes are live.
    unsafe {
        for refused in [
            ifetch_tls_trust_system(tls, 0),
            ifetch_tls_trust_file(tls, path),
            ifetch_tls_trust_pem(tls, pem, 1),
            ifetch_tls_pin(tls, c"AAAA".as_ptr()),
            ifetch_tls_identity_file(tls, path, path),
            ifetch_tls_identity_pem(tls, pem, 1, pem, 1),
            ifetch_tls_min_version(tls, ifetch_tls_version::IFETCH_TLS_1_3 as i32),
            ifetch_tls_dangerously_accept_any_certificate(tls, 1),
            ifetch_tls_log_keys(tls, path),
        ] {
            assert_eq!(refused, IFETCH_ERROR_UNSUPPORTED);
        }
        ifetch_tls_free(tls);
    }
}
