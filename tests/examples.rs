//! Runs every program in `examples-c/`, against servers that behave and servers that do not; those
//! around an `ifetch_client` in examples_client.rs, those with tokens in examples_tokens.rs, those
//! about https in examples_tls.rs.

mod support_c;

use std::fs;
use std::io::Write;
use std::net::{TcpListener, TcpStream};
use std::os::unix::fs::PermissionsExt;
use std::path::PathBuf;
use std::process::{Command, Stdio};
use std::sync::mpsc::RecvTimeoutError;
use support_c::programs::{
    Ended, PATIENCE, example, finish, interrupt, lines_of, names, run, spawn,
};
use support_c::servers::{
    CHUNKED, HELLO, NOT_FOUND, REFUSED, SILENCE, SlowServer, TRUNCATED, accept, read_until, serve,
    url_of,
};
use support_c::{Folder, make, root};

#[test]
fn every_example_is_run_by_a_test() {
    let tests = [
        include_str!("examples.rs"),
        include_str!("examples_client.rs"),
        include_str!("examples_tls.rs"),
        include_str!("examples_tokens.rs"),
    ]
    .concat();
    for name in names() {
        let run = format!("example(\"{name}\")");
        assert!(tests.contains(&run), "examples-c/{name}.c: no test has {run}");
    }
}

#[test]
fn get_prints_the_body() {
    for answer in [HELLO, CHUNKED] {
        let ended = run(Command::new(example("get")).arg(serve(&[answer]).url));
        assert_eq!((ended.code, &*ended.out, &*ended.err), (Some(0), "hello\n", ""));
    }
}

#[test]
fn get_takes_an_error_status_for_an_answer() {
    let ended = run(Command::new(example("get")).arg(serve(&[NOT_FOUND]).url));
    assert_eq!((ended.code, &*ended.out, &*ended.err), (Some(0), "none\n", ""));
}

#[test]
fn get_says_why_a_fetch_failed() {
    let ended = run(Command::new(example("get")).arg(REFUSED));
    assert_eq!((ended.code, &*ended.out), (Some(1), ""));
    assert!(ended.err.to_lowercase().contains("connection refused"), "{}", ended.err);

    let ended = run(Command::new(example("get")).arg(serve(&[TRUNCATED]).url));
    assert_eq!((ended.code, &*ended.out), (Some(1), ""));
    assert!(!ended.err.is_empty());

    let ended = run(Command::new(example("get")).arg("not a URL"));
    assert_eq!((ended.code, &*ended.out), (Some(1), ""));
    assert!(!ended.err.is_empty());
}

#[test]
fn poll_tells_the_end_of_every_fetch() {
    let urls = [serve(&[HELLO]).url, serve(&[CHUNKED]).url, serve(&[NOT_FOUND]).url];
    let ended = run(Command::new(example("poll")).args(&urls));
    assert_eq!((ended.code, &*ended.err), (Some(0), ""));
    for (url, end) in urls.iter().zip(["200, 6 bytes", "200, 6 bytes", "404, 5 bytes"]) {
        assert!(ended.out.contains(&format!("{url}: status {end}\n")), "{}", ended.out);
    }
}

#[test]
fn poll_fails_if_one_fetch_fails_and_completes_the_others() {
    let url = serve(&[HELLO]).url;
    let ended = run(Command::new(example("poll")).args([REFUSED, &url, "not a URL"]));
    assert_eq!(ended.code, Some(1));
    assert_eq!(ended.out.lines().count(), 3, "{}", ended.out);
    assert!(ended.out.contains(&format!("{url}: status 200, 6 bytes\n")), "{}", ended.out);
}

#[test]
fn cancel_ends_fetches_from_a_thread_and_from_a_signal_handler() {
    let mut server = SlowServer::start("60", "2");
    let child = spawn(Command::new(example("cancel")).args([&server.url, "100"]));
    server.says("request 1: begins");
    server.says("request 1: its client has gone");
    server.says("request 2: begins");
    interrupt(&child);
    server.says("request 2: its client has gone");
    server.ends();

    let ended = finish(child);
    assert_eq!((ended.code, &*ended.err), (Some(0), ""), "{}", ended.out);
    for words in ["while waiting for the response", "acted on it? maybe", "ended with RST"] {
        assert_eq!(ended.out.matches(words).count(), 2, "{words}: {}", ended.out);
    }
}

#[test]
fn cancel_leaves_a_fetch_that_has_ended_alone() {
    let ended = run(Command::new(example("cancel")).args([REFUSED, "1000"]));
    assert_eq!((ended.code, &*ended.err), (Some(1), ""));
    assert_eq!(ended.out.matches("not cancelled").count(), 2, "{}", ended.out);
}

#[test]
fn interrupt_prints_what_came_in_time() {
    let ended = run(Command::new(example("interrupt")).args([&serve(&[HELLO]).url, "60"]));
    assert_eq!((ended.code, &*ended.out, &*ended.err), (Some(0), "hello\n", ""));
}

#[test]
fn interrupt_gives_up_when_its_time_is_over() {
    let mut server = SlowServer::start("60", "1");
    let ended = run(Command::new(example("interrupt")).args([&server.url, "0.5"]));
    server.says("its client has gone");
    server.ends();
    assert_eq!((ended.code, &*ended.out), (Some(1), ""));
    assert!(ended.err.starts_with("interrupted by the clock after "), "{}", ended.err);
}

#[test]
fn interrupt_gives_up_on_ctrl_c() {
    let mut server = SlowServer::start("60", "1");
    let child = spawn(Command::new(example("interrupt")).args([&server.url, "60"]));
    server.says("request 1: begins");
    interrupt(&child);
    server.says("its client has gone");
    server.ends();
    let ended = finish(child);
    assert_eq!((ended.code, &*ended.out), (Some(1), ""));
    assert!(ended.err.starts_with("interrupted by Ctrl-C after "), "{}", ended.err);
}

#[test]
fn interrupt_says_why_a_fetch_failed() {
    let ended = run(Command::new(example("interrupt")).args([REFUSED, "60"]));
    assert_eq!((ended.code, &*ended.out), (Some(1), ""));
    assert!(ended.err.to_lowercase().contains("connection refused"), "{}", ended.err);
}

#[test]
fn download_writes_the_file_and_shows_how_far_it_is() {
    for (answer, progress) in [(HELLO, "100 % of 6 bytes\n"), (CHUNKED, "\r6 bytes\n")] {
        let folder = Folder::new("download-good");
        let ended = download(&serve(&[answer]).url, &folder);
        assert_eq!((ended.code, &*ended.out), (Some(0), ""));
        assert!(ended.err.ends_with(progress), "{:?}", ended.err);
        assert_eq!(files(&folder), [("file".to_owned(), "hello\n".to_owned())]);
    }
}

#[test]
fn download_leaves_nothing_of_what_is_not_complete() {
    for url in [serve(&[TRUNCATED]).url, serve(&[NOT_FOUND]).url, REFUSED.to_owned()] {
        let folder = Folder::new("download-bad");
        let ended = download(&url, &folder);
        assert_eq!((ended.code, &*ended.out), (Some(1), ""));
        assert!(!ended.err.trim().is_empty());
        assert_eq!(files(&folder), []);
    }
}

#[test]
fn download_that_fails_leaves_an_older_file_as_it_was() {
    let folder = Folder::new("download-older");
    fs::write(folder.path("file"), "older\n").unwrap();
    assert_eq!(download(&serve(&[TRUNCATED]).url, &folder).code, Some(1));
    assert_eq!(files(&folder), [("file".to_owned(), "older\n".to_owned())]);
}

#[test]
fn post_sends_its_argument_with_its_length() {
    let server = serve(&[NOT_FOUND]);
    let ended = run(Command::new(example("post")).args([&server.url, "some words"]));
    assert_eq!((ended.code, &*ended.err), (Some(0), ""));
    assert_eq!(ended.out, "HTTP/1.1 404 Not Found\nContent-Length: 5\n");
    let request = server.requests.join().unwrap().remove(0);
    let (head, body) = request.split_once("\r\n\r\n").unwrap();
    assert!(head.starts_with("POST / HTTP/1.1\r\n"), "{head}");
    for field in [
        "\r\nContent-Length: 10",
        "\r\nX-Sent-By: post.c",
        "\r\nContent-Type: text/plain; charset=utf-8",
    ] {
        assert!(head.contains(field), "{head}");
    }
    assert_eq!(body, "some words");
}

#[test]
fn post_sends_stdin_as_it_comes() {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let mut child =
        spawn(Command::new(example("post")).arg(url_of(&listener)).stdin(Stdio::piped()));
    let mut stdin = child.stdin.take().unwrap();
    let mut client = accept(&listener);
    stdin.write_all(b"early\n").unwrap();
    let mut request =
        read_until(&mut client, |request| request.ends_with("\r\n\r\n6\r\nearly\n\r\n"));
    stdin.write_all(b"late\n").unwrap();
    drop(stdin);
    request += &read_until(&mut client, |rest| rest.ends_with("5\r\nlate\n\r\n0\r\n\r\n"));
    client.write_all(HELLO.as_bytes()).unwrap();

    let ended = finish(child);
    assert_eq!((ended.code, &*ended.err), (Some(0), ""));
    assert_eq!(ended.out, "HTTP/1.1 200 OK\nContent-Length: 6\n");
    assert!(request.contains("\r\nTransfer-Encoding: chunked\r\n"), "{request}");
}

#[test]
fn post_does_not_wait_for_stdin_once_the_server_has_refused() {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let mut child =
        spawn(Command::new(example("post")).arg(url_of(&listener)).stdin(Stdio::piped()));
    let stdin_stays_open = child.stdin.take().unwrap();
    let mut client = accept(&listener);
    read_until(&mut client, |request| request.contains("\r\n\r\n"));
    client.write_all(NOT_FOUND.as_bytes()).unwrap();
    let ended = finish(child);
    drop(stdin_stays_open);
    assert_eq!((ended.code, &*ended.err), (Some(0), ""));
    assert!(ended.out.starts_with("HTTP/1.1 404 Not Found\n"), "{}", ended.out);
}

#[test]
fn post_sends_no_end_of_a_body_it_cannot_read() {
    let server = serve(&[SILENCE]);
    let folder = fs::File::open(root()).unwrap();
    let ended = finish(spawn(Command::new(example("post")).arg(&server.url).stdin(folder)));
    assert_eq!((ended.code, &*ended.out), (Some(1), ""));
    assert!(ended.err.starts_with("stdin: "), "{}", ended.err);
}

#[test]
fn post_says_why_a_fetch_failed() {
    let ended = run(Command::new(example("post")).args([REFUSED, "some words"]));
    assert_eq!((ended.code, &*ended.out), (Some(1), ""));
    assert!(ended.err.to_lowercase().contains("connection refused"), "{}", ended.err);
}

#[test]
fn slow_server_answers_after_its_work() {
    let mut server = SlowServer::start("0.2", "1");
    let ended = run(Command::new(example("get")).arg(&server.url));
    assert_eq!((ended.code, &*ended.out, &*ended.err), (Some(0), "worth the wait\n", ""));
    server.says("request 1: begins 0.20 s of work");
    server.says("request 1: answered");
    server.ends();
}

#[test]
fn slow_server_notices_a_client_that_closes() {
    let mut server = SlowServer::start("60", "2");
    for request in ["request 1", "request 2"] {
        let mut client = TcpStream::connect(&server.address).unwrap();
        client.write_all(b"GET / HTTP/1.1\r\nHost: localhost\r\n\r\nunread bytes").unwrap();
        server.says(&format!("{request}: begins"));
        drop(client);
        server.says(&format!("{request}: its client has gone"));
    }
    server.ends();
}

#[test]
fn slow_server_ends_with_its_parent() {
    let mut shell = Command::new("sh");
    shell.args(["-c", "\"$0\" 60 0 & read line"]).arg(example("slow_server"));
    let mut parent = spawn(shell.stdin(Stdio::piped()));
    let lines = lines_of(parent.stdout.take().unwrap());
    assert!(lines.recv_timeout(PATIENCE).unwrap().starts_with("listening on 127.0.0.1:"));
    parent.kill().unwrap();
    parent.wait().unwrap();
    // The pipe ends when nobody holds it any more, and the server held it.
    assert_eq!(lines.recv_timeout(PATIENCE), Err(RecvTimeoutError::Disconnected));
}

#[test]
fn the_demo_shows_both_sides_of_an_interrupted_fetch() {
    example("demo"); // or make would be at work on it twice
    let ended = run(&mut make("demo"));
    assert_eq!(ended.code, Some(0), "{}{}", ended.out, ended.err);
    for words in [
        "server  request 1: answered",
        "server  request 2: its client has gone",
        "The same over TLS, for https://localhost.",
    ] {
        assert!(ended.out.contains(words), "{words}: {}", ended.out);
    }
    assert_eq!(ended.out.matches("The client was back after ").count(), 2, "{}", ended.out);
}

#[test]
fn the_demo_fails_if_the_server_does_not_notice() {
    let folder = Folder::new("demo");
    let url = serve(&[HELLO, SILENCE]).url;
    let address = url.trim_start_matches("http://");
    let stand_in = folder.path("slow_server");
    fs::write(&stand_in, format!("#!/bin/sh\necho listening on {address}\n")).unwrap();
    fs::set_permissions(&stand_in, fs::Permissions::from_mode(0o755)).unwrap();
    let ended = run(Command::new(example("demo")).arg(&stand_in));
    assert_eq!(ended.code, Some(1), "{}", ended.out);
    assert!(ended.out.contains("client  has the answer"), "{}", ended.out);
}

fn download(url: &str, folder: &Folder) -> Ended {
    run(Command::new(example("download")).arg(url).arg(folder.path("file")))
}

/// The files of a folder and what is in them.
fn files(folder: &Folder) -> Vec<(String, String)> {
    let file = |path: PathBuf| {
        let name = path.file_name().unwrap().to_str().unwrap().to_owned();
        (name, fs::read_to_string(path).unwrap())
    };
    fs::read_dir(folder.path("")).unwrap().map(|entry| file(entry.unwrap().path())).collect()
}
