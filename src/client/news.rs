//! Which fetches have something to say that their user has not heard.

use crate::connection::key::Key;
use std::collections::VecDeque;

/// In the order in which they got it. A fetch stands in the queue once at the most, and stays there
/// when its user has heard the news in another way; then it is passed over.
#[derive(Debug, Default)]
pub(super) struct News {
    queue: VecDeque<Key>,
    count: usize,
}

/// What is noted of one fetch.
#[derive(Debug, Default)]
pub(super) struct Note {
    queued: bool,
    unheard: bool,
}

impl Note {
    pub(super) fn is_unheard(&self) -> bool {
        self.unheard
    }

    /// It has been taken out of the queue.
    pub(super) fn leave_queue(&mut self) {
        self.queued = false;
    }
}

impl News {
    /// How many fetches have news.
    pub(super) fn count(&self) -> usize {
        self.count
    }

    pub(super) fn announce(&mut self, key: Key, note: &mut Note) {
        if !note.queued {
            self.queue.push_back(key);
        }
        self.count += usize::from(!note.unheard);
        *note = Note { queued: true, unheard: true };
    }

    /// The user of the fetch knows; or there is no user any more.
    pub(super) fn hear(&mut self, note: &mut Note) {
        self.count -= usize::from(note.unheard);
        note.unheard = false;
    }

    /// The next in the queue, to be heard if it still exists and has not been.
    pub(super) fn pop(&mut self) -> Option<Key> {
        self.queue.pop_front()
    }

    /// Forgets those that do not exist any more, if they have become many: their user may never
    /// ask for the next.
    pub(super) fn prune(&mut self, existing: usize, exists: impl Fn(Key) -> bool) {
        if self.queue.len() > 2 * existing {
            self.queue.retain(|&key| exists(key));
        }
    }
}
