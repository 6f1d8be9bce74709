//! What the server is measured against: a process that only carries bytes.
//!
//! It reads frames by their length and writes frames of the sizes the server's have: to the other of
//! a pair and an ack back, or to the ten next to one on a ring. One thread, one read and as few writes
//! as can be; no accounts, no order, no disk.

use std::cell::RefCell;
use std::process::ExitCode;
use std::rc::Rc;

use anyhow::{Context, Result};
use tokio::net::{TcpListener, TcpStream};

use crate::child::{Answer, Ask, Used, answer_all, cpu_ns};

/// Friends on each side of one on the ring.
pub(crate) const SIDE: usize = 5;

/// Bytes of the frame that each connection begins with: number and ring, big-endian.
const BADGE_BYTES: usize = 8;

/// What a client of the relay says first. `ring` 0: one of a pair.
pub(crate) fn badge(number: u32, ring: u32) -> Vec<u8> {
    let mut out = vec![0, 0, 8];
    out.extend_from_slice(&number.to_be_bytes());
    out.extend_from_slice(&ring.to_be_bytes());
    out
}

struct Relay {
    /// Size of an ack, its length field included.
    ack: usize,
    /// Size of a frame that is passed on.
    passed: usize,
    sockets: RefCell<Vec<Option<Rc<TcpStream>>>>,
}

/// The relay process: `ACK PASSED`, the sizes of frames in bytes.
///
/// # Errors
/// Where it cannot listen, or its lines end badly.
pub fn main(args: &[String]) -> Result<ExitCode> {
    let size = |at: usize| -> Result<usize> { Ok(args.get(at).context("a size")?.parse()?) };
    let (ack, passed) = (size(0)?, size(1)?);
    super::machine::raise_descriptors();
    let listener = std::net::TcpListener::bind(("127.0.0.1", 0))?;
    let address = listener.local_addr()?;
    listener.set_nonblocking(true)?;
    std::thread::spawn(move || {
        let relay = Relay { ack, passed, sockets: RefCell::default() };
        if let Err(error) = run(Rc::new(relay), listener) {
            eprintln!("bench: the relay: {error:#}");
        }
    });
    answer_all(address, |ask| {
        if ask != Ask::Used {
            return Answer::Failed("a relay only carries bytes".to_owned());
        }
        Answer::Used(Used { cpu_ns: cpu_ns(), commits: 0 })
    })?;
    Ok(ExitCode::SUCCESS)
}

fn run(relay: Rc<Relay>, listener: std::net::TcpListener) -> Result<()> {
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build()?;
    tokio::task::LocalSet::new().block_on(&runtime, async move {
        let listener = TcpListener::from_std(listener)?;
        loop {
            let (socket, _) = listener.accept().await?;
            socket.set_nodelay(true)?;
            let relay = Rc::clone(&relay);
            tokio::task::spawn_local(async move {
                // Who leaves, leaves.
                let _ = relay.carry(Rc::new(socket)).await;
            });
        }
    })
}

impl Relay {
    async fn carry(&self, socket: Rc<TcpStream>) -> Result<()> {
        let mut held: Vec<u8> = Vec::new();
        let mut scratch = vec![0; 16 * 1024];
        let mut place = None;
        let mut to_others = Vec::new();
        let mut acks = Vec::new();
        loop {
            socket.readable().await?;
            let count = match socket.try_read(&mut scratch) {
                Ok(0) => return Ok(()),
                Ok(count) => count,
                Err(error) if error.kind() == std::io::ErrorKind::WouldBlock => continue,
                Err(error) => return Err(error.into()),
            };
            held.extend_from_slice(scratch.get(..count).unwrap_or_default());
            let mut at = 0;
            while let Some(frame) = whole(held.get(at..).unwrap_or_default()) {
                at += frame.len();
                match place {
                    None => place = self.enter(frame, &socket),
                    Some((_, ring)) => {
                        put(&mut to_others, frame, self.passed);
                        if ring == 0 {
                            put(&mut acks, &[], self.ack);
                        }
                    }
                }
            }
            held.drain(..at);
            if let Some(place) = place.filter(|_| !to_others.is_empty()) {
                self.pass_on(place, &to_others)?;
                to_others.clear();
            }
            if !acks.is_empty() {
                socket.try_write(&acks)?;
                acks.clear();
            }
        }
    }

    fn enter(&self, frame: &[u8], socket: &Rc<TcpStream>) -> Option<(usize, usize)> {
        let (number, ring) = frame.get(3..3 + BADGE_BYTES)?.split_first_chunk::<4>()?;
        let number = usize::try_from(u32::from_be_bytes(*number)).ok()?;
        let ring = usize::try_from(u32::from_be_bytes(*ring.first_chunk()?)).ok()?;
        let mut sockets = self.sockets.borrow_mut();
        if sockets.len() <= number {
            sockets.resize(number + 1, None);
        }
        *sockets.get_mut(number)? = Some(Rc::clone(socket));
        Some((number, ring))
    }

    /// Writes to whom it concerns. A reader too slow for its socket's buffer ends the sender's link:
    /// the run cannot come to its end, and says so.
    fn pass_on(&self, (number, ring): (usize, usize), bytes: &[u8]) -> Result<()> {
        let sockets = self.sockets.borrow();
        let write = |to: usize| -> Result<()> {
            if let Some(socket) = sockets.get(to).and_then(Option::as_ref) {
                socket.try_write(bytes)?;
            }
            Ok(())
        };
        if ring == 0 {
            return write(number ^ 1);
        }
        (1..=SIDE).try_for_each(|step| {
            write((number + step) % ring)?;
            write((number + ring - step) % ring)
        })
    }
}

/// The first frame of these bytes, its length field included, once it is whole.
fn whole(bytes: &[u8]) -> Option<&[u8]> {
    let &[a, b, c, ..] = bytes else { return None };
    let len = usize::try_from(u32::from_be_bytes([0, a, b, c])).ok()?;
    bytes.get(..len + 3)
}

/// A frame of `size` bytes, with as much of another's content as fits.
fn put(out: &mut Vec<u8>, content: &[u8], size: usize) {
    let len = u32::try_from(size.saturating_sub(3)).unwrap_or(0);
    let at = out.len();
    out.extend_from_slice(len.to_be_bytes().get(1..).unwrap_or_default());
    let content = content.get(3..).unwrap_or_default();
    out.extend_from_slice(content.get(..content.len().min(size - 3)).unwrap_or_default());
    out.resize(at + size, 0);
}

#[cfg(test)]
#[path = "relay_test.rs"]
mod relay_test;
