//! The origins that a client has connections to, or fetches that wait for one.

use crate::connection::key::Key;
use crate::connection::list::List;
use crate::proto::known::KnownHead;
use slab::Slab;
use std::collections::{BTreeMap, HashMap};

/// What a client knows of one origin (RFC 9110 section 4.3.1).
#[derive(Debug)]
pub(super) struct Site {
    /// Scheme, host and port, as they stand in a URL.
    origin: Box<[u8]>,
    /// Places given for connections to it.
    pub(super) links: usize,
    /// Idle connections, the one used last at the end.
    pub(super) idle: List,
    /// Those who wait for a connection to it, in the order in which they came.
    pub(super) queue: BTreeMap<u64, Key>,
    /// Whether it stands in the row of those who wait for a place.
    pub(super) in_row: bool,
    pub(super) known_head: KnownHead,
}

#[derive(Debug, Default)]
pub(super) struct Sites {
    sites: Slab<Site>,
    by_origin: HashMap<Box<[u8]>, u32>,
}

impl Sites {
    /// The site of an origin; `hint` may be where it was last.
    pub(super) fn enter(&mut self, origin: &[u8], hint: u32) -> u32 {
        if self.sites.get(hint as usize).is_some_and(|site| *site.origin == *origin) {
            return hint;
        }
        if let Some(&at) = self.by_origin.get(origin) {
            return at;
        }
        let at = self.sites.insert(Site {
            origin: origin.into(),
            links: 0,
            idle: List::default(),
            queue: BTreeMap::new(),
            in_row: false,
            known_head: KnownHead::default(),
        }) as u32;
        self.by_origin.insert(origin.into(), at);
        at
    }

    pub(super) fn get(&mut self, at: u32) -> &mut Site {
        &mut self.sites[at as usize]
    }

    /// Forgets a site that has neither connections nor anybody who waits for one.
    pub(super) fn leave(&mut self, at: u32) {
        let Some(site) = self.sites.get(at as usize) else {
            return;
        };
        if site.links == 0 && site.queue.is_empty() && !site.in_row {
            let site = self.sites.remove(at as usize);
            self.by_origin.remove(&site.origin);
        }
    }

    /// All of them that somebody waits for.
    pub(super) fn awaited(&self) -> Vec<u32> {
        let awaited = self.sites.iter().filter(|(_, site)| !site.queue.is_empty());
        awaited.map(|(at, _)| at as u32).collect()
    }
}
