//! `ifetch_tls`, to be written as a chain.

use super::{IFETCH_ERROR_NONE, c_string, ifetch_error, lent};
use ::ifetch::ffi::tls::*;
use std::path::Path;

pub(crate) struct Tls(*mut ifetch_tls);

// SAFETY: settings may be used by any thread, one at a time.
unsafe impl Send for Tls {}

impl Tls {
    pub(crate) fn new() -> Tls {
        Tls(ifetch_tls_new())
    }

    /// Trusts the certificates in this file and no others.
    pub(crate) fn trusting(path: &Path) -> Tls {
        Tls::new().trust_system(false).trust_file(path)
    }

    pub(crate) fn as_ptr(&self) -> *mut ifetch_tls {
        self.0
    }

    pub(crate) fn trust_system(self, on: bool) -> Tls {
        let refused = call!(ifetch_tls_trust_system(self.0, on.into()));
        self.accepted(refused)
    }

    pub(crate) fn trust_file(self, path: &Path) -> Tls {
        let refused = self.try_trust_file(path);
        self.accepted(refused)
    }

    pub(crate) fn trust_pem(self, pem: &[u8]) -> Tls {
        let refused = self.try_trust_pem(pem);
        self.accepted(refused)
    }

    pub(crate) fn pin(self, sha256: &str) -> Tls {
        let refused = self.try_pin(sha256);
        self.accepted(refused)
    }

    pub(crate) fn identity_file(self, certificates: &Path, key: &Path) -> Tls {
        let refused = self.try_identity_file(certificates, key);
        self.accepted(refused)
    }

    pub(crate) fn min_version(self, version: ifetch_tls_version) -> Tls {
        let refused = call!(ifetch_tls_min_version(self.0, version as i32));
        self.accepted(refused)
    }

    pub(crate) fn accept_any(self, on: bool) -> Tls {
        let refused = call!(ifetch_tls_dangerously_accept_any_certificate(self.0, on.into()));
        self.accepted(refused)
    }

    pub(crate) fn log_keys(self, path: &Path) -> Tls {
        let path = c_string(path.to_str().expect("a plain path"));
        let refused = call!(ifetch_tls_log_keys(self.0, path.as_ptr()));
        self.accepted(refused)
    }

    pub(crate) fn try_trust_file(&self, path: &Path) -> ifetch_error {
        let path = c_string(path.to_str().expect("a plain path"));
        call!(ifetch_tls_trust_file(self.0, path.as_ptr()))
    }

    pub(crate) fn try_trust_pem(&self, pem: &[u8]) -> ifetch_error {
        call!(ifetch_tls_trust_pem(self.0, pem.as_ptr().cast(), pem.len()))
    }

    pub(crate) fn try_pin(&self, sha256: &str) -> ifetch_error {
        let sha256 = c_string(sha256);
        call!(ifetch_tls_pin(self.0, sha256.as_ptr()))
    }

    pub(crate) fn try_identity_file(&self, certificates: &Path, key: &Path) -> ifetch_error {
        let certificates = c_string(certificates.to_str().expect("a plain path"));
        let key = c_string(key.to_str().expect("a plain path"));
        call!(ifetch_tls_identity_file(self.0, certificates.as_ptr(), key.as_ptr()))
    }

    pub(crate) fn try_identity_pem(&self, certificates: &[u8], key: &[u8]) -> ifetch_error {
        let (chain, chain_len) = (certificates.as_ptr().cast(), certificates.len());
        call!(ifetch_tls_identity_pem(self.0, chain, chain_len, key.as_ptr().cast(), key.len()))
    }

    /// What was wrong with the last of these.
    pub(crate) fn message(&self) -> String {
        lent(call!(ifetch_tls_error_message(self.0))).expect("never NULL")
    }

    fn accepted(self, refused: ifetch_error) -> Tls {
        assert_eq!(refused, IFETCH_ERROR_NONE, "{}", self.message());
        self
    }
}

impl Drop for Tls {
    fn drop(&mut self) {
        call!(ifetch_tls_free(self.0));
    }
}
