//! Real servers: does a handler learn that its request was cancelled, and by what?
//!
//! Each handler tells a witness when it begins, and then how it ends: that its client has gone, or
//! that all its work was done for nobody. Between the two a fetch is cancelled, before any byte of
//! the response.
//!
//! `make test` asks nginx, Node and the Python servers. `make servers` asks all of them, and shows
//! the table that is in docs/cancel.md. `SERVERS=Caddy make servers` asks one.

#[path = "../support/mod.rs"]
mod support;

mod cancelling;
mod matrix;
mod running;
mod table;
mod unsent;
mod witness;

use matrix::Server;
use running::Running;
use table::Table;

/// Measures these servers, one after the other, and tells of all that is not as expected.
fn measure(servers: &[Server]) {
    let mut table = Table::new();
    for server in servers {
        let running = Running::start(server);
        for row in server.rows {
            table.add(server.name, row, &cancelling::measure(&running, row));
        }
    }
    println!("{table}");
    assert!(table.wrong.is_empty(), "{table}\nnot as expected:\n{}", table.wrong.join("\n"));
}

#[test]
fn handlers_learn_that_they_were_cancelled() {
    let mut all = [matrix::IN_EVERY_TEST, matrix::OTHERS].concat();
    match std::env::var("SERVERS").as_deref() {
        Err(_) => measure(matrix::IN_EVERY_TEST),
        Ok("all") => measure(&all),
        Ok(name) => {
            all.retain(|server| server.name == name);
            assert!(!all.is_empty(), "no server has the name {name}");
            measure(&all);
        }
    }
}
