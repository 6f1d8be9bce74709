//! How a link's bytes travel: as they are, or as the messages of a WebSocket (RFC 6455).

use std::io::{self, Read, Write};

use bytes::{Buf, Bytes, BytesMut};
use tungstenite::protocol::{Role, WebSocketConfig};
use tungstenite::{Message, WebSocket};

/// Largest WebSocket message: a few whole frames of ours.
const MESSAGE_BYTES_MAX: usize = 128 * 1024;

/// How a link's bytes travel.
pub(crate) enum Framing {
    /// As they are.
    Plain,
    /// As binary messages.
    WebSocket(Box<WebSocket<Pipe>>),
}

/// What a WebSocket has for the hub.
pub(crate) enum Next {
    /// A whole message.
    Message(Bytes),
    /// Nothing before more is read.
    Waits,
    /// Nothing more will come.
    Over,
}

impl Framing {
    /// A WebSocket whose handshake is done; `rest` came behind it.
    pub(crate) fn web_socket(rest: &[u8]) -> Self {
        let config = WebSocketConfig::default()
            .read_buffer_size(1_024)
            .write_buffer_size(0)
            .max_write_buffer_size(1024 * 1024)
            .max_message_size(Some(MESSAGE_BYTES_MAX))
            .max_frame_size(Some(MESSAGE_BYTES_MAX));
        let pipe = Pipe { input: BytesMut::from(rest), of_frame: 0, output: Vec::new() };
        Self::WebSocket(Box::new(WebSocket::from_raw_socket(pipe, Role::Server, Some(config))))
    }

    /// Bytes of the hub as they go out.
    pub(crate) fn wrap(&mut self, bytes: Bytes) -> Bytes {
        match self {
            Self::Plain => bytes,
            Self::WebSocket(socket) => {
                // Memory takes everything; after a close there is nothing to say.
                let _ = socket.write(Message::Binary(bytes));
                let _ = socket.flush();
                Bytes::from(std::mem::take(&mut socket.get_mut().output))
            }
        }
    }

    /// What is said last.
    pub(crate) fn goodbye(&mut self) -> Vec<u8> {
        match self {
            Self::Plain => Vec::new(),
            Self::WebSocket(socket) => {
                let _ = socket.close(None);
                let _ = socket.flush();
                std::mem::take(&mut socket.get_mut().output)
            }
        }
    }

    /// Takes in what was read; `false`: it is for the hub as it is.
    pub(crate) fn take_in(&mut self, bytes: &[u8]) -> bool {
        match self {
            Self::Plain => false,
            Self::WebSocket(socket) => {
                socket.get_mut().input.extend_from_slice(bytes);
                true
            }
        }
    }

    /// The next whole message of a WebSocket, and what it has to answer by itself.
    pub(crate) fn next_message(&mut self) -> Option<(Next, Vec<u8>)> {
        let Self::WebSocket(socket) = self else { return None };
        let next = loop {
            match socket.read() {
                Ok(Message::Binary(bytes)) => break Next::Message(bytes),
                Ok(Message::Ping(_) | Message::Pong(_) | Message::Frame(_)) => {}
                // The answer to a close is queued by the library; the next read ends it.
                Ok(Message::Close(_)) => {}
                Err(tungstenite::Error::Io(error)) if error.kind() == io::ErrorKind::WouldBlock => {
                    break Next::Waits;
                }
                // Text is none of ours.
                Ok(Message::Text(_)) | Err(_) => break Next::Over,
            }
        };
        Some((next, std::mem::take(&mut socket.get_mut().output)))
    }
}

/// What a WebSocket reads from and writes to: memory, so that it can move between threads whole.
pub(crate) struct Pipe {
    input: BytesMut,
    /// Bytes of the frame being read that are still in `input`.
    of_frame: usize,
    output: Vec<u8>,
}

/// How many bytes the frame at the front has, once it is whole; one that is too long is read at once.
///
/// The library makes room for a frame when it has read its header. So it is shown only whole ones: a
/// length that was only claimed takes no memory.
fn whole_frame(bytes: &[u8]) -> Option<usize> {
    let second = *bytes.get(1)?;
    let (length, mut head) = match second & 0x7f {
        126 => (usize::from(u16::from_be_bytes(bytes.get(2..4)?.try_into().ok()?)), 4),
        127 => {
            let length = u64::from_be_bytes(bytes.get(2..10)?.try_into().ok()?);
            (usize::try_from(length).unwrap_or(usize::MAX), 10)
        }
        short => (usize::from(short), 2),
    };
    if second & 0x80 != 0 {
        head += 4;
    }
    if length > MESSAGE_BYTES_MAX {
        return Some(bytes.len());
    }
    (bytes.len() >= head + length).then_some(head + length)
}

impl Read for Pipe {
    fn read(&mut self, into: &mut [u8]) -> io::Result<usize> {
        if self.input.is_empty() {
            // An idle link keeps no buffer.
            self.input = BytesMut::new();
            return Err(io::ErrorKind::WouldBlock.into());
        }
        if self.of_frame == 0 {
            self.of_frame = whole_frame(&self.input).ok_or(io::ErrorKind::WouldBlock)?;
        }
        let count = into.len().min(self.of_frame);
        self.input.copy_to_slice(&mut into[..count]);
        self.of_frame -= count;
        Ok(count)
    }
}

impl Write for Pipe {
    fn write(&mut self, from: &[u8]) -> io::Result<usize> {
        self.output.extend_from_slice(from);
        Ok(from.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

#[cfg(test)]
#[path = "framing_test.rs"]
mod tests;
