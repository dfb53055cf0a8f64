//! Which inputs are tried: so many, each following from its number, unless the environment says
//! otherwise. INPUT=number tries that one alone.

use super::random::Random;
use std::collections::BTreeMap;

/// So many for each file, from number 0 on.
const INPUTS: u64 = 20_000;

fn number(name: &str) -> Option<u64> {
    let text = std::env::var(name).ok()?;
    Some(text.parse().unwrap_or_else(|_| panic!("{name} is a number, not {text:?}")))
}

/// Said when the input with this number goes wrong.
struct LastWords<'a>(&'a str, u64);

impl Drop for LastWords<'_> {
    fn drop(&mut self) {
        if std::thread::panicking() {
            println!("input {1} of {0} goes wrong; again: make fuzz INPUT={1}", self.0, self.1);
        }
    }
}

/// Tries `check` with every input; it says what kind of outcome there was. All of `kinds` have to
/// come, or the inputs are not what they are meant to be.
pub(super) fn try_all<'k>(
    about: &str,
    kinds: &[&'k str],
    check: impl FnMut(&mut Random) -> &'k str,
) {
    try_one_in(1, about, kinds, check);
}

/// The same with fewer inputs, where each takes its time.
pub(super) fn try_one_in<'k>(
    share: u64,
    about: &str,
    kinds: &[&'k str],
    mut check: impl FnMut(&mut Random) -> &'k str,
) {
    let mut try_one = |number| {
        let _last_words = LastWords(about, number);
        check(&mut Random::new(number))
    };
    if let Some(number) = number("INPUT") {
        println!("{about}: {}", try_one(number));
        return;
    }
    let inputs = number("INPUTS").unwrap_or(INPUTS) / share;
    let mut seen = BTreeMap::<_, u64>::new();
    for number in 0..inputs {
        *seen.entry(try_one(number)).or_default() += 1;
    }
    println!("{inputs} {about}: {seen:?}");
    let is_rare = |kind: &&&str| seen.get(**kind).is_none_or(|&count| count < inputs / 1_000);
    let rare: Vec<_> = kinds.iter().filter(is_rare).collect();
    let are_few = inputs < INPUTS / share;
    assert!(are_few || rare.is_empty(), "hardly any {rare:?} among {about}: {seen:?}");
}
