//! What a platform must bring.

use std::future::Future;

use async_channel::Sender;
use bytes::Bytes;
use presently_core::client::Command;
use presently_core::id::{LinkId, OpId};
use presently_core::store::{Reply, Request};
use presently_core::time::{Timestamp, Wall};

/// What reaches a driver from outside.
#[derive(Debug)]
pub enum FromHost {
    /// The dial succeeded.
    Opened(LinkId),
    /// Bytes came.
    Bytes(LinkId, Vec<u8>),
    /// Bytes were given to the operating system.
    Sent(LinkId, usize),
    /// The dial failed, or the link is gone. The last of its link.
    Closed(LinkId),
    /// The cache answered.
    Stored(OpId, Reply),
    /// The app is done with so many more messages.
    Taken(u64),
    /// The app asks.
    Command(u64, Command),
    /// The network, or the app, is back.
    Wake,
    /// The app goes to sleep.
    Suspend,
    /// The app is done with the client.
    Shutdown,
}

/// Where a driver takes what comes from outside. Bounded: who sends waits.
pub type Mailbox = Sender<FromHost>;

/// How a platform dials, sleeps and stores.
pub trait Host {
    /// One dialled link.
    type Link: Link;

    /// The monotonic clock; it counts sleep where the platform can.
    fn now(&self) -> Timestamp;

    /// The wall clock.
    fn wall(&self) -> Wall;

    /// Waits.
    fn sleep(&self, ms: u64) -> impl Future<Output = ()>;

    /// Begins to dial. `Opened` or `Closed` follows in the mailbox, then bytes.
    fn dial(&mut self, link: LinkId, mailbox: Mailbox) -> Self::Link;

    /// Asks the cache. `None`: the reply follows in the mailbox.
    fn store(&mut self, op: OpId, request: Request, mailbox: &Mailbox) -> Option<Reply>;
}

/// One link, from its dial on.
pub trait Link {
    /// Queues bytes; they go out in order, and `Sent` reports them.
    fn send(&mut self, bytes: Bytes);

    /// Flushes for at most `flush_ms`, then drops. `Closed` follows in the mailbox.
    fn close(self, flush_ms: u32);
}
