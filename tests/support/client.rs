//! `ifetch_client`, freed when it goes out of scope.

use super::*;
use ::ifetch::ffi::client::*;
use ::ifetch::ffi::fetch::ifetch;

pub(crate) struct Client(*mut ifetch_client);

// SAFETY: any thread may use a client; a second one at the same time is told BUSY.
unsafe impl Sync for Client {}

impl Client {
    pub(crate) fn new() -> Client {
        let client = ifetch_client_new();
        assert!(!client.is_null(), "the system gives a descriptor");
        Client(client)
    }

    pub(crate) fn as_ptr(&self) -> *mut ifetch_client {
        self.0
    }

    pub(crate) fn start(&self, url: &str, options: &Options) -> Fetch {
        let url = c_string(url);
        let fetch = call!(ifetch_client_start(self.0, url.as_ptr(), options.as_ptr()));
        assert!(!fetch.is_null(), "nobody else is inside");
        Fetch(fetch)
    }

    pub(crate) fn fd(&self) -> RawFd {
        call!(ifetch_client_fd(self.0))
    }

    pub(crate) fn poll(&self) -> i32 {
        call!(ifetch_client_poll(self.0))
    }

    pub(crate) fn wait(&self, timeout_ms: i32) -> i32 {
        call!(ifetch_client_wait(self.0, timeout_ms))
    }

    /// The next fetch with news, by its pointer; NULL for none.
    pub(crate) fn next(&self) -> *mut ifetch {
        call!(ifetch_client_next(self.0))
    }
}

impl Drop for Client {
    fn drop(&mut self) {
        call!(ifetch_client_free(self.0));
    }
}
