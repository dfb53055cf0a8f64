//! What servers send, and what fetches make of it: one row for each.
//!
//! Every row is played whole, split in two at every byte, and a byte at a time; and all that again
//! as a streaming fetch that is read by one byte, and by seven. The outcome is the same. With TLS,
//! it is played whole, split in the middle, and a byte at a time. A bug report about a response
//! becomes one more line here.

#[path = "../support/mod.rs"]
mod support;

mod bodiless;
mod chunked;
mod endings;
mod fields;
mod fuzz;
mod interim;
mod length;
mod limits;
mod prefixes;
mod row;
mod stage;
mod status_line;
mod trailers;

use row::Row;

/// Plays all rows, and tells of all that go wrong.
fn play(rows: Vec<Row>) {
    let wrong: Vec<_> = rows.iter().filter_map(|row| stage::play(row).err()).collect();
    assert!(wrong.is_empty(), "{} of {} rows:\n{}", wrong.len(), rows.len(), wrong.join("\n"));
}

#[test]
fn bodies_of_a_given_length() {
    play(length::rows());
}

#[test]
fn chunked_bodies() {
    play(chunked::rows());
}

#[test]
fn trailer_sections() {
    play(trailers::rows());
}

#[test]
fn responses_without_a_body() {
    play(bodiless::rows());
}

#[test]
fn status_lines() {
    play(status_line::rows());
}

#[test]
fn header_fields() {
    play(fields::rows());
}

#[test]
fn interim_responses_and_upgrades() {
    play(interim::rows());
}

#[test]
fn ends_of_connections() {
    play(endings::rows());
}

#[test]
fn limits_at_and_one_past() {
    play(limits::rows());
}

#[test]
fn limits_of_large_bodies() {
    for row in limits::LARGE {
        play(vec![row()]);
    }
}

/// All rows but those of large bodies.
fn all() -> Vec<Row> {
    let rows = [
        length::rows(),
        chunked::rows(),
        trailers::rows(),
        bodiless::rows(),
        status_line::rows(),
        fields::rows(),
        interim::rows(),
        endings::rows(),
        limits::rows(),
    ];
    rows.into_iter().flatten().collect()
}

#[test]
fn the_table_is_long_and_its_names_differ() {
    let rows = all();
    let names: std::collections::HashSet<_> = rows.iter().map(|row| row.name).collect();
    assert_eq!(names.len(), rows.len(), "names that differ");
    assert!(rows.len() >= 170, "{} rows", rows.len());
}
