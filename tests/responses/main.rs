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

#[test]
fn the_table_is_long_and_its_names_differ() {
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
    let names: std::collections::HashSet<_> = rows.iter().flatten().map(|row| row.name).collect();
    let count: usize = rows.iter().map(Vec::len).sum();
    assert_eq!(names.len(), count, "names that differ");
    assert!(count >= 170, "{count} rows");
}
