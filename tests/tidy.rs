//! The style of the sources, as far as a machine can read it.
#![allow(missing_docs)]

mod support_c;

use std::collections::BTreeSet;
use std::fs;
use std::path::{Path, PathBuf};
use support_c::{read, root};

/// From top to bottom: a module may use only those below its own.
const LAYERS: &[&str] = &["ffi", "client", "fetch", "connection", "transport", "proto", "error"];

/// A file of src, without its tests.
struct Source {
    /// Relative to src.
    path: PathBuf,
    lines: Vec<String>,
}

impl Source {
    fn layer(&self) -> Option<usize> {
        let first = self.path.iter().next()?.to_str()?;
        LAYERS.iter().position(|layer| *layer == first.trim_end_matches(".rs"))
    }

    /// The line numbers, counted from 1, and the lines without their comments.
    fn code(&self) -> impl Iterator<Item = (usize, &str)> {
        self.lines.iter().enumerate().map(|(i, line)| (i + 1, without_comment(line)))
    }

    /// How many `super` it takes to reach the root of the crate.
    fn depth(&self) -> usize {
        let is_file_of_its_folder = self.path.ends_with("mod.rs") || self.path.ends_with("lib.rs");
        self.path.iter().count() - usize::from(is_file_of_its_folder)
    }

    fn may_be_unsafe(&self) -> bool {
        self.path.starts_with("ffi") || self.in_sys()
    }

    fn in_sys(&self) -> bool {
        self.path.starts_with("transport/sys")
    }
}

/// `//` inside a string has an odd number of quotes before it.
fn without_comment(line: &str) -> &str {
    let comment =
        line.match_indices("//").find(|(at, _)| line[..*at].matches('"').count().is_multiple_of(2));
    comment.map_or(line, |(at, _)| &line[..at])
}

fn words(text: &str) -> impl Iterator<Item = &str> {
    text.split(|c: char| !c.is_alphanumeric() && c != '_').filter(|word| !word.is_empty())
}

/// The files below a folder of the repository, relative to the root.
fn files(folder: &str) -> Vec<PathBuf> {
    let mut found = Vec::new();
    let mut folders = vec![root().join(folder)];
    while let Some(folder) = folders.pop() {
        for entry in fs::read_dir(&folder).unwrap_or_else(|e| panic!("{}: {e}", folder.display())) {
            let path = entry.expect("it was there").path();
            if path.is_dir() {
                folders.push(path);
            } else {
                found.push(path.strip_prefix(root()).expect("it is below").to_owned());
            }
        }
    }
    found.sort();
    found
}

/// The files of src, each up to its tests, which stand at its end or in files of their own.
fn sources() -> Vec<Source> {
    let is_test = |path: &PathBuf| path.ends_with("tests.rs") || path.iter().any(|p| p == "tests");
    files("src")
        .into_iter()
        .filter(|path| !is_test(path))
        .map(|path| {
            let text = read(&path);
            let text = text.split("#[cfg(test)]\nmod ").next().expect("split gives one piece");
            let path = path.strip_prefix("src").expect("it is below").to_owned();
            Source { path, lines: text.lines().map(str::to_owned).collect() }
        })
        .collect()
}

/// Everything that people read and write, apart from the sources of the crate.
fn other_texts() -> Vec<PathBuf> {
    let mut texts: Vec<_> =
        [".ci", "docs", "include", "examples-c", "tests", "benches", "packaging"]
            .map(files)
            .concat();
    for entry in fs::read_dir(root()).expect("the root is there") {
        let path = entry.expect("it was there").path();
        let name = PathBuf::from(path.file_name().expect("it has a name"));
        if path.is_file() && name != Path::new("Cargo.lock") {
            texts.push(name);
        }
    }
    texts
}

/// Fails with all complaints at once, so that one run shows all there is to mend.
fn none(complaints: Vec<String>) {
    assert!(complaints.is_empty(), "\n{}", complaints.join("\n"));
}

/// What `find` has to say about each line of code, with the place.
fn check(sources: &[Source], find: impl Fn(&Source, usize, &str) -> Option<String>) {
    let mut complaints = Vec::new();
    for source in sources {
        for (number, line) in source.code() {
            if let Some(complaint) = find(source, number, line) {
                complaints.push(format!("src/{}:{number}: {complaint}", source.path.display()));
            }
        }
    }
    none(complaints);
}

#[test]
fn every_source_belongs_to_a_layer() {
    let stray = |source: &&Source| source.layer().is_none() && source.path != Path::new("lib.rs");
    let strays: Vec<_> = sources().iter().filter(stray).map(|s| format!("{:?}", s.path)).collect();
    none(strays);
}

/// The modules of the crate's root that some code names: `crate::x`, `crate::{x, y}`, or as many
/// `super::` as lead to the root.
fn roots_named(code: &str, depth: usize) -> Vec<&str> {
    let to_root = "super::".repeat(depth);
    let mut named = Vec::new();
    for prefix in ["crate::", &to_root] {
        for (at, _) in code.match_indices(prefix).filter(|_| !prefix.is_empty()) {
            let rest = &code[at + prefix.len()..];
            let path = rest.split(';').next().expect("split gives one piece");
            match path.strip_prefix('{') {
                Some(group) => named.extend(group.split(',').filter_map(|path| words(path).next())),
                None => named.extend(words(path).next()),
            }
        }
    }
    named
}

#[test]
fn a_layer_uses_only_those_below_it() {
    let mut complaints = Vec::new();
    for source in sources() {
        let Some(own) = source.layer() else { continue };
        let code = Vec::from_iter(source.code().map(|(_, line)| line)).join("\n");
        for name in roots_named(&code, source.depth()) {
            if LAYERS[..own].contains(&name) {
                let path = source.path.display();
                complaints.push(format!("src/{path}: {} uses {name}", LAYERS[own]));
            }
        }
    }
    none(complaints);
}

#[test]
fn only_the_boundaries_are_unsafe() {
    check(&sources(), |source, _, line| {
        let is_unsafe = words(line).any(|word| word == "unsafe") && !source.may_be_unsafe();
        is_unsafe.then(|| "unsafe belongs to ffi and transport/sys".to_owned())
    });
}

/// Up from an unsafe block to the start of its statement, there is a comment that says why.
#[test]
fn every_unsafe_block_says_why_it_is_sound() {
    check(&sources(), |source, number, line| {
        if !line.contains("unsafe {") && !line.contains("unsafe impl") {
            return None;
        }
        let starts_after = |line: &str| line.is_empty() || line.ends_with([';', '{', '}']);
        let documented = source.lines[..number - 1]
            .iter()
            .rev()
            .map(|line| line.trim())
            .skip_while(|line| !line.starts_with("//") && !starts_after(line))
            .take_while(|line| line.starts_with("//"))
            .any(|line| line.starts_with("// SAFETY:"));
        (!documented).then(|| "no SAFETY comment above".to_owned())
    });
}

#[test]
fn the_operating_system_is_reached_through_sys_alone() {
    const OF_STD: &[&str] = &["thread", "fs", "env", "process", "Instant", "SystemTime"];
    const ANYWHERE: &[&str] = &[
        "libc",
        "TcpStream",
        "TcpListener",
        "UdpSocket",
        "UnixStream",
        "UnixListener",
        "ToSocketAddrs",
    ];
    check(&sources(), |source, _, line| {
        let names_std = words(line).any(|word| word == "std");
        let is_reserved =
            |word: &&str| ANYWHERE.contains(word) || names_std && OF_STD.contains(word);
        let reserved = words(line).find(|word| is_reserved(word) && !source.in_sys());
        reserved.map(|name| format!("{name} belongs to transport/sys"))
    });
}

#[test]
fn no_file_is_longer_than_one_idea() {
    let filled =
        |source: &Source| source.lines.iter().filter(|line| !line.trim().is_empty()).count();
    let too_long = sources()
        .iter()
        .filter(|source| filled(source) > 450)
        .map(|source| format!("src/{}: {} lines", source.path.display(), filled(source)))
        .collect();
    none(too_long);
}

/// The files that `mod` declarations lead to from this one on.
fn reach(file: PathBuf, reached: &mut BTreeSet<PathBuf>) {
    let text = read(&file);
    let names_its_folder = file.ends_with("mod.rs") || file.ends_with("lib.rs");
    let folder = if names_its_folder { file.with_file_name("") } else { file.with_extension("") };
    reached.insert(file);
    let mut is_elsewhere = false;
    for line in text.lines().map(str::trim) {
        let is_told_where = std::mem::replace(&mut is_elsewhere, line.starts_with("#[path"));
        let Some((before, name)) = line.strip_suffix(';').and_then(|l| l.rsplit_once("mod "))
        else {
            continue;
        };
        if is_told_where || !(before.is_empty() || before.starts_with("pub")) {
            continue;
        }
        let alone = folder.join(name).with_extension("rs");
        let with_folder = folder.join(name).join("mod.rs");
        let exists = root().join(&alone).exists();
        reach(if exists { alone } else { with_folder }, reached);
    }
}

/// The simulation, with a `sys` of its own, and the fuzz are parts of the crate that stand elsewhere.
#[test]
fn no_source_is_dead() {
    for (folder, starts) in [
        ("src", &["src/lib.rs"][..]),
        ("tests/simulation", &["tests/simulation/mod.rs", "tests/simulation/sys/mod.rs"]),
        ("tests/fuzz", &["tests/fuzz/mod.rs"]),
    ] {
        let mut reached = BTreeSet::new();
        starts.iter().for_each(|start| reach(start.into(), &mut reached));
        let all = BTreeSet::from_iter(files(folder));
        assert_eq!(all.difference(&reached).collect::<Vec<_>>(), Vec::<&PathBuf>::new());
    }
}

/// Or a world would not be the same twice.
#[test]
fn the_simulation_asks_nothing_of_the_system() {
    const OF_STD: &[&str] = &["thread", "fs", "env", "process", "time", "HashMap", "HashSet"];
    // Which worlds are run is the one thing that comes from outside.
    let inside = files("tests/simulation").into_iter().filter(|path| !path.ends_with("seeds.rs"));
    let mut complaints = Vec::new();
    for path in inside {
        for (i, line) in read(&path).lines().enumerate() {
            let is_of_std = words(line).any(|word| word == "std");
            let is_reserved = |word: &str| word == "unsafe" || is_of_std && OF_STD.contains(&word);
            if words(without_comment(line)).any(is_reserved) {
                complaints.push(format!("{}:{}: {}", path.display(), i + 1, line.trim()));
            }
        }
    }
    none(complaints);
}

#[test]
fn the_readme_names_every_example() {
    let readme = read("README.md");
    let examples =
        files("examples-c").into_iter().filter(|path| path.extension() == Some("c".as_ref()));
    let unnamed = |path: &PathBuf| !readme.contains(path.file_name().unwrap().to_str().unwrap());
    assert_eq!(examples.filter(unnamed).collect::<Vec<_>>(), Vec::<PathBuf>::new());
}

/// Complains of each line, in any file, that `is_bad`.
fn check_all_texts(is_bad: impl Fn(&Path, &str) -> bool) {
    let mut complaints = Vec::new();
    for path in files("src").into_iter().chain(other_texts()) {
        for (i, line) in read(&path).lines().enumerate().filter(|(_, line)| is_bad(&path, line)) {
            complaints.push(format!("{}:{}: {}", path.display(), i + 1, line.trim()));
        }
    }
    none(complaints);
}

#[test]
fn nothing_is_left_for_later() {
    let marks = ["TO DO", "FIX ME", "to do!", "unimple mented!", "#[ig nore"];
    let marks = marks.map(|mark| mark.replace(' ', "")); // or this file would hold them
    check_all_texts(|_, line| marks.iter().any(|mark| line.contains(mark.as_str())));
}

/// A clone has to be enough, wherever it is: no path leads out of it, or to where it is now.
#[test]
fn nothing_outside_the_repository_is_named() {
    let here = root().to_str().expect("the path is UTF-8");
    let homes = ["/ro ot/", "/ho me/"].map(|home| home.replace(' ', "")); // as above
    check_all_texts(|path, line| {
        let leads_out = |(at, _): (usize, &str)| {
            let end = |c: char| !c.is_alphanumeric() && !"./_-".contains(c);
            let relative = line[at..].split(end).next().expect("split gives one piece");
            let target = root().join(path.with_file_name(relative));
            !target.canonicalize().is_ok_and(|target| target.starts_with(root()))
        };
        let mut climbs = line.match_indices("../").filter(|(at, _)| {
            line[at + 3..].starts_with(char::is_alphabetic) && !line[..*at].ends_with('/')
        });
        line.contains(here)
            || homes.iter().any(|home| line.contains(home.as_str()))
            || climbs.any(leads_out)
    });
}
