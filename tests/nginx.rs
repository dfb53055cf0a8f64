//! Thousands of fetches at once, against nginx.
#![allow(unsafe_code)]

mod support;

use std::collections::HashMap;
use std::net::{SocketAddr, TcpListener, TcpStream};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};
use support::*;

/// Far more than it takes.
const LONG: Duration = Duration::from_secs(60);

/// An nginx of our own: its files in a temporary folder, on a free port, ended when dropped.
struct Nginx {
    child: Child,
    folder: PathBuf,
    address: SocketAddr,
}

impl Nginx {
    fn start(name: &str) -> Nginx {
        let folder = Path::new(env!("CARGO_TARGET_TMPDIR")).join(name);
        let _ = std::fs::remove_dir_all(&folder);
        std::fs::create_dir_all(&folder).expect("a temporary folder");
        let listener = TcpListener::bind("127.0.0.1:0").expect("a loopback port");
        let address = listener.local_addr().expect("it is bound");
        drop(listener);
        let config = folder.join("nginx.conf");
        std::fs::write(&config, configuration(&folder, address)).expect("a temporary file");
        let child = Command::new("nginx")
            .arg("-c")
            .arg(&config)
            .stderr(Stdio::null())
            .spawn()
            .expect("nginx is installed");
        let nginx = Nginx { child, folder, address };
        nginx.wait_until_it_listens();
        nginx
    }

    fn wait_until_it_listens(&self) {
        let start = Instant::now();
        while TcpStream::connect(self.address).is_err() {
            let log = std::fs::read_to_string(self.folder.join("error.log")).unwrap_or_default();
            assert!(start.elapsed() < PATIENCE, "nginx does not listen: {log}");
            std::thread::sleep(Duration::from_millis(10));
        }
    }

    fn url(&self, number: usize) -> String {
        format!("http://{}/number/{number}", self.address)
    }
}

impl Drop for Nginx {
    fn drop(&mut self) {
        // In the foreground and without workers beside it, it is one process.
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

fn configuration(folder: &Path, address: SocketAddr) -> String {
    let folder = folder.display();
    format!(
        "daemon off; master_process off; pid {folder}/pid; error_log {folder}/error.log;
         events {{ worker_connections 20000; }}
         http {{
             access_log off;
             client_body_temp_path {folder}/body;
             proxy_temp_path {folder}/proxy;
             fastcgi_temp_path {folder}/fastcgi;
             uwsgi_temp_path {folder}/uwsgi;
             scgi_temp_path {folder}/scgi;
             server {{
                 listen {address} backlog=4096;
                 location /number/ {{ return 200 'you asked for $uri'; }}
             }}
         }}"
    )
}

/// Lets this process, and those it starts, hold as many descriptors as the system allows.
fn raise_descriptor_limit(needed: u64) {
    // SAFETY: the limit is a place to write to, and then one to read from.
    unsafe {
        let mut limit: libc::rlimit = std::mem::zeroed();
        assert_eq!(libc::getrlimit(libc::RLIMIT_NOFILE, &raw mut limit), 0);
        limit.rlim_cur = limit.rlim_max;
        assert_eq!(libc::setrlimit(libc::RLIMIT_NOFILE, &raw const limit), 0);
        assert!(limit.rlim_cur >= needed, "this test needs {needed} descriptors");
    }
}

fn assert_answered(fetch: &Fetch, number: usize) {
    assert_eq!(fetch.poll(), IFETCH_DONE, "{number}: {}", fetch.message());
    assert_eq!(fetch.body(), Some(format!("you asked for /number/{number}")), "{number}");
}

#[test]
fn five_thousand_fetches_at_once_on_one_client_are_all_answered() {
    const COUNT: usize = 5000;
    raise_descriptor_limit(COUNT as u64 + 200);
    let nginx = Nginx::start("nginx-client");
    let client = Client::new();
    let options = Options::new();
    let fetches: Vec<Fetch> = (0..COUNT).map(|n| client.start(&nginx.url(n), &options)).collect();
    let number_of: HashMap<_, _> =
        fetches.iter().enumerate().map(|(number, fetch)| (fetch.as_ptr(), number)).collect();

    let start = Instant::now();
    let mut ended = 0;
    while ended < COUNT {
        assert!(start.elapsed() < LONG, "{ended} of {COUNT} ended");
        assert!(readable(&[client.fd()], PATIENCE), "the descriptor tells of the rest");
        client.poll();
        loop {
            let next = client.next();
            if next.is_null() {
                break;
            }
            let number = number_of[&next];
            assert_answered(&fetches[number], number);
            ended += 1;
        }
    }
    assert!(client.next().is_null(), "each was given once");
    assert_eq!(client.poll(), 0);
}

#[test]
fn a_thousand_fetches_each_on_its_own_are_all_answered() {
    const COUNT: usize = 1000;
    raise_descriptor_limit(3 * COUNT as u64 + 200);
    let nginx = Nginx::start("nginx-alone");
    let fetches: Vec<Fetch> = (0..COUNT).map(|n| Fetch::get(&nginx.url(n))).collect();

    let start = Instant::now();
    let mut running: Vec<usize> = (0..COUNT).collect();
    loop {
        running.retain(|&number| fetches[number].poll() == IFETCH_PENDING);
        if running.is_empty() {
            break;
        }
        assert!(start.elapsed() < LONG, "{} of {COUNT} still run", running.len());
        let descriptors: Vec<_> = running.iter().map(|&number| fetches[number].fd()).collect();
        assert!(readable(&descriptors, PATIENCE), "a descriptor tells of the rest");
    }
    for (number, fetch) in fetches.iter().enumerate() {
        assert_answered(fetch, number);
    }
}
