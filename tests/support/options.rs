//! `ifetch_options`, to be written as a chain.

use super::{IFETCH_ERROR_NONE, Tls, Token, c_string, ifetch_error};
use ::ifetch::ffi::options::*;
use std::ptr::null;

pub(crate) struct Options(*mut ifetch_options);

// SAFETY: options may be used by any thread, one at a time.
unsafe impl Send for Options {}

impl Options {
    pub(crate) fn new() -> Options {
        Options(call!(ifetch_options_new()))
    }

    pub(crate) fn as_ptr(&self) -> *mut ifetch_options {
        self.0
    }

    pub(crate) fn method(self, method: &str) -> Options {
        let refused = self.try_method(method);
        self.accepted(refused)
    }

    pub(crate) fn header(self, name: &str, value: &str) -> Options {
        let refused = self.try_header(name, value);
        self.accepted(refused)
    }

    pub(crate) fn header_set(self, name: &str, value: &str) -> Options {
        let (name, value) = (c_string(name), c_string(value));
        let refused = call!(ifetch_options_header_set(self.0, name.as_ptr(), value.as_ptr()));
        self.accepted(refused)
    }

    pub(crate) fn header_remove(self, name: &str) -> Options {
        let refused = self.try_header_remove(name);
        self.accepted(refused)
    }

    pub(crate) fn body(self, body: &[u8]) -> Options {
        let refused = call!(ifetch_options_body(self.0, body.as_ptr().cast(), body.len()));
        self.accepted(refused)
    }

    pub(crate) fn empty_body(self) -> Options {
        let refused = call!(ifetch_options_body(self.0, null(), 0));
        self.accepted(refused)
    }

    /// The body must live as long as the library asks; a static one does.
    pub(crate) fn body_borrowed(self, body: &'static [u8]) -> Options {
        let refused = call!(ifetch_options_body_borrowed(self.0, body.as_ptr().cast(), body.len()));
        self.accepted(refused)
    }

    pub(crate) fn upload(self, len: i64) -> Options {
        let refused = call!(ifetch_options_upload(self.0, len));
        self.accepted(refused)
    }

    pub(crate) fn stream(self) -> Options {
        let refused = call!(ifetch_options_stream(self.0, 1));
        self.accepted(refused)
    }

    pub(crate) fn interim(self) -> Options {
        let refused = call!(ifetch_options_interim(self.0, 1));
        self.accepted(refused)
    }

    pub(crate) fn upgrade(self, protocol: &str) -> Options {
        let refused = self.try_upgrade(protocol);
        self.accepted(refused)
    }

    pub(crate) fn timeout(self, which: ifetch_timeout, timeout_ms: u32) -> Options {
        let refused = call!(ifetch_options_timeout(self.0, which as i32, timeout_ms));
        self.accepted(refused)
    }

    pub(crate) fn limit(self, which: ifetch_limit, n: u64) -> Options {
        let refused = self.try_limit(which as i32, n);
        self.accepted(refused)
    }

    pub(crate) fn cancel_policy(self, policy: ifetch_cancel_policy) -> Options {
        let refused = call!(ifetch_options_cancel_policy(self.0, policy as i32));
        self.accepted(refused)
    }

    pub(crate) fn token(self, token: &Token) -> Options {
        let refused = call!(ifetch_options_token(self.0, token.as_ptr()));
        self.accepted(refused)
    }

    pub(crate) fn tls(self, tls: &Tls) -> Options {
        let refused = call!(ifetch_options_tls(self.0, tls.as_ptr()));
        self.accepted(refused)
    }

    pub(crate) fn verify_name(self, name: &str) -> Options {
        let refused = self.try_verify_name(name);
        self.accepted(refused)
    }

    pub(crate) fn connect_to(self, address: impl ToString) -> Options {
        let refused = self.try_connect_to(address.to_string());
        self.accepted(refused)
    }

    pub(crate) fn try_verify_name(&self, name: impl Into<Vec<u8>>) -> ifetch_error {
        let name = c_string(name);
        call!(ifetch_options_verify_name(self.0, name.as_ptr()))
    }

    pub(crate) fn try_connect_to(&self, address: impl Into<Vec<u8>>) -> ifetch_error {
        let address = c_string(address);
        call!(ifetch_options_connect_to(self.0, address.as_ptr()))
    }

    pub(crate) fn try_method(&self, method: impl Into<Vec<u8>>) -> ifetch_error {
        let method = c_string(method);
        call!(ifetch_options_method(self.0, method.as_ptr()))
    }

    pub(crate) fn try_header(
        &self,
        name: impl Into<Vec<u8>>,
        value: impl Into<Vec<u8>>,
    ) -> ifetch_error {
        let (name, value) = (c_string(name), c_string(value));
        call!(ifetch_options_header(self.0, name.as_ptr(), value.as_ptr()))
    }

    pub(crate) fn try_header_set(
        &self,
        name: impl Into<Vec<u8>>,
        value: impl Into<Vec<u8>>,
    ) -> ifetch_error {
        let (name, value) = (c_string(name), c_string(value));
        call!(ifetch_options_header_set(self.0, name.as_ptr(), value.as_ptr()))
    }

    pub(crate) fn try_header_remove(&self, name: impl Into<Vec<u8>>) -> ifetch_error {
        let name = c_string(name);
        call!(ifetch_options_header_remove(self.0, name.as_ptr()))
    }

    pub(crate) fn try_upgrade(&self, protocol: impl Into<Vec<u8>>) -> ifetch_error {
        let protocol = c_string(protocol);
        call!(ifetch_options_upgrade(self.0, protocol.as_ptr()))
    }

    pub(crate) fn try_limit(&self, which: i32, n: u64) -> ifetch_error {
        call!(ifetch_options_limit(self.0, which, n))
    }

    fn accepted(self, refused: ifetch_error) -> Options {
        assert_eq!(refused, IFETCH_ERROR_NONE, "an option that the test needs");
        self
    }
}

impl Drop for Options {
    fn drop(&mut self) {
        call!(ifetch_options_free(self.0));
    }
}
