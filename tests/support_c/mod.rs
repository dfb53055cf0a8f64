//! What the tests of the C artefacts share: running tools, the libraries, folders, servers.
#![allow(dead_code, missing_docs)] // each test file uses its own part

pub mod header;
pub mod keeper;
pub mod programs;
pub mod servers;

use std::fs;
use std::io::{Read, Write};
use std::net::{SocketAddr, TcpListener, TcpStream};
use std::path::{Path, PathBuf};
use std::process::Command;
use std::sync::Arc;
use std::sync::OnceLock;
use std::sync::atomic::{AtomicBool, Ordering::SeqCst};
use std::thread::{self, JoinHandle};
use std::time::Duration;

pub fn root() -> &'static Path {
    Path::new(env!("CARGO_MANIFEST_DIR"))
}

pub fn read(path: impl AsRef<Path>) -> String {
    let path = root().join(path);
    fs::read_to_string(&path).unwrap_or_else(|e| panic!("{}: {e}", path.display()))
}

/// What the command prints on stdout. A command that fails, or is not there, fails the test.
pub fn run(command: &mut Command) -> String {
    let output = command
        .output()
        .unwrap_or_else(|e| panic!("{command:?}: {e} (packaging/setup.sh installs the tools)"));
    assert!(
        output.status.success(),
        "{command:?}: {}\n{}{}",
        output.status,
        String::from_utf8_lossy(&output.stdout),
        String::from_utf8_lossy(&output.stderr),
    );
    String::from_utf8(output.stdout).expect("tools print UTF-8")
}

/// `command`, split at blanks, in the root of the repository.
pub fn tool(command: &str) -> Command {
    let mut words = command.split_whitespace();
    let mut tool = Command::new(words.next().expect("a command"));
    tool.args(words).current_dir(root());
    tool
}

/// `make` as a user calls it, whatever make may have started these tests.
pub fn make(target: &str) -> Command {
    let mut make = tool("make --no-print-directory");
    make.arg(target).env_remove("MAKEFLAGS").env_remove("MFLAGS").env_remove("MAKELEVEL");
    make
}

/// The folder with the libraries, up to date.
pub fn libraries() -> &'static Path {
    static BUILD: OnceLock<PathBuf> = OnceLock::new();
    BUILD.get_or_init(|| {
        run(&mut make("all"));
        root().join("build")
    })
}

/// The names of the exported functions, as packaging/exports.txt lists them.
pub fn exports() -> Vec<String> {
    read("packaging/exports.txt").lines().map(str::to_owned).collect()
}

/// An empty folder that goes with the value.
pub struct Folder(PathBuf);

impl Folder {
    pub fn new(name: &str) -> Folder {
        let path = Path::new(env!("CARGO_TARGET_TMPDIR")).join(name);
        let _ = fs::remove_dir_all(&path); // left by a run that was killed
        fs::create_dir_all(&path).expect("the target folder can be written to");
        Folder(path)
    }

    pub fn path(&self, inside: &str) -> PathBuf {
        self.0.join(inside)
    }
}

impl Drop for Folder {
    fn drop(&mut self) {
        let _ = fs::remove_dir_all(&self.0);
    }
}

pub const GREETING: &str = "hello from the test\n";

/// Answers every request on a free port with the greeting, in two pieces with a pause between
/// them, so that whoever fetches has to wait for its descriptor more than once.
pub struct Server {
    address: SocketAddr,
    over: Arc<AtomicBool>,
    thread: Option<JoinHandle<()>>,
}

impl Server {
    pub fn start() -> Server {
        let listener = TcpListener::bind("127.0.0.1:0").expect("loopback has a free port");
        let address = listener.local_addr().expect("a bound socket has an address");
        let over = Arc::new(AtomicBool::new(false));
        let thread = thread::spawn({
            let over = over.clone();
            move || {
                for stream in listener.incoming().take_while(|_| !over.load(SeqCst)) {
                    // A client may give up; whether it should have is for its test to judge.
                    let _ = stream.and_then(greet);
                }
            }
        });
        Server { address, over, thread: Some(thread) }
    }

    pub fn url(&self) -> String {
        format!("http://{}/", self.address)
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        self.over.store(true, SeqCst);
        let _ = TcpStream::connect(self.address); // wakes the accept
        let _ = self.thread.take().map(JoinHandle::join);
    }
}

fn greet(mut stream: TcpStream) -> std::io::Result<()> {
    stream.set_read_timeout(Some(Duration::from_secs(10)))?;
    let mut request = Vec::new();
    let mut buffer = [0; 4096];
    while !request.ends_with(b"\r\n\r\n") {
        match stream.read(&mut buffer)? {
            0 => return Ok(()),
            n => request.extend_from_slice(&buffer[..n]),
        }
    }
    let (first, rest) = GREETING.split_at(GREETING.len() / 2);
    write!(stream, "HTTP/1.1 200 OK\r\nContent-Length: {}\r\n\r\n{first}", GREETING.len())?;
    thread::sleep(Duration::from_millis(30));
    stream.write_all(rest.as_bytes())
}
