//! One signed-in device (PROTOCOL §4.7, and the client's side of §2.7 and §6.1).
//!
//! Owns everything an app sees: the session on one link at a time, the contact list, what is shown
//! of friends, conversations and their legs, the outbox, the cache. Inputs are routed here; each
//! concern stands in its own file.
//!
//! Invariants, pinned by `tests/`: an entry is shown once, in sequence order; an item of the outbox
//! is on the wire only after the cache has it, in the order it was said, and is acked or refused
//! exactly once; every command has one outcome.
//!
//! A driver starts with [`Client::new`], then carries outputs out and inputs in as
//! [`Machine`] shows. It completes each `Dial`, `Close` and `Store` exactly once, reports sent bytes
//! (`LinkSent`: without it a link falls silent after 64 KiB), and bounds the events an app does not
//! take.

mod book;
mod cache;
pub mod command;
mod commands;
mod config;
mod cs;
mod entries;
pub mod event;
mod inbox;
pub mod io;
mod leaving;
mod legs;
mod link;
mod load;
mod presence;
mod reconnect;
mod refused;
mod rows;
mod sends;
mod session;
mod sync;
mod taken;
mod talk;
#[cfg(test)]
mod tests;
mod waiting;

use alloc::string::ToString;
use alloc::vec::Vec;
use core::num::NonZeroU64;

pub use command::Command;
pub use config::Config;
pub use event::Event;
pub use io::{Input, Output};

use self::link::{Ask, Link, Purpose, Said};
use self::load::{Device, Loading};
use self::session::{Session, Stage};
use self::waiting::Held;
use crate::error::{Code, Refusal};
use crate::id::{Act, Channel, EndpointId, Flow};
use crate::limits::{
    ANSWER_MS, ASKS_MAX, CLOSE_FLUSH_MS, COMMANDS_WAITING_MAX, CONVERSATIONS_MAX, NAME_CHARS_MAX,
    OUTBOX_MAX, PAUSE_MS,
};
use crate::machine::{Deadline, Machine};
use crate::measure::Queues;
use crate::model::name::account_name;
use crate::outbox::Outbox;
use crate::rng::Rng;
use crate::time::{Timestamp, WallClock};
use crate::timer::TimerQueue;
use crate::wire::body::link::{Ping, Service, ToGate};
use crate::wire::bounded::Text;
use crate::wire::frame::Frame;

/// What a client waits for.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
enum Timer {
    /// Dial again.
    Dial,
    /// The server owes an answer.
    Answer,
    /// Something must be asked.
    Ping,
    /// Choose the status again.
    Status,
    /// Ask the cache again.
    Cache,
    /// Attach to a service again.
    Attach(Service),
    /// A conversation goes on.
    Talk(u32),
    /// Tell what was taken.
    Delivered(u32),
    /// A leg may be idle.
    Idle(u32),
}

/// One signed-in device.
#[derive(Debug)]
pub struct Client {
    config: Config,
    name: Text<NAME_CHARS_MAX>,
    rng: Rng,
    out: Outbox<Output>,
    /// Events that wait for `signed_in`, so that it comes first.
    withheld: Vec<Event>,
    timers: TimerQueue<Timer>,
    /// When the machine was last moved.
    seen: Timestamp,
    wall: WallClock,
    stage: Stage,
    link: Option<Link>,
    session: Session,
    reconnect: reconnect::Reconnect,
    device: Device,
    /// The app went to sleep before the cache was read.
    sleepy: bool,
    /// The cache is empty or another person's.
    stranger: bool,
    cache: cache::Cache,
    book: book::Book,
    inbox_revision: u64,
    faces: presence::Faces,
    talks: talk::Talks,
    sends: sends::Sends,
    waiting: waiting::Waiting,
    /// The next command's.
    next_act: Act,
    /// Commands that chose the status, until the server has it.
    choosing: Vec<Option<u64>>,
    syncs: Vec<sync::Sync>,
    untaken: taken::Untaken,
    /// The sign-out under way.
    leaving: Option<Option<u64>>,
}

impl Client {
    /// A device that reads its cache and signs in.
    #[must_use]
    pub fn new(config: Config, seed: [u8; 32], now: Timestamp) -> Self {
        let mut rng = Rng::new(Rng::child_seed(seed, "client"));
        let mut acts = Rng::new(Rng::child_seed(seed, "acts"));
        let name = account_name(&config.user.0);
        let mut client = Self {
            config,
            name: name.clone().unwrap_or_default(),
            out: Outbox::default(),
            withheld: Vec::new(),
            timers: TimerQueue::default(),
            seen: now,
            wall: WallClock::default(),
            stage: Stage::Loading,
            link: None,
            session: Session::default(),
            reconnect: reconnect::Reconnect::default(),
            device: Device::new(EndpointId(rng.bytes())),
            sleepy: false,
            stranger: false,
            cache: cache::Cache::default(),
            book: book::Book::default(),
            inbox_revision: 0,
            faces: presence::Faces::default(),
            talks: talk::Talks::new(rng.next_u64()),
            sends: sends::Sends::default(),
            waiting: waiting::Waiting::default(),
            next_act: Act { process: acts.next_u64(), number: NonZeroU64::MIN },
            choosing: Vec::new(),
            syncs: Vec::new(),
            untaken: taken::Untaken::default(),
            leaving: None,
            rng,
        };
        if name.is_some() {
            client.load(Loading::Writer, None);
        } else {
            client.give_up(Refusal::of(Code::Invalid), now);
        }
        client
    }

    /// Its queues. What is given back from a link that is lost stands before what waits. A conversation
    /// has three timers.
    #[must_use]
    pub fn queues(&self) -> Queues {
        let mut queues = Queues::default();
        queues.add("client outbox", self.sends.len(), OUTBOX_MAX);
        let held = COMMANDS_WAITING_MAX + ASKS_MAX;
        queues.add("client commands", self.waiting.len(), held);
        queues.add("client statuses", self.choosing.len(), held);
        queues.add("client syncs", self.syncs.len(), COMMANDS_WAITING_MAX);
        let asks = self.link.as_ref().map_or(0, Link::asks);
        queues.add("client asks", asks, ASKS_MAX * 2);
        queues.add("client conversations", self.talks.len(), CONVERSATIONS_MAX * 2);
        queues.add("client timers", self.timers.len(), self.talks.len() * 3 + 7);
        queues
    }

    /// Something for the app; what comes before `signed_in` waits for it.
    fn event(&mut self, event: Event) {
        if self.stage == Stage::Joining {
            self.withheld.push(event);
        } else {
            self.out.push(Output::Event(event));
        }
    }

    fn release_events(&mut self) {
        for event in core::mem::take(&mut self.withheld) {
            self.out.push(Output::Event(event));
        }
    }

    /// A command, or the sign-in, is refused.
    fn refuse(&mut self, id: Option<u64>, refusal: Refusal) {
        let retry_ms = (refusal.retry_after_ms > 0).then_some(refusal.retry_after_ms);
        let (code, text) = (refusal.code.name().to_string(), refusal.code.says().to_string());
        self.event(Event::Error { id, code, text, retry_ms });
    }

    fn ask(&mut self, to: Channel, said: &impl Said, flow: Flow, ask: Ask, now: Timestamp) {
        if let Some(link) = &mut self.link {
            link.ask(to, said, flow, ask, &mut self.out, now);
            self.timers.set_if_idle(Timer::Answer, now + ANSWER_MS, "answer");
        }
    }

    fn tell(&mut self, to: Channel, said: &impl Said, flow: Flow) {
        if let Some(link) = &mut self.link {
            link.tell(to, said, flow, &mut self.out);
        }
    }

    fn answered(&mut self, frame: &Frame, now: Timestamp) -> Option<Ask> {
        self.link.as_mut()?.answered(frame, now)
    }

    /// The flow of a new act.
    fn draw_flow(&mut self) -> Flow {
        if self.config.trace {
            // Below 2^53, so that every reader of JSON keeps it whole.
            Flow { id: (self.rng.next_u64() >> 11).max(1), hop: 0 }
        } else {
            Flow::default()
        }
    }

    /// A pause of ours is nobody's silence (PROTOCOL §1.2).
    fn on_clock(&mut self, now: Timestamp) {
        if let Some(deadline) = self.timers.next() {
            let late = now.since(deadline.at.max(self.seen));
            if let (true, Some(link)) = (late > PAUSE_MS, &mut self.link) {
                link.forgive(late);
            }
        }
        self.seen = self.seen.max(now);
    }

    fn is_current(&self, link: crate::id::LinkId) -> bool {
        self.link.as_ref().is_some_and(|current| current.id == link)
    }

    fn on_sent(&mut self, bytes: usize, now: Timestamp) {
        let Some(link) = &mut self.link else { return };
        link.on_sent(bytes, &mut self.out);
        if link.choked && !link.is_choked() {
            link.choked = false;
            for slot in self.talks.slots() {
                self.pump(slot, now);
            }
        }
    }

    fn on_wake(&mut self, now: Timestamp) {
        match self.stage {
            Stage::Resting | Stage::Suspended => self.dial(now),
            Stage::Loading => self.sleepy = false,
            Stage::Dialing | Stage::Ended => {}
            Stage::Greeting | Stage::SigningIn | Stage::Joining | Stage::Ready | Stage::Leaving => {
                self.ping(now);
            }
        }
    }

    fn on_suspend(&mut self) {
        self.sleepy = self.stage == Stage::Loading;
        if !matches!(self.stage, Stage::Loading | Stage::Leaving | Stage::Ended) {
            self.stage = Stage::Suspended;
            self.drop_link(CLOSE_FLUSH_MS);
            self.release_events();
            self.timers.clear(&Timer::Dial);
        }
    }

    fn ping(&mut self, now: Timestamp) {
        self.ask(Channel(0), &ToGate::Ping(Ping {}), Flow::default(), Ask::Ping, now);
    }

    fn on_timer(&mut self, timer: Timer, now: Timestamp) {
        match timer {
            Timer::Dial => self.dial(now),
            Timer::Answer => match self.link.as_ref().and_then(Link::waits_since) {
                Some(since) if since + ANSWER_MS <= now => self.lose("silent", 0, now),
                Some(since) => self.timers.set(Timer::Answer, since + ANSWER_MS, "answer"),
                None => {}
            },
            Timer::Ping => {
                if self.link.as_ref().is_some_and(|link| link.inquires_at() <= now) {
                    self.ping(now);
                }
                if let Some(link) = &self.link {
                    self.timers.set(Timer::Ping, link.inquires_at(), "keepalive");
                }
            }
            Timer::Status => self.publish(now),
            Timer::Cache => self.cache.wake(&mut self.out),
            Timer::Attach(service) => {
                let purpose = if service == Service::BOOK { Purpose::Book } else { Purpose::Inbox };
                self.attach(purpose, now);
            }
            Timer::Talk(slot) => self.advance(slot, now),
            Timer::Delivered(slot) => self.deliver(slot),
            Timer::Idle(slot) => self.on_idle(slot, now),
        }
    }
}

impl Machine for Client {
    type Input<'a> = Input<'a>;
    type Output = Output;

    fn handle_input(&mut self, input: Input<'_>, now: Timestamp) {
        if self.stage == Stage::Ended {
            return;
        }
        self.on_clock(now);
        match input {
            Input::LinkOpened { link } if self.is_current(link) => self.on_link_opened(),
            Input::LinkBytes { link, bytes } => self.on_link_bytes(link, bytes, now),
            Input::LinkSent { link, bytes } if self.is_current(link) => self.on_sent(bytes, now),
            Input::LinkClosed { link } if self.is_current(link) => self.on_link_closed(now),
            // Of a link that was let go.
            Input::LinkOpened { .. } | Input::LinkSent { .. } | Input::LinkClosed { .. } => {}
            Input::Stored { op, reply } => self.on_cache(op, reply, now),
            Input::Command { id, command } => {
                let act = self.next_act;
                self.next_act.number = act.number.saturating_add(1);
                self.on_command(Held { id, command, again: false, act }, now);
            }
            Input::Taken { messages } => self.on_taken(messages, now),
            Input::Wall(wall) => self.wall = WallClock::new(wall, now),
            Input::Wake => self.on_wake(now),
            Input::Suspend => self.on_suspend(),
        }
        self.cache.flush(&mut self.out);
    }

    fn handle_timeout(&mut self, now: Timestamp) {
        self.on_clock(now);
        while let Some(timer) = self.timers.pop_due(now) {
            self.on_timer(timer, now);
        }
        self.cache.flush(&mut self.out);
    }

    fn poll_output(&mut self) -> Option<Output> {
        self.out.pop()
    }

    fn poll_timeout(&self) -> Option<Deadline> {
        self.timers.next()
    }
}
