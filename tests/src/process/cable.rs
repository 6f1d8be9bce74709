//! A TCP proxy that can be pulled: it stops forwarding, and nobody is told.

use std::io::{Read as _, Write as _};
use std::net::{TcpListener, TcpStream};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

/// A cable to an address.
#[derive(Debug)]
pub struct Cable {
    address: String,
    pulled: Arc<AtomicBool>,
}

impl Cable {
    /// Lays a cable.
    ///
    /// # Panics
    /// Where no port is free.
    #[must_use]
    pub fn to(server: &str) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").expect("a port is free");
        let address = listener.local_addr().expect("it is bound").to_string();
        let pulled = Arc::new(AtomicBool::new(false));
        let (server, flag) = (server.to_owned(), Arc::clone(&pulled));
        std::thread::spawn(move || {
            for near in listener.incoming().map_while(Result::ok) {
                let Ok(far) = TcpStream::connect(&server) else { continue };
                let (Ok(near2), Ok(far2)) = (near.try_clone(), far.try_clone()) else { continue };
                let (one, two) = (Arc::clone(&flag), Arc::clone(&flag));
                std::thread::spawn(move || forward(near, far, &one));
                std::thread::spawn(move || forward(far2, near2, &two));
            }
        });
        Self { address, pulled }
    }

    /// Where a client dials.
    #[must_use]
    pub fn address(&self) -> &str {
        &self.address
    }

    /// Stops forwarding, without a word to either side.
    pub fn pull(&self) {
        self.pulled.store(true, Ordering::SeqCst);
    }
}

fn forward(mut from: TcpStream, mut to: TcpStream, pulled: &AtomicBool) {
    let mut buffer = [0; 16 * 1024];
    while let Ok(count @ 1..) = from.read(&mut buffer) {
        while pulled.load(Ordering::SeqCst) {
            std::thread::sleep(Duration::from_millis(50));
        }
        if to.write_all(&buffer[..count]).is_err() {
            return;
        }
    }
    if !pulled.load(Ordering::SeqCst) {
        to.shutdown(std::net::Shutdown::Both).ok();
    }
}
