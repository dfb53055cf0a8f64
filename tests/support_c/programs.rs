//! Running the programs of `examples-c/`.

use super::{libraries, make, root};
use std::fs;
use std::io::{BufRead, BufReader, Read};
use std::path::PathBuf;
use std::process::{Child, Command, Stdio};
use std::sync::OnceLock;
use std::sync::mpsc::{Receiver, channel};
use std::thread;
use std::time::{Duration, Instant};

/// Far more than anything here takes: what is not over by then hangs.
pub const PATIENCE: Duration = Duration::from_secs(60);

/// The names of all C programs in `examples-c/`, without `.c`.
pub fn names() -> Vec<String> {
    fs::read_dir(root().join("examples-c"))
        .unwrap()
        .map(|entry| entry.unwrap().path())
        .filter(|path| path.extension().is_some_and(|extension| extension == "c"))
        .map(|path| path.file_stem().unwrap().to_str().unwrap().to_owned())
        .collect()
}

/// The path of a compiled example. The first use compiles all of them, as far as needed.
pub fn example(name: &str) -> PathBuf {
    static COMPILED: OnceLock<PathBuf> = OnceLock::new();
    let compile_all = || {
        libraries(); // or another test's make would be at work on them at the same time
        super::run(&mut make("examples"));
        root().join("build/examples")
    };
    COMPILED.get_or_init(compile_all).join(name)
}

/// How a program ended.
pub struct Ended {
    pub code: Option<i32>,
    pub out: String,
    pub err: String,
}

pub fn run(command: &mut Command) -> Ended {
    finish(spawn(command.stdin(Stdio::null())))
}

pub fn spawn(command: &mut Command) -> Child {
    command.stdout(Stdio::piped()).stderr(Stdio::piped()).spawn().unwrap()
}

pub fn finish(mut child: Child) -> Ended {
    let begin = Instant::now();
    while child.try_wait().unwrap().is_none() {
        if begin.elapsed() > PATIENCE {
            child.kill().unwrap();
            panic!("hung: {:?}", child.wait_with_output().unwrap());
        }
        thread::sleep(Duration::from_millis(5));
    }
    let output = child.wait_with_output().unwrap();
    Ended {
        code: output.status.code(),
        out: String::from_utf8(output.stdout).unwrap(),
        err: String::from_utf8(output.stderr).unwrap(),
    }
}

/// What Ctrl-C does.
pub fn interrupt(child: &Child) {
    let kill = format!("kill -INT {}", child.id());
    assert!(Command::new("sh").args(["-c", &kill]).status().unwrap().success());
}

/// What a running program prints, as it prints it.
pub fn lines_of(output: impl Read + Send + 'static) -> Receiver<String> {
    let (sender, lines) = channel();
    thread::spawn(move || {
        for line in BufReader::new(output).lines().map_while(Result::ok) {
            if sender.send(line).is_err() {
                return;
            }
        }
    });
    lines
}
