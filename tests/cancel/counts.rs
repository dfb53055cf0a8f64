//! What a process holds: descriptors, threads, heap.

use std::alloc::{GlobalAlloc, Layout, System};
use std::sync::atomic::{AtomicIsize, Ordering::SeqCst};

static LIVE: AtomicIsize = AtomicIsize::new(0);

/// The system's allocator, counting the bytes that are live.
pub(crate) struct Counting;

// SAFETY: hands every call on as it is.
unsafe impl GlobalAlloc for Counting {
    unsafe fn alloc(&self, layout: Layout) -> *mut u8 {
        LIVE.fetch_add(layout.size() as isize, SeqCst);
        // SAFETY: the caller's.
        unsafe { System.alloc(layout) }
    }

    unsafe fn dealloc(&self, pointer: *mut u8, layout: Layout) {
        LIVE.fetch_sub(layout.size() as isize, SeqCst);
        // SAFETY: the caller's.
        unsafe { System.dealloc(pointer, layout) }
    }
}

pub(crate) fn live_bytes() -> isize {
    LIVE.load(SeqCst)
}

fn entries(folder: &str) -> usize {
    std::fs::read_dir(folder).expect("proc is mounted").count()
}

pub(crate) fn descriptors() -> usize {
    entries("/proc/self/fd")
}

pub(crate) fn threads() -> usize {
    entries("/proc/self/task")
}
