//! A server for tests that start and cancel fetches at any moment.

use super::{HELLO, PATIENCE};
use std::io::{Read, Write};
use std::net::{SocketAddr, TcpListener, TcpStream};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering::SeqCst};
use std::thread::JoinHandle;

/// Answers each connection with `HELLO` and closes it, in a thread that ends when this is dropped.
pub(crate) struct Serving {
    address: SocketAddr,
    thread: Option<JoinHandle<()>>,
    ending: Arc<AtomicBool>,
}

impl Serving {
    pub(crate) fn start() -> Serving {
        let listener = TcpListener::bind("127.0.0.1:0").expect("a loopback port");
        let address = listener.local_addr().expect("it is bound");
        let ending = Arc::new(AtomicBool::new(false));
        let until = Arc::clone(&ending);
        let thread = std::thread::spawn(move || {
            for link in listener.incoming() {
                if until.load(SeqCst) {
                    return;
                }
                let Ok(mut link) = link else { continue };
                // The client may have left at any moment, which is no failure here.
                let _ = link.set_read_timeout(Some(PATIENCE));
                let mut buffer = [0; 1024];
                if link.read(&mut buffer).is_ok_and(|n| n > 0) {
                    let _ = link.write_all(HELLO.as_bytes());
                }
            }
        });
        Serving { address, thread: Some(thread), ending }
    }

    pub(crate) fn url(&self) -> String {
        format!("http://{}/", self.address)
    }
}

impl Drop for Serving {
    fn drop(&mut self) {
        self.ending.store(true, SeqCst);
        let _ = TcpStream::connect(self.address);
        if let Some(thread) = self.thread.take() {
            let _ = thread.join();
        }
    }
}
