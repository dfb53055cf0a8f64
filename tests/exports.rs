//! What the built libraries show to a linker: the listed functions, and nothing else.
#![allow(missing_docs)]

mod support_c;

use std::collections::BTreeSet;
use support_c::{Folder, exports, libraries, read, run, tool};

/// The words of what binutils say about a file in build/.
fn inspect(command: &str, file: &str) -> Vec<Vec<String>> {
    let output = run(tool(command).arg(libraries().join(file)));
    output.lines().map(|line| line.split_whitespace().map(str::to_owned).collect()).collect()
}

/// The last word of each line of the dynamic section that speaks of `tag`.
fn dynamic(tag: &str) -> Vec<String> {
    inspect("readelf -dW", "libifetch.so")
        .into_iter()
        .filter(|words| words.iter().any(|word| word == tag))
        .map(|words| words.last().expect("it has the tag").trim_matches(['[', ']']).to_owned())
        .collect()
}

#[test]
fn the_list_is_sorted_and_names_each_function_once() {
    let listed = exports();
    let sorted: BTreeSet<_> = listed.iter().cloned().collect();
    assert_eq!(listed, Vec::from_iter(sorted));
}

#[test]
fn the_header_declares_the_listed_functions() {
    let declared: BTreeSet<_> = support_c::header::declarations(&read("include/ifetch.h"))
        .into_iter()
        .map(|declaration| declaration.name)
        .collect();
    assert_eq!(Vec::from_iter(declared), exports());
}

#[test]
fn the_shared_library_exports_the_list_under_its_version() {
    let mut shown: Vec<_> = inspect("nm -D --defined-only", "libifetch.so")
        .into_iter()
        .map(|words| words[1..].join(" "))
        .collect();
    shown.sort();
    let mut expected = vec!["A IFETCH_0".to_owned()];
    expected.extend(exports().iter().map(|name| format!("T {name}@@IFETCH_0")));
    assert_eq!(shown, expected);
}

#[test]
fn the_static_library_is_one_object_that_shows_the_list() {
    assert_eq!(inspect("ar t", "libifetch.a"), [["ifetch.o"]]);
    let shown: BTreeSet<_> = inspect("nm -g --defined-only", "libifetch.a")
        .into_iter()
        .filter(|words| words.len() == 3)
        .map(|words| words[1..].join(" "))
        .collect();
    let expected: BTreeSet<_> = exports().iter().map(|name| format!("T {name}")).collect();
    assert_eq!(shown, expected);
}

#[test]
fn the_static_library_carries_no_bitcode_and_no_debug_information() {
    let sections: Vec<_> = inspect("readelf -SW", "libifetch.a").concat();
    let unwanted = |name: &&String| name.starts_with(".llvm") || name.starts_with(".debug");
    assert_eq!(sections.iter().find(unwanted), None);
}

#[test]
fn the_shared_library_has_its_soname() {
    assert_eq!(dynamic("(SONAME)"), ["libifetch.so.0"]);
}

#[test]
fn the_shared_library_stays_loaded_and_is_bound_at_once() {
    let flags = inspect("readelf -dW", "libifetch.so")
        .into_iter()
        .find(|words| words.iter().any(|word| word == "(FLAGS_1)"))
        .expect("it has flags");
    assert!(flags.contains(&"NODELETE".to_owned()) && flags.contains(&"NOW".to_owned()));
}

#[test]
fn the_shared_library_needs_only_libc_and_libgcc() {
    let wanted = |name: &str| {
        name.starts_with("libc.so.")
            || name.starts_with("libgcc_s.so.")
            || name.starts_with("ld-linux")
    };
    let needed = dynamic("(NEEDED)");
    assert!(!needed.is_empty() && needed.iter().all(|name| wanted(name)), "{needed:?}");
}

#[test]
fn the_shared_library_wants_no_executable_stack() {
    let headers = inspect("readelf -lW", "libifetch.so");
    let stack = headers
        .iter()
        .find(|words| words.first().is_some_and(|word| word == "GNU_STACK"))
        .expect("without this header the kernel makes the stack executable");
    assert_eq!(stack[6], "RW");
}

/// A tenth of it is what std needs to print the backtrace of a panic, and more than half is TLS with
/// its cryptography.
#[test]
fn the_shared_library_is_small() {
    let folder = Folder::new("small");
    let stripped = folder.path("libifetch.so");
    run(tool("strip -o").arg(&stripped).arg(libraries().join("libifetch.so")));
    let len = stripped.metadata().expect("strip has made it").len();
    assert!(len <= 2 << 20, "{len} bytes");
}
