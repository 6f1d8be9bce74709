//! A mixer that loses answers, refuses for a while and is cut off, over and over: every message is
//! stored once, in order, acked once and shown once.

use alloc::vec::Vec;

use super::peer::{ALICE, Peer, attach_of, bobs, config, cs_of, entry, grant, mixer_of, talk};
use crate::client::{Event, Input};
use crate::error::{Code, Refusal};
use crate::id::Channel;
use crate::model::entry::Entry;
use crate::rng::Rng;
use crate::wire::body::cs::{FromCs, Mixer};
use crate::wire::body::link::Service;
use crate::wire::body::mixer::{Content, Expected, FromMixer, Send, SendId, ToMixer};
use crate::wire::frame::Frame;

/// A conversation as its mixer has it.
struct Log {
    entries: Vec<Entry>,
    last: Option<SendId>,
    rng: Rng,
    leg: Option<Channel>,
}

impl Log {
    fn rarely(&mut self) -> bool {
        self.rng.below(20) == 0
    }

    fn next(&self) -> u64 {
        self.entries.len() as u64 + 1
    }

    fn append(&mut self, peer: &mut Peer, entry: Entry) {
        self.entries.push(entry.clone());
        if let Some(leg) = self.leg {
            peer.live(leg, entry);
        }
    }

    fn on_frame(&mut self, peer: &mut Peer, frame: &Frame) {
        if cs_of(frame).is_some() {
            let said = FromCs::Mixer(Mixer { conversation: talk(), grant: grant(Service::MIXER) });
            return peer.answer_cs(frame, &said);
        }
        if attach_of(frame).is_some() {
            peer.attached(frame);
            return;
        }
        match mixer_of(frame) {
            ToMixer::Join(_) => {
                self.leg = Some(frame.channel);
                peer.joined(frame, self.next() - 1, 0, self.last.clone());
            }
            ToMixer::Read(read) => {
                let from = usize::try_from(read.from).expect("small") - 1;
                let limit = 1 + usize::try_from(self.rng.below(7)).expect("small");
                let rest = self.entries.get(from..).unwrap_or_default();
                let page = rest.iter().take(limit).cloned().collect();
                peer.page(frame, page, rest.len() > limit);
            }
            ToMixer::Send(send) => self.on_send(peer, frame, send),
            ToMixer::Typing(_) | ToMixer::Delivered(_) => {}
        }
    }

    fn on_send(&mut self, peer: &mut Peer, frame: &Frame, send: Send) {
        if let Some(last) = self.last.clone().filter(|last| send.id.counter <= last.counter) {
            let of = |entry: &&Entry| entry.id == last;
            let at = self.entries.iter().find(of).map_or(0, |entry| entry.sequence);
            return peer.stored(frame, &last, at);
        }
        if send.after != self.last {
            let last = self.last.clone();
            return peer.answer_mixer(frame, &FromMixer::Expected(Expected { last }));
        }
        if self.rarely() {
            return peer.refuse(frame, Refusal::later(Code::Retry, 100));
        }
        self.last = Some(send.id.clone());
        let mut own = entry(self.next(), ALICE, peer.endpoint, send.id.clone());
        own.content = send.content;
        let sequence = own.sequence;
        if self.rarely() {
            // Stored, and the link is gone before anybody is told.
            self.entries.push(own);
            let link = peer.link;
            return peer.input(Input::LinkClosed { link });
        }
        if self.rng.below(2) == 0 {
            self.append(peer, own);
            peer.stored(frame, &send.id, sequence);
        } else {
            peer.stored(frame, &send.id, sequence);
            self.append(peer, own);
        }
    }
}

fn soak(seed: u8) {
    const SENDS: u64 = 200;
    let mut peer = Peer::with_store(config(Some("pw")), crate::world::MemoryStore::default(), seed);
    let rng = Rng::new([seed; 32]);
    let mut log = Log { entries: Vec::new(), last: None, rng, leg: None };
    let (mut dials, mut said) = (0, 0);
    for _ in 0..100_000 {
        if peer.dials > dials {
            (dials, log.leg) = (peer.dials, None);
            peer.come_online();
        }
        if said < SENDS && log.rng.below(3) == 0 {
            said += 1;
            peer.send(said, &alloc::format!("own {said}"));
        }
        if log.rarely() {
            let bobs = bobs(log.next());
            log.append(&mut peer, bobs);
        }
        if peer.is_quiet() {
            peer.pass(1_000);
        } else {
            let frame = peer.frame();
            log.on_frame(&mut peer, &frame);
        }
        let acks = peer.events.iter().filter(|event| matches!(event, Event::Acked { .. }));
        if acks.count() as u64 == SENDS && log.rng.below(10) == 0 {
            break;
        }
    }
    judge(&peer, &log, SENDS);
}

fn judge(peer: &Peer, log: &Log, sends: u64) {
    let (mut acked, mut shown) = (Vec::new(), 0);
    for event in &peer.events {
        if let Event::Acked { id, seq, .. } = event {
            acked.push((id.expect("asked for"), *seq));
        } else if let Event::Message { seq, .. } = event {
            assert_eq!(*seq, shown + 1, "each once, in order");
            shown = *seq;
        }
        assert!(!matches!(event, Event::Error { .. }), "{event:?}");
    }
    acked.sort_unstable();
    let ids: Vec<u64> = acked.iter().map(|(id, _)| *id).collect();
    assert_eq!(ids, (1..=sends).collect::<Vec<_>>(), "each acked once");
    let own = log.entries.iter().filter(|entry| entry.user == ALICE);
    for ((id, seq), entry) in acked.iter().zip(own) {
        let text = Content::new(alloc::format!("own {id}").into_bytes()).expect("short");
        assert_eq!((*seq, &text), (entry.sequence, &entry.content), "in the order they were said");
    }
}

#[test]
fn nothing_is_lost_or_doubled_over_bad_links() {
    (1..=60).for_each(soak);
}
