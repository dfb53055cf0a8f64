//! Real C programs under sanitizers and valgrind, with checks that these would tell.

mod support_c;

use std::io::{BufRead, BufReader, Read, Write};
use std::net::{SocketAddr, TcpListener, TcpStream};
use std::path::{Path, PathBuf};
use std::process::{Command, Output};
use std::thread;
use std::time::Duration;
use support_c::{Folder, libraries, root, run, tool};

const COMPILERS: [&str; 2] = ["gcc", "clang"];

/// The program, built with both sanitizers, which end it at the first error.
fn sanitized(compiler: &str, folder: &Folder, name: &str) -> PathBuf {
    let program = folder.path(name);
    run(tool(compiler)
        .args(
            "-std=gnu11 -g -O1 -Wall -Wextra -Wpedantic -Werror -fno-omit-frame-pointer".split(' '),
        )
        .args(["-fsanitize=address,undefined", "-fno-sanitize-recover=all", "-Iinclude"])
        .arg(format!("tests/c/{name}.c"))
        .arg(libraries().join("libifetch.a"))
        .args(["-pthread", "-lm", "-ldl", "-o"])
        .arg(&program));
    program
}

fn assert_exercised(output: &Output) {
    let said = String::from_utf8_lossy(&output.stdout);
    let complained = String::from_utf8_lossy(&output.stderr);
    assert!(output.status.success() && said == "exercised\n", "{said}{complained}");
    assert!(!complained.contains("ERROR"), "{complained}");
}

#[test]
fn a_program_that_uses_everything_is_clean_under_address_and_undefined_sanitizers() {
    for compiler in COMPILERS {
        let folder = Folder::new(&format!("exercise-{compiler}"));
        let program = sanitized(compiler, &folder, "exercise");
        let output =
            Command::new(program).arg(serve()).env("ASAN_OPTIONS", "detect_leaks=1").output();
        assert_exercised(&output.expect("it starts"));
    }
}

#[test]
fn the_sanitizers_are_really_on() {
    for compiler in COMPILERS {
        let folder = Folder::new(&format!("broken-{compiler}"));
        let program = sanitized(compiler, &folder, "broken");
        for (way, told) in [
            ("read-after-free", "heap-use-after-free"),
            ("read-past-end", "heap-buffer-overflow"),
            ("leak", "LeakSanitizer: detected memory leaks"),
            ("overflow", "signed integer overflow"),
        ] {
            let output =
                Command::new(&program).arg(way).env("ASAN_OPTIONS", "detect_leaks=1").output();
            let output = output.expect("it starts");
            let complained = String::from_utf8_lossy(&output.stderr);
            assert!(!output.status.success(), "{compiler}, {way}: nothing was told");
            assert!(complained.contains(told), "{compiler}, {way}: {complained}");
        }
        let clean = Command::new(&program).arg("nothing").output().expect("it starts");
        assert!(clean.status.success(), "{compiler}: {}", String::from_utf8_lossy(&clean.stderr));
    }
}

/// Runs a program under memcheck, which makes it fail on an error or a leak.
fn memcheck(program: &Path) -> Command {
    let mut command = Command::new("valgrind");
    command
        .args([
            "--quiet",
            "--error-exitcode=99",
            "--leak-check=full",
            "--child-silent-after-fork=yes",
        ])
        .args(["--errors-for-leak-kinds=definite,indirect,possible", "--show-leak-kinds=all"])
        // A lookup that has been cancelled goes on in its helper, which owns what it needs.
        .arg(format!("--suppressions={}", root().join("tests/c/helpers.supp").display()))
        .arg(program);
    command
}

#[test]
fn a_program_that_uses_everything_is_clean_under_memcheck() {
    let folder = Folder::new("exercise-memcheck");
    let program = folder.path("exercise");
    compile(&root().join("tests/c/exercise.c"), &program);
    assert_exercised(&memcheck(&program).arg(serve()).output().expect("valgrind is installed"));
}

/// Fetches that are freed while others cancel their tokens: whatever the order, all is freed.
#[test]
fn a_program_whose_tokens_are_cancelled_at_any_moment_is_clean_under_memcheck() {
    let folder = Folder::new("tokens-memcheck");
    let program = folder.path("tokens");
    compile(&root().join("tests/c/tokens.c"), &program);
    let url = serve();
    let urls = ["/length", "/chunked", "/silent", "/half"].map(|path| format!("{url}{path}"));
    let output = memcheck(&program).args(["1", "25"]).args(urls).output();
    let output = output.expect("valgrind is installed");
    let said = String::from_utf8_lossy(&output.stdout);
    let complained = String::from_utf8_lossy(&output.stderr);
    assert!(output.status.success() && said.ends_with("tokens\n"), "{said}{complained}");
    assert_eq!(complained, "");
}

#[test]
fn memcheck_is_really_on() {
    let folder = Folder::new("broken-memcheck");
    let program = folder.path("broken");
    compile(&root().join("tests/c/broken.c"), &program);
    for (way, told) in [("read-after-free", "Invalid read"), ("leak", "definitely lost")] {
        let output = memcheck(&program).arg(way).output().expect("valgrind is installed");
        let complained = String::from_utf8_lossy(&output.stderr);
        assert_eq!(output.status.code(), Some(99), "{way}: {complained}");
        assert!(complained.contains(told), "{way}: {complained}");
    }
}

#[test]
fn the_examples_are_clean_under_memcheck() {
    let folder = Folder::new("examples-memcheck");
    let file = folder.path("download");
    let url = serve();
    let path = |path: &str| format!("{url}{path}");
    let list = folder.path("urls");
    let urls = ["/length", "/chunked", "/close", "/slow", "/deaf"];
    let lines = urls.map(|end| path(end) + "\n").concat().repeat(4);
    std::fs::write(&list, lines).expect("the folder can be written to");
    for (name, arguments, code) in [
        ("get", vec![path("/length")], 0),
        ("get", vec!["http://127.0.0.1:1/".to_owned()], 1),
        ("poll", vec![path("/chunked"), path("/close"), path("/length")], 0),
        ("epoll_client", vec![path("/chunked"), "100".to_owned()], 0),
        ("client", vec![list.display().to_string(), "3".to_owned()], 1),
        ("hedge", vec![path("/half"), path("/length"), "100".to_owned()], 0),
        ("interrupt", vec![path("/silent"), "0.5".to_owned()], 1),
        ("ctrl_c", vec![path("/chunked"), path("/length")], 0),
        ("token_tree", vec![path("/silent"), "300".to_owned()], 0),
        ("download", vec![path("/chunked"), file.display().to_string()], 0),
        ("post", vec![path("/count"), "a body".to_owned()], 0),
        ("cancel", vec!["http://127.0.0.1:1/".to_owned(), "1".to_owned()], 1),
    ] {
        let program = folder.path(name);
        compile(&root().join(format!("examples-c/{name}.c")), &program);
        let output = memcheck(&program).args(&arguments).output().expect("valgrind is installed");
        let complained = String::from_utf8_lossy(&output.stderr);
        assert_eq!(output.status.code(), Some(code), "{name} {arguments:?}: {complained}");
    }
}

fn compile(source: &Path, program: &Path) {
    run(tool("gcc")
        .args("-std=gnu11 -g -O1 -Wall -Wextra -Wpedantic -Werror -Iinclude".split(' '))
        .arg(source)
        .arg(libraries().join("libifetch.a"))
        .args(["-pthread", "-lm", "-ldl", "-o"])
        .arg(program));
}

/// A server with a path for each kind of answer, for as long as the test process lives; gives its
/// URL without a path.
fn serve() -> String {
    let listener = TcpListener::bind("127.0.0.1:0").expect("loopback has a free port");
    let address: SocketAddr = listener.local_addr().expect("it is bound");
    thread::spawn(move || {
        for stream in listener.incoming().flatten() {
            // A client may leave at any moment; whether it should have is for its test to judge.
            thread::spawn(move || answer(stream));
        }
    });
    format!("http://{address}")
}

fn answer(stream: TcpStream) -> std::io::Result<()> {
    stream.set_read_timeout(Some(Duration::from_secs(30)))?;
    let mut input = BufReader::new(&stream);
    let mut head = String::new();
    while !head.ends_with("\r\n\r\n") {
        if input.read_line(&mut head)? == 0 {
            return Ok(());
        }
    }
    let path = head.split(' ').nth(1).unwrap_or_default();
    let mut output = &stream;
    match path {
        "/length" => output.write_all(b"HTTP/1.1 200 OK\r\nX-Empty:\r\nContent-Length: 5\r\n\r\nhello")?,
        "/chunked" => output.write_all(
            b"HTTP/1.1 103 Early Hints\r\nLink: </a>\r\n\r\nHTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n\
              3;a=b\r\nhel\r\n2\r\nlo\r\n0\r\nX-Sum: 5\r\n\r\n",
        )?,
        "/close" => output.write_all(b"HTTP/1.0 200 OK\r\n\r\nhello")?,
        "/slow" => {
            thread::sleep(Duration::from_millis(300));
            output.write_all(b"HTTP/1.1 200 OK\r\nContent-Length: 4\r\n\r\nslow")?;
        }
        "/half" => {
            output.write_all(b"HTTP/1.1 200 OK\r\nContent-Length: 10\r\n\r\nhello")?;
            wait_for_the_client_to_leave(&mut input)?;
        }
        "/count" => {
            let count = count_body(&head, &mut input)?.to_string();
            write!(output, "HTTP/1.1 200 OK\r\nContent-Length: {}\r\n\r\n{count}", count.len())?;
        }
        // Dropped with most of the request unread, which aborts the connection.
        "/deaf" => {}
        _ => wait_for_the_client_to_leave(&mut input)?,
    }
    Ok(())
}

fn wait_for_the_client_to_leave(input: &mut impl Read) -> std::io::Result<()> {
    while input.read(&mut [0; 1024])? > 0 {}
    Ok(())
}

/// Reads a request body, of either kind, and says how long it is.
fn count_body(head: &str, input: &mut impl BufRead) -> std::io::Result<u64> {
    if let Some((_, after)) = head.split_once("Content-Length: ") {
        let length = after.lines().next().unwrap_or_default().parse().unwrap_or(0);
        return std::io::copy(&mut input.take(length), &mut std::io::sink());
    }
    let mut total = 0;
    loop {
        let mut line = String::new();
        input.read_line(&mut line)?;
        let length = u64::from_str_radix(line.trim(), 16).unwrap_or(0);
        std::io::copy(&mut input.take(length + 2), &mut std::io::sink())?;
        if length == 0 {
            return Ok(total);
        }
        total += length;
    }
}
