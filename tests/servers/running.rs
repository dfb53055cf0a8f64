//! A server of our own: its files in a temporary folder, on a free port, ended when dropped.
#![allow(unsafe_code)] // to end a process and all that it has started

use super::matrix::Server;
use super::support::PATIENCE;
use super::witness::{WORK, Witness};
use std::fs::{self, File};
use std::net::{SocketAddr, TcpListener, TcpStream};
use std::os::unix::process::CommandExt;
use std::path::{Path, PathBuf};
use std::process::{Child, Command};
use std::time::{Duration, Instant};

/// Go compiles its own library at the first start.
const STARTING: Duration = Duration::from_secs(180);

pub(crate) struct Running {
    pub(crate) witness: Witness,
    address: SocketAddr,
    process: Process,
    /// Ends after the proxy before it.
    _origin: Option<Box<Running>>,
}

impl Running {
    pub(crate) fn start(server: &Server) -> Running {
        Running::start_for(Witness::new(), server)
    }

    fn start_for(witness: Witness, server: &Server) -> Running {
        let origin =
            server.origin.map(|origin| Box::new(Running::start_for(witness.again(), origin)));
        let address = free_address();
        let folder = Path::new(env!("CARGO_TARGET_TMPDIR")).join("servers").join(server.file);
        let _ = fs::remove_dir_all(&folder);
        fs::create_dir_all(&folder).expect("a temporary folder");
        let file = folder.join(server.file);
        let target = Path::new(env!("CARGO_TARGET_TMPDIR")).parent().expect("it is in target/");
        let fill = |text: &str| {
            let path = |path: &Path| path.to_str().expect("a plain path").to_owned();
            let origin = origin.as_ref().map_or(0, |origin| origin.address.port());
            text.replace("@FOLDER@", &path(&folder))
                .replace("@FILE@", &path(&file))
                .replace("@PORT@", &address.port().to_string())
                .replace("@ORIGIN@", &origin.to_string())
                .replace("@VENV@", &path(&target.join("venv")))
                .replace("@CACHE@", &path(&target.join("cache")))
        };
        let source = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/servers").join(server.file);
        let text = fs::read_to_string(&source).expect("the server has its file");
        fs::write(&file, fill(&text)).expect("a temporary file");

        let process = Process::start(&fill(server.command), &folder, |command| {
            command
                .env("PORT", address.port().to_string())
                .env("WITNESS", witness.port().to_string())
                .env("WORK_MS", WORK.as_millis().to_string());
        });
        let mut running = Running { witness, address, process, _origin: origin };
        running.wait_until_it_listens();
        running
    }

    pub(crate) fn url(&self, path: &str) -> String {
        format!("http://{}{path}", self.address)
    }

    fn wait_until_it_listens(&mut self) {
        let start = Instant::now();
        while TcpStream::connect_timeout(&self.address, PATIENCE).is_err() {
            self.process.assert_lives();
            assert!(start.elapsed() < STARTING, "it does not listen: {}", self.process.log());
            std::thread::sleep(Duration::from_millis(10));
        }
    }
}

fn free_address() -> SocketAddr {
    let listener = TcpListener::bind("127.0.0.1:0").expect("a loopback port");
    listener.local_addr().expect("it is bound")
}

/// A test that is interrupted drops nothing; the kernel ends the server then.
fn end_with_the_test() -> std::io::Result<()> {
    // SAFETY: takes a number.
    match unsafe { libc::prctl(libc::PR_SET_PDEATHSIG, libc::SIGTERM) } {
        0 => Ok(()),
        _ => Err(std::io::Error::last_os_error()),
    }
}

/// A process, and all that it starts.
struct Process {
    child: Child,
    log: PathBuf,
}

impl Process {
    fn start(line: &str, folder: &Path, prepare: impl FnOnce(&mut Command)) -> Process {
        let log = folder.join("log");
        let file = File::create(&log).expect("a temporary file");
        let mut command = Command::new("sh");
        command
            .args(["-c", &format!("exec {line}")])
            .current_dir(folder)
            .stdout(file.try_clone().expect("a descriptor"))
            .stderr(file)
            .process_group(0);
        prepare(&mut command);
        // SAFETY: prctl may be called between fork and exec.
        unsafe { command.pre_exec(end_with_the_test) };
        let child = command.spawn().expect("there is a shell");
        Process { child, log }
    }

    fn assert_lives(&mut self) {
        let ended = self.child.try_wait().expect("it is our child");
        if let Some(status) = ended {
            panic!("{status}: {} (packaging/setup.sh installs the servers)", self.log());
        }
    }

    fn log(&self) -> String {
        fs::read_to_string(&self.log).unwrap_or_default()
    }
}

impl Drop for Process {
    fn drop(&mut self) {
        let group = -i32::try_from(self.child.id()).expect("a process has a positive number");
        // SAFETY: it has not been waited for, so the group is still the one that it leads.
        unsafe { libc::kill(group, libc::SIGKILL) };
        let _ = self.child.wait();
    }
}
