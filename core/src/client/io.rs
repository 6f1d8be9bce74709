//! What goes into a client and comes out of it: all that a driver carries.

use bytes::Bytes;

use super::{Command, Event};
use crate::id::{LinkId, OpId};
use crate::store::{Reply, Request};
use crate::time::Wall;

/// Everything that comes into a client.
#[derive(Clone, Debug)]
pub enum Input<'a> {
    /// The dial of a link succeeded.
    LinkOpened {
        /// The link.
        link: LinkId,
    },
    /// Bytes from the server, cut anywhere.
    LinkBytes {
        /// The link.
        link: LinkId,
        /// The bytes.
        bytes: &'a [u8],
    },
    /// The driver has given bytes of a link to the operating system.
    LinkSent {
        /// The link.
        link: LinkId,
        /// How many since the last report.
        bytes: usize,
    },
    /// The dial failed or the link is gone. Also the completion of a `Close`.
    LinkClosed {
        /// The link.
        link: LinkId,
    },
    /// The completion of a `Store`.
    Stored {
        /// Echoed.
        op: OpId,
        /// What the cache says.
        reply: Reply,
    },
    /// From the app.
    Command {
        /// The app's number; comes back in the outcome.
        id: Option<u64>,
        /// What.
        command: Command,
    },
    /// The app is done with so many more `message` events, in their order: from here on they are not
    /// told again. Those that the host had to drop count as well.
    Taken {
        /// How many since the last report.
        messages: u64,
    },
    /// A reading of the wall clock: once at the start and after a jump.
    Wall(Wall),
    /// The network came back, or the app did: dial now.
    Wake,
    /// The app goes to sleep: one round to the cache, links closed, then silence until `Wake`.
    Suspend,
}

/// Everything a client asks for.
#[derive(Debug)]
pub enum Output {
    /// Open a link to the server. Completed by `LinkOpened` or `LinkClosed`.
    Dial {
        /// Its number, new each time.
        link: LinkId,
    },
    /// Bytes for the server.
    Send {
        /// The link.
        link: LinkId,
        /// The bytes.
        bytes: Bytes,
    },
    /// Flush for at most `flush_ms`, then drop. Completed by `LinkClosed`.
    Close {
        /// The link.
        link: LinkId,
        /// Milliseconds.
        flush_ms: u32,
    },
    /// Ask the client's cache.
    Store {
        /// To echo.
        op: OpId,
        /// What.
        request: Request,
    },
    /// For the app.
    Event(Event),
    /// The client has ended (signed out, or refused for good): nothing more will come.
    Ended,
}
