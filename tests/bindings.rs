//! Languages that read the C header for themselves, each driving fetches through the descriptor.
//! The scripts in tests/ffi are also what a reader may start a binding from.
#![allow(missing_docs)]

mod support_c;

use support_c::{GREETING, Server, libraries, run, tool};

/// What `script` prints when it is given the header and the URL of a server.
fn prints(interpreter: &str, script: &str) -> String {
    let server = Server::start();
    run(tool(interpreter)
        .arg(script)
        .args(["include/ifetch.h", &server.url()])
        .env("LD_LIBRARY_PATH", libraries()))
}

// Not the first python3 on the PATH: Debian's cffi belongs to Debian's.
const PYTHON: &str = "/usr/bin/python3";

#[test]
fn python_fetches_with_poll() {
    assert_eq!(prints(PYTHON, "tests/ffi/fetch.py"), GREETING);
}

#[test]
fn python_fetches_with_asyncio() {
    assert_eq!(prints(PYTHON, "tests/ffi/fetch_asyncio.py"), GREETING.repeat(2));
}

#[test]
fn luajit_fetches_with_poll() {
    assert_eq!(prints("luajit", "tests/ffi/fetch.lua"), GREETING);
}
