//! A process with a network and a folder /etc of its own: only loopback, a name server that never
//! answers, and a few hosts that are known without one.

use super::calls::TRACED;
use std::ffi::OsStr;
use std::net::UdpSocket;
use std::path::Path;
use std::process::Command;
use std::sync::OnceLock;
use std::sync::atomic::{AtomicUsize, Ordering::SeqCst};

/// One address; more of them than attempts may run at a time; three; one of each kind. Those in
/// .local are for lookups by the system.
const HOSTS: &str = "127.0.0.1 known.example
127.0.0.2 many.example
127.0.0.3 many.example
127.0.0.4 many.example
127.0.0.5 many.example
127.0.0.6 many.example
127.0.0.7 many.example
127.0.0.8 many.example
127.0.0.9 many.example
127.0.0.2 three.example
127.0.0.3 three.example
127.0.0.4 three.example
127.0.0.1 both.example
::1 both.example
127.0.0.1 known.local
127.0.0.2 three.local
127.0.0.3 three.local
127.0.0.4 three.local
";

const MARK: &str = "IFETCH_TEST_ALONE";

/// Runs the named test of this file in such a process. True in there, which is to do the work.
pub(crate) fn alone(test: &str) -> bool {
    let is_there = bare(test);
    if is_there {
        silence_name_server();
    }
    is_there
}

/// The same without a name server, and with nothing in /etc: both are for the test to make.
pub(crate) fn bare(test: &str) -> bool {
    if let Some(folder) = std::env::var_os(MARK) {
        mount_etc(&folder);
        return true;
    }
    run(&[], test);
    false
}

/// The same under a tracer, which is shown each call of the library: what it wrote of each thread.
pub(crate) fn traced(test: &str) -> Vec<String> {
    let folder = std::env::temp_dir().join(format!("ifetch-{test}-{}", std::process::id()));
    std::fs::create_dir(&folder).expect("a temporary folder");
    let log = folder.join("log");
    let log = log.to_str().expect("a plain path");
    run(&["env", &format!("{TRACED}=1"), "strace", "-ff", "-s", "64", "-o", log], test);
    let read = |entry: std::io::Result<std::fs::DirEntry>| {
        let bytes = std::fs::read(entry.expect("it is there").path()).expect("strace writes it");
        String::from_utf8_lossy(&bytes).into_owned()
    };
    let logs = std::fs::read_dir(&folder).expect("it was made").map(read).collect();
    std::fs::remove_dir_all(&folder).expect("it was made");
    logs
}

/// Whether this process is traced.
pub(crate) fn is_traced() -> bool {
    std::env::var_os(TRACED).is_some()
}

fn run(tracer: &[&str], test: &str) {
    let program = std::env::current_exe().expect("a test has a file");
    // SAFETY: takes no arguments.
    let is_root = unsafe { libc::geteuid() } == 0;
    // Root needs no user namespace, which containers and chroots refuse.
    let as_root: &[&str] = if is_root { &[] } else { &["--map-root-user"] };
    static RUNS: AtomicUsize = AtomicUsize::new(0);
    let number = RUNS.fetch_add(1, SeqCst);
    let folder = std::env::temp_dir().join(format!("ifetch-{}-{number}", std::process::id()));
    std::fs::create_dir(&folder).expect("a temporary folder");
    let output = Command::new("unshare")
        .args(as_root)
        .args(["--mount", "--net", "--"])
        .args(tracer)
        .arg(program)
        .args(["--exact", test, "--nocapture", "--test-threads=1"])
        .env(MARK, &folder)
        .output()
        .expect("unshare starts");
    std::fs::remove_dir_all(&folder).expect("it was made above");
    let told = String::from_utf8_lossy(&output.stdout);
    let complained = String::from_utf8_lossy(&output.stderr);
    assert!(told.contains("1 passed"), "in a network of its own: {told}{complained}");
    print!("{told}");
}

/// Has a folder of our own, empty at first, stand in the place of /etc.
fn mount_etc(folder: &OsStr) {
    command("ip", &["link", "set", "lo", "up"]);
    command("mount", &["--bind", folder.to_str().expect("a plain path"), "/etc"]);
}

/// Writes a file in /etc, which is ours.
pub(crate) fn write_etc(name: &str, text: &str) {
    std::fs::write(Path::new("/etc").join(name), text).expect("the folder is ours");
}

/// Points the resolver to a socket that is never read, unless by the test.
fn silence_name_server() {
    write_etc("resolv.conf", "nameserver 127.0.0.1\noptions timeout:2 attempts:1\n");
    write_etc("nsswitch.conf", "hosts: files dns\n");
    write_etc("hosts", HOSTS);
    // The system takes all lines of a host, as Debian has it.
    write_etc("host.conf", "multi on\n");
    name_server();
}

/// The socket that names are asked for at.
pub(crate) fn name_server() -> &'static UdpSocket {
    static SOCKET: OnceLock<UdpSocket> = OnceLock::new();
    SOCKET.get_or_init(|| UdpSocket::bind("127.0.0.1:53").expect("nobody else is in this network"))
}

fn command(program: &str, arguments: &[&str]) {
    let status = Command::new(program).args(arguments).status();
    assert!(status.is_ok_and(|s| s.success()), "{program} {arguments:?}");
}
