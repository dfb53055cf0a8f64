//! What was measured, as it is in docs/cancel.md, and what was not as expected.

use super::cancelling::Measured;
use super::matrix::{Learns, Row};
use std::fmt;
use std::time::Duration;

pub(crate) struct Table {
    lines: Vec<[String; 4]>,
    pub(crate) wrong: Vec<String>,
}

impl Table {
    pub(crate) fn new() -> Table {
        let head = ["server", "handler", "FIN", "FIN and RST"].map(str::to_owned);
        Table { lines: vec![head, ["---"; 4].map(str::to_owned)], wrong: Vec::new() }
    }

    pub(crate) fn add(&mut self, server: &str, row: &Row, measured: &[Measured; 2]) {
        let [fin, rst] = measured.each_ref().map(cell);
        self.lines.push([server.to_owned(), row.handler.to_owned(), fin, rst]);
        for one in measured {
            if one.learned.iter().any(|(learned, _)| *learned != one.expected) {
                let Measured { policy, expected, learned } = one;
                let handler = row.handler;
                self.wrong.push(format!(
                    "{server}, {handler}, {policy}: {expected:?} was expected, not {learned:?}"
                ));
            }
        }
    }
}

/// What it learned by, or the median of the times that it took to be told.
fn cell(measured: &Measured) -> String {
    let mut times: Vec<Duration> = measured.learned.iter().map(|(_, time)| *time).collect();
    times.sort();
    match measured.learned[0].0 {
        Learns::Told => format!("{:.1} ms", times[times.len() / 2].as_secs_f64() * 1e3),
        Learns::Write(1) => "first write".to_owned(),
        Learns::Write(2) => "second write".to_owned(),
        Learns::Write(n) => format!("write {n}"),
        Learns::Never => "never".to_owned(),
    }
}

impl fmt::Display for Table {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for line in &self.lines {
            writeln!(f, "| {} |", line.join(" | "))?;
        }
        Ok(())
    }
}
