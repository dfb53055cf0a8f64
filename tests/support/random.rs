//! Numbers by chance, all from one seed, so that a run can be repeated.

/// The environment variable that repeats a run.
const SEED: &str = "IFETCH_TEST_SEED";

/// Another one for each run, unless the environment names one. It is printed, for the reader of a
/// failure.
pub(crate) fn seed() -> u64 {
    let given = std::env::var(SEED).ok();
    let seed = given.map_or_else(
        || std::time::UNIX_EPOCH.elapsed().expect("it is past 1970").as_micros() as u64,
        |text| text.parse().expect("a seed is a number"),
    );
    println!("{SEED}={seed}");
    seed
}

/// SplitMix64: any two seeds, such as neighbouring numbers, give unlike numbers.
pub(crate) struct Random(u64);

impl Random {
    pub(crate) fn new(seed: u64) -> Random {
        Random(seed)
    }

    pub(crate) fn number(&mut self) -> u64 {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let z = (self.0 ^ (self.0 >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        let z = (z ^ (z >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        z ^ (z >> 31)
    }

    pub(crate) fn below(&mut self, end: u64) -> u64 {
        self.number() % end
    }

    pub(crate) fn percent(&mut self, chance: u64) -> bool {
        self.below(100) < chance
    }

    pub(crate) fn one_of<T: Copy>(&mut self, all: &[T]) -> T {
        all[self.below(all.len() as u64) as usize]
    }
}
