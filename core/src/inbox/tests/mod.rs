//! An inbox with its mixers and gates played.
#![expect(clippy::wildcard_enum_match_arm, reason = "a test looks for what it names")]

use alloc::string::String;
use alloc::vec;
use alloc::vec::Vec;

use super::{Inbox, Input, Output};
use crate::attached::attached_test::{envelope, moved, person, port, setup, ticket, to_gate};
use crate::attached::moved_refusal;
use crate::edge::gate_service::{Port, ToGate, ToService};
use crate::edge::mixer_inbox::{ToInbox as FromMixer, ToMixer};
use crate::edge::{Peer, Post, Role, Tell, ToInbox, ToMixer as MixerTell};
use crate::error::{Code, Refusal};
use crate::id::{ConversationId, OpId, Shard, UserId};
use crate::limits::{CONVERSATIONS_MAX, HOME_WAITING_MAX, PAGE_BYTES_MAX, REWRITE_MS};
use crate::machine::Machine;
use crate::model::conversation::InboxItem;
use crate::store::{Key, Reply, Request, Write};
use crate::ticket::Purpose;
use crate::time::{Timestamp, Wall};
use crate::wire::body::inbox::{FetchInbox, FromInbox, InboxChanged, ToInbox as Frame};
use crate::wire::record::Record;
use crate::wire::tail::Tail;
use crate::world::MemoryStore;

struct World {
    store: MemoryStore,
    inbox: Inbox,
    now: Timestamp,
    told: Vec<Post>,
    /// What the next writes are answered; `Unknown` is written all the same.
    faults: Vec<Reply>,
    writes: usize,
}

fn alice() -> UserId {
    person(0, 1, 0)
}

fn conversation(n: u8) -> ConversationId {
    ConversationId([n; 16])
}

impl World {
    fn new() -> Self {
        let mut store = MemoryStore::default();
        let inbox = Inbox::new(setup(&mut store, 0, 1, 1), Timestamp::default());
        let now = Timestamp(10);
        let (told, faults, writes) = (Vec::new(), Vec::new(), 0);
        let mut world = Self { store, inbox, now, told, faults, writes };
        let ticket = ticket(&world.inbox.setup, Purpose::Inbox, alice(), "alice");
        world.tell(ToInbox::Client(ToService::Opened { port: Self::port(), request: 1, ticket }));
        world.settle();
        world.told.clear();
        world
    }

    fn port() -> Port {
        port(0, 1)
    }

    fn tell(&mut self, tell: ToInbox) {
        let op = Some(OpId { slot: 5, generation: 6 });
        self.inbox.handle_input(Input::Tell(envelope(Role::Mixer, 0, op, tell)), self.now);
    }

    fn head(&mut self, n: u8, head: u64) {
        let (user, with, at) = (alice(), person(0, 1, 1), Wall(head));
        let conversation = conversation(n);
        self.tell(ToInbox::Mixer(FromMixer::Head { user, conversation, with, head, at }));
    }

    fn settle(&mut self) {
        while let Some(output) = self.inbox.poll_output() {
            match output {
                Output::Tell(post) => self.told.push(post),
                Output::Store { op, request } => {
                    let reply = self.stored(&request);
                    self.inbox.handle_input(Input::Stored { op, reply }, self.now);
                }
            }
        }
    }

    fn stored(&mut self, request: &Request) -> Reply {
        if !matches!(request, Request::Write(_)) {
            return self.store.handle(request);
        }
        self.writes += 1;
        if self.faults.is_empty() {
            return self.store.handle(request);
        }
        let fault = self.faults.remove(0);
        if fault == Reply::Unknown {
            self.store.handle(request);
        }
        fault
    }

    fn later(&mut self, ms: u64) {
        self.now = self.now + ms;
        self.inbox.handle_timeout(self.now);
        self.settle();
    }

    /// The answers to mixers since last asked: conversation, head told, outcome.
    fn answers(&mut self) -> Vec<(ConversationId, u64, Result<(), Refusal>)> {
        let told = core::mem::take(&mut self.told);
        let mut answers = Vec::new();
        for post in told {
            let Tell::Mixer(MixerTell::Inbox(written)) = &post.tell else {
                self.told.push(post);
                continue;
            };
            assert_eq!(post.op, Some(OpId { slot: 5, generation: 6 }));
            let ToMixer::Written { conversation, head, outcome, .. } = written;
            answers.push((*conversation, *head, *outcome));
        }
        answers
    }

    fn frames(&mut self, wanted: u32) -> Vec<FromInbox> {
        let told = self.told.iter().filter_map(to_gate).filter_map(|tell| match tell {
            ToGate::Frame { kind, request, body, .. } if *request == wanted => {
                Some(FromInbox::decode(*kind, body).expect("well formed").expect("known").0)
            }
            _ => None,
        });
        told.collect()
    }

    fn pushed(&mut self) -> Vec<InboxItem> {
        let frames = self.frames(0);
        self.told.clear();
        frames
            .into_iter()
            .map(|frame| match frame {
                FromInbox::Changed(InboxChanged { revision, item }) => {
                    assert_eq!(revision, item.value.revision);
                    item.value
                }
                other => panic!("{other:?}"),
            })
            .collect()
    }

    fn fetch(&mut self, revision: u64) -> (u64, Vec<InboxItem>) {
        let frame = Frame::Fetch(FetchInbox { revision });
        let (kind, body) = (frame.kind(), frame.encode(&Tail::default()));
        let frame = ToService::Frame { port: Self::port(), kind, request: 9, body };
        self.tell(ToInbox::Client(frame));
        self.settle();
        let frames = self.frames(9);
        self.told.clear();
        let (mut at, mut items) = (0, Vec::new());
        for frame in frames {
            let FromInbox::Conversations(part) = frame else {
                panic!("{frame:?}");
            };
            at = part.revision;
            items.extend(part.items.iter().map(|item| item.value.clone()));
        }
        (at, items)
    }
}

/// Alice's range goes to node 1, or comes back from there.
fn go(world: &mut World, from: u16, owner: u16) {
    let moved = moved(&mut world.store, Shard::of_user(alice()), from, owner);
    world.inbox.handle_input(Input::Peer(Peer::Moved(moved)), world.now);
}

#[test]
fn who_loses_a_range_answers_retry_and_closes_its_ports() {
    let mut world = World::new();
    world.head(1, 3);
    world.head(2, 4);
    let Some(Output::Store { op, .. }) = world.inbox.poll_output() else {
        panic!("the state row is read");
    };
    go(&mut world, 0, 1);
    world.settle();
    let retry = Err(moved_refusal());
    let mut answers = world.answers();
    answers.sort_by_key(|(of, ..)| *of);
    assert_eq!(answers, [(conversation(1), 3, retry), (conversation(2), 4, retry)]);
    let closed = world.told.iter().filter_map(to_gate).collect::<Vec<_>>();
    assert!(matches!(closed.as_slice(), [ToGate::Refuse { port, request: 0, .. }]
        if *port == World::port()));
    world.told.clear();
    // Neither a late answer of the store nor what is told now is of any effect.
    world.inbox.handle_input(Input::Stored { op, reply: Reply::Absent }, world.now);
    world.head(1, 5);
    world.settle();
    assert_eq!(world.answers(), [(conversation(1), 5, retry)]);
    assert_eq!((world.writes, world.inbox.homes.len(), world.inbox.runs.len()), (0, 0, 0));
    assert_eq!(world.inbox.poll_timeout(), None);
    go(&mut world, 1, 0);
    world.head(1, 5);
    world.settle();
    assert_eq!(world.answers(), [(conversation(1), 5, Ok(()))], "under the new term");
}

#[test]
fn a_batch_in_doubt_is_not_written_again_by_who_lost_the_range() {
    let mut world = World::new();
    world.faults = vec![Reply::Unknown];
    world.head(1, 3);
    world.settle();
    assert_eq!(world.writes, 1);
    go(&mut world, 0, 1);
    world.later(REWRITE_MS * 10);
    assert_eq!(
        (world.writes, world.answers()),
        (1, vec![(conversation(1), 3, Err(moved_refusal()))])
    );
}

#[test]
fn a_head_is_durable_told_and_answered() {
    let mut world = World::new();
    world.head(1, 3);
    world.settle();
    assert_eq!(world.answers(), [(conversation(1), 3, Ok(()))]);
    let pushed = world.pushed();
    assert_eq!((pushed[0].head, pushed[0].revision, pushed[0].at), (3, 1, Wall(3)));
    assert_eq!(world.fetch(0), (1, pushed));
}

#[test]
fn a_row_moves_only_up() {
    let mut world = World::new();
    for head in [5, 3, 5] {
        world.head(1, head);
        world.settle();
    }
    assert_eq!(world.answers().len(), 3, "each is answered");
    assert_eq!(world.pushed().len(), 1);
    assert_eq!((world.writes, world.fetch(0).1[0].head), (1, 5));
}

#[test]
fn what_comes_while_a_write_is_under_way_becomes_one_write() {
    let mut world = World::new();
    world.head(1, 1);
    for head in [4, 2, 3] {
        world.head(2, head);
    }
    world.head(1, 2);
    world.settle();
    assert_eq!(world.writes, 2);
    let mut answers: Vec<(ConversationId, u64)> =
        world.answers().into_iter().map(|(of, head, _)| (of, head)).collect();
    answers.sort_unstable();
    let (one, two) = (conversation(1), conversation(2));
    assert_eq!(answers, [(one, 1), (one, 2), (two, 2), (two, 3), (two, 4)]);
    let pushed: Vec<(u64, u64)> =
        world.pushed().into_iter().map(|item| (item.head, item.revision)).collect();
    assert_eq!(pushed, [(1, 1), (4, 2), (2, 3)], "each change has a revision of its own");
}

#[test]
fn of_heads_that_wait_the_newest_is_written_in_whatever_order_they_came() {
    let mut world = World::new();
    world.head(1, 1);
    for head in [2, 4, 3] {
        world.head(2, head);
    }
    world.settle();
    world.answers();
    let newest = world.pushed().pop().expect("the second is told");
    assert_eq!((newest.conversation, newest.head, newest.at), (conversation(2), 4, Wall(4)));
    assert_eq!((world.writes, world.fetch(1)), (2, (2, vec![newest])));
}

#[test]
fn deltas_add_up_to_the_whole() {
    let mut world = World::new();
    for n in 1..=5 {
        world.head(n, 1);
        world.settle();
    }
    let (at, items) = world.fetch(3);
    assert_eq!((at, items.len()), (5, 2));
    assert_eq!(world.fetch(5), (5, vec![]));
    assert_eq!(world.fetch(99).1.len(), 5, "a client that is ahead gets everything");
}

#[test]
fn long_inboxes_come_in_parts() {
    let mut world = World::new();
    for n in 0..600u32 {
        let (user, with, head, at) = (alice(), person(0, 1, 1), 1, Wall(1));
        let mut id = [0; 16];
        id[..4].copy_from_slice(&n.to_be_bytes());
        let conversation = ConversationId(id);
        world.tell(ToInbox::Mixer(FromMixer::Head { user, conversation, with, head, at }));
        world.settle();
    }
    world.told.clear();
    let (at, items) = world.fetch(0);
    assert_eq!((at, items.len()), (600, 600));
}

#[test]
fn long_rows_come_in_parts_of_a_frame_and_longer_ones_not_at_all() {
    let mut world = World::new();
    for n in 1..=4 {
        world.head(n, 1);
        world.settle();
    }
    world.told.clear();
    for n in 1..=4 {
        let key = Key::inbox(alice(), conversation(n));
        let Reply::Found { value, .. } = world.store.handle(&Request::Read(key.clone())) else {
            panic!("the row is there");
        };
        let mut record = Record::<InboxItem>::decode(&value).expect("an item");
        let bytes = if n == 4 { PAGE_BYTES_MAX } else { 30_000 };
        record.tail.set(2, &vec![0; bytes]);
        let puts = vec![(key, record.encode())];
        world.store.handle(&Request::Write(Write { puts, ..Write::default() }));
    }
    let frame = Frame::Fetch(FetchInbox { revision: 0 });
    let (kind, body) = (frame.kind(), frame.encode(&Tail::default()));
    let frame = ToService::Frame { port: World::port(), kind, request: 9, body };
    world.tell(ToInbox::Client(frame));
    world.settle();
    let items = world.frames(9).into_iter().map(|frame| match frame {
        FromInbox::Conversations(part) => part.items.len(),
        other => panic!("{other:?}"),
    });
    assert_eq!(items.collect::<Vec<_>>(), [1, 1, 1]);
}

#[test]
fn a_full_inbox_refuses_new_conversations_only() {
    let mut world = World::new();
    world.head(1, 1);
    world.settle();
    let conversations = u32::try_from(CONVERSATIONS_MAX).expect("small");
    let row = super::rows::StateRow { revision: 1, conversations };
    let puts = vec![(Key::inbox_state(alice()), row.encode())];
    world.store.handle(&Request::Write(Write { puts, ..Write::default() }));
    world.answers();
    world.head(2, 1);
    world.head(1, 2);
    world.settle();
    let full = Err(Refusal::of(Code::LimitReached));
    assert_eq!(world.answers(), [(conversation(2), 1, full), (conversation(1), 2, Ok(()))]);
}

#[test]
fn too_many_waiting_are_refused() {
    let mut world = World::new();
    for _ in 0..HOME_WAITING_MAX + 2 {
        world.head(1, 1);
    }
    world.settle();
    let answers = world.answers();
    assert_eq!(answers.len(), HOME_WAITING_MAX + 2);
    let busy = Err(Refusal::later(Code::Busy, 1_000));
    assert_eq!(answers.iter().filter(|(_, _, outcome)| *outcome == busy).count(), 1);
}

#[test]
fn a_write_that_fails_is_answered_so_and_one_unknown_is_found_out() {
    let mut world = World::new();
    world.faults = vec![Reply::Failed(String::from("disk"))];
    world.head(1, 1);
    world.settle();
    let failed = Err(Refusal::of(Code::StoreFailed));
    assert_eq!(world.answers(), [(conversation(1), 1, failed)]);
    world.faults = vec![Reply::Unknown];
    world.head(1, 2);
    world.settle();
    assert_eq!(world.answers(), []);
    world.later(REWRITE_MS);
    assert_eq!(world.answers(), [(conversation(1), 2, Ok(()))]);
    assert_eq!(world.pushed().len(), 1, "it was this very write");
    world.faults = vec![Reply::Conflict];
    world.head(1, 3);
    world.settle();
    assert_eq!(world.answers(), [(conversation(1), 3, Ok(()))]);
}

#[test]
fn a_stale_life_writes_nothing() {
    let mut world = World::new();
    let _newer = setup(&mut world.store, 0, 1, 2);
    world.head(1, 1);
    world.settle();
    assert_eq!(world.answers(), [(conversation(1), 1, Err(Refusal::later(Code::Retry, 1_000)))]);
    assert_eq!(world.fetch(0).1, []);
}

#[test]
fn what_is_no_frame_of_the_inbox_is_refused() {
    let mut world = World::new();
    for (kind, body) in [(0x0301, &b""[..]), (0x03ff, &b"x"[..])] {
        let body = bytes::Bytes::copy_from_slice(body);
        let frame = ToService::Frame { port: World::port(), kind, request: 3, body };
        world.tell(ToInbox::Client(frame));
    }
    world.settle();
    let refused = world
        .told
        .iter()
        .filter_map(to_gate)
        .filter(|tell| matches!(tell, ToGate::Frame { kind: 8, request: 3, .. }));
    assert_eq!(refused.count(), 2);
    assert!(world.inbox.homes.is_empty());
}

#[test]
fn an_inbox_whose_numbers_are_at_their_end_is_none() {
    use crate::inbox::rows::StateRow;
    let reads = |revision, conversations| {
        StateRow::decode(&StateRow { revision, conversations }.encode()).is_some()
    };
    assert!(reads(crate::store::COUNTER_END - 1, 2_000));
    assert!(!reads(crate::store::COUNTER_END, 1));
    assert!(!reads(1, u32::MAX));
}

#[test]
fn a_list_that_cannot_be_read_is_refused_and_asked_for_again() {
    use crate::wire::body::link::FromGate;
    let mut world = World::new();
    world.head(1, 5);
    world.settle();
    let fetch = Frame::Fetch(FetchInbox { revision: 0 });
    for fails_at in [0, 1] {
        world.told.clear();
        let (kind, body) = (fetch.kind(), fetch.encode(&Tail::default()));
        let port = World::port();
        world.tell(ToInbox::Client(ToService::Frame { port, kind, request: 7, body }));
        let mut asked = 0;
        while let Some(output) = world.inbox.poll_output() {
            let Output::Store { op, request } = output else { panic!("nothing is told yet") };
            let fails = asked == fails_at;
            let reply = if fails { Reply::Failed("disk".into()) } else { world.stored(&request) };
            world.inbox.handle_input(Input::Stored { op, reply }, world.now);
            asked += 1;
            if fails {
                break;
            }
        }
        world.settle();
        let told: Vec<_> = world.told.iter().filter_map(to_gate).collect();
        let [ToGate::Frame { kind, request: 7, body, .. }] = told[..] else { panic!("{told:?}") };
        let (refused, _) = FromGate::decode(*kind, body).expect("well formed").expect("known");
        assert!(matches!(refused, FromGate::Refused(refusal) if refusal.code == Code::Retry));
    }
}
