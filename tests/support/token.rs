//! `ifetch_token`, of which each value has a reference.

use super::ifetch_error;
use ::ifetch::ffi::token::*;
use std::ptr::null_mut;

pub(crate) struct Token(*mut ifetch_token);

// SAFETY: any thread may use a token, several at the same time.
unsafe impl Send for Token {}
// SAFETY: as above.
unsafe impl Sync for Token {}

impl Token {
    pub(crate) fn new() -> Token {
        Token(call!(ifetch_token_new(null_mut())))
    }

    pub(crate) fn child(&self) -> Token {
        Token(call!(ifetch_token_new(self.0)))
    }

    pub(crate) fn as_ptr(&self) -> *mut ifetch_token {
        self.0
    }

    pub(crate) fn cancel(&self) {
        call!(ifetch_token_cancel(self.0));
    }

    pub(crate) fn is_cancelled(&self) -> bool {
        let answer = call!(ifetch_token_is_cancelled(self.0));
        assert!(answer == 0 || answer == 1, "{answer}");
        answer == 1
    }

    pub(crate) fn set_timeout(&self, timeout_ms: u32) -> ifetch_error {
        call!(ifetch_token_set_timeout(self.0, timeout_ms))
    }
}

impl Clone for Token {
    fn clone(&self) -> Token {
        Token(call!(ifetch_token_ref(self.0)))
    }
}

impl Drop for Token {
    fn drop(&mut self) {
        call!(ifetch_token_unref(self.0));
    }
}
