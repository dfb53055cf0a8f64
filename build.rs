//! Writes the C header that `src/ffi` describes into `OUT_DIR`.
//!
//! The committed copy in `include/` is compared with it by `tests/header.rs`,
//! so that a build never writes into the source tree.

use std::{env, path::PathBuf};

fn main() {
    println!("cargo::rerun-if-changed=src/ffi");
    println!("cargo::rerun-if-changed=cbindgen.toml");

    let root = PathBuf::from(env::var_os("CARGO_MANIFEST_DIR").expect("cargo sets it"));
    let out = PathBuf::from(env::var_os("OUT_DIR").expect("cargo sets it")).join("ifetch.h");
    let mut config = cbindgen::Config::from_root_or_default(&root);
    config.after_includes = Some(version_macros() + MUST_USE);

    let mut builder = cbindgen::Builder::new().with_config(config);
    for file in [
        "fetch", "body", "response", "options", "client", "resolver", "tls", "token", "report",
        "error",
    ] {
        builder = builder.with_src(root.join("src/ffi").join(file).with_extension("rs"));
    }
    builder.generate().expect("src/ffi describes a C header").write_to_file(&out);
    println!("cargo::rustc-env=IFETCH_GENERATED_HEADER={}", out.display());
}

/// May be defined by the includer, to nothing if its parser knows no attributes.
const MUST_USE: &str = "

#ifndef IFETCH_MUST_USE
#if defined(__GNUC__)
#define IFETCH_MUST_USE __attribute__((warn_unused_result))
#else
#define IFETCH_MUST_USE
#endif
#endif";

fn version_macros() -> String {
    let part = |name: &str| env::var(format!("CARGO_PKG_VERSION_{name}")).expect("cargo sets it");
    format!(
        "\n/** The version this header was made for; ifetch_version() names the one that runs. */\n\
         #define IFETCH_VERSION_MAJOR {}\n#define IFETCH_VERSION_MINOR {}\n#define IFETCH_VERSION_PATCH {}\n\
         #define IFETCH_VERSION \"{}\"",
        part("MAJOR"),
        part("MINOR"),
        part("PATCH"),
        env::var("CARGO_PKG_VERSION").expect("cargo sets it"),
    )
}
