//! A list that only grows, to which any thread adds without waiting for another.
//!
//! No system call is in here, but the one other thing that takes unsafe code.

use std::marker::PhantomData;
use std::ptr::null_mut;

#[cfg(loom)]
use loom::sync::atomic::{AtomicPtr, Ordering::SeqCst};
#[cfg(not(loom))]
use std::sync::atomic::{AtomicPtr, Ordering::SeqCst};

/// What has been added stays where it is until the whole is dropped.
#[derive(Debug)]
pub(crate) struct Chain<T> {
    newest: AtomicPtr<Link<T>>,
    /// It owns its values, and may go to another thread or be shared only if they may.
    owns: PhantomData<T>,
}

#[derive(Debug)]
struct Link<T> {
    value: T,
    older: *mut Link<T>,
}

impl<T> Chain<T> {
    pub(crate) fn new() -> Self {
        Self { newest: AtomicPtr::new(null_mut()), owns: PhantomData }
    }

    /// From the newest to the oldest. Any signal handler may do it.
    pub(crate) fn iter(&self) -> impl Iterator<Item = &T> {
        // SAFETY: NULL or a link that `push` has made and made known complete; it is freed and
        // changed by nobody before `drop`, for which nobody else has the chain.
        let newest = unsafe { self.newest.load(SeqCst).as_ref() };
        // SAFETY: as above.
        let links = std::iter::successors(newest, |link| unsafe { link.older.as_ref() });
        links.map(|link| &link.value)
    }
}

// Another thread may drop what is added here, and look at it.
impl<T: Send + Sync> Chain<T> {
    pub(crate) fn push(&self, value: T) {
        let mut older = self.newest.load(SeqCst);
        let link = Box::into_raw(Box::new(Link { value, older }));
        while let Err(newer) = self.newest.compare_exchange(older, link, SeqCst, SeqCst) {
            older = newer;
            // SAFETY: made above, and not known to anybody else yet.
            unsafe { (*link).older = older };
        }
    }
}

impl<T> Drop for Chain<T> {
    fn drop(&mut self) {
        let mut newest = self.newest.swap(null_mut(), SeqCst);
        while !newest.is_null() {
            // SAFETY: made by `push` from a box, and in no other chain; nobody else has this one.
            let link = unsafe { Box::from_raw(newest) };
            newest = link.older;
        }
    }
}
