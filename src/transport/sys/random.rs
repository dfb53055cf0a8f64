//! Numbers that nobody can guess.

use super::{Errno, check_len, retry};

/// Sixteen random bits.
pub(crate) fn random_u16() -> Result<u16, Errno> {
    let mut number = 0u16;
    let size = size_of::<u16>();
    // A machine that has just started may have none yet: that is an error, and no reason to wait.
    retry(|| {
        // SAFETY: writes that many bytes into `number`.
        check_len(unsafe { libc::getrandom((&raw mut number).cast(), size, libc::GRND_NONBLOCK) })
    })?;
    Ok(number)
}
