//! What passes on links, read as frames: what laws judge that are about bytes, not events.

use std::collections::{BTreeMap, BTreeSet};

use bytes::Bytes;
use presently_core::error::{CloseReason, Code, Refusal};
use presently_core::id::{LinkId, UserId};
use presently_core::model::contact::Contact;
use presently_core::model::entry::Entry;
use presently_core::time::Timestamp;
use presently_core::wire::body::account::{FromAccount, Grant, ToAccount};
use presently_core::wire::body::book::FromBook;
use presently_core::wire::body::cs::{FromCs, Mixer, ToCs};
use presently_core::wire::body::inbox::FromInbox;
use presently_core::wire::body::link::{FromGate, ToGate};
use presently_core::wire::body::mixer::{FromMixer, ToMixer};
use presently_core::wire::bounded::{Blob, List};
use presently_core::wire::frame::{Deframer, Flags, Frame};
use presently_core::wire::record::Record;

use super::world::World;
use crate::history::{History, Shown, Told, What};

/// The kind of a read, whose answers may be history.
const READ: u16 = 0x0503;

/// A question that laws judge.
#[derive(Clone, Copy)]
enum Ask {
    /// With a ticket, for a service.
    Attach(u8, u64),
    SignIn,
    /// With a refresh token.
    Resume(u64),
    SignOut(u64),
    /// With somebody.
    Contact(UserId),
}

impl Ask {
    fn of(frame: &Frame) -> Option<Self> {
        let (kind, body) = (frame.kind, &frame.body);
        match kind {
            0x0003 => match ToGate::decode(kind, body) {
                Ok(Some((ToGate::Attach(attach), _))) => {
                    Some(Self::Attach(attach.service.0, digest(&attach.ticket)))
                }
                Ok(_) | Err(_) => None,
            },
            0x0101..=0x0103 => match ToAccount::decode(kind, body) {
                Ok(Some((ToAccount::SignIn(_), _))) => Some(Self::SignIn),
                Ok(Some((ToAccount::Resume(ask), _))) => Some(Self::Resume(digest(&ask.refresh))),
                Ok(Some((ToAccount::SignOut(ask), _))) => Some(Self::SignOut(digest(&ask.refresh))),
                Ok(None) | Err(_) => None,
            },
            0x0405 => match ToCs::decode(kind, body) {
                Ok(Some((ToCs::Contact(contact), _))) => Some(Self::Contact(contact.user)),
                Ok(_) | Err(_) => None,
            },
            _ => None,
        }
    }
}

/// What says nothing of whom was asked for, only of who asks or of the store.
const OF_OTHERS: [Code; 9] = [
    Code::Invalid,
    Code::LimitReached,
    Code::Malformed,
    Code::NotReady,
    Code::OutOfOrder,
    Code::StoreFailed,
    Code::Superseded,
    Code::Unsupported,
    Code::Yourself,
];

/// Whether a refusal says something of whom was asked for, and is for good.
fn is_of_asked(refusal: &Refusal) -> bool {
    refusal.retry_after_ms == 0 && !OF_OTHERS.contains(&refusal.code)
}

/// FNV-1a: sealed things are told apart by it.
fn digest(bytes: &[u8]) -> u64 {
    bytes.iter().fold(0xcbf2_9ce4_8422_2325, |hash, byte| {
        (hash ^ u64::from(*byte)).wrapping_mul(0x0100_0000_01b3)
    })
}

/// What is known of one link.
#[derive(Default)]
struct Tapped {
    up: Deframer,
    down: Deframer,
    /// Reads of history that wait: channel and request.
    history: BTreeSet<(u32, u32)>,
    /// What was asked that laws judge, by channel and request, and when. `None`, for good: two things
    /// under one number, of which nobody knows which is answered.
    asked: BTreeMap<(u32, u32), Option<(Ask, Timestamp)>>,
    /// Why the gate says that it closes.
    faulted: Option<CloseReason>,
    /// Conversations by channel.
    pairs: BTreeMap<u32, (usize, usize)>,
}

/// All taps, by wire.
#[derive(Default)]
pub(super) struct Taps {
    wires: Vec<Tapped>,
    people: BTreeMap<UserId, usize>,
    /// Whose links are not recorded, and what passed on all others.
    recorded: Option<(usize, Vec<Passed>)>,
}

/// A frame as a gate handed it to its host.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Passed {
    /// When.
    pub at: Timestamp,
    /// For whom.
    pub device: usize,
    /// On which of its links.
    pub link: u64,
    /// The frame. Sealed tickets are random: of them only the length stands.
    pub frame: Vec<u8>,
}

/// A frame with what is sealed in it blotted out.
fn blotted(frame: &Frame) -> Vec<u8> {
    let blot = |grant: &mut Grant| {
        let length = grant.ticket.len();
        grant.ticket = Blob::new(vec![0; length]).expect("as long as it was");
    };
    let body = match frame.kind >> 8 {
        1 => FromAccount::decode(frame.kind, &frame.body).ok().flatten().map(|(mut said, tail)| {
            if let FromAccount::SignedIn(signed) = &mut said {
                let mut grants = std::mem::take(&mut signed.grants).into_vec();
                grants.iter_mut().for_each(blot);
                signed.grants = List::new(grants).expect("as many as there were");
                let length = signed.refresh.len();
                signed.refresh = Blob::new(vec![0; length]).expect("as long as it was");
            }
            said.encode(&tail)
        }),
        4 => FromCs::decode(frame.kind, &frame.body).ok().flatten().map(|(mut said, tail)| {
            match &mut said {
                FromCs::Mixer(mixer) => blot(&mut mixer.grant),
                FromCs::Ring(ring) => blot(&mut ring.grant),
                FromCs::Done(_) | FromCs::Presence(_) | FromCs::Settling(_) => {}
            }
            said.encode(&tail)
        }),
        _ => None,
    };
    Frame { body: body.unwrap_or_else(|| frame.body.clone()), ..frame.clone() }.encode().to_vec()
}

fn granted(grant: &Grant) -> Told {
    Told::Granted { service: grant.service.0, ticket: digest(&grant.ticket) }
}

impl Taps {
    fn of(&mut self, wire: usize) -> &mut Tapped {
        if self.wires.len() <= wire {
            self.wires.resize_with(wire + 1, Tapped::default);
        }
        &mut self.wires[wire]
    }

    fn person(&self, user: UserId) -> Option<usize> {
        self.people.get(&user).copied()
    }

    /// What a frame of a gate tells.
    fn read(&mut self, wire: usize, frame: &Frame, told: &mut Vec<Told>) {
        let (kind, body) = (frame.kind, &frame.body);
        match kind >> 8 {
            0 => {
                if let Ok(Some((said, _))) = FromGate::decode(kind, body) {
                    self.read_gate(wire, frame, said, told);
                }
            }
            1 => {
                if let Ok(Some((said, _))) = FromAccount::decode(kind, body) {
                    self.read_account(wire, frame, said, told);
                }
            }
            2 => {
                if let Ok(Some((said, _))) = FromBook::decode(kind, body) {
                    self.read_book(said, told);
                }
            }
            3 => {
                if let Ok(Some((said, _))) = FromInbox::decode(kind, body) {
                    let (items, fetched) = match said {
                        FromInbox::Conversations(part) => (part.items.into_vec(), true),
                        FromInbox::Changed(changed) => (vec![changed.item], false),
                    };
                    let with = items.into_iter().filter_map(|item| self.person(item.value.with));
                    told.extend(with.map(|with| Told::Conversation { with, fetched }));
                }
            }
            4 => {
                if let Ok(Some((said, _))) = FromCs::decode(kind, body) {
                    if let Some((Ask::Contact(user), _)) = self.answered(wire, frame)
                        && matches!(said, FromCs::Mixer(_))
                    {
                        told.extend(self.person(user).map(|of| Told::Seat { of }));
                    }
                    self.read_cs(said, told);
                }
            }
            5 => {
                if let Ok(Some((said, _))) = FromMixer::decode(kind, body) {
                    self.read_mixer(wire, frame, said, told);
                }
            }
            _ => {}
        }
    }

    /// What a frame answers.
    fn answered(&mut self, wire: usize, frame: &Frame) -> Option<(Ask, Timestamp)> {
        if !frame.flags.has(Flags::RESPONSE) {
            return None;
        }
        let asked = &mut self.of(wire).asked;
        let request = (frame.channel.0, frame.request);
        let ask = asked.get(&request).copied().flatten()?;
        asked.remove(&request);
        Some(ask)
    }

    fn read_gate(&mut self, wire: usize, frame: &Frame, said: FromGate, told: &mut Vec<Told>) {
        match said {
            FromGate::Closing(closing) if closing.reason == CloseReason::Draining => {
                told.push(Told::Closing { after_ms: closing.retry_after_ms });
            }
            FromGate::Attached(_) => {
                if let Some((Ask::Attach(service, ticket), asked)) = self.answered(wire, frame) {
                    told.push(Told::Attached { service, ticket, asked });
                }
            }
            FromGate::Refused(refusal) => match self.answered(wire, frame) {
                Some((Ask::Resume(token) | Ask::SignOut(token), asked))
                    if refusal.code == Code::SignInEnded =>
                {
                    told.push(Told::SignInOver { token, asked });
                }
                Some((Ask::SignIn, _)) if refusal.code == Code::TooFast => {
                    told.push(Told::SlowedDown);
                }
                Some((Ask::Contact(user), _)) if is_of_asked(&refusal) => {
                    let of = self.person(user);
                    told.push(Told::NoContact { of, answer: frame.body.to_vec() });
                }
                Some(_) | None => {}
            },
            FromGate::Closing(closing) => self.of(wire).faulted = Some(closing.reason),
            FromGate::Pong(_) | FromGate::Detached(_) => {}
        }
    }

    fn read_account(
        &mut self,
        wire: usize,
        frame: &Frame,
        said: FromAccount,
        told: &mut Vec<Told>,
    ) {
        match (said, self.answered(wire, frame)) {
            (FromAccount::SignedIn(signed), ask) => {
                let grants = signed.grants.iter();
                told.extend(grants.map(granted));
                let (with, asked) = match ask {
                    Some((Ask::Resume(token), asked)) => (Shown::Token(token), asked),
                    Some((Ask::SignIn, asked)) => (Shown::Password, asked),
                    Some(_) | None => (Shown::Unknown, Timestamp(0)),
                };
                let Some(person) = self.person(signed.user) else { return };
                let (endpoint, token) = (signed.endpoint, digest(&signed.refresh));
                told.push(Told::SignedIn { with, person, endpoint, token, asked });
            }
            (FromAccount::SignedOut(_), Some((Ask::SignOut(token), asked))) => {
                told.push(Told::SignInOver { token, asked });
            }
            (FromAccount::SignedOut(_), _) => {}
        }
    }

    fn read_book(&self, said: FromBook, told: &mut Vec<Told>) {
        let mut contact = |record: &Record<Contact>, fetched| {
            if let Some(of) = self.person(record.value.user) {
                told.push(Told::Contact { of, relation: record.value.relation.0, fetched });
            }
        };
        match said {
            FromBook::Contacts(part) => {
                part.contacts.iter().for_each(|record| contact(record, true));
                if part.full {
                    told.push(Told::WholeBook);
                }
            }
            FromBook::Changed(changed) => contact(&changed.contact, false),
        }
    }

    fn read_cs(&self, said: FromCs, told: &mut Vec<Told>) {
        match said {
            FromCs::Presence(seen) => {
                let Some(of) = self.person(seen.user) else { return };
                let presence = seen.presence.value;
                told.push(Told::Presence {
                    of,
                    status: presence.status,
                    name: presence.name.as_str().to_owned(),
                    message: presence.message.as_str().to_owned(),
                });
            }
            FromCs::Settling(settling) => {
                told.extend(self.person(settling.user).map(|of| Told::Settling { of }));
            }
            FromCs::Ring(ring) => {
                told.extend(self.person(ring.from).map(|by| Told::Ring { by }));
                told.push(granted(&ring.grant));
            }
            FromCs::Mixer(mixer) => told.push(granted(&mixer.grant)),
            FromCs::Done(_) => {}
        }
    }

    fn read_mixer(&mut self, wire: usize, frame: &Frame, said: FromMixer, told: &mut Vec<Told>) {
        let channel = frame.channel.0;
        match said {
            FromMixer::Joined(joined) => {
                let members: Vec<usize> =
                    joined.members.iter().filter_map(|user| self.person(*user)).collect();
                if let [a, b] = members[..] {
                    self.of(wire).pairs.insert(channel, History::pair(a, b));
                }
            }
            FromMixer::Entry(new) => {
                told.extend(self.entry(wire, channel, &new.entry.value, false));
            }
            FromMixer::Page(page) => {
                let history = self.of(wire).history.remove(&(channel, frame.request));
                for entry in page.entries.iter() {
                    told.extend(self.entry(wire, channel, &entry.value, history));
                }
            }
            FromMixer::Typing(typing) => {
                told.extend(self.person(typing.user).map(|by| Told::Typing { by }));
            }
            FromMixer::Stored(_) | FromMixer::Expected(_) => {}
        }
    }

    fn entry(&mut self, wire: usize, channel: u32, entry: &Entry, history: bool) -> Option<Told> {
        let by = self.person(entry.user)?;
        let pair = *self.of(wire).pairs.get(&channel)?;
        let text = String::from_utf8_lossy(&entry.content).into_owned();
        Some(Told::Entry { pair, by, seq: entry.sequence, text, history })
    }
}

impl World {
    /// From now on what passes for everybody but one is kept.
    pub(super) fn record_down(&mut self, but: usize) {
        self.taps.recorded = Some((but, Vec::new()));
    }

    /// What was kept.
    pub(super) fn recorded_down(self) -> Vec<Passed> {
        self.taps.recorded.map(|(_, passed)| passed).unwrap_or_default()
    }

    fn keep(&mut self, wire: usize, frame: &Frame) {
        let (device, link) = (self.wires[wire].device, self.wires[wire].device_link.0);
        if let Some((but, passed)) = &mut self.taps.recorded
            && device != *but
        {
            passed.push(Passed { at: self.now, device, link, frame: blotted(frame) });
        }
    }

    /// Whether a liar hears what passes on a link: one of somebody honest.
    fn is_overheard(&self, wire: usize) -> bool {
        !self.swarm.liars.is_empty() && self.devices[self.wires[wire].device].liar.is_none()
    }

    fn overhear(&mut self, frame: &Frame) {
        let (kind, body) = (frame.kind, &frame.body);
        if let Ok(Some((FromAccount::SignedIn(signed), _))) = FromAccount::decode(kind, body) {
            signed.grants.iter().for_each(|grant| self.overheard.granted(grant));
            self.overheard.named(signed.endpoint.0);
        }
        if let Ok(Some((FromCs::Mixer(Mixer { conversation, grant }), _))) =
            FromCs::decode(kind, body)
        {
            self.overheard.granted(&grant);
            self.overheard.named(conversation.0);
        }
    }

    /// A gate closes a link: for a fault it says so first, in a frame of the link's own.
    pub(super) fn see_fault(&mut self, node: usize, link: LinkId, reason: CloseReason) {
        let wire = self.nodes[node].links.get(&link.0).copied();
        let Some(wire) = wire.filter(|_| matches!(reason, CloseReason::Fault(_))) else {
            return;
        };
        let (device, link) = (self.wires[wire].device, self.wires[wire].device_link.0);
        let said = self.taps.of(wire).faulted;
        let refused = reason == CloseReason::Fault(Code::UpgradeRequired);
        assert!(
            refused || said == Some(reason),
            "link {link} of {device} closes for {reason:?}: said {said:?}"
        );
        self.see(What::Faulted { device, link });
    }

    /// A gate gives its host bytes for a device.
    pub(super) fn tap_down(&mut self, wire: usize, bytes: &Bytes) {
        let is_overheard = self.is_overheard(wire);
        let users = &self.history.users;
        let taps = &mut self.taps;
        if taps.people.len() != users.len() {
            taps.people = users.iter().copied().zip(0..).collect();
        }
        taps.of(wire).down.push(bytes);
        let mut told = Vec::new();
        loop {
            match self.taps.of(wire).down.next_frame() {
                Ok(Some(frame)) => {
                    self.keep(wire, &frame);
                    if is_overheard {
                        self.overhear(&frame);
                    }
                    self.taps.read(wire, &frame, &mut told);
                }
                Ok(None) => break,
                Err(_) => panic!("a gate gives out what is no frame"),
            }
        }
        let on = &self.wires[wire];
        // A link of a process that was killed may live on beside one of the next with its number.
        let link = u64::from(on.device_life) << 32 | on.device_link.0;
        let device = on.device;
        for told in told {
            self.see(What::Told { device, link, told });
        }
    }

    /// A device gives its driver bytes. What a device that lies says need be no frame.
    pub(super) fn tap_up(&mut self, wire: usize, bytes: &Bytes) {
        let (is_overheard, now) = (self.is_overheard(wire), self.now);
        let tapped = self.taps.of(wire);
        tapped.up.push(bytes);
        loop {
            let frame = match tapped.up.next_frame() {
                Ok(Some(frame)) => frame,
                Ok(None) => return,
                Err(_) => return tapped.up = Deframer::default(),
            };
            if is_overheard {
                self.overheard.said(&frame);
            }
            if frame.flags.has(Flags::REQUEST) {
                let request = (frame.channel.0, frame.request);
                if let Some(asked) = tapped.asked.get_mut(&request) {
                    *asked = None;
                } else if let Some(ask) = Ask::of(&frame) {
                    tapped.asked.insert(request, Some((ask, now)));
                }
            }
            let read = (frame.kind == READ).then(|| ToMixer::decode(frame.kind, &frame.body));
            if let Some(Ok(Some((ToMixer::Read(read), _)))) = read
                && read.newest
            {
                tapped.history.insert((frame.channel.0, frame.request));
            }
        }
    }
}
