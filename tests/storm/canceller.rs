//! Cancels from another thread, at moments of its own.

use super::support::*;
use std::sync::Arc;
use std::sync::mpsc::{Receiver, Sender, channel};
use std::thread::{self, JoinHandle};

/// A fetch that is to be cancelled, after so many yields.
type Order = (Arc<Fetch>, u64);

/// What it is lent it gives back, so that it is the owner who frees.
pub(crate) struct Canceller {
    orders: Option<Sender<Order>>,
    returned: Receiver<Arc<Fetch>>,
    thread: Option<JoinHandle<()>>,
}

impl Canceller {
    pub(crate) fn start() -> Canceller {
        let (orders, ordered) = channel::<Order>();
        let (to_owner, returned) = channel();
        let thread = thread::spawn(move || {
            for (fetch, yields) in ordered {
                (0..yields).for_each(|_| thread::yield_now());
                fetch.cancel();
                to_owner.send(fetch).expect("the owner waits for it");
            }
        });
        Canceller { orders: Some(orders), returned, thread: Some(thread) }
    }

    pub(crate) fn lend(&self, fetch: &Arc<Fetch>, yields: u64) {
        let orders = self.orders.as_ref().expect("it lives until it is dropped");
        orders.send((Arc::clone(fetch), yields)).expect("it takes orders");
    }

    pub(crate) fn returned(&self) -> impl Iterator<Item = Arc<Fetch>> {
        self.returned.try_iter()
    }
}

impl Drop for Canceller {
    fn drop(&mut self) {
        self.orders = None;
        let ended = self.thread.take().map(JoinHandle::join);
        assert!(ended.is_some_and(|end| end.is_ok()), "the canceller does not panic");
    }
}
