//! A process with a network of its own: only loopback, a name server that never answers, and a
//! few hosts that are known without one.

use super::calls::TRACED;
use std::net::UdpSocket;
use std::process::Command;
use std::sync::OnceLock;

/// One address; more of them than attempts may run at a time; three.
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
";

const MARK: &str = "IFETCH_TEST_ALONE";

/// Runs the named test of this file in such a process. True in there, which is to do the work.
pub(crate) fn alone(test: &str) -> bool {
    if std::env::var_os(MARK).is_some() {
        silence_name_server();
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
    let output = Command::new("unshare")
        .args(as_root)
        .args(["--mount", "--net", "--"])
        .args(tracer)
        .arg(program)
        .args(["--exact", test, "--nocapture", "--test-threads=1"])
        .env(MARK, "1")
        .output()
        .expect("unshare starts");
    let told = String::from_utf8_lossy(&output.stdout);
    let complained = String::from_utf8_lossy(&output.stderr);
    assert!(told.contains("1 passed"), "in a network of its own: {told}{complained}");
    print!("{told}");
}

/// Brings the loopback device up, and points the resolver to a socket that is never read.
fn silence_name_server() {
    static SOCKET: OnceLock<UdpSocket> = OnceLock::new();
    let folder = std::env::temp_dir();
    let resolv = folder.join(format!("ifetch-resolv-{}.conf", std::process::id()));
    let nsswitch = folder.join(format!("ifetch-nsswitch-{}.conf", std::process::id()));
    let one_try = "nameserver 127.0.0.1\noptions timeout:2 attempts:1\n";
    std::fs::write(&resolv, one_try).expect("a temporary file");
    std::fs::write(&nsswitch, "hosts: files dns\n").expect("a temporary file");
    let hosts = folder.join(format!("ifetch-hosts-{}", std::process::id()));
    std::fs::write(&hosts, HOSTS).expect("a temporary file");
    command("ip", &["link", "set", "lo", "up"]);
    for (ours, theirs) in
        [(&resolv, "/etc/resolv.conf"), (&nsswitch, "/etc/nsswitch.conf"), (&hosts, "/etc/hosts")]
    {
        command("mount", &["--bind", ours.to_str().expect("a plain path"), theirs]);
        std::fs::remove_file(ours).expect("mounted, it is not needed by its name");
    }
    SOCKET.get_or_init(|| UdpSocket::bind("127.0.0.1:53").expect("nobody else is in this network"));
}

fn command(program: &str, arguments: &[&str]) {
    let status = Command::new(program).args(arguments).status();
    assert!(status.is_ok_and(|s| s.success()), "{program} {arguments:?}");
}
