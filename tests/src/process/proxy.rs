//! A TCP proxy with toxics: slow, narrow, sliced, stalled, cut at a byte, half-open.

use std::io::{Read as _, Write as _};
use std::net::{Shutdown, TcpListener, TcpStream};
use std::sync::atomic::{AtomicBool, AtomicI64, Ordering};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

/// How often a line that stands still looks whether it may go on.
const LOOK: Duration = Duration::from_millis(10);
/// One read.
const READ_BYTES: usize = 16 * 1024;

/// What a proxy does to all that passes.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Weather {
    /// Each piece waits this long.
    pub latency_ms: u64,
    /// Bytes per second and direction; 0: no bound.
    pub bandwidth: u64,
    /// Pieces are cut to this many bytes; 0: as they come.
    pub slice: usize,
    /// Nothing passes until it ends.
    pub stalled: bool,
}

/// A connection that passes through.
#[derive(Debug)]
struct Line {
    near: TcpStream,
    far: TcpStream,
    /// Both sides close when this many more bytes have passed.
    cut_in: AtomicI64,
    /// Nothing passes any more, and nobody is told.
    half_open: AtomicBool,
    over: AtomicBool,
}

impl Line {
    fn close(&self) {
        self.over.store(true, Ordering::SeqCst);
        self.near.shutdown(Shutdown::Both).ok();
        self.far.shutdown(Shutdown::Both).ok();
    }
}

#[derive(Debug, Default)]
struct Shared {
    weather: Mutex<Weather>,
    lines: Mutex<Vec<Arc<Line>>>,
}

impl Shared {
    fn weather(&self) -> Weather {
        *self.weather.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn lines(&self) -> Vec<Arc<Line>> {
        let mut lines = self.lines.lock().unwrap_or_else(PoisonError::into_inner);
        lines.retain(|line| !line.over.load(Ordering::SeqCst));
        lines.clone()
    }
}

/// A proxy to one address.
#[derive(Debug)]
pub struct Proxy {
    address: String,
    shared: Arc<Shared>,
}

impl Proxy {
    /// Stands before a server.
    ///
    /// # Panics
    /// Where no port is free.
    #[must_use]
    pub fn to(server: &str) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").expect("a port is free");
        let address = listener.local_addr().expect("it is bound").to_string();
        let shared = Arc::new(Shared::default());
        let (server, state) = (server.to_owned(), Arc::clone(&shared));
        std::thread::spawn(move || {
            for near in listener.incoming().map_while(Result::ok) {
                // A server that is down: the client sees its connection closed.
                let Ok(far) = TcpStream::connect(&server) else { continue };
                open(&state, near, far);
            }
        });
        Self { address, shared }
    }

    /// Where a client dials.
    #[must_use]
    pub fn address(&self) -> &str {
        &self.address
    }

    /// Changes the weather, of connections that stand as well.
    pub fn set(&self, weather: Weather) {
        *self.shared.weather.lock().unwrap_or_else(PoisonError::into_inner) = weather;
    }

    /// Closes both sides of every connection when so many more bytes have passed; how many there are.
    pub fn cut_after(&self, bytes: i64) -> usize {
        let lines = self.shared.lines();
        lines.iter().for_each(|line| line.cut_in.store(bytes, Ordering::SeqCst));
        lines.len()
    }

    /// Lets nothing more pass on the connections that stand, without a word; how many there are.
    pub fn half_open(&self) -> usize {
        let lines = self.shared.lines();
        lines.iter().for_each(|line| line.half_open.store(true, Ordering::SeqCst));
        lines.len()
    }
}

fn open(shared: &Arc<Shared>, near: TcpStream, far: TcpStream) {
    near.set_nodelay(true).ok();
    far.set_nodelay(true).ok();
    let halves = (near.try_clone(), near.try_clone(), far.try_clone(), far.try_clone());
    let (Ok(near_in), Ok(near_out), Ok(far_in), Ok(far_out)) = halves else { return };
    let line = Arc::new(Line {
        near,
        far,
        cut_in: AtomicI64::new(i64::MAX),
        half_open: AtomicBool::new(false),
        over: AtomicBool::new(false),
    });
    shared.lines.lock().unwrap_or_else(PoisonError::into_inner).push(Arc::clone(&line));
    let (one, two) = (Arc::clone(shared), Arc::clone(shared));
    let other = Arc::clone(&line);
    std::thread::spawn(move || pump(near_in, far_out, &line, &one));
    std::thread::spawn(move || pump(far_in, near_out, &other, &two));
}

/// Forwards one direction to its end.
fn pump(mut from: TcpStream, mut to: TcpStream, line: &Line, shared: &Shared) {
    let mut buffer = [0; READ_BYTES];
    while let Ok(count @ 1..) = from.read(&mut buffer) {
        if !forward(&buffer[..count], &mut to, line, shared) {
            break;
        }
    }
    if !line.half_open.load(Ordering::SeqCst) {
        return line.close();
    }
    // Whoever went away is not missed: the other side has to find out by itself.
    from.shutdown(Shutdown::Both).ok();
}

/// Whether the line goes on.
fn forward(bytes: &[u8], to: &mut TcpStream, line: &Line, shared: &Shared) -> bool {
    let mut rest = bytes;
    while !rest.is_empty() {
        let weather = shared.weather();
        if weather.stalled && !line.over.load(Ordering::SeqCst) {
            std::thread::sleep(LOOK);
            continue;
        }
        if line.half_open.load(Ordering::SeqCst) {
            return true;
        }
        let size = if weather.slice == 0 { rest.len() } else { weather.slice.min(rest.len()) };
        let left = line.cut_in.fetch_sub(size.try_into().unwrap_or(i64::MAX), Ordering::SeqCst);
        let passes = usize::try_from(left.max(0)).unwrap_or(usize::MAX).min(size);
        let mut wait = weather.latency_ms * 1_000;
        wait += (passes as u64 * 1_000_000).checked_div(weather.bandwidth).unwrap_or(0);
        std::thread::sleep(Duration::from_micros(wait));
        if to.write_all(&rest[..passes]).is_err() || passes < size {
            return false;
        }
        rest = &rest[size..];
    }
    true
}
