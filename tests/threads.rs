//! Clients in several threads, with cancels from other threads and from signal handlers, by fetch
//! and by token, as C programs do it; and that ThreadSanitizer sees no data race in the library while they do.
#![allow(missing_docs)]
#![allow(unsafe_code)]

#[allow(dead_code)] // the server's side of it is enough here
#[path = "storm/script.rs"]
mod script;
#[path = "storm/server.rs"]
mod server;
mod support;
mod support_c;

use server::Server;
use std::path::{Path, PathBuf};
use std::process::{Command, Output};
use support_c::{Folder, libraries, root, run, tool};

const FLAGS: &str = "-std=gnu11 -g -O1 -Wall -Wextra -Wpedantic -Werror -Iinclude";

/// The library with ThreadSanitizer in it, and Rust's std too: where std is not watched, its locks
/// and reference counts are not seen either, and all that they protect seems to be raced for. Both
/// flags are unstable, which the variable permits. Built in a target folder of its own.
fn sanitized_library() -> PathBuf {
    let about = run(&mut tool("rustc -vV"));
    let host = about.lines().find_map(|line| line.strip_prefix("host: "));
    let host = host.expect("rustc says what it runs on");
    run(tool("cargo rustc --locked --lib --crate-type staticlib -Zbuild-std")
        .args(["--target-dir", "target/tsan"])
        .args(["--target", host])
        .env_remove("CARGO_TARGET_DIR")
        .env_remove("CARGO_ENCODED_RUSTFLAGS")
        .env("RUSTC_BOOTSTRAP", "1")
        .env("RUSTFLAGS", "-Zsanitizer=thread"));
    root().join("target/tsan").join(host).join("debug/libifetch.a")
}

/// The part of ThreadSanitizer that a program is linked with. It must understand the compiler's
/// instrumentation, so it is the one that came with rustc.
fn runtime() -> PathBuf {
    let libraries = PathBuf::from(run(&mut tool("rustc --print target-libdir")).trim());
    let names = std::fs::read_dir(libraries).expect("rustc knows its own folder");
    let mut paths = names.map(|entry| entry.expect("it was there").path());
    let is_it = |path: &PathBuf| path.to_string_lossy().ends_with("_rt.tsan.a");
    paths.find(is_it).expect("rustc comes with its sanitizers")
}

/// A program from tests/c, compiled with `flags` and linked with the sanitized library.
fn sanitized(folder: &Folder, name: &str, flags: &[&str]) -> PathBuf {
    let (object, program) = (folder.path("object.o"), folder.path(name));
    run(tool("clang -c")
        .args(FLAGS.split(' '))
        .args(flags)
        .arg(format!("tests/c/{name}.c"))
        .arg("-o")
        .arg(&object));
    run(tool("clang")
        .arg(object)
        .arg(sanitized_library())
        .arg("-Wl,--whole-archive")
        .arg(runtime())
        .args(["-Wl,--no-whole-archive", "-pthread", "-lm", "-ldl", "-lrt", "-o"])
        .arg(&program));
    program
}

/// A program from tests/c, linked with the library as it is delivered.
fn plain(folder: &Folder, name: &str) -> PathBuf {
    let program = folder.path(name);
    run(tool("gcc")
        .args(FLAGS.split(' '))
        .arg(format!("tests/c/{name}.c"))
        .arg(libraries().join("libifetch.a"))
        .args(["-pthread", "-lm", "-ldl", "-o"])
        .arg(&program));
    program
}

/// Runs a program against a server, which it is told of by `arguments`, given its port.
fn run_against_server(program: &Path, arguments: impl Fn(u16) -> Vec<String>) -> Output {
    let server = Server::start(1, 2_000, 100);
    let suppressions = root().join("tests/c/threads.supp");
    let output = Command::new(program)
        .args(arguments(server.port(0)))
        .env("TSAN_OPTIONS", format!("suppressions={}", suppressions.display()))
        .output()
        .expect("it starts");
    let (_, wrongs) = server.finish();
    assert!(wrongs.is_empty(), "the server complains: {wrongs:#?}");
    output
}

/// It ended well, without complaints, and with these words.
fn assert_well(output: &Output, words: &str) {
    let said = String::from_utf8_lossy(&output.stdout);
    let complained = String::from_utf8_lossy(&output.stderr);
    assert!(output.status.success() && complained.is_empty(), "{said}{complained}");
    assert!(said.ends_with(words), "{said}");
    println!("{said}");
}

fn run_threads(program: &Path) {
    let output = run_against_server(program, |port| vec![port.to_string()]);
    assert_well(&output, "side by side\n");
}

#[test]
fn two_clients_in_two_threads_fetch_side_by_side() {
    let folder = Folder::new("threads");
    run_threads(&plain(&folder, "threads"));
}

#[test]
fn no_data_race_is_seen_while_they_do() {
    let folder = Folder::new("threads-sanitized");
    run_threads(&sanitized(&folder, "threads", &["-fsanitize=thread"]));
}

fn run_tokens(program: &Path) {
    let seed = support::seed();
    let output = run_against_server(program, |port| {
        let url = |script| format!("http://127.0.0.1:{port}/0/{script}");
        let urls = ["length", "late", "chunked", "silent", "length"].map(url);
        [seed.to_string(), "150".to_owned()].into_iter().chain(urls).collect()
    });
    assert_well(&output, "tokens\n");
}

#[test]
fn tokens_are_cancelled_while_their_fetches_are_started_and_freed() {
    let folder = Folder::new("tokens");
    run_tokens(&plain(&folder, "tokens"));
}

#[test]
fn no_data_race_is_seen_while_tokens_are_cancelled() {
    let folder = Folder::new("tokens-sanitized");
    run_tokens(&sanitized(&folder, "tokens", &["-fsanitize=thread"]));
}

/// The two threads of this program race in the library, which alone is instrumented here.
#[test]
fn a_data_race_in_the_library_would_be_seen() {
    let folder = Folder::new("racy");
    let program = sanitized(&folder, "racy", &[]);
    let output = Command::new(program).output().expect("it starts");
    let complained = String::from_utf8_lossy(&output.stderr);
    assert!(complained.contains("ThreadSanitizer: data race"), "{complained}");
    assert!(!output.status.success(), "a race ends as a failure");
}
