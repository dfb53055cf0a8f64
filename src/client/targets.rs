//! URLs that were parsed before: parsing one costs more than all the rest of a request.

use crate::error::Error;
use crate::proto::target::Target;
use std::sync::Arc;

/// How many URLs are remembered, each in the one slot that its text leads to: whoever comes
/// later to a slot drives out the one before.
const URLS: usize = 256;
/// And how many origins, to parse other URLs of the same.
const ORIGINS: usize = 32;

#[derive(Debug, Default)]
pub(super) struct Targets {
    urls: Vec<Option<Known>>,
    origins: Vec<Option<Origin>>,
}

#[derive(Debug)]
struct Known {
    /// If it is not as the URL standard writes it.
    text: Option<Box<[u8]>>,
    target: Arc<Target>,
    /// The slot of its origin.
    origin: usize,
}

/// An origin, and one of its URLs.
#[derive(Debug)]
struct Origin {
    target: Arc<Target>,
    /// Where the pool knew it last.
    site: u32,
}

impl Known {
    fn is(&self, url: &[u8]) -> bool {
        url == self.text.as_deref().unwrap_or_else(|| self.target.text())
    }
}

/// Where something is remembered of the origin of a URL.
#[derive(Clone, Copy, Debug)]
pub(super) struct Slot(usize);

impl Targets {
    pub(super) fn parse(&mut self, url: &[u8]) -> Result<(Arc<Target>, Slot), Error> {
        let slot = slot(url, URLS);
        if let Some(Some(known)) = self.urls.get(slot)
            && known.is(url)
        {
            return Ok((Arc::clone(&known.target), Slot(known.origin)));
        }
        let (target, origin) = self.parse_new(url)?;
        if self.urls.is_empty() {
            self.urls.resize_with(URLS, || None);
        }
        let text = (target.text() != url).then(|| url.into());
        self.urls[slot] = Some(Known { text, target: Arc::clone(&target), origin });
        Ok((target, Slot(origin)))
    }

    /// With the help of another URL of the same origin, if there was one; with the origin's slot.
    #[inline(never)]
    fn parse_new(&mut self, url: &[u8]) -> Result<(Arc<Target>, usize), Error> {
        let scheme = if url.starts_with(b"https") { "https://".len() } else { "http://".len() };
        let path = url.get(scheme..).and_then(|rest| memchr::memchr(b'/', rest));
        let slot = slot(&url[..path.map_or(url.len(), |at| at + scheme)], ORIGINS);
        if let Some(Some(origin)) = self.origins.get(slot)
            && let Some(target) = origin.target.sibling(url)
        {
            return Ok((Arc::new(target), slot));
        }
        let target = Arc::new(Target::parse(url)?);
        if self.origins.is_empty() {
            self.origins.resize_with(ORIGINS, || None);
        }
        self.origins[slot] = Some(Origin { target: Arc::clone(&target), site: u32::MAX });
        Ok((target, slot))
    }

    /// Where the pool may know the origin.
    pub(super) fn site(&self, Slot(slot): Slot) -> u32 {
        self.origins[slot].as_ref().map_or(u32::MAX, |origin| origin.site)
    }

    pub(super) fn note_site(&mut self, Slot(slot): Slot, site: u32) {
        if let Some(origin) = &mut self.origins[slot] {
            origin.site = site;
        }
    }
}

/// Which of `slots` slots a text leads to: eight bytes at a time, since nothing depends on it but
/// how often two texts meet.
fn slot(text: &[u8], slots: usize) -> usize {
    const ODD: u64 = 0x9e37_79b9_7f4a_7c15;
    let mix = |hash: u64, word: u64| {
        let product = u128::from(hash ^ word) * u128::from(ODD);
        product as u64 ^ (product >> 64) as u64
    };
    let mut hash = text.len() as u64;
    for &word in text.as_chunks::<8>().0 {
        hash = mix(hash, u64::from_le_bytes(word));
    }
    // What is behind the last whole eight, with some of it again; no URL is shorter.
    if let Some(&word) = text.last_chunk::<8>() {
        hash = mix(hash, u64::from_le_bytes(word));
    }
    hash as usize % slots
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_text_is_parsed_once_for_as_long_as_nobody_takes_its_slot() {
        let mut targets = Targets::default();
        let parse = |targets: &mut Targets, url: &str| targets.parse(url.as_bytes()).unwrap().0;
        for url in ["http://a.example/x?y", "HTTP://A.example:80/x/../y#z", "http://u:p@a.example/"]
        {
            let first = parse(&mut targets, url);
            assert!(Arc::ptr_eq(&first, &parse(&mut targets, url)), "{url}");
        }
        let urls: Vec<String> = (0..1000).map(|n| format!("http://a.example/{n}")).collect();
        for url in urls.iter().chain(&urls) {
            assert_eq!(parse(&mut targets, url).url().to_bytes(), url.as_bytes());
        }
        assert!(targets.parse(b"http://a.example:0/").is_err());
    }

    #[test]
    fn credentials_do_not_pass_to_other_urls_of_the_origin() {
        let mut targets = Targets::default();
        let (with, _) = targets.parse(b"http://u:p@a.example/x").unwrap();
        assert!(with.authorization().is_some());
        let (without, _) = targets.parse(b"http://a.example/x").unwrap();
        assert!(without.authorization().is_none());
    }

    #[test]
    fn texts_spread_over_the_slots() {
        let mut hits = [0; URLS];
        for n in 0..URLS * 16 {
            hits[slot(format!("http://127.0.0.1:8080/item/{n}").as_bytes(), URLS)] += 1;
        }
        assert!(hits.iter().all(|&n| (1..64).contains(&n)), "{hits:?}");
    }
}
