//! A client that lies: valid frames in every order, and nearly valid ones, before and after it signed in.
//!
//! It has a name and a password, its own or those of an honest person, and comes in like everybody. Then it
//! says what it likes: any kind of frame on any channel, what it said before, what others said on their
//! links, all of that with changed bytes, tickets of others (changed, or at another service than theirs: a
//! whole one at its own service would be a theft, not a lie), tokens used before, guessed passwords of
//! others, HELLO again, lengths at their bounds. What it may know is judged like everybody's (G5); nobody else may notice anything.

use std::collections::{BTreeMap, VecDeque};

use arbitrary::Unstructured;
use bytes::{Bytes, BytesMut};
use presently_core::client::Input;
use presently_core::error::Code;
use presently_core::id::{Channel, EndpointId, LinkId, NodeId, Shard, UserId};
use presently_core::limits::{FRAME_BYTES_MAX, SIGN_IN_FAILURES_BURST};
use presently_core::model::presence::Status;
use presently_core::rng::Rng;
use presently_core::wire::body::account::{FromAccount, Grant, Resume, SignIn, ToAccount};
use presently_core::wire::body::cs::{Contact, FromCs, SetStatus, ToCs, Watch};
use presently_core::wire::body::link::{Attach, FromGate, Service, ToGate};
use presently_core::wire::body::mixer::{Join, ToMixer};
use presently_core::wire::bounded::{Blob, List, Text};
use presently_core::wire::frame::{Deframer, Flags, Frame};
use presently_core::wire::hello::{HELLO, Hello, WELCOME};
use presently_core::wire::tail::Tail;

use super::agenda::Job;
use super::faults::Kind;
use super::swarm::stream;
use super::world::World;
use crate::words::value::Pool;
use crate::words::{learn, of_client};

/// Links it has at once, at most.
const ENDS_MAX: usize = 3;
/// What it remembers of what it and others said, at most.
const OLD_MAX: usize = 48;
/// Longest time between two of its words.
const GAP_MS: u64 = 600;
/// Requests of its honest steps are numbered from here, by channel.
const STEP: u32 = 1_000_000;
/// The channels on which it guesses begin here.
const FIRST_GUESS: u32 = 150;
/// At so many people's passwords, at most.
const OTHERS_MAX: usize = 8;
/// The kinds below are the link's and account's: they carry passwords, tickets and tokens.
const SECRET_KINDS: u16 = 0x0200;

/// What a liar hears on links of others.
#[derive(Default)]
pub(super) struct Overheard {
    frames: VecDeque<Bytes>,
    tickets: VecDeque<(Service, Bytes)>,
    ids: VecDeque<[u8; 16]>,
}

fn keep<T>(all: &mut VecDeque<T>, one: T) {
    if all.len() >= OLD_MAX {
        all.pop_front();
    }
    all.push_back(one);
}

impl Overheard {
    /// Somebody said a frame.
    pub(super) fn said(&mut self, frame: &Frame) {
        if frame.kind >= SECRET_KINDS && frame.body.len() < 1_000 {
            keep(&mut self.frames, frame.encode());
        }
    }

    /// Somebody was granted a ticket.
    pub(super) fn granted(&mut self, grant: &Grant) {
        keep(&mut self.tickets, (grant.service, grant.ticket.bytes()));
    }

    /// Somebody's device, or a conversation, was named.
    pub(super) fn named(&mut self, id: [u8; 16]) {
        keep(&mut self.ids, id);
    }
}

/// One of its links.
#[derive(Default)]
struct End {
    open: bool,
    /// It comes in as everybody does.
    comes_in: bool,
    deframer: Deframer,
    requests: u32,
}

/// A liar.
pub(super) struct Liar {
    rng: Rng,
    name: String,
    /// Whose passwords it guesses: people and their names.
    others: Vec<(usize, String)>,
    /// Whom it may talk to.
    friend: UserId,
    endpoint: EndpointId,
    pool: Pool,
    /// What it said.
    old: VecDeque<Bytes>,
    /// Refresh tokens it was given.
    tokens: Vec<Bytes>,
    ends: BTreeMap<u64, End>,
    /// What it was refused and nobody has counted yet.
    refused: Vec<Code>,
    last_link: u64,
    /// Words it still has.
    left: u64,
}

/// What it does next.
enum Doing {
    Dial,
    Close(LinkId),
    Say(LinkId, Bytes),
    /// It guesses the password of one of the others.
    Guess(LinkId, usize),
}

impl Liar {
    pub(super) fn new(seed: u64, device: usize) -> Self {
        let mut rng = stream(seed, &format!("liar {device}"));
        let endpoint = EndpointId(rng.bytes());
        Self {
            rng,
            name: String::new(),
            others: Vec::new(),
            friend: UserId([0; 16]),
            endpoint,
            pool: Pool::default(),
            old: VecDeque::new(),
            tokens: Vec::new(),
            ends: BTreeMap::new(),
            refused: Vec::new(),
            last_link: 0,
            left: 0,
        }
    }

    fn below(&mut self, bound: usize) -> usize {
        usize::try_from(self.rng.below(bound.max(1) as u64)).unwrap_or(0)
    }

    fn chance(&mut self, of: u64) -> bool {
        self.rng.below(of) == 0
    }

    /// An end that is open.
    fn end(&mut self) -> Option<LinkId> {
        let open = self.ends.iter().filter(|(_, end)| end.open).map(|(link, _)| *link);
        let open: Vec<u64> = open.collect();
        let at = self.below(open.len());
        open.get(at).map(|link| LinkId(*link))
    }

    fn next(&mut self, heard: &Overheard) -> Doing {
        let dials = self.ends.is_empty() || self.ends.len() < ENDS_MAX && self.chance(12);
        if dials {
            return Doing::Dial;
        }
        let Some(link) = self.end() else { return Doing::Dial };
        if self.chance(48) {
            return Doing::Close(link);
        }
        if self.chance(16) {
            return Doing::Guess(link, self.below(self.others.len()));
        }
        Doing::Say(link, self.word(link, heard))
    }

    /// Something to say.
    fn word(&mut self, link: LinkId, heard: &Overheard) -> Bytes {
        match self.below(32) {
            0..14 => self.any_frame(),
            14..17 => self.again(),
            17..20 => {
                let at = self.below(heard.frames.len());
                heard.frames.get(at).cloned().unwrap_or_default()
            }
            20..23 => {
                let said = self.again();
                self.changed(&said)
            }
            23..26 => self.others_ticket(link, heard),
            26 => self.hello(),
            27..30 => self.token_again(link),
            30 => self.at_bounds(),
            _ => self.noise(40),
        }
    }

    fn noise(&mut self, most: usize) -> Bytes {
        let length = self.below(most);
        (0..length).map(|_| self.rng.bytes::<1>()[0]).collect()
    }

    /// A frame of any kind; passwords of others are not known.
    fn any_frame(&mut self) -> Bytes {
        let noise: Vec<u8> = (0..32).flat_map(|_| self.rng.bytes::<8>()).collect();
        let mut from = Unstructured::new(&noise);
        let channel = u32::from(self.rng.bytes::<1>()[0] & 7);
        let Some((kind, body)) = of_client(channel, &mut from, &self.pool) else {
            return Bytes::new();
        };
        if let Ok(Some((ToAccount::SignIn(sign_in), _))) = ToAccount::decode(kind, &body)
            && sign_in.name.as_str() != self.name
        {
            return Bytes::new();
        }
        let flags = match self.below(12) {
            0 => Flags(0),
            1 => Flags(self.rng.bytes::<1>()[0]),
            _ => Flags(Flags::REQUEST),
        };
        let request = u32::from(self.rng.bytes::<1>()[0]);
        let frame = Frame { kind, flags, channel: Channel(channel), request, body };
        frame.encode()
    }

    /// What it said before.
    fn again(&mut self) -> Bytes {
        let at = self.below(self.old.len());
        self.old.get(at).cloned().unwrap_or_default()
    }

    /// One bit, the end or the length of it is another.
    fn changed(&mut self, said: &Bytes) -> Bytes {
        let mut bytes = said.to_vec();
        let at = self.below(bytes.len());
        match self.below(4) {
            0 => bytes.truncate(at),
            1 => bytes.extend(self.noise(8)),
            _ => {
                let bit = self.below(8);
                if let Some(byte) = bytes.get_mut(at) {
                    *byte ^= 1 << bit;
                }
            }
        }
        Bytes::from(bytes)
    }

    /// A ticket of somebody else's, changed or at another service.
    fn others_ticket(&mut self, link: LinkId, heard: &Overheard) -> Bytes {
        let at = self.below(heard.tickets.len());
        let Some((service, ticket)) = heard.tickets.get(at).cloned() else {
            return Bytes::new();
        };
        let other = Service(1 + (service.0 + u8::try_from(self.below(4)).unwrap_or(0)) % 5);
        let (service, ticket) = if other == service || self.chance(2) {
            let (mut bytes, at) = (ticket.to_vec(), self.below(ticket.len()));
            bytes[at] ^= 1 << self.below(8);
            (service, Bytes::from(bytes))
        } else {
            (other, ticket)
        };
        let ids: Vec<UserId> = heard.ids.iter().map(|id| UserId(*id)).collect();
        let at = self.below(ids.len());
        let shard = ids.get(at).map_or(Shard(0), |user| Shard::of_user(*user));
        let ticket = Blob::new(ticket.to_vec()).expect("tickets are within their bound");
        let channel = 20 + u32::try_from(self.below(100)).unwrap_or(0);
        self.attach(link, channel, Attach { service, node: None, shard, ticket })
    }

    /// A refresh token it was given, the last one or one of those before.
    fn token_again(&mut self, link: LinkId) -> Bytes {
        let at = self.below(self.tokens.len());
        let Some(token) = self.tokens.get(at).cloned() else {
            return Bytes::new();
        };
        let refresh = Blob::new(token.to_vec()).expect("tokens are within their bound");
        let ask = if self.chance(6) {
            ToAccount::SignOut(presently_core::wire::body::account::SignOut { refresh })
        } else {
            ToAccount::Resume(Resume { refresh })
        };
        self.ask(link, 1, ask.kind(), ask.encode(&Tail::default()))
    }

    /// One attempt more than fail at once before who tries is slowed down.
    fn guesses(&mut self, link: LinkId, other: usize) -> Bytes {
        let Some((_, name)) = self.others.get(other).cloned() else { return Bytes::new() };
        let channel = FIRST_GUESS + u32::try_from(other).unwrap_or(0);
        let (service, shard) = (Service::ACCOUNT, Shard::of_name(&name));
        let attach = Attach { service, node: None, shard, ticket: Blob::default() };
        let mut said = BytesMut::from(self.attach(link, channel, attach));
        for _ in 0..=SIGN_IN_FAILURES_BURST {
            let guess = ToAccount::SignIn(SignIn {
                name: Text::new(name.as_str()).expect("names are short"),
                password: Text::new("guess").expect("it is short"),
                endpoint: self.endpoint,
            });
            let body = guess.encode(&Tail::default());
            said.extend_from_slice(&self.ask(link, channel, guess.kind(), body));
        }
        said.freeze()
    }

    /// Frames as short and as long as may be, and a little more.
    fn at_bounds(&mut self) -> Bytes {
        let lengths = [0, 3, 4, FRAME_BYTES_MAX, FRAME_BYTES_MAX, FRAME_BYTES_MAX + 1, 0xff_ffff];
        let length = lengths[self.below(lengths.len())];
        let [_, a, b, c] = u32::try_from(length).unwrap_or(u32::MAX).to_be_bytes();
        let mut out = BytesMut::from(&[a, b, c][..]);
        // Kind, flags (ignorable), channel; the rest is a body that nobody reads.
        let head = [0x00, 0xfe, 4, 0];
        let rest = length.clamp(head.len(), FRAME_BYTES_MAX) - head.len();
        out.extend_from_slice(&head);
        out.resize(out.len() + rest, 0);
        out.freeze()
    }

    fn hello(&mut self) -> Bytes {
        let (version_min, version_max) = if self.chance(6) { (7, 9) } else { (1, 1) };
        let hello = Hello {
            version_min,
            version_max,
            features: 0,
            frame_bytes_max: u32::MAX,
            keepalive_ms: u32::try_from(self.below(3) * 500).unwrap_or(0),
            node: self.chance(3).then_some(NodeId(u16::from(self.rng.bytes::<1>()[0] & 3))),
        };
        Frame::event(HELLO, Channel(0), hello.encode()).encode()
    }

    /// A request under a number that it uses once on a link.
    fn ask(&mut self, link: LinkId, channel: u32, kind: u16, body: Bytes) -> Bytes {
        let requests = self.ends.get_mut(&link.0).map(|end| &mut end.requests);
        let number = requests.map_or(0, |requests| {
            *requests += 1;
            *requests
        });
        Frame::request(kind, Channel(channel), STEP + number, body).encode()
    }

    fn attach(&mut self, link: LinkId, channel: u32, attach: Attach) -> Bytes {
        let attach = ToGate::Attach(attach);
        self.ask(link, channel, attach.kind(), attach.encode(&Tail::default()))
    }

    /// A link is there: it comes in like everybody, or not.
    fn opened(&mut self, link: LinkId) -> Vec<Bytes> {
        let comes_in = self.rng.below(5) > 0;
        let Some(end) = self.ends.get_mut(&link.0) else { return Vec::new() };
        (end.open, end.comes_in) = (true, comes_in);
        if comes_in { vec![self.hello()] } else { Vec::new() }
    }

    /// What a gate says: what follows from it for who comes in.
    fn heard(&mut self, link: LinkId, bytes: &[u8]) -> Vec<Bytes> {
        let Some(end) = self.ends.get_mut(&link.0) else { return Vec::new() };
        end.deframer.push(bytes);
        let mut frames = Vec::new();
        while let Ok(Some(frame)) = end.deframer.next_frame() {
            // What a version to come adds says nothing to who speaks the first.
            if !frame.flags.has(Flags::IGNORABLE) {
                frames.push(frame);
            }
        }
        let comes_in = end.comes_in;
        let mut out = Vec::new();
        for frame in frames {
            learn(&frame, &mut self.pool);
            if let Ok(Some((FromAccount::SignedIn(signed), _))) =
                FromAccount::decode(frame.kind, &frame.body)
            {
                self.tokens.push(signed.refresh.bytes());
            }
            if let Ok(Some((FromGate::Refused(refusal), _))) =
                FromGate::decode(frame.kind, &frame.body)
            {
                self.refused.push(refusal.code);
            }
            if comes_in {
                out.extend(self.step(link, &frame));
            }
        }
        out
    }

    /// The next honest step.
    fn step(&mut self, link: LinkId, frame: &Frame) -> Vec<Bytes> {
        let none = Tail::default();
        if frame.kind == WELCOME {
            let (service, shard) = (Service::ACCOUNT, Shard::of_name(&self.name));
            let attach = Attach { service, node: None, shard, ticket: Blob::default() };
            return vec![self.attach(link, 1, attach)];
        }
        if let Ok(Some((FromGate::Attached(_), _))) = FromGate::decode(frame.kind, &frame.body) {
            return self.on_attached(link, frame.channel.0);
        }
        if let Ok(Some((FromAccount::SignedIn(signed), _))) =
            FromAccount::decode(frame.kind, &frame.body)
        {
            let grants = signed.grants.into_vec();
            let attach = |(channel, grant): (u32, Grant)| {
                let Grant { service, node, shard, ticket, .. } = grant;
                self.attach(link, channel, Attach { service, node, shard, ticket })
            };
            return (2..).zip(grants).map(attach).collect();
        }
        match FromCs::decode(frame.kind, &frame.body) {
            Ok(Some((FromCs::Done(_), _))) if self.chance(2) => {
                let contact = ToCs::Contact(Contact { user: self.friend });
                vec![self.ask(link, 4, contact.kind(), contact.encode(&none))]
            }
            Ok(Some((FromCs::Mixer(mixer), _))) => {
                let Grant { service, node, shard, ticket, .. } = mixer.grant;
                let channel = 5 + u32::try_from(self.below(3)).unwrap_or(0);
                vec![self.attach(link, channel, Attach { service, node, shard, ticket })]
            }
            Ok(_) | Err(_) => Vec::new(),
        }
    }

    fn on_attached(&mut self, link: LinkId, channel: u32) -> Vec<Bytes> {
        let none = Tail::default();
        match channel {
            1 => {
                let last = self.tokens.last().cloned().filter(|_| self.rng.below(3) == 0);
                let ask = match last {
                    Some(token) => ToAccount::Resume(Resume {
                        refresh: Blob::new(token.to_vec()).expect("tokens are within their bound"),
                    }),
                    None => {
                        let at = self.below(self.pool.ids.len());
                        let other = self.chance(8).then(|| EndpointId(self.pool.ids[at]));
                        ToAccount::SignIn(SignIn {
                            name: Text::new(self.name.as_str()).expect("names are short"),
                            password: Text::new(self.name.as_str()).expect("names are short"),
                            endpoint: other.unwrap_or(self.endpoint),
                        })
                    }
                };
                vec![self.ask(link, 1, ask.kind(), ask.encode(&none))]
            }
            4 => {
                let users: Vec<UserId> = self.pool.ids.iter().map(|id| UserId(*id)).collect();
                let watch = ToCs::Watch(Watch { users: List::new(users).expect("at most 64") });
                let status = ToCs::SetStatus(SetStatus { status: Status::Online });
                vec![
                    Frame::event(watch.kind(), Channel(4), watch.encode(&none)).encode(),
                    self.ask(link, 4, status.kind(), status.encode(&none)),
                ]
            }
            5..8 => {
                let join = ToMixer::Join(Join {});
                vec![self.ask(link, channel, join.kind(), join.encode(&none))]
            }
            _ => Vec::new(),
        }
    }
}

impl World {
    /// A liar begins to lie, with so many words.
    pub(super) fn lie(&mut self, device: usize, order: u64, words: u64) -> bool {
        let person = self.devices[device].person;
        let friend = self.history.befriended.iter().find_map(|(a, b)| match (*a, *b) {
            (a, b) if a == person => Some(b),
            (a, b) if b == person => Some(a),
            _ => None,
        });
        let users = self.history.users.clone();
        let names = self.history.people.clone();
        let honest = (0..names.len()).filter(|person| !self.history.liars.contains(person));
        let others = honest.take(OTHERS_MAX).map(|person| (person, names[person].clone()));
        let others: Vec<(usize, String)> = others.collect();
        let unborn = self.swarm.unborn.contains(&device);
        let Some(liar) = self.devices[device].liar.as_mut().filter(|_| !unborn) else {
            return false;
        };
        let idle = liar.left == 0;
        liar.rng = stream(order, "lies");
        liar.left = liar.left.max(words);
        liar.name.clone_from(&names[person]);
        liar.others = others;
        liar.friend = friend.and_then(|friend| users.get(friend).copied()).unwrap_or(liar.friend);
        users.iter().for_each(|user| liar.pool.id(user.0));
        names.iter().for_each(|name| liar.pool.text(name));
        if idle {
            self.agenda.push(self.now, Job::Lie(device));
        }
        true
    }

    /// It says one thing more; its links end with its words.
    pub(super) fn lie_on(&mut self, device: usize) {
        for id in &self.overheard.ids {
            self.devices[device].liar.iter_mut().for_each(|liar| liar.pool.id(*id));
        }
        let overheard = std::mem::take(&mut self.overheard);
        let Some(liar) = self.devices[device].liar.as_mut() else { return };
        liar.left = if self.healed { 0 } else { liar.left.saturating_sub(1) };
        if liar.left == 0 {
            let links: Vec<u64> = liar.ends.keys().copied().collect();
            links.into_iter().for_each(|link| self.device_closes(device, LinkId(link), 0));
            self.overheard = overheard;
            return;
        }
        let (doing, gap) = (liar.next(&overheard), liar.rng.below(GAP_MS));
        self.overheard = overheard;
        match doing {
            Doing::Dial => {
                let liar = self.devices[device].liar.as_mut().expect("it was there");
                liar.last_link += 1;
                let link = LinkId(liar.last_link);
                liar.ends.insert(link.0, End::default());
                self.dial(device, link);
            }
            Doing::Close(link) => self.device_closes(device, link, 0),
            Doing::Say(link, bytes) => self.liar_says(device, link, bytes),
            Doing::Guess(link, other) => self.liar_guesses(device, link, other),
        }
        self.agenda.push(self.now + gap, Job::Lie(device));
    }

    /// Whose password it guesses may need it: in a world where devices lose their caches, theirs does.
    fn liar_guesses(&mut self, device: usize, link: LinkId, other: usize) {
        let Some(liar) = self.devices[device].liar.as_mut() else { return };
        let bytes = liar.guesses(link, other);
        let person = liar.others.get(other).map(|(person, _)| *person);
        let (loses, away_ms) = (liar.chance(3), 1 + liar.rng.below(2_000));
        self.liar_says(device, link, bytes);
        let theirs = |device: &usize| Some(self.swarm.owner[*device]) == person;
        let runs = |device: &usize| self.devices[*device].client.is_some();
        let loses = loses && self.swarm.faults.contains_key(&Kind::Wipe);
        if let Some(victim) = (0..self.devices.len()).filter(theirs).find(runs).filter(|_| loses) {
            self.kill_device_for(victim, away_ms, (false, true));
        }
    }

    fn liar_says(&mut self, device: usize, link: LinkId, bytes: Bytes) {
        if bytes.is_empty() {
            return;
        }
        if let Some(liar) = &mut self.devices[device].liar {
            keep(&mut liar.old, bytes.clone());
        }
        self.trace.step(self.now, 48, &bytes, || {
            format!("liar {device} says {} bytes on link {}", bytes.len(), link.0)
        });
        self.raw_up(device, link, bytes);
    }

    /// What would be a client's input is a liar's.
    pub(super) fn liar_gets(&mut self, device: usize, input: &Input<'_>) {
        let Some(liar) = self.devices[device].liar.as_mut() else { return };
        let (link, says) = match input {
            Input::LinkOpened { link } => (*link, liar.opened(*link)),
            Input::LinkBytes { link, bytes } => (*link, liar.heard(*link, bytes)),
            Input::LinkClosed { link } => {
                liar.ends.remove(&link.0);
                return;
            }
            Input::LinkSent { .. }
            | Input::Command { .. }
            | Input::Stored { .. }
            | Input::Taken { .. }
            | Input::Wall(_)
            | Input::Wake
            | Input::Suspend => return,
        };
        let refused = std::mem::take(&mut liar.refused);
        refused.into_iter().for_each(|code| self.coverage.refused(code));
        says.into_iter().for_each(|bytes| self.liar_says(device, link, bytes));
    }
}
