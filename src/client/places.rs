//! Where the fetches of a client are: numbered places, which are used again as they are, so that
//! no memory is asked for with each fetch and none is moved.
//!
//! They come in pages. So many places need no more memory than they have, and what is not needed
//! any more is given back.

use std::ops::{Index, IndexMut};

/// How many places are in a page.
const PAGE: usize = 64;

#[derive(Debug)]
pub(super) struct Places<T> {
    pages: Vec<Page<T>>,
    /// The pages with room; the next to come goes to the last of them.
    open: Vec<usize>,
    taken: usize,
}

#[derive(Debug)]
struct Page<T> {
    /// As many of its places as were needed so far.
    places: Vec<T>,
    /// Those that nobody has; the one that was left last is used next.
    vacant: Vec<u8>,
}

impl<T> Page<T> {
    fn is_full(&self) -> bool {
        self.vacant.is_empty() && self.places.len() == PAGE
    }

    fn is_vacant(&self) -> bool {
        self.vacant.len() == self.places.len()
    }
}

impl<T> Default for Places<T> {
    fn default() -> Self {
        Self { pages: Vec::new(), open: Vec::new(), taken: 0 }
    }
}

impl<T> Places<T> {
    /// How many are taken.
    pub(super) fn taken(&self) -> usize {
        self.taken
    }

    /// All places have smaller numbers.
    pub(super) fn end(&self) -> usize {
        self.pages.len() * PAGE
    }

    /// Takes a place, as the one before has left it or as `make` makes it, which is told its number.
    pub(super) fn take(&mut self, make: impl FnOnce(usize) -> T) -> (usize, &mut T) {
        let number = match self.open.last() {
            Some(&number) => number,
            None => self.open_page(),
        };
        let page = &mut self.pages[number];
        let at = match page.vacant.pop() {
            Some(at) => usize::from(at),
            None => {
                page.places.push(make(number * PAGE + page.places.len()));
                page.places.len() - 1
            }
        };
        if page.is_full() {
            self.open.pop();
        }
        self.taken += 1;
        (number * PAGE + at, &mut page.places[at])
    }

    #[cold]
    fn open_page(&mut self) -> usize {
        // The first place is the only one for long, or for good.
        self.pages.push(Page { places: Vec::with_capacity(1), vacant: Vec::new() });
        self.open.push(self.pages.len() - 1);
        self.pages.len() - 1
    }

    /// Gives a place back.
    pub(super) fn leave(&mut self, place: usize) {
        let number = place / PAGE;
        let page = &mut self.pages[number];
        if page.is_full() {
            self.open.push(number);
        }
        page.vacant.push((place % PAGE) as u8);
        self.taken -= 1;
        if page.is_vacant() && self.open.len() > 1 {
            // There is room elsewhere.
            *page = Page { places: Vec::new(), vacant: Vec::new() };
        }
    }

    pub(super) fn get(&self, place: usize) -> Option<&T> {
        self.pages.get(place / PAGE)?.places.get(place % PAGE)
    }

    pub(super) fn get_mut(&mut self, place: usize) -> Option<&mut T> {
        self.pages.get_mut(place / PAGE)?.places.get_mut(place % PAGE)
    }

    /// All that are there, vacant ones too.
    pub(super) fn iter(&self) -> impl Iterator<Item = (usize, &T)> {
        self.pages.iter().enumerate().flat_map(|(number, page)| {
            page.places.iter().enumerate().map(move |(at, place)| (number * PAGE + at, place))
        })
    }
}

impl<T> Index<usize> for Places<T> {
    type Output = T;

    fn index(&self, place: usize) -> &T {
        &self.pages[place / PAGE].places[place % PAGE]
    }
}

impl<T> IndexMut<usize> for Places<T> {
    fn index_mut(&mut self, place: usize) -> &mut T {
        &mut self.pages[place / PAGE].places[place % PAGE]
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Takes so many places, with their numbers in them.
    fn take(places: &mut Places<usize>, count: usize) -> Vec<usize> {
        let taken = (0..count).map(|_| {
            let (place, inside) = places.take(|place| place);
            assert_eq!(*inside, place);
            place
        });
        taken.collect()
    }

    fn memory(places: &Places<usize>) -> usize {
        places.pages.iter().map(|page| page.places.capacity()).sum()
    }

    #[test]
    fn places_are_used_again() {
        let mut places = Places::default();
        let count = 3 * PAGE + 1;
        let all: Vec<usize> = (0..count).collect();
        assert_eq!(take(&mut places, count), all, "in order, without gaps");
        for round in 0..3 {
            let (left, kept): (Vec<usize>, Vec<usize>) =
                all.iter().partition(|&n| n % (round + 2) == 0);
            for &place in &left {
                places.leave(place);
            }
            assert_eq!(places.taken(), kept.len());
            let mut again = take(&mut places, left.len());
            again.sort_unstable();
            assert_eq!(again, left, "round {round}");
            assert!(places.iter().all(|(place, &inside)| place == inside));
        }
        assert_eq!(places[count - 1], count - 1);
        assert!(places.get(count).is_none() && places.get_mut(places.end()).is_none());
    }

    #[test]
    fn memory_grows_with_what_is_there_and_goes_with_it() {
        let mut places = Places::default();
        take(&mut places, 1);
        assert_eq!(memory(&places), 1);
        let many = 100 * PAGE;
        take(&mut places, many - 1);
        for round in 0..3 {
            assert_eq!((memory(&places), places.end()), (many, many), "round {round}");
            for place in 0..many {
                places.leave(place);
            }
            assert!(memory(&places) <= PAGE, "one page is kept");
            take(&mut places, many);
        }
    }
}
