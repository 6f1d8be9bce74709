//! The loop, and the app's handle on it.

use std::collections::VecDeque;
use std::pin::pin;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

use async_channel::{Receiver, TrySendError};
use futures_util::future::{Either, select};
use presently_core::client::{Client, Command, Config, Input, Output};
use presently_core::id::LinkId;
use presently_core::machine::Machine;
use presently_core::time::Timestamp;

use crate::events::{self, Events, EventsIn};
use crate::host::{FromHost, Host, Link, Mailbox};

/// What waits for a driver before senders must wait.
const MAILBOX_MAX: usize = 1_024;
/// How long a client that ends waits for its cache.
const LAST_WRITES_MS: u64 = 2_000;
/// Inputs taken before outputs are drained.
const BATCH: usize = 256;

/// The client has ended; nothing more can be asked of it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Gone;

/// Closes the mailbox with the last handle: a client that nobody holds must not stay signed in.
#[derive(Debug)]
struct Held(Mailbox);

impl Drop for Held {
    fn drop(&mut self) {
        self.0.close();
    }
}

/// The app's end of a client. Clones share it; with the last of them the client ends, as by
/// [`Handle::shutdown`].
#[derive(Clone, Debug)]
pub struct Handle {
    mailbox: Mailbox,
    events: Events,
    next_id: Arc<AtomicU64>,
    _held: Arc<Held>,
}

impl Handle {
    /// Asks something; the outcome is an event with the number returned.
    ///
    /// Waits while too much is under way.
    ///
    /// # Errors
    /// [`Gone`]: the client has ended.
    pub async fn command(&self, command: Command) -> Result<u64, Gone> {
        let id = self.next_id.fetch_add(1, Ordering::Relaxed);
        self.mailbox.send(FromHost::Command(id, command)).await.map_err(|_| Gone)?;
        Ok(id)
    }

    /// Asks something without waiting. `Ok(None)`: too much is under way, try again.
    ///
    /// # Errors
    /// [`Gone`]: the client has ended.
    pub fn try_command(&self, command: Command) -> Result<Option<u64>, Gone> {
        let id = self.next_id.fetch_add(1, Ordering::Relaxed);
        match self.mailbox.try_send(FromHost::Command(id, command)) {
            Ok(()) => Ok(Some(id)),
            Err(TrySendError::Full(_)) => Ok(None),
            Err(TrySendError::Closed(_)) => Err(Gone),
        }
    }

    /// Asks something and waits for its outcome, which then does not come as an event.
    ///
    /// # Errors
    /// [`Gone`]: the client ended first; whether it was done is not known.
    pub async fn request(&self, command: Command) -> Result<crate::Event, Gone> {
        let id = self.next_id.fetch_add(1, Ordering::Relaxed);
        let outcome = self.events.expect(id);
        self.mailbox.send(FromHost::Command(id, command)).await.map_err(|_| Gone)?;
        outcome.recv().await.map_err(|_| Gone)
    }

    /// Tells what happened to a link, for a host whose sockets call back. `false`: the driver is gone or
    /// does not keep up; drop the link, since its stream has a hole now.
    #[must_use]
    pub fn tell(&self, input: FromHost) -> bool {
        self.mailbox.try_send(input).is_ok()
    }

    /// Waits for events; see [`Events::next_batch`]. Who asks for more is done with what it had: only
    /// then are messages kept as shown. Of those that it had not, the next process is told again.
    pub async fn next_batch(&self, max: usize) -> Vec<crate::Event> {
        self.tell_taken();
        self.events.next_batch(max).await
    }

    fn tell_taken(&self) {
        let messages = self.events.done();
        if messages > 0 && self.mailbox.try_send(FromHost::Taken(messages)).is_err() {
            // Too much is under way: it is told with the next.
            self.events.put_back(messages);
        }
    }

    /// The network or the app is back: dial now rather than at the next attempt.
    pub fn wake(&self) {
        self.mailbox.try_send(FromHost::Wake).ok();
    }

    /// The app goes to sleep: links close after one round to the cache.
    pub fn suspend(&self) {
        self.mailbox.try_send(FromHost::Suspend).ok();
    }

    /// Ends the client without signing out, once its cache has written what it was asked to. Events end
    /// after those already decided; the app is done with those it had.
    pub async fn shutdown(&self) {
        let messages = self.events.done();
        if messages > 0 {
            self.mailbox.send(FromHost::Taken(messages)).await.ok();
        }
        self.mailbox.send(FromHost::Shutdown).await.ok();
    }
}

/// A client and its host, to be run.
#[derive(Debug)]
pub struct Driver<H: Host> {
    client: Client,
    host: H,
    links: Vec<(LinkId, H::Link)>,
    mailbox: Mailbox,
    inbox: Receiver<FromHost>,
    events: EventsIn,
    /// Requests that the cache has not answered.
    asked: usize,
    /// The app is done with the client: it ends with the cache's last answer, or then.
    ending: Option<Timestamp>,
    ended: bool,
}

/// Makes a client: a handle for the app, and the driver to run on its runtime.
///
/// `seed` is 32 bytes of the platform's randomness, new each time.
pub fn open<H: Host>(config: Config, seed: [u8; 32], host: H) -> (Handle, Driver<H>) {
    let (mailbox, inbox) = async_channel::bounded(MAILBOX_MAX);
    let (events_in, events) = events::queue();
    let mut client = Client::new(config, seed, host.now());
    client.handle_input(Input::Wall(host.wall()), host.now());
    let handle = Handle {
        mailbox: mailbox.clone(),
        events,
        next_id: Arc::new(AtomicU64::new(1)),
        _held: Arc::new(Held(mailbox.clone())),
    };
    let links = Vec::new();
    (
        handle,
        Driver {
            client,
            host,
            links,
            mailbox,
            inbox,
            events: events_in,
            asked: 0,
            ending: None,
            ended: false,
        },
    )
}

impl<H: Host> Driver<H> {
    /// Runs the client until it ends: signed out, refused for good, or shut down.
    pub async fn run(mut self) {
        loop {
            self.carry_out();
            let late = self.ending.is_some_and(|until| until <= self.host.now());
            if self.ended || late || (self.ending.is_some() && self.asked == 0) {
                return;
            }
            let first = self.wait().await;
            if first.is_none() && self.inbox.is_closed() {
                return;
            }
            let mut inputs: VecDeque<FromHost> = first.into_iter().collect();
            while inputs.len() < BATCH
                && let Ok(input) = self.inbox.try_recv()
            {
                inputs.push_back(input);
            }
            for input in inputs {
                self.take_in(input);
            }
            let now = self.host.now();
            if self.client.poll_timeout().is_some_and(|due| due.at <= now) {
                self.client.handle_timeout(now);
            }
        }
    }

    /// The next input, or `None` when a deadline is due.
    async fn wait(&self) -> Option<FromHost> {
        let due = self.client.poll_timeout().map(|deadline| deadline.at);
        let Some(due) = due.into_iter().chain(self.ending).min() else {
            return self.inbox.recv().await.ok();
        };
        let wait_ms = due.since(self.host.now());
        let receive = pin!(self.inbox.recv());
        let sleep = pin!(self.host.sleep(wait_ms));
        match select(receive, sleep).await {
            Either::Left((input, _)) => input.ok(),
            Either::Right(((), _)) => None,
        }
    }

    fn take_in(&mut self, input: FromHost) {
        let now = self.host.now();
        let input = match input {
            FromHost::Opened(link) => Input::LinkOpened { link },
            FromHost::Bytes(link, bytes) => {
                return self.client.handle_input(Input::LinkBytes { link, bytes: &bytes }, now);
            }
            FromHost::Sent(link, bytes) => Input::LinkSent { link, bytes },
            FromHost::Closed(link) => {
                self.links.retain(|(id, _)| *id != link);
                Input::LinkClosed { link }
            }
            FromHost::Stored(op, reply) => {
                self.asked = self.asked.saturating_sub(1);
                Input::Stored { op, reply }
            }
            FromHost::Taken(messages) => Input::Taken { messages },
            FromHost::Command(id, command) => Input::Command { id: Some(id), command },
            FromHost::Wake => Input::Wake,
            FromHost::Suspend => Input::Suspend,
            FromHost::Shutdown => {
                self.ending = Some(now + LAST_WRITES_MS);
                return;
            }
        };
        self.client.handle_input(input, now);
    }

    fn carry_out(&mut self) {
        while let Some(output) = self.client.poll_output() {
            match output {
                Output::Dial { link } => {
                    let dialled = self.host.dial(link, self.mailbox.clone());
                    self.links.push((link, dialled));
                }
                Output::Send { link, bytes } => {
                    if let Some((_, to)) = self.links.iter_mut().find(|(id, _)| *id == link) {
                        to.send(bytes);
                    }
                }
                Output::Close { link, flush_ms } => {
                    if let Some(at) = self.links.iter().position(|(id, _)| *id == link) {
                        self.links.swap_remove(at).1.close(flush_ms);
                    }
                }
                Output::Store { op, request } => {
                    if let Some(reply) = self.host.store(op, request, &self.mailbox) {
                        let now = self.host.now();
                        self.client.handle_input(Input::Stored { op, reply }, now);
                    } else {
                        self.asked += 1;
                    }
                }
                Output::Event(event) => self.events.push(event),
                Output::Ended => self.ended = true,
            }
        }
    }
}
