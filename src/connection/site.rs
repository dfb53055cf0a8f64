//! The origins that a client has connections to, or fetches that wait for one.

use crate::connection::key::Key;
use crate::proto::known::KnownHead;
use slab::Slab;
use std::collections::{BTreeMap, HashMap, VecDeque};

/// What a client knows of one origin (RFC 9110 section 4.3.1).
#[derive(Debug)]
pub(super) struct Site {
    /// Scheme, host and port, as they stand in a URL.
    origin: Box<[u8]>,
    /// Places given for connections to it.
    pub(super) links: usize,
    /// The seats of idle connections, the one used last at the end.
    pub(super) idle: Vec<usize>,
    /// Those who wait for a connection to it, in the order in which they came.
    pub(super) queue: BTreeMap<u64, Key>,
    /// Whether it stands in the row of those who wait for a place.
    pub(super) in_row: bool,
    pub(super) known_head: KnownHead,
    /// Whether it stands among those that nobody needs.
    is_spare: bool,
}

impl Site {
    /// Whether it has connections, or somebody waits for one.
    fn is_needed(&self) -> bool {
        self.links > 0 || !self.queue.is_empty() || self.in_row
    }
}

/// How many sites are kept that nobody needs: an origin that closes every connection is asked again
/// and again.
const SPARE_MAX: usize = 16;

#[derive(Debug, Default)]
pub(super) struct Sites {
    sites: Slab<Site>,
    by_origin: HashMap<Box<[u8]>, u32>,
    /// Where an origin was found that was not where it was thought to be.
    pub(super) found: Option<u32>,
    /// Those that were not needed when last looked at, in that order.
    spare: VecDeque<u32>,
}

impl Sites {
    /// The site of an origin; `hint` may be where it was last.
    pub(super) fn enter(&mut self, origin: &[u8], hint: u32) -> u32 {
        if self.sites.get(hint as usize).is_some_and(|site| *site.origin == *origin) {
            return hint;
        }
        let at = self.find(origin);
        self.found = Some(at);
        at
    }

    #[inline(never)]
    fn find(&mut self, origin: &[u8]) -> u32 {
        if let Some(&at) = self.by_origin.get(origin) {
            return at;
        }
        let at = self.sites.insert(Site {
            origin: origin.into(),
            links: 0,
            idle: Vec::new(),
            queue: BTreeMap::new(),
            in_row: false,
            known_head: KnownHead::default(),
            is_spare: false,
        }) as u32;
        self.by_origin.insert(origin.into(), at);
        at
    }

    pub(super) fn get(&mut self, at: u32) -> &mut Site {
        &mut self.sites[at as usize]
    }

    pub(super) fn look(&self, at: u32) -> &Site {
        &self.sites[at as usize]
    }

    /// Forgets a site that is not needed any more, when many others are not either.
    pub(super) fn leave(&mut self, at: u32) {
        let Some(site) = self.sites.get_mut(at as usize) else {
            return;
        };
        if site.is_needed() || site.is_spare {
            return;
        }
        site.is_spare = true;
        self.spare.push_back(at);
        if self.spare.len() > SPARE_MAX
            && let Some(at) = self.spare.pop_front()
        {
            self.sites[at as usize].is_spare = false;
            if !self.sites[at as usize].is_needed() {
                let site = self.sites.remove(at as usize);
                self.by_origin.remove(&site.origin);
            }
        }
    }

    /// All of them that somebody waits for.
    pub(super) fn awaited(&self) -> Vec<u32> {
        let awaited = self.sites.iter().filter(|(_, site)| !site.queue.is_empty());
        awaited.map(|(at, _)| at as u32).collect()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_site_is_forgotten_when_many_others_are_not_needed_either() {
        let mut sites = Sites::default();
        let needed = sites.enter(b"http://needed", u32::MAX);
        sites.get(needed).links = 1;
        let first = sites.enter(b"http://0", u32::MAX);
        for round in 0..3 {
            for n in 0..2 * SPARE_MAX {
                let at = sites.enter(format!("http://{n}").as_bytes(), u32::MAX);
                sites.get(at).links += 1;
                sites.leave(at);
                sites.get(at).links -= 1;
                sites.leave(at);
                sites.leave(at);
                assert!(sites.sites.len() <= SPARE_MAX + 2, "round {round}");
                assert_eq!(sites.sites.len(), sites.by_origin.len());
            }
        }
        assert_eq!(sites.enter(b"http://needed", first), needed);
        // One that has come to be needed since is not forgotten in its turn.
        let again = sites.enter(format!("http://{}", 2 * SPARE_MAX - 1).as_bytes(), u32::MAX);
        sites.get(again).links = 1;
        for n in 0..2 * SPARE_MAX - 1 {
            let at = sites.enter(format!("http://{n}").as_bytes(), u32::MAX);
            sites.leave(at);
        }
        assert!(sites.get(again).is_needed());
        assert_eq!(sites.spare.len(), SPARE_MAX);
    }
}
