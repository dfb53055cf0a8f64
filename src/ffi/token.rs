//! `ifetch_token`: cancels any number of fetches, and may outlive them.

use super::error::ifetch_error::{self, *};
use super::{guard, lend};
use crate::transport::sys::Instant;
use crate::transport::token::{Refused, Token};
use std::ptr::null_mut;
use std::sync::Arc;

/// Cancels any number of fetches, of any clients, in any threads: all that were started with
/// options that name it (ifetch_options_token()), and all under tokens below it. A token is
/// cancelled once and for good. It may be cancelled before, while and after they run, and may
/// outlive them.
///
/// Any thread may use a token at any time, also several at once. It is counted by references:
/// ifetch_token_new() and ifetch_token_ref() give one each, options, fetches and children hold
/// their own, and ifetch_token_unref() gives one back. Whoever calls a function with a token has
/// a reference; that is all that a cancel needs, whatever happens to the fetches meanwhile.
pub struct ifetch_token {
    _opaque: (),
}

/// What C calls so is a `Token`, as `Arc::into_raw` gives it.
impl ifetch_token {
    /// A reference of one's own to the token behind a C pointer.
    ///
    /// # Safety
    /// `token` is NULL, or live: somebody has a reference to it for as long as this takes.
    pub(super) unsafe fn share(token: *const Self) -> Option<Arc<Token>> {
        if token.is_null() {
            return None;
        }
        let token = token.cast::<Token>();
        // SAFETY: all these pointers come from `Arc::into_raw`, and the caller's for the rest.
        unsafe {
            Arc::increment_strong_count(token);
            Some(Arc::from_raw(token))
        }
    }

    fn into_raw(token: Arc<Token>) -> *mut Self {
        Arc::into_raw(token).cast::<Self>().cast_mut()
    }
}

/// Makes a token. With a `parent` that is not NULL it is cancelled with it, and with all above
/// it; never the reverse. A fetch takes a little memory and time for each token above its own.
/// Never NULL. The caller has a reference, to be given back with ifetch_token_unref(); the parent
/// lives as long as its children.
#[unsafe(no_mangle)]
#[must_use]
pub unsafe extern "C" fn ifetch_token_new(parent: *mut ifetch_token) -> *mut ifetch_token {
    guard(null_mut(), || {
        // SAFETY: NULL or live, as the header asks.
        let parent = unsafe { ifetch_token::share(parent) };
        ifetch_token::into_raw(Arc::new(Token::new(parent)))
    })
}

/// Adds a reference, and returns `token`; NULL for NULL.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn ifetch_token_ref(token: *mut ifetch_token) -> *mut ifetch_token {
    guard(null_mut(), || {
        // SAFETY: NULL or live, as the header asks.
        unsafe { ifetch_token::share(token) }.map_or(null_mut(), ifetch_token::into_raw)
    })
}

/// Gives a reference back; with the last one the token is freed. Fetches under it go on, and can
/// still be cancelled by the tokens above it. NULL is ignored. Not for signal handlers.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn ifetch_token_unref(token: *mut ifetch_token) {
    guard((), || {
        if !token.is_null() {
            // SAFETY: made by `into_raw`, and the header asks for one call for each reference.
            drop(unsafe { Arc::from_raw(token.cast::<Token>().cast_const()) });
        }
    });
}

/// Cancels every fetch under the token, as ifetch_cancel() does each: before it returns, all their
/// connections have been ended from the calling thread, whatever the threads are doing that own
/// them. Fetches that are started under it from now on are CANCELLED at once, without a connection.
///
/// May be called from any thread and from any signal handler, at any time, also while other
/// threads start, drive and free those fetches, while others cancel the same token, and again. It
/// never blocks, waits for no lock, allocates and frees nothing, and leaves errno as it was. A
/// fetch that another thread is just starting, freeing or cancelling is left to that thread, which
/// ends it before its call returns. NULL is ignored.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn ifetch_token_cancel(token: *const ifetch_token) {
    // SAFETY: NULL or live, as the header asks.
    if let Some(token) = unsafe { lend(token.cast::<Token>()) } {
        token.cancel();
    }
}

/// 1 if the token or one above it has been cancelled, or its deadline has passed; else 0. Whoever
/// asks first after the deadline carries it out, as ifetch_token_cancel() would. Any thread, any
/// signal handler. 0 for NULL.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn ifetch_token_is_cancelled(token: *const ifetch_token) -> i32 {
    // SAFETY: NULL or live, as the header asks.
    unsafe { lend(token.cast::<Token>()) }
        .map_or(0, |token| token.cancelled(Instant::now()).is_some().into())
}

/// Sets the deadline of the token: `timeout_ms` from now it is cancelled, and all that is under it
/// ends as CANCELLED, with a message that says so. No thread waits for that moment: it makes the
/// descriptors of all clients with fetches under the token readable, and the first of them that is
/// polled carries it out for all.
///
/// The first call comes before the first fetch under the token, or under one below it, is started;
/// WRONG_STATE after that, for nobody would wake those that wait. Later calls may come at any time,
/// and move the deadline to a later moment: one that would move it to an earlier one changes
/// nothing, and returns INVALID_ARGUMENT. CANCELLED if the token has been cancelled.
/// INVALID_ARGUMENT for NULL. Any thread.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn ifetch_token_set_timeout(
    token: *mut ifetch_token,
    timeout_ms: u32,
) -> ifetch_error {
    guard(IFETCH_ERROR_INTERNAL, || {
        // SAFETY: NULL or live, as the header asks.
        let Some(token) = (unsafe { lend(token.cast::<Token>()) }) else {
            return IFETCH_ERROR_INVALID_ARGUMENT;
        };
        match token.set_timeout(timeout_ms) {
            Ok(()) => IFETCH_ERROR_NONE,
            Err(Refused::InUse) => IFETCH_ERROR_WRONG_STATE,
            Err(Refused::Earlier) => IFETCH_ERROR_INVALID_ARGUMENT,
            Err(Refused::Cancelled) => IFETCH_ERROR_CANCELLED,
        }
    })
}
