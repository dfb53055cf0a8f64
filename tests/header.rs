//! The C header: that it is the one src/ffi describes, compiles everywhere, and keeps its promises
//! to FFI layers and to programs that were compiled against an earlier one.
#![allow(missing_docs)]

mod support_c;

use std::fs;
use support_c::header::{constants, declarations};
use support_c::{Folder, exports, read, root, run, tool};

const STRICT: &str = "-Wall -Wextra -Wpedantic -Werror -Wconversion -Wsign-conversion -Wundef";

#[test]
fn the_committed_header_is_the_generated_one() {
    let generated = fs::read_to_string(env!("IFETCH_GENERATED_HEADER")).expect("build.rs wrote it");
    if std::env::var_os("BLESS").is_some() {
        fs::write(root().join("include/ifetch.h"), &generated).expect("the sources can be written");
    }
    assert!(
        generated == read("include/ifetch.h"),
        "include/ifetch.h is out of date: BLESS=1 cargo test --test header"
    );
}

/// Compiles a file that includes the header, and includes it once more.
fn compiles(compiler: &str, language: &str, standards: &[&str], warnings: &str) {
    let folder = Folder::new(&format!("header-{compiler}"));
    let source = folder.path("user");
    fs::write(&source, "#include <ifetch.h>\n#include <ifetch.h>\n").expect("the folder is new");
    for standard in standards {
        run(tool(&format!(
            "{compiler} -std={standard} {STRICT} {warnings} -Iinclude -x {language}"
        ))
        .args(["-c", "-o"])
        .arg(folder.path("user.o"))
        .arg(&source));
    }
}

const C: &[&str] = &["c99", "c11", "c17", "c2x"];
const CPP: &[&str] = &["c++11", "c++14", "c++17", "c++20"];

#[test]
fn compiles_as_every_c_with_gcc() {
    compiles("gcc", "c", C, "-Wstrict-prototypes");
}

#[test]
fn compiles_as_every_c_with_clang() {
    compiles("clang", "c", C, "-Wstrict-prototypes");
}

#[test]
fn compiles_as_every_cpp_with_gcc() {
    compiles("g++", "c++", CPP, "");
}

#[test]
fn compiles_as_every_cpp_with_clang() {
    compiles("clang++", "c++", CPP, "");
}

#[test]
fn every_function_is_documented() {
    for declaration in declarations(&read("include/ifetch.h")) {
        assert!(!declaration.doc.is_empty(), "{} has no comment", declaration.name);
    }
}

/// An FFI layer must be able to call every function by its name, and know every size.
#[test]
fn no_prototype_uses_what_an_ffi_layer_cannot() {
    for declaration in declarations(&read("include/ifetch.h")) {
        let mut words = declaration.text.split(|c: char| !c.is_alphanumeric() && c != '_');
        let unfit =
            words.find(|word| ["long", "bool", "_Bool", "ssize_t", "va_list"].contains(word));
        assert_eq!(unfit, None, "{}", declaration.text);
        assert!(!declaration.text.contains("..."), "{}", declaration.text);
    }
}

#[test]
fn the_only_struct_with_members_has_plain_ones() {
    let header = read("include/ifetch.h");
    let is_open = |line: &&str| line.starts_with("typedef struct") && line.ends_with('{');
    let open: Vec<_> = header.lines().filter(is_open).collect();
    assert_eq!(open, ["typedef struct ifetch_report {"]);
    let members = header.lines().skip_while(|line| *line != open[0]).skip(1);
    for member in members.take_while(|line| !line.starts_with('}')).map(str::trim) {
        let is_comment = member.starts_with("/*") || member.starts_with('*');
        let plain = ["uint32_t ", "int32_t ", "uint64_t "].iter().any(|t| member.starts_with(t));
        assert!(is_comment || plain && !member.contains(':'), "{member}");
    }
}

/// tests/c/abi.c restates in C what compiled programs rely on: layouts, numbers, prototypes.
#[test]
fn the_abi_is_the_pinned_one() {
    for compiler in ["gcc", "clang"] {
        let folder = Folder::new(&format!("abi-{compiler}"));
        run(tool(&format!("{compiler} -std=c11 {STRICT} -Iinclude -c tests/c/abi.c -o"))
            .arg(folder.path("abi.o")));
    }
}

#[test]
fn every_constant_and_function_is_pinned() {
    let pinned = read("tests/c/abi.c");
    for constant in constants(&read("include/ifetch.h")) {
        let (name, number) = constant.split_once(" = ").expect("it is how they were found");
        let assertion = format!("PIN({name}, {number});");
        assert!(pinned.contains(&assertion), "tests/c/abi.c lacks {assertion}");
    }
    for name in exports() {
        assert!(pinned.contains(&format!("{name}(")), "tests/c/abi.c lacks {name}()");
    }
}
