//! Lists of slab entries that are linked through the entries themselves, so that any of them
//! leaves in no time.

use slab::Slab;

/// From the first that came to the last.
#[derive(Clone, Copy, Debug)]
pub(super) struct List {
    first: u32,
    last: u32,
}

/// An entry's neighbours in one list.
#[derive(Clone, Copy, Debug)]
pub(super) struct Node {
    before: u32,
    after: u32,
}

/// What has a node for each list of kind `L`.
pub(super) trait Linked<L> {
    fn node(&mut self) -> &mut Node;
}

const NONE: u32 = u32::MAX;

impl Default for Node {
    fn default() -> Self {
        Self { before: NONE, after: NONE }
    }
}

impl Default for List {
    fn default() -> Self {
        Self { first: NONE, last: NONE }
    }
}

impl List {
    pub(super) fn first(&self) -> Option<usize> {
        (self.first != NONE).then_some(self.first as usize)
    }

    pub(super) fn last(&self) -> Option<usize> {
        (self.last != NONE).then_some(self.last as usize)
    }

    pub(super) fn push<L, T: Linked<L>>(&mut self, entries: &mut Slab<T>, at: usize) {
        *entries[at].node() = Node { before: self.last, after: NONE };
        match self.last() {
            Some(last) => entries[last].node().after = at as u32,
            None => self.first = at as u32,
        }
        self.last = at as u32;
    }

    pub(super) fn remove<L, T: Linked<L>>(&mut self, entries: &mut Slab<T>, at: usize) {
        let Node { before, after } = *entries[at].node();
        match before {
            NONE => self.first = after,
            _ => entries[before as usize].node().after = after,
        }
        match after {
            NONE => self.last = before,
            _ => entries[after as usize].node().before = before,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    struct Only;
    impl Linked<Only> for Node {
        fn node(&mut self) -> &mut Node {
            self
        }
    }

    fn order(list: &List, entries: &Slab<Node>) -> Vec<u32> {
        let next = |&at: &u32| Some(entries[at as usize].after).filter(|&after| after != NONE);
        std::iter::successors(list.first().map(|at| at as u32), next).collect()
    }

    #[test]
    fn entries_leave_from_anywhere() {
        let mut entries = Slab::new();
        for leaving in [[0, 1, 2], [2, 1, 0], [1, 0, 2], [1, 2, 0]] {
            let mut list = List::default();
            let at = [(); 3].map(|()| entries.insert(Node::default()));
            for at in at {
                list.push::<Only, _>(&mut entries, at);
            }
            let mut left = at.to_vec();
            for which in leaving {
                list.remove::<Only, _>(&mut entries, at[which]);
                left.retain(|&other| other != at[which]);
                let wanted: Vec<u32> = left.iter().map(|&at| at as u32).collect();
                assert_eq!(order(&list, &entries), wanted);
                assert_eq!(list.last(), left.last().copied());
            }
        }
    }
}
