//! What the simulation catches: each of these mutations of the library makes some world go wrong.
//!
//! `make test` checks that each still fits the sources; `make mutations` makes them, one at a time,
//! in a copy, runs worlds until one goes wrong, and notes which in `caught.txt`.
#![allow(missing_docs)]

mod table;

use std::fs;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::time::{Duration, Instant};
use table::{MUTATIONS, Mutation};

/// Which are made: a part of what they are called by, or `all`.
const CHOSEN: &str = "MUTATIONS";

/// What all of them were caught by when all were made last.
const CAUGHT: &str = "tests/mutations/caught.txt";

/// A mutation may make a call that never comes back.
const PATIENCE: Duration = Duration::from_secs(300);

fn root() -> &'static Path {
    Path::new(env!("CARGO_MANIFEST_DIR"))
}

fn read(path: &Path) -> String {
    fs::read_to_string(path).unwrap_or_else(|e| panic!("{}: {e}", path.display()))
}

impl Mutation {
    fn fits(&self, source: &str) -> bool {
        source.matches(self.from).count() == 1
    }
}

#[test]
fn every_mutation_fits_the_sources() {
    let fits = |m: &Mutation| m.fits(&read(&root().join("src").join(m.file)));
    let misfits: Vec<_> = MUTATIONS.iter().filter(|m| !fits(m)).map(|m| m.what).collect();
    assert_eq!(misfits, Vec::<&str>::new(), "their places are not there once");
}

#[test]
fn every_mutation_that_is_asked_for_is_caught() {
    let chosen = std::env::var(CHOSEN).unwrap_or_default();
    let is_chosen =
        |m: &&Mutation| !chosen.is_empty() && (chosen == "all" || m.what.contains(&chosen));
    let asked: Vec<_> = MUTATIONS.iter().filter(is_chosen).collect();
    println!("{} of {} mutations asked for with {CHOSEN}", asked.len(), MUTATIONS.len());
    let (mut missed, mut caught) = (Vec::new(), String::new());
    for mutation in &asked {
        match caught_by(mutation) {
            Some(told) => {
                println!("{}: {told}", mutation.what);
                caught += &format!("{}: {told}\n", mutation.what);
            }
            None => missed.push(mutation.what),
        }
    }
    if asked.len() == MUTATIONS.len() {
        fs::write(root().join(CAUGHT), caught).expect("it is in our repository");
    }
    assert_eq!(missed, Vec::<&str>::new(), "caught by no world");
}

/// What the first world says that goes wrong with this mutation.
fn caught_by(mutation: &Mutation) -> Option<String> {
    let tree = copy();
    let file = tree.join("src").join(mutation.file);
    let source = read(&file);
    fs::write(&file, source.replace(mutation.from, mutation.to)).expect("it is our copy");
    let said = tree.join("said");
    let status = run(&tree, &said);
    let said = read(&said);
    assert!(said.contains("running 1 test"), "\"{}\" does not build:\n{said}", mutation.what);
    match status {
        None => Some("a call does not come back".to_owned()),
        Some(true) => None,
        Some(false) => {
            let told = said.lines().find(|line| line.starts_with("world "));
            Some(told.unwrap_or("the process has died").to_owned())
        }
    }
}

/// Runs the worlds one after the other: whether all keep the laws, or nothing if there is no end.
fn run(tree: &Path, said: &Path) -> Option<bool> {
    let out = fs::File::create(said).expect("it is our copy");
    let err = out.try_clone().expect("one more descriptor");
    let mut make = Command::new("make")
        .args(["simulate", "PARTS=1"])
        .current_dir(tree)
        .env("RUST_BACKTRACE", "0")
        .env_remove("CARGO_TARGET_DIR")
        .env_remove("MAKEFLAGS")
        .stdout(Stdio::from(out))
        .stderr(Stdio::from(err))
        .spawn()
        .expect("make can be started");
    let start = Instant::now();
    loop {
        if let Some(status) = make.try_wait().expect("it is a child") {
            return Some(status.success());
        }
        if start.elapsed() > PATIENCE {
            make.kill().expect("it is a child");
            make.wait().expect("it is a child");
            return None;
        }
        std::thread::sleep(Duration::from_millis(100));
    }
}

/// A copy of what the simulation is built from, as it is now. Files that have not changed stay.
fn copy() -> PathBuf {
    let tree = root().join("target/mutations/tree");
    let files = ["Cargo.toml", "Cargo.lock", "Makefile", "build.rs", "cbindgen.toml"];
    // The crate's tests stand among the others, and the manifest names a benchmark.
    for part in files.into_iter().chain(["src", "tests", "benches"]) {
        copy_into(&root().join(part), &tree.join(part));
    }
    tree
}

fn copy_into(from: &Path, to: &Path) {
    if from.is_dir() {
        fs::create_dir_all(to).expect("it is our copy");
        for entry in fs::read_dir(from).expect("it is there") {
            let name = entry.expect("it was there").file_name();
            copy_into(&from.join(&name), &to.join(&name));
        }
        return;
    }
    let bytes = fs::read(from).expect("it is there");
    if fs::read(to).ok().as_ref() != Some(&bytes) {
        fs::create_dir_all(to.parent().expect("it is in a folder")).expect("it is our copy");
        fs::write(to, bytes).expect("it is our copy");
    }
}
