//! The installed tree: programs are built against it as their authors would, and run.
#![allow(missing_docs)]

mod support_c;

use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;
use support_c::{Folder, GREETING, Server, libraries, make, run, tool};

/// What a Debian package would say.
const LIBDIR: &str = "/usr/lib/x86_64-linux-gnu";

/// An installed tree in a folder of its own.
struct Installed(Folder);

impl Installed {
    fn new(name: &str) -> Installed {
        libraries();
        let installed = Installed(Folder::new(name));
        run(&mut installed.make("install"));
        installed
    }

    fn make(&self, target: &str) -> Command {
        let mut make = make(target);
        make.arg(format!("DESTDIR={}", self.path("root").display()));
        make.args(["PREFIX=/usr".to_owned(), format!("LIBDIR={LIBDIR}")]);
        make
    }

    fn path(&self, inside: &str) -> PathBuf {
        self.0.path(inside)
    }

    fn libdir(&self) -> PathBuf {
        self.path(&format!("root{LIBDIR}"))
    }

    /// What pkg-config says of the tree, as it would if it were the root of a file system.
    fn pkg_config(&self, arguments: &str) -> Vec<String> {
        let mut command = tool("pkg-config --cflags --libs ifetch");
        command
            .args(arguments.split_whitespace())
            .env("PKG_CONFIG_LIBDIR", self.libdir().join("pkgconfig"))
            .env("PKG_CONFIG_SYSROOT_DIR", self.path("root"))
            // It leaves out /usr/include and its like, which are not ours here.
            .env("PKG_CONFIG_ALLOW_SYSTEM_CFLAGS", "1")
            .env("PKG_CONFIG_ALLOW_SYSTEM_LIBS", "1");
        run(&mut command).split_whitespace().map(str::to_owned).collect()
    }

    /// The smallest example, compiled with these flags.
    fn compile(&self, flags: &[String]) -> PathBuf {
        let program = self.path("get");
        run(tool("gcc -std=c11 -Wall -Wextra -Wpedantic -Werror examples-c/get.c -o")
            .arg(&program)
            .args(flags));
        program
    }

    fn build_with_cmake(&self) -> PathBuf {
        let build = self.path("cmake");
        run(tool("cmake -S tests/cmake -DCMAKE_BUILD_TYPE=Release -B")
            .arg(&build)
            .arg(format!("-DCMAKE_PREFIX_PATH={}", self.path("root/usr").display()))
            .arg("-DCMAKE_LIBRARY_ARCHITECTURE=x86_64-linux-gnu"));
        run(tool("cmake --build").arg(&build));
        build
    }

    /// Runs a program, which fetches the greeting.
    fn fetches(&self, program: &Path) {
        let server = Server::start();
        let mut program = Command::new(program);
        program.arg(server.url()).env("LD_LIBRARY_PATH", self.libdir());
        assert_eq!(run(&mut program), GREETING);
    }
}

fn needs_ifetch(program: &Path) -> bool {
    run(tool("readelf -dW").arg(program)).contains("[libifetch.so.0]")
}

#[test]
fn a_c_program_links_dynamically_by_pkg_config() {
    let installed = Installed::new("pkg-config-shared");
    let program = installed.compile(&installed.pkg_config(""));
    assert!(needs_ifetch(&program));
    installed.fetches(&program);
}

#[test]
fn a_c_program_links_statically_by_pkg_config() {
    let installed = Installed::new("pkg-config-static");
    let mut flags = vec!["-static".to_owned()];
    flags.extend(installed.pkg_config("--static"));
    let program = installed.compile(&flags);
    let sections = run(tool("readelf -SW").arg(&program));
    assert!(!sections.contains(".interp"), "a static program needs no loader");
    installed.fetches(&program);
}

#[test]
fn a_cpp_program_links_dynamically_by_cmake() {
    let installed = Installed::new("cmake-shared");
    let program = installed.build_with_cmake().join("fetch_ifetch");
    assert!(needs_ifetch(&program));
    installed.fetches(&program);
}

#[test]
fn a_cpp_program_links_statically_by_cmake() {
    let installed = Installed::new("cmake-static");
    let program = installed.build_with_cmake().join("fetch_static");
    assert!(!needs_ifetch(&program));
    installed.fetches(&program);
}

#[test]
fn cmake_refuses_a_version_that_it_is_not() {
    let installed = Installed::new("cmake-version");
    let accepts = |version: &str| {
        let folder = Folder::new(&format!("cmake-version-{version}"));
        let project = format!(
            "cmake_minimum_required(VERSION 3.16)\nproject(version C)\n\
             find_package(ifetch {version} REQUIRED)\n"
        );
        fs::write(folder.path("CMakeLists.txt"), project).expect("the folder is new");
        let mut cmake = tool("cmake -S");
        cmake.arg(folder.path(".")).arg("-B").arg(folder.path("build"));
        cmake.arg(format!("-Difetch_DIR={}", installed.libdir().join("cmake/ifetch").display()));
        cmake.output().expect("cmake is installed").status.success()
    };
    assert!(accepts("") && accepts("0.1") && accepts("0.1.0"));
    assert!(!accepts("0.2") && !accepts("1.0"));
}

/// What one Rust static library shows of std would clash with what another shows, if ours did.
#[test]
fn the_static_library_links_beside_another_rust_library() {
    let folder = Folder::new("beside");
    let other = folder.path("libother.a");
    run(tool("rustc --edition 2024 -O --crate-type staticlib tests/c/other.rs -o").arg(&other));
    let program = folder.path("beside");
    let ours = libraries().join("libifetch.a");
    for order in [[&ours, &other], [&other, &ours]] {
        run(tool("gcc -std=c11 -Wall -Wextra -Wpedantic -Werror -Iinclude tests/c/beside.c -o")
            .arg(&program)
            .args(order)
            .args(["-pthread", "-lm", "-ldl"]));
        let server = Server::start();
        assert_eq!(run(Command::new(&program).arg(server.url())), GREETING);
    }
}

#[test]
fn uninstall_leaves_no_file() {
    let installed = Installed::new("uninstall");
    let files = || run(tool("find").arg(installed.path("root")).args(["!", "-type", "d"]));
    assert_eq!(files().lines().count(), 8);
    run(&mut installed.make("uninstall"));
    assert_eq!(files(), "");
}
