//! One socket: bytes in to the hub, bytes out from its queue.
//!
//! Reads go through the node's one scratch buffer and writes are tried at once, so an idle link holds
//! no buffer.

use std::cell::{Cell, RefCell};
use std::collections::VecDeque;
use std::io::{self, IoSlice};
use std::net::Shutdown;
use std::pin::Pin;
use std::task::{Context, Poll, Waker};

use bytes::{Buf, Bytes};
use presently_core::id::{LinkId, NodeId};
use tokio::io::{AsyncRead, ReadBuf};
use tokio::net::TcpStream;

use super::framing::{Framing, Next};

/// Queued bytes beyond which nothing more is read: pongs must not pile up behind a slow reader.
const QUEUE_BYTES_MAX: usize = 256 * 1024;
/// Pieces of one write.
const SLICES_MAX: usize = 32;
/// Reads of one turn, so that one busy link does not hold up the others.
const READS_MAX: usize = 4;

/// A piece to write, and how many of the hub's bytes it carries.
struct Piece {
    bytes: Bytes,
    payload: usize,
}

/// Where a link is in its life.
pub(crate) enum Stage {
    Open,
    /// Writes what is queued; the deadline is a timer of the node.
    Flushing,
    /// All is written and the hub knows it; waits for the peer to close, so that nothing it has not
    /// read yet is torn away by a reset.
    Lingering,
    /// Over.
    Cut,
    /// Goes to another node with what was read.
    Moving(NodeId, Bytes),
}

/// What a turn of a link's task came to.
pub(crate) enum Turn {
    /// Bytes for the hub stand in the scratch buffer.
    Read(usize),
    /// Bytes for the hub.
    Message(Bytes),
    /// The last byte was written after the hub let go.
    Flushed,
    /// Nothing more will come.
    Over,
    /// To be moved.
    Moving(NodeId, Bytes),
}

/// A socket of a node.
pub(crate) struct Link {
    pub(crate) id: LinkId,
    pub(crate) remote: String,
    /// Whether it stands in the node's list of links to flush.
    pub(crate) dirty: Cell<bool>,
    socket: RefCell<TcpStream>,
    framing: RefCell<Framing>,
    stage: RefCell<Stage>,
    queue: RefCell<VecDeque<Piece>>,
    queued: Cell<usize>,
    reads: Cell<usize>,
    waker: RefCell<Option<Waker>>,
}

impl Link {
    pub(crate) fn new(id: LinkId, socket: TcpStream, framing: Framing, remote: String) -> Self {
        Self {
            id,
            remote,
            dirty: Cell::new(false),
            socket: RefCell::new(socket),
            framing: RefCell::new(framing),
            stage: RefCell::new(Stage::Open),
            queue: RefCell::new(VecDeque::new()),
            queued: Cell::new(0),
            reads: Cell::new(0),
            waker: RefCell::new(None),
        }
    }

    pub(crate) fn into_parts(self) -> (TcpStream, Framing, String) {
        (self.socket.into_inner(), self.framing.into_inner(), self.remote)
    }

    /// Queues bytes of the hub.
    pub(crate) fn push(&self, bytes: Bytes) {
        let payload = bytes.len();
        let bytes = self.framing.borrow_mut().wrap(bytes);
        self.queue_piece(Piece { bytes, payload });
    }

    fn queue_piece(&self, piece: Piece) {
        self.queued.set(self.queued.get() + piece.bytes.len());
        self.queue.borrow_mut().push_back(piece);
    }

    /// The hub lets go: what is queued is written, then the socket closes.
    pub(crate) fn end(&self) {
        let goodbye = self.framing.borrow_mut().goodbye();
        if !goodbye.is_empty() {
            self.queue_piece(Piece { bytes: Bytes::from(goodbye), payload: 0 });
        }
        if matches!(*self.stage.borrow(), Stage::Open) {
            *self.stage.borrow_mut() = Stage::Flushing;
        }
        self.wake();
    }

    /// Drops the socket without another word.
    pub(crate) fn cut(&self) {
        *self.stage.borrow_mut() = Stage::Cut;
        self.wake();
    }

    pub(crate) fn hand_over(&self, node: NodeId, bytes: Bytes) {
        *self.stage.borrow_mut() = Stage::Moving(node, bytes);
        self.wake();
    }

    fn wake(&self) {
        if let Some(waker) = self.waker.borrow().as_ref() {
            waker.wake_by_ref();
        }
    }

    /// Writes what the operating system takes; how many of the hub's bytes that completed.
    pub(crate) fn flush(&self) -> usize {
        let sent = self.write();
        if sent.is_err() {
            self.cut();
        } else if !self.queue.borrow().is_empty() {
            self.wake();
        }
        sent.unwrap_or(0)
    }

    fn write(&self) -> io::Result<usize> {
        let mut queue = self.queue.borrow_mut();
        let mut sent = 0;
        while !queue.is_empty() {
            let mut slices = [IoSlice::new(&[]); SLICES_MAX];
            let mut count = 0;
            for (slice, piece) in slices.iter_mut().zip(queue.iter()) {
                *slice = IoSlice::new(&piece.bytes);
                count += 1;
            }
            let written = match self.socket.borrow().try_write_vectored(&slices[..count]) {
                Ok(written) => written,
                Err(error) if error.kind() == io::ErrorKind::WouldBlock => break,
                Err(error) => return Err(error),
            };
            self.queued.set(self.queued.get().saturating_sub(written));
            let mut left = written;
            while let Some(piece) = queue.front_mut() {
                if left < piece.bytes.len() {
                    piece.bytes.advance(left);
                    break;
                }
                left -= piece.bytes.len();
                sent += piece.payload;
                queue.pop_front();
            }
        }
        if queue.is_empty() && queue.capacity() > 8 {
            *queue = VecDeque::new();
        }
        Ok(sent)
    }

    /// Waits for the next thing to do about this link. `sent` grows by what was written on the way.
    pub(crate) fn poll_turn(
        &self,
        scratch: &RefCell<Box<[u8]>>,
        sent: &mut usize,
        context: &mut Context<'_>,
    ) -> Poll<Turn> {
        if !self.waker.borrow().as_ref().is_some_and(|waker| waker.will_wake(context.waker())) {
            *self.waker.borrow_mut() = Some(context.waker().clone());
        }
        if let Some(turn) = self.poll_write(sent, context) {
            return Poll::Ready(turn);
        }
        let stage = std::mem::replace(&mut *self.stage.borrow_mut(), Stage::Cut);
        let (stage, turn) = match stage {
            Stage::Moving(node, bytes) => (Stage::Cut, Poll::Ready(Turn::Moving(node, bytes))),
            Stage::Cut => (Stage::Cut, Poll::Ready(Turn::Over)),
            Stage::Flushing if self.queue.borrow().is_empty() => {
                let _ = socket2::SockRef::from(&*self.socket.borrow()).shutdown(Shutdown::Write);
                (Stage::Lingering, Poll::Ready(Turn::Flushed))
            }
            Stage::Flushing => (Stage::Flushing, Poll::Pending),
            Stage::Open => (Stage::Open, self.poll_message(scratch, context)),
            Stage::Lingering => {
                let turn = match self.poll_read(scratch, context) {
                    Poll::Ready(Ok(0) | Err(_)) => Poll::Ready(Turn::Over),
                    Poll::Ready(Ok(_)) => {
                        context.waker().wake_by_ref();
                        Poll::Pending
                    }
                    Poll::Pending => Poll::Pending,
                };
                (Stage::Lingering, turn)
            }
        };
        *self.stage.borrow_mut() = stage;
        turn
    }

    fn poll_write(&self, sent: &mut usize, context: &mut Context<'_>) -> Option<Turn> {
        while !self.queue.borrow().is_empty() {
            match self.write() {
                Ok(count) => *sent += count,
                Err(_) => return Some(Turn::Over),
            }
            if self.queue.borrow().is_empty() {
                break;
            }
            match self.socket.borrow().poll_write_ready(context) {
                Poll::Ready(Ok(())) => {}
                Poll::Ready(Err(_)) => return Some(Turn::Over),
                Poll::Pending => break,
            }
        }
        None
    }

    fn poll_message(&self, scratch: &RefCell<Box<[u8]>>, context: &mut Context<'_>) -> Poll<Turn> {
        loop {
            if let Some(turn) = self.next_message() {
                return Poll::Ready(turn);
            }
            if self.queued.get() > QUEUE_BYTES_MAX {
                return Poll::Pending;
            }
            if self.reads.get() >= READS_MAX {
                self.reads.set(0);
                context.waker().wake_by_ref();
                return Poll::Pending;
            }
            let count = match self.poll_read(scratch, context) {
                Poll::Ready(Ok(0) | Err(_)) => return Poll::Ready(Turn::Over),
                Poll::Ready(Ok(count)) => count,
                Poll::Pending => {
                    self.reads.set(0);
                    return Poll::Pending;
                }
            };
            self.reads.set(self.reads.get() + 1);
            if !self.framing.borrow_mut().take_in(&scratch.borrow()[..count]) {
                return Poll::Ready(Turn::Read(count));
            }
        }
    }

    fn poll_read(
        &self,
        scratch: &RefCell<Box<[u8]>>,
        context: &mut Context<'_>,
    ) -> Poll<io::Result<usize>> {
        let mut scratch = scratch.borrow_mut();
        let mut buffer = ReadBuf::new(&mut scratch);
        let mut socket = self.socket.borrow_mut();
        Pin::new(&mut *socket).poll_read(context, &mut buffer).map_ok(|()| buffer.filled().len())
    }

    /// The next whole message of a WebSocket; what it has to answer by itself is queued.
    fn next_message(&self) -> Option<Turn> {
        let (next, own) = self.framing.borrow_mut().next_message()?;
        if !own.is_empty() {
            self.queue_piece(Piece { bytes: Bytes::from(own), payload: 0 });
            // The task's next turn writes it.
            self.wake();
        }
        match next {
            Next::Message(bytes) => Some(Turn::Message(bytes)),
            Next::Waits => None,
            Next::Over => Some(Turn::Over),
        }
    }
}
