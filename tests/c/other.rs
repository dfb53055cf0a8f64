//! A Rust static library that has nothing to do with ifetch and uses a good part of std.

use std::collections::HashMap;
use std::ffi::c_int;
use std::panic::catch_unwind;
use std::thread;

/// 42, by way of a thread, a map and a panic that is caught.
#[unsafe(no_mangle)]
pub extern "C" fn other_answer() -> c_int {
    let worker = thread::spawn(|| {
        let answers: HashMap<String, c_int> = (0..50).map(|n| (n.to_string(), n)).collect();
        answers["42"]
    });
    let answer = worker.join().unwrap_or(0);
    catch_unwind(|| panic!("caught, on purpose")).map_or(answer, |()| 0)
}
