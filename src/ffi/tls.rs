//! `ifetch_tls`: whom to trust, and who we are.

use super::error::ifetch_error::{self, *};
use super::{bytes, guard, text};
use crate::error::Error;
use crate::transport::tls::{Settings, Version};
use std::ffi::{c_char, c_void};
use std::sync::Arc;

/// Whom to trust on https URLs, and who we are: made by ifetch_tls_new(), changed by the functions
/// below, given to a client with ifetch_client_set_tls() or to options with ifetch_options_tls(),
/// which copy it, and given back with ifetch_tls_free(). One thread at a time. Without any, or as
/// it is made, the certificates are trusted that this system trusts.
///
/// Those are read once by each client, at its first https fetch, and once by all fetches without a
/// client together; the environment variables SSL_CERT_FILE and SSL_CERT_DIR say where, as for
/// OpenSSL. It is the only file that is read without being named by the caller.
///
/// A server has to prove the host name of the URL by its certificate. Whether a certificate has
/// been revoked is not asked.
///
/// Each setter returns 0 or an error code; after an error nothing has changed, and
/// ifetch_tls_error_message() tells the story. UNSUPPORTED in a build without https.
pub struct ifetch_tls {
    settings: Arc<Settings>,
    /// Of the setter that was called last.
    error: Option<Error>,
}

/// Versions of TLS, for ifetch_tls_min_version().
#[repr(i32)]
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum ifetch_tls_version {
    /// RFC 5246. The oldest that is spoken at all.
    IFETCH_TLS_1_2 = 12,
    /// RFC 8446.
    IFETCH_TLS_1_3 = 13,
}

/// Makes settings with the defaults. Never NULL.
#[unsafe(no_mangle)]
#[must_use]
pub extern "C" fn ifetch_tls_new() -> *mut ifetch_tls {
    guard(std::ptr::null_mut(), || {
        Box::into_raw(Box::new(ifetch_tls { settings: Arc::default(), error: None }))
    })
}

/// Frees the settings; clients, options and fetches that they were given to go on. NULL is ignored.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn ifetch_tls_free(tls: *mut ifetch_tls) {
    guard((), || {
        if !tls.is_null() {
            // SAFETY: made by `ifetch_tls_new`, and the header asks for one free only.
            drop(unsafe { Box::from_raw(tls) });
        }
    });
}

/// What was wrong with the setter that was called last, in a sentence; empty if nothing was, and
/// for NULL. Lives until the next call with these settings.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn ifetch_tls_error_message(tls: *const ifetch_tls) -> *const c_char {
    guard(c"".as_ptr(), || {
        // SAFETY: NULL or live, as the header asks.
        let error = unsafe { tls.as_ref() }.and_then(|tls| tls.error.as_ref());
        error.map_or(c"".as_ptr(), |error| error.message.as_ptr())
    })
}

/// With `on` 0, the certificates that this system trusts are not trusted: only those given with the
/// functions below.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn ifetch_tls_trust_system(tls: *mut ifetch_tls, on: i32) -> ifetch_error {
    // SAFETY: the header asks for NULL or live settings.
    unsafe { change(tls, |s| s.trust_system(on != 0)) }
}

/// Trusts the certificates in a PEM file as well; it is read at once. Those of authorities, and those
/// of servers themselves. BAD_FILE or BAD_PEM if there is none.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn ifetch_tls_trust_file(
    tls: *mut ifetch_tls,
    path: *const c_char,
) -> ifetch_error {
    // SAFETY: the header asks for NULL or a NUL-terminated string, and NULL or live settings.
    unsafe { change(tls, |s| s.trust_file(text(path).ok_or_else(missing)?)) }
}

/// The same for certificates in memory, in PEM. Copied.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn ifetch_tls_trust_pem(
    tls: *mut ifetch_tls,
    pem: *const c_void,
    len: usize,
) -> ifetch_error {
    // SAFETY: the header asks for `len` readable bytes, and NULL or live settings.
    unsafe { change(tls, |s| s.trust_pem(bytes(pem.cast(), len).ok_or_else(missing)?)) }
}

/// Accepts only servers whose own certificate has this public key, besides all that is asked of it
/// otherwise; called several times, any of these keys. `sha256` is the base64 of the SHA-256 of
/// the key as it stands in the certificate (SubjectPublicKeyInfo), with or without "sha256/" in
/// front, as the message of CERTIFICATE_PIN shows it. INVALID_ARGUMENT for anything else. Copied.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn ifetch_tls_pin(
    tls: *mut ifetch_tls,
    sha256: *const c_char,
) -> ifetch_error {
    // SAFETY: the header asks for NULL or a NUL-terminated string, and NULL or live settings.
    unsafe { change(tls, |s| s.pin(text(sha256).ok_or_else(missing)?)) }
}

/// Shows servers that ask for a certificate those in the PEM file `certificates`, our own first, and
/// proves by the one in `key` that it is ours. Both are read at once. BAD_FILE, or BAD_PEM if there
/// is none, if the key is encrypted, or if it is that of another certificate.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn ifetch_tls_identity_file(
    tls: *mut ifetch_tls,
    certificates: *const c_char,
    key: *const c_char,
) -> ifetch_error {
    // SAFETY: the header asks for NULL or NUL-terminated strings, and NULL or live settings.
    unsafe {
        change(tls, |s| {
            let certificates = text(certificates).ok_or_else(missing)?;
            s.identify_by_files(certificates, text(key).ok_or_else(missing)?)
        })
    }
}

/// The same for certificates and key in memory, in PEM. Copied.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn ifetch_tls_identity_pem(
    tls: *mut ifetch_tls,
    certificates: *const c_void,
    certificates_len: usize,
    key: *const c_void,
    key_len: usize,
) -> ifetch_error {
    // SAFETY: the header asks for so many readable bytes, and NULL or live settings.
    unsafe {
        change(tls, |s| {
            let certificates = bytes(certificates.cast(), certificates_len).ok_or_else(missing)?;
            s.identify_by_pem(certificates, bytes(key.cast(), key_len).ok_or_else(missing)?)
        })
    }
}

/// Sets the oldest version of TLS that is spoken (see ifetch_tls_version): 1.2 unless set.
/// INVALID_ARGUMENT for any other.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn ifetch_tls_min_version(
    tls: *mut ifetch_tls,
    version: i32,
) -> ifetch_error {
    // SAFETY: the header asks for NULL or live settings.
    unsafe {
        change(tls, |s| {
            s.set_oldest(match version {
                12 => Version::Tls12,
                13 => Version::Tls13,
                _ => return Err(missing()),
            })
        })
    }
}

/// With `on` not 0, every certificate is accepted, so that whoever sits between may read and change
/// everything; only pinned keys (ifetch_tls_pin()) are still asked for. For tests.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn ifetch_tls_dangerously_accept_any_certificate(
    tls: *mut ifetch_tls,
    on: i32,
) -> ifetch_error {
    // SAFETY: the header asks for NULL or live settings.
    unsafe { change(tls, |s| s.accept_any(on != 0)) }
}

/// Appends the keys of all connections to this file, in the format of NSS, so that other tools can
/// read what was sent: for those who look for an error. The file is made, for its owner alone, if
/// there is none; NULL stops it. BAD_FILE if it cannot be written to.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn ifetch_tls_log_keys(
    tls: *mut ifetch_tls,
    path: *const c_char,
) -> ifetch_error {
    // SAFETY: the header asks for NULL or a NUL-terminated string, and NULL or live settings.
    unsafe { change(tls, |s| s.log_keys(text(path))) }
}

impl ifetch_tls {
    /// The settings behind a C pointer, to be kept; later changes copy them first.
    pub(super) fn shared(tls: Option<&Self>) -> Option<Arc<Settings>> {
        tls.map(|tls| Arc::clone(&tls.settings))
    }
}

fn missing() -> Error {
    Error::invalid_argument("change TLS settings")
}

/// # Safety
/// `tls` is NULL, or live and used by no other thread.
unsafe fn change(
    tls: *mut ifetch_tls,
    f: impl FnOnce(&mut Settings) -> Result<(), Error>,
) -> ifetch_error {
    guard(IFETCH_ERROR_INTERNAL, || {
        // SAFETY: the caller's.
        let Some(tls) = (unsafe { tls.as_mut() }) else {
            return IFETCH_ERROR_INVALID_ARGUMENT;
        };
        tls.error = f(Arc::make_mut(&mut tls.settings)).err();
        tls.error.as_ref().map_or(IFETCH_ERROR_NONE, |error| error.kind.into())
    })
}
