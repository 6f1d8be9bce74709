//! The stages of a session: dial, hello, account, attaches, ready (PROTOCOL §4.7, §2.3).

use alloc::string::ToString;
use alloc::vec::Vec;

use super::event::Event;
use super::io::Output;
use super::link::{Ask, Link, Purpose};
use super::{Client, Timer};
use crate::error::{CloseReason, Code, Refusal};
use crate::id::{Channel, Flow, LinkId, Shard};
use crate::limits::{ANSWER_MS, ASK_AGAIN_MS, CLOSE_FLUSH_MS, FRAME_BYTES_MAX, TICKET_MS};
use crate::time::{Timestamp, WallClock};
use crate::wire::body::account::{FromAccount, Grant, Resume, SignIn, SignedIn, ToAccount};
use crate::wire::body::link::{Attach, Closing, Detach, FromGate, Service, ToGate};
use crate::wire::bounded::{Blob, Text};
use crate::wire::frame::{Frame, Malformed};
use crate::wire::hello::{HELLO, Hello, WELCOME, Welcome, feature};

/// How far a client is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Stage {
    /// Reads its cache.
    Loading,
    /// Waits before it dials again.
    Resting,
    /// The app sleeps.
    Suspended,
    /// A dial is on its way.
    Dialing,
    /// HELLO was said.
    Greeting,
    /// Account was asked.
    SigningIn,
    /// Book, inbox and cs open; watches and status follow.
    Joining,
    /// Signed in.
    Ready,
    /// Signing out.
    Leaving,
    /// Nothing more.
    Ended,
}

/// One of the three services of a session.
#[derive(Debug, Default)]
pub(super) struct Attached {
    /// Its channel, from the attach on.
    pub(super) channel: Option<Channel>,
    /// It answered.
    pub(super) open: bool,
    /// Its list came on this channel: what is told there from then on goes on where it ended.
    pub(super) listed: bool,
    /// How often its list was asked for on this link.
    pub(super) asked: u64,
    /// How often it came.
    pub(super) done: u64,
    grant: Option<Grant>,
}

/// What lives as long as a link.
#[derive(Debug, Default)]
pub(super) struct Session {
    pub(super) book: Attached,
    pub(super) inbox: Attached,
    pub(super) cs: Attached,
    /// Friends are watched; those to come are too.
    pub(super) watching: bool,
    /// The first status is on its way.
    pub(super) publishing: bool,
    /// The act of signing in.
    pub(super) flow: Flow,
    /// The server's wall clock.
    pub(super) server: WallClock,
    /// When the grants came.
    granted: Option<Timestamp>,
}

impl Attached {
    /// How often the list will have come once what is asked now is answered.
    pub(super) fn next_done(&self) -> u64 {
        if self.open { self.asked } else { self.done + 1 }
    }
}

impl Session {
    /// The service of a purpose.
    pub(super) fn of(&mut self, purpose: Purpose) -> Option<&mut Attached> {
        match purpose {
            Purpose::Book => Some(&mut self.book),
            Purpose::Inbox => Some(&mut self.inbox),
            Purpose::Cs => Some(&mut self.cs),
            Purpose::Account | Purpose::Talk(_) => None,
        }
    }
}

impl Client {
    /// Opens a link.
    pub(super) fn dial(&mut self, now: Timestamp) {
        self.reconnect.links += 1;
        let link = LinkId(self.reconnect.links);
        self.link = Some(Link::new(link, now));
        self.session = Session::default();
        self.stage = Stage::Dialing;
        self.timers.clear(&Timer::Dial);
        self.timers.set(Timer::Answer, now + ANSWER_MS, "answer");
        self.out.push(Output::Dial { link });
    }

    /// The link is open: the client greets.
    pub(super) fn on_link_opened(&mut self) {
        if self.stage != Stage::Dialing {
            return;
        }
        self.stage = Stage::Greeting;
        let hello = Hello {
            version_min: self.config.versions.min,
            version_max: self.config.versions.max,
            features: if self.config.trace { feature::TRACE } else { 0 },
            frame_bytes_max: u32::try_from(FRAME_BYTES_MAX).unwrap_or(u32::MAX),
            keepalive_ms: self.config.keepalive_ms,
            node: self.config.node,
        };
        if let Some(link) = &mut self.link {
            link.say(&Frame::event(HELLO, Channel(0), hello.encode()), &mut self.out);
        }
    }

    /// Bytes of the link: as many frames as are whole.
    pub(super) fn on_link_bytes(&mut self, id: LinkId, bytes: &[u8], now: Timestamp) {
        if let Some(link) = &mut self.link {
            link.push(bytes);
        }
        while let Some(link) = self.link.as_mut().filter(|link| link.id == id) {
            let outcome = match link.next_frame() {
                Ok(None) => return,
                Ok(Some(frame)) => self.on_frame(&frame, now),
                Err(malformed) => Err(malformed),
            };
            if outcome.is_err() {
                return self.lose("fault", 0, now);
            }
        }
    }

    fn on_frame(&mut self, frame: &Frame, now: Timestamp) -> Result<(), Malformed> {
        if self.stage == Stage::Greeting && frame.kind == WELCOME {
            return self.on_welcome(Welcome::decode(&frame.body)?, now);
        }
        let purpose = self.link.as_ref().and_then(|link| link.purpose(frame.channel));
        if let Some((said, tail)) = FromGate::decode(frame.kind, &frame.body)? {
            let ask = self.answered(frame, now);
            match said {
                FromGate::Attached(_) => {
                    if let Some(Ask::Attach(purpose)) = ask {
                        self.on_attached(purpose, tail.flow(), now);
                    }
                }
                FromGate::Pong(_) => {}
                FromGate::Refused(refusal) => match ask {
                    Some(ask) => self.on_refused(ask, refusal, now),
                    None if self.stage == Stage::Greeting => self.give_up(refusal, now),
                    None => {}
                },
                FromGate::Detached(detached) => {
                    if let Some(purpose) = purpose {
                        self.on_detached(purpose, detached.refusal, now);
                    }
                }
                FromGate::Closing(closing) => self.on_closing(closing, now),
            }
            return Ok(());
        }
        match purpose {
            Some(Purpose::Account) => self.on_account(frame, now),
            Some(Purpose::Book) => self.on_book(frame, now),
            Some(Purpose::Inbox) => self.on_inbox(frame, now),
            Some(Purpose::Cs) => self.on_cs(frame, now),
            Some(Purpose::Talk(slot)) => self.on_mixer(slot, frame, now),
            None => Ok(()),
        }
    }

    fn on_welcome(&mut self, welcome: Welcome, now: Timestamp) -> Result<(), Malformed> {
        let spoken = self.config.versions;
        if !(spoken.min..=spoken.max).contains(&welcome.version) {
            return Err(Malformed);
        }
        let Some(link) = &mut self.link else { return Ok(()) };
        link.welcomed();
        link.keepalive_ms = u64::from(welcome.keepalive_ms).max(1_000);
        link.trace = self.config.trace && welcome.features & feature::TRACE != 0;
        self.timers.set(Timer::Ping, link.inquires_at(), "keepalive");
        self.session.server = WallClock::new(welcome.wall, now);
        self.session.flow = self.draw_flow();
        self.stage = Stage::SigningIn;
        self.attach_account(now);
        Ok(())
    }

    /// Attaches to account: to sign in, or out.
    pub(super) fn attach_account(&mut self, now: Timestamp) {
        let Some(link) = &mut self.link else { return };
        let channel = link.open(Purpose::Account);
        let shard = Shard::of_name(self.name.as_str());
        let attach =
            Attach { service: Service::ACCOUNT, node: None, shard, ticket: Blob::default() };
        let ask = Ask::Attach(Purpose::Account);
        self.ask(channel, &ToGate::Attach(attach), self.session.flow, ask, now);
    }

    fn on_attached(&mut self, purpose: Purpose, flow: Flow, now: Timestamp) {
        match purpose {
            Purpose::Account => {
                self.session.follow(flow);
                if self.stage == Stage::Leaving { self.sign_out(now) } else { self.sign_in(now) }
            }
            Purpose::Book | Purpose::Inbox | Purpose::Cs => {
                if let Some(attached) = self.session.of(purpose) {
                    attached.open = true;
                }
                if purpose == Purpose::Book {
                    self.fetch_book(now);
                } else if purpose == Purpose::Inbox {
                    self.fetch_inbox(now);
                }
                self.on_step(now);
            }
            Purpose::Talk(slot) => self.on_leg_attached(slot, flow, now),
        }
    }

    /// Asks account: with the refresh token where there is one, else with the password.
    fn sign_in(&mut self, now: Timestamp) {
        let channel = self.link.as_ref().and_then(|link| link.channel_of(Purpose::Account));
        let Some(channel) = channel else { return };
        let flow = self.session.flow;
        if let Some(refresh) = self.device.refresh.clone() {
            let resume = ToAccount::Resume(Resume { refresh });
            return self.ask(channel, &resume, flow, Ask::Resume, now);
        }
        let Some(password) = self.config.password.as_ref().map(|password| password.0.clone())
        else {
            return self.give_up(Refusal::of(Code::SignInEnded), now);
        };
        let Ok(password) = Text::new(password) else {
            // Longer than any password: wrong, and not worth a question.
            return self.give_up(Refusal::of(Code::NotSignedIn), now);
        };
        let (name, endpoint) = (self.name.clone(), self.device.endpoint);
        let sign_in = ToAccount::SignIn(SignIn { name, password, endpoint });
        self.ask(channel, &sign_in, flow, Ask::SignIn, now);
    }

    fn on_account(&mut self, frame: &Frame, now: Timestamp) -> Result<(), Malformed> {
        let Some((said, tail)) = FromAccount::decode(frame.kind, &frame.body)? else {
            return Ok(());
        };
        let ask = self.answered(frame, now);
        match (said, ask) {
            (FromAccount::SignedIn(signed), Some(Ask::SignIn | Ask::Resume)) => {
                self.session.follow(tail.flow());
                self.on_signed_in(signed, frame.channel, now);
            }
            (FromAccount::SignedOut(_), Some(Ask::SignOut)) => self.erase(now),
            _ => {}
        }
        Ok(())
    }

    fn on_signed_in(&mut self, signed: SignedIn, channel: Channel, now: Timestamp) {
        let renews = self.stage != Stage::SigningIn;
        if self.device.user.is_some_and(|user| user != signed.user) {
            if renews {
                return self.lose("cut", 0, now);
            }
            // The name is another person's now: nothing that was kept is theirs.
            self.forget_everything();
        }
        self.device.user = Some(signed.user);
        self.device.newest = Some(signed.refresh.clone());
        self.put_device(Some(signed.refresh));
        self.tell(channel, &ToGate::Detach(Detach {}), Flow::default());
        if let Some(link) = &mut self.link {
            link.close(channel);
        }
        if !renews {
            self.stage = Stage::Joining;
        }
        self.session.granted = Some(now);
        for grant in signed.grants.into_vec() {
            let known = [Purpose::Book, Purpose::Inbox, Purpose::Cs];
            let purpose = known.into_iter().find(|purpose| purpose.service() == grant.service);
            if let Some(purpose) = purpose {
                if let Some(attached) = self.session.of(purpose) {
                    attached.grant = Some(grant);
                }
                self.attach(purpose, now);
            }
        }
    }

    /// Attaches to a service with its grant, unless it is attached; without a good one the client signs
    /// in again.
    pub(super) fn attach(&mut self, purpose: Purpose, now: Timestamp) {
        let flow = self.session.flow;
        // Who sealed it may tell the time differently from the node of this link: age decides.
        let fresh = self.session.granted.is_some_and(|at| now.since(at) < TICKET_MS);
        let (Some(attached), Some(link)) = (self.session.of(purpose), &mut self.link) else {
            return;
        };
        if attached.channel.is_some() {
            return;
        }
        let Some(grant) = attached.grant.clone().filter(|_| fresh) else {
            return self.renew(now);
        };
        let channel = link.open(purpose);
        (attached.channel, attached.open) = (Some(channel), false);
        let Grant { service, node, shard, ticket, .. } = grant;
        let attach = ToGate::Attach(Attach { service, node, shard, ticket });
        self.ask(channel, &attach, flow, Ask::Attach(purpose), now);
    }

    /// The tickets are too old: new ones come with a new sign-in, over the same link where the session
    /// stands on it, so that nobody is offline for it.
    fn renew(&mut self, now: Timestamp) {
        if self.stage != Stage::Ready {
            self.lose("cut", 0, now);
        } else if self.link.as_ref().is_some_and(|l| l.channel_of(Purpose::Account).is_none()) {
            self.attach_account(now);
        }
    }

    /// Something came that the next step may have waited for.
    pub(super) fn on_step(&mut self, now: Timestamp) {
        let session = &self.session;
        let known = session.cs.open && session.book.done > 0;
        if self.stage == Stage::Joining && known && !session.publishing {
            self.session.publishing = true;
            self.watch_all();
            self.publish(now);
        }
        if self.book.fetched {
            self.run_waiting(now);
        }
        self.step_syncs(now);
    }

    /// The first status is taken: signed in.
    pub(super) fn on_ready(&mut self, now: Timestamp) {
        self.stage = Stage::Ready;
        self.reconnect.attempts = 0;
        let user = self.name.as_str().to_string();
        let endpoint = self.device.endpoint.to_string();
        self.out.push(Output::Event(Event::SignedIn { user, endpoint }));
        self.release_events();
        for slot in self.talks.slots() {
            self.advance(slot, now);
        }
        if !self.choosing.is_empty() {
            self.publish(now);
        }
        self.run_waiting(now);
        self.step_syncs(now);
    }

    /// A service let go of a channel.
    fn on_detached(&mut self, purpose: Purpose, refusal: Refusal, now: Timestamp) {
        match purpose {
            Purpose::Talk(slot) => self.on_leg_refused(slot, refusal, now),
            Purpose::Book | Purpose::Inbox => self.attach_later(purpose, refusal, now),
            Purpose::Cs | Purpose::Account => {
                self.lose("cut", u64::from(refusal.retry_after_ms), now);
            }
        }
    }

    /// Attaches again after a while.
    pub(super) fn attach_later(&mut self, purpose: Purpose, refusal: Refusal, now: Timestamp) {
        if let Some(attached) = self.session.of(purpose) {
            let open = core::mem::take(&mut attached.open);
            (attached.asked, attached.listed) = (attached.done, false);
            if let (true, Some(channel), Some(link)) = (open, attached.channel, &mut self.link) {
                // Where the service let go first, the gate drops this.
                let detach = ToGate::Detach(Detach {});
                link.tell(channel, &detach, Flow::default(), &mut self.out);
            }
            let asks = match (attached.channel.take(), &mut self.link) {
                (Some(channel), Some(link)) => link.close(channel),
                _ => Vec::new(),
            };
            self.give_back(asks);
            // Those who were let go together come back apart.
            let wait =
                u64::from(refusal.retry_after_ms).max(ASK_AGAIN_MS) + self.rng.below(ASK_AGAIN_MS);
            self.timers.set(Timer::Attach(purpose.service()), now + wait, "attach again");
        }
    }

    fn on_closing(&mut self, closing: Closing, now: Timestamp) {
        let after = u64::from(closing.retry_after_ms);
        match closing.reason {
            CloseReason::Superseded => self.give_up(Refusal::of(Code::Superseded), now),
            CloseReason::SignedOut if self.stage == Stage::Leaving => self.erase(now),
            CloseReason::SignedOut => self.give_up(Refusal::of(Code::SignInEnded), now),
            CloseReason::Draining => self.lose("draining", after, now),
            CloseReason::Unavailable => self.lose("busy", after, now),
            CloseReason::Silent => self.lose("silent", after, now),
            CloseReason::Gone | CloseReason::PreAuth | CloseReason::SlowConsumer => {
                self.lose("cut", after, now);
            }
            CloseReason::Fault(_) => self.lose("fault", after, now),
        }
    }

    /// The driver says the link is gone.
    pub(super) fn on_link_closed(&mut self, now: Timestamp) {
        let reason = if self.stage == Stage::Dialing { "unreachable" } else { "cut" };
        self.reconnect.closed = true;
        self.lose(reason, 0, now);
    }

    /// No link any more: what was asked is asked again, after a wait.
    pub(super) fn lose(&mut self, reason: &str, retry_after_ms: u64, now: Timestamp) {
        self.drop_link(0);
        match self.stage {
            Stage::Ended | Stage::Suspended => return,
            Stage::Leaving => return self.erase(now),
            Stage::Loading
            | Stage::Resting
            | Stage::Dialing
            | Stage::Greeting
            | Stage::SigningIn
            | Stage::Joining
            | Stage::Ready => self.stage = Stage::Resting,
        }
        self.release_events();
        let retry_ms = self.reconnect.wait_ms(&mut self.rng).max(retry_after_ms);
        self.event(Event::Offline { reason: reason.to_string(), retry_ms });
        self.timers.set(Timer::Dial, now + retry_ms, "dial again");
        if let Some(held) = self.waiting.take_sign_out() {
            self.leaving = Some(held.id);
            self.erase(now);
        }
    }

    /// Lets the link go, with all that lived on it.
    pub(super) fn drop_link(&mut self, flush_ms: u32) {
        let Some(link) = self.link.take() else { return };
        if !core::mem::take(&mut self.reconnect.closed) {
            self.out.push(Output::Close { link: link.id, flush_ms });
        }
        self.session = Session::default();
        for slot in self.talks.slots() {
            self.drop_leg(slot);
            let talk = &mut self.talks[slot];
            talk.read_first |= !talk.queue.is_empty();
        }
        self.talks.waiting.clear();
        for service in [Service::BOOK, Service::INBOX] {
            self.timers.clear(&Timer::Attach(service));
        }
        for timer in [Timer::Answer, Timer::Ping, Timer::Status] {
            self.timers.clear(&timer);
        }
        self.give_back(link.into_asks());
        self.syncs.iter_mut().for_each(super::sync::Sync::start_over);
    }

    /// What was asked on a link or channel that is gone, and has no other place to be asked again.
    pub(super) fn give_back(&mut self, asks: Vec<Ask>) {
        for ask in asks.into_iter().rev() {
            match ask {
                Ask::Command(held) => self.waiting.hold_again(held),
                Ask::Status(ids) => self.choosing.extend(ids),
                Ask::History(slot, page) => self.talks[slot].pages.push(page),
                Ask::Attach(_)
                | Ask::SignIn
                | Ask::Resume
                | Ask::SignOut
                | Ask::Leave
                | Ask::FetchBook
                | Ask::FetchInbox
                | Ask::Contact(_)
                | Ask::Join(_)
                | Ask::Send(..)
                | Ask::Read(_)
                | Ask::Ping => {}
            }
        }
    }

    /// This client cannot go on: the app is told why, then nothing more.
    pub(super) fn give_up(&mut self, refusal: Refusal, now: Timestamp) {
        self.refuse(None, refusal);
        self.end(now);
    }

    /// The last of everything.
    pub(super) fn end(&mut self, now: Timestamp) {
        self.release_events();
        self.drop_link(CLOSE_FLUSH_MS);
        self.stage = Stage::Ended;
        let held = self.waiting.take().into_iter().map(|held| held.id);
        let syncs = core::mem::take(&mut self.syncs).into_iter().map(|sync| sync.id);
        let choosing = core::mem::take(&mut self.choosing);
        let pages = self.talks.take_pages().into_iter().map(|page| page.id);
        let ids: Vec<Option<u64>> = held.chain(syncs).chain(choosing).chain(pages).collect();
        for id in ids.into_iter().filter(Option::is_some) {
            self.refuse(id, Refusal::of(Code::Offline));
        }
        self.cache.flush(&mut self.out);
        self.cache.stop();
        self.timers = crate::timer::TimerQueue::default();
        self.out.push(Output::Ended);
        self.seen = now;
    }
}

impl Session {
    /// Frames that answer an act follow from it.
    fn follow(&mut self, flow: Flow) {
        if flow.id != 0 {
            self.flow = flow;
        }
    }
}
