//! What a tracer saw: the system calls that each call of the library made, and which could block.

use std::collections::{BTreeMap, BTreeSet};

/// A call of the library, and the system calls that it made, as the tracer wrote them.
pub(crate) struct Call {
    pub(crate) export: String,
    pub(crate) made: Vec<String>,
}

/// The calls of the library in what the tracer wrote of one thread, by the marks of `calls`.
pub(crate) fn calls_of(log: &str) -> Vec<Call> {
    let (mut done, mut open) = (Vec::new(), Vec::<Call>::new());
    for line in log.lines() {
        let mark = line.strip_prefix("write(-1, \"").and_then(|rest| rest.split('"').next());
        match mark {
            Some("") => done.push(open.pop().expect("a call begins before it ends")),
            Some(export) => open.push(Call { export: export.to_owned(), made: Vec::new() }),
            // Without a bracket it is a signal, or the end.
            None if line.contains('(') => {
                if let Some(call) = open.last_mut() {
                    call.made.push(line.to_owned());
                }
            }
            None => {}
        }
    }
    assert!(open.is_empty(), "each call ends");
    done
}

/// The functions whose name says that they wait.
const WAITS: &[&str] = &["ifetch_wait", "ifetch_client_wait", "ifetch_run"];

/// What may be read by whoever calls: the resolver's own small files; and the system's allocator asks
/// once how memory is counted.
const FILES: &[&str] =
    &["/etc/resolv.conf", "/etc/nsswitch.conf", "/etc/hosts", "/proc/sys/vm/overcommit_memory"];

/// What the calls of the library in one thread did.
#[derive(Default)]
pub(crate) struct Trace {
    /// How many there were.
    pub(crate) calls: usize,
    /// How often each system call was made.
    pub(crate) made: BTreeMap<String, usize>,
    /// The system calls that could block, with the function that made them.
    pub(crate) could_block: Vec<String>,
    nonblocking: BTreeSet<String>,
    wakes: BTreeSet<String>,
    files: BTreeSet<String>,
}

impl Trace {
    pub(crate) fn of<'a>(calls: impl IntoIterator<Item = &'a Call>) -> Trace {
        let mut trace = Trace::default();
        for call in calls {
            trace.calls += 1;
            for line in &call.made {
                trace.note(&call.export, line);
            }
        }
        trace
    }

    fn note(&mut self, export: &str, line: &str) {
        let (name, rest) = line.split_once('(').expect("a system call has arguments");
        *self.made.entry(name.to_owned()).or_default() += 1;
        let (arguments, result) = rest.rsplit_once(" = ").unwrap_or((rest, ""));
        let result = result.split(' ').next().expect("split gives one piece");
        if !self.cannot_block(name, arguments.trim_end(), WAITS.contains(&export)) {
            self.could_block.push(format!("{export}: {line}"));
        }
        let fd = first_of(arguments).to_owned();
        match name {
            "socket" if arguments.contains("SOCK_NONBLOCK") => {
                self.nonblocking.insert(result.to_owned());
            }
            "eventfd2" if arguments.contains("EFD_NONBLOCK") => {
                self.wakes.insert(result.to_owned());
            }
            "openat" => {
                self.files.insert(result.to_owned());
            }
            "close" => {
                for set in [&mut self.nonblocking, &mut self.wakes, &mut self.files] {
                    set.remove(&fd);
                }
            }
            _ => {}
        }
    }

    /// Whatever is not here could.
    fn cannot_block(&self, name: &str, arguments: &str, may_wait: bool) -> bool {
        let has = |word: &str| arguments.contains(word);
        match name {
            "socket" => has("SOCK_NONBLOCK"),
            "eventfd2" => has("EFD_NONBLOCK"),
            "timerfd_create" => has("TFD_NONBLOCK"),
            "connect" => self.nonblocking.contains(first_of(arguments)),
            "sendmsg" | "recvmsg" | "sendto" | "recvfrom" => has("MSG_DONTWAIT"),
            "write" => self.wakes.contains(first_of(arguments)),
            "poll" => arguments.ends_with(", 0)"),
            "ppoll" => has("{tv_sec=0, tv_nsec=0}"),
            "epoll_wait" => may_wait || arguments.ends_with(", 0)"),
            "epoll_pwait" => may_wait || has(", 0, NULL"),
            // A close that lingers does so for no time.
            "setsockopt" => !has("SO_LINGER") || has("l_linger=0"),
            "openat" => arguments.split('"').nth(1).is_some_and(|path| FILES.contains(&path)),
            "stat" | "newfstatat" | "fstat" | "uname" | "getsockname" => true,
            "read" => self.files.contains(first_of(arguments)),
            "close" | "shutdown" | "getsockopt" => true,
            "epoll_create1" | "epoll_ctl" | "timerfd_settime" => true,
            // To wake somebody waits for nobody.
            "futex" => has("FUTEX_WAKE"),
            // A helper is started.
            "clone" | "clone3" | "rt_sigprocmask" => true,
            // Memory, but not that of a file.
            "mmap" => has("MAP_ANONYMOUS"),
            "brk" | "munmap" | "mremap" | "mprotect" | "madvise" => true,
            "getpid" | "gettid" | "clock_gettime" | "getrandom" => true,
            _ => false,
        }
    }
}

fn first_of(arguments: &str) -> &str {
    arguments.split([',', ')']).next().expect("split gives one piece")
}

/// The files that a thread opened or asked for.
pub(crate) fn files_of(log: &str) -> BTreeSet<&str> {
    let opens = ["open(", "openat(", "stat(", "newfstatat(", "access(", "readlink("];
    let of_files = log.lines().filter(|line| opens.iter().any(|open| line.starts_with(open)));
    of_files.filter_map(|line| line.split('"').nth(1)).filter(|path| !path.is_empty()).collect()
}
