//! A client's link, as light as it can be: a socket and the bytes of a frame not yet whole.

use std::cell::RefCell;
use std::io::ErrorKind;
use std::net::SocketAddr;
use std::rc::Rc;

use anyhow::{Context, Result, bail, ensure};
use presently_core::wire::frame::{Deframer, Frame};
use tokio::net::TcpStream;

thread_local! {
    /// What every link reads into, so that an idle one holds no buffer.
    static SCRATCH: RefCell<Vec<u8>> = RefCell::new(vec![0; 64 * 1024]);
}

/// How frames travel.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Transport {
    Tcp,
    WebSocket,
}

/// The half that speaks. Clones speak on the same link.
#[derive(Clone, Debug)]
pub(crate) struct Voice {
    socket: Rc<TcpStream>,
    transport: Transport,
}

/// A link to the server, or to the relay.
#[derive(Debug)]
pub(crate) struct Link {
    voice: Voice,
    frames: Deframer,
    /// Bytes of a WebSocket that are not a whole message yet.
    messages: Vec<u8>,
}

impl Voice {
    /// Writes whole frames.
    pub(crate) async fn say(&self, frames: &[u8]) -> Result<()> {
        match self.transport {
            Transport::Tcp => self.write(frames).await,
            Transport::WebSocket => self.write(&masked(frames)?).await,
        }
    }

    async fn write(&self, mut bytes: &[u8]) -> Result<()> {
        while !bytes.is_empty() {
            match self.socket.try_write(bytes) {
                Ok(count) => bytes = bytes.get(count..).unwrap_or_default(),
                Err(error) if error.kind() == ErrorKind::WouldBlock => {
                    self.socket.writable().await?;
                }
                Err(error) => return Err(error.into()),
            }
        }
        Ok(())
    }
}

impl Link {
    /// Connects.
    pub(crate) async fn open(to: SocketAddr, transport: Transport) -> Result<Self> {
        let socket = TcpStream::connect(to).await.context("no connection")?;
        socket.set_nodelay(true)?;
        let voice = Voice { socket: Rc::new(socket), transport };
        let mut link = Self { voice, frames: Deframer::default(), messages: Vec::new() };
        if transport == Transport::WebSocket {
            link.upgrade(to).await?;
        }
        Ok(link)
    }

    /// The half that speaks.
    pub(crate) fn voice(&self) -> &Voice {
        &self.voice
    }

    /// Writes whole frames.
    pub(crate) async fn say(&self, frames: &[u8]) -> Result<()> {
        self.voice.say(frames).await
    }

    /// The next frame.
    pub(crate) async fn frame(&mut self) -> Result<Frame> {
        loop {
            if let Some(frame) = self.ready_frame()? {
                return Ok(frame);
            }
            self.read().await?;
        }
    }

    /// A frame that is here already.
    pub(crate) fn ready_frame(&mut self) -> Result<Option<Frame>> {
        match self.frames.next_frame() {
            Ok(frame) => Ok(frame),
            Err(_) => bail!("the other side says what is no frame"),
        }
    }

    async fn read(&mut self) -> Result<()> {
        loop {
            self.voice.socket.readable().await?;
            let read = SCRATCH.with_borrow_mut(|scratch| {
                let count = self.voice.socket.try_read(scratch)?;
                let bytes = scratch.get(..count).unwrap_or_default();
                match self.voice.transport {
                    Transport::Tcp => self.frames.push(bytes),
                    Transport::WebSocket => self.messages.extend_from_slice(bytes),
                }
                Ok(count)
            });
            match read {
                Ok(0) => bail!("the other side closed the link"),
                Ok(_) if self.voice.transport == Transport::WebSocket => return self.unpack(),
                Ok(_) => return Ok(()),
                Err::<_, std::io::Error>(error) if error.kind() == ErrorKind::WouldBlock => {}
                Err(error) => return Err(error.into()),
            }
        }
    }

    async fn upgrade(&mut self, to: SocketAddr) -> Result<()> {
        let ask = format!(
            "GET /ws HTTP/1.1\r\nHost: {to}\r\nConnection: Upgrade\r\nUpgrade: websocket\r\n\
             Sec-WebSocket-Version: 13\r\nSec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n\r\n"
        );
        self.voice.write(ask.as_bytes()).await?;
        let mut head = [0; 1024];
        let count = loop {
            self.voice.socket.readable().await?;
            match self.voice.socket.try_read(&mut head) {
                Ok(count) => break count,
                Err(error) if error.kind() == ErrorKind::WouldBlock => {}
                Err(error) => return Err(error.into()),
            }
        };
        let head = head.get(..count).unwrap_or_default();
        ensure!(head.starts_with(b"HTTP/1.1 101"), "no WebSocket here");
        ensure!(head.ends_with(b"\r\n\r\n"), "the server spoke before it was spoken to");
        Ok(())
    }

    /// Takes the frames out of whole WebSocket messages.
    fn unpack(&mut self) -> Result<()> {
        let mut at = 0;
        while let Some((opcode, payload, used)) = message(self.messages.get(at..).unwrap_or(&[])) {
            match opcode {
                0 | 2 => self.frames.push(payload),
                // Pings need no answer from who measures; a close ends the read that follows.
                _ => {}
            }
            at += used;
        }
        self.messages.drain(..at);
        if self.messages.is_empty() {
            self.messages = Vec::new();
        }
        Ok(())
    }
}

/// A client's binary message. Masked with zeros: nobody stands between who measures and the server.
fn masked(payload: &[u8]) -> Result<Vec<u8>> {
    let mut out = Vec::with_capacity(payload.len() + 8);
    out.push(0x82);
    match u16::try_from(payload.len())? {
        short @ 0..126 => out.push(0x80 | u8::try_from(short)?),
        long => {
            out.push(0x80 | 126);
            out.extend_from_slice(&long.to_be_bytes());
        }
    }
    out.extend_from_slice(&[0; 4]);
    out.extend_from_slice(payload);
    Ok(out)
}

/// The first whole message: its opcode, its payload, and how many bytes it took.
fn message(bytes: &[u8]) -> Option<(u8, &[u8], usize)> {
    let &[first, short, ..] = bytes else { return None };
    let (len, head) = match short & 0x7f {
        126 => (u64::from(u16::from_be_bytes(*bytes.get(2..)?.first_chunk()?)), 4),
        127 => (u64::from_be_bytes(*bytes.get(2..)?.first_chunk()?), 10),
        len => (u64::from(len), 2),
    };
    let used = head + usize::try_from(len).ok()?;
    Some((first & 0x0f, bytes.get(head..used)?, used))
}

#[cfg(test)]
#[path = "link_test.rs"]
mod link_test;
