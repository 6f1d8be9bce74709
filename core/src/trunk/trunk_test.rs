//! Two nodes over a fabric that loses, doubles and reorders: reliable tells arrive once and in
//! order within an understanding, state converges, a new life begins a new understanding.

use alloc::vec;
use alloc::vec::Vec;

use super::*;
use crate::edge::{Address, Envelope, Role, Tell, ToPs, cs_ps, mixer_ps};
use crate::id::{EndpointId, Epoch, Flow, OpId, UserId};
use crate::model::presence::{Presence, Status};
use crate::rng::Rng;
use crate::wire::bounded::Text;

struct Fabric {
    nodes: [Trunks; 2],
    flying: Vec<(u64, NodeId, NodeId, Parcel)>,
    rng: Rng,
    loss: u64,
    now: Timestamp,
    delivered: [Vec<Tell>; 2],
    peers: [Vec<Peer>; 2],
    deaf: [u32; 2],
    /// State values that were sent.
    values: u32,
}

fn trunks(node: u16, life: u32, now: Timestamp) -> Trunks {
    Trunks::new(NodeId(node), 2, Incarnation(life), now)
}

impl Fabric {
    fn new(seed: u8, loss: u64) -> Self {
        let now = Timestamp(0);
        Self {
            nodes: [trunks(0, 1, now), trunks(1, 1, now)],
            flying: vec![],
            rng: Rng::new([seed; 32]),
            loss,
            now,
            delivered: [vec![], vec![]],
            peers: [vec![], vec![]],
            deaf: [0; 2],
            values: 0,
        }
    }

    fn drain(&mut self) {
        for at in 0..2 {
            self.nodes[at].flush(self.now);
            while let Some(output) = self.nodes[at].poll_output() {
                match output {
                    Output::Send { to, parcel } => {
                        let is_value = matches!(parcel.body, ParcelBody::State { .. });
                        self.values += u32::from(is_value);
                        let copies = match self.rng.below(100) {
                            roll if roll < self.loss => 0,
                            roll if roll < self.loss + self.loss / 3 => 2,
                            _ => 1,
                        };
                        for _ in 0..copies {
                            let due = self.now.0 + 1 + self.rng.below(80);
                            let from = NodeId(at as u16);
                            self.flying.push((due, from, to, parcel.clone()));
                        }
                    }
                    Output::Deliver(tell) => self.delivered[at].push(tell.envelope.tell),
                    Output::Peer(peer) => self.peers[at].push(peer),
                    Output::Deaf(_) => self.deaf[at] += 1,
                }
            }
        }
    }

    fn run(&mut self, ms: u64) {
        for _ in 0..ms {
            self.now = self.now + 1;
            let now = self.now;
            for at in (0..self.flying.len()).rev() {
                if self.flying[at].0 <= now.0 {
                    let (_, from, to, parcel) = self.flying.swap_remove(at);
                    self.nodes[usize::from(to.0)].on_parcel(from, parcel, now);
                }
            }
            for node in &mut self.nodes {
                if node.poll_timeout().is_some_and(|due| due.at <= now) {
                    node.handle_timeout(now);
                }
            }
            self.drain();
        }
    }

    fn tell(&mut self, from: u16, tell: impl Into<Tell>) {
        let address = Address { role: Role::Mixer, node: NodeId(from) };
        let envelope =
            Envelope { flow: Flow::default(), from: address, op: None, tell: tell.into() };
        let now = self.now;
        let tell = Addressed { range: None, envelope };
        self.nodes[usize::from(from)].tell(NodeId(1 - from), tell, now);
        self.drain();
    }
}

fn numbered(number: u8) -> mixer_ps::ToPs {
    mixer_ps::ToPs::Route { user: UserId([number; 16]) }
}

fn presence(user: u8, version: u64) -> cs_ps::ToCs {
    let text = || Text::new("").expect("empty");
    let presence = Presence { status: Status::Online, name: text(), message: text() };
    cs_ps::ToCs::Presence {
        friend: UserId([user; 16]),
        epoch: Epoch::new(0, 1),
        version,
        acl: 0,
        presence: Box::new(presence.into()),
    }
}

#[test]
fn reliable_tells_arrive_once_and_in_order() {
    for seed in 0..20 {
        let mut fabric = Fabric::new(seed, 20);
        for number in 0..100 {
            fabric.tell(0, numbered(number));
            fabric.run(7);
        }
        fabric.run(20_000);
        let expected: Vec<Tell> = (0..100).map(|number| numbered(number).into()).collect();
        assert_eq!(fabric.delivered[1], expected, "seed {seed}");
        assert_eq!(fabric.peers[1], [Peer::Up(NodeId(0))], "seed {seed}");
    }
}

#[test]
fn what_says_how_long_ago_it_was_counts_the_time_it_waited() {
    let ago = |fabric: &mut Fabric, wait_ms: u64| {
        let publish = cs_ps::ToPs::Publish {
            user: UserId([1; 16]),
            endpoint: EndpointId([1; 16]),
            session: OpId::default(),
            status: Status::Busy,
            ago_ms: None,
        };
        fabric.loss = if wait_ms > 0 { 100 } else { 0 };
        fabric.tell(0, publish);
        fabric.run(wait_ms);
        fabric.loss = 0;
        fabric.run(1_000);
        let [Tell::Ps(ToPs::Cs(cs_ps::ToPs::Publish { ago_ms, .. }))] = &fabric.delivered[1][..]
        else {
            panic!("{:?}", fabric.delivered[1])
        };
        let ago_ms = *ago_ms;
        fabric.delivered[1].clear();
        ago_ms
    };
    let mut fabric = Fabric::new(1, 0);
    fabric.run(1_000);
    // The ways of this fabric differ by less than 80 ms.
    let soon = ago(&mut fabric, 0);
    assert!(soon.is_none_or(|ms| ms < 80), "{soon:?}");
    let late = ago(&mut fabric, 3_000);
    assert!(late.is_some_and(|ms| (3_000..4_000).contains(&ms)), "{late:?}");
}

#[test]
fn the_newest_state_arrives_whatever_is_lost() {
    for seed in 0..20 {
        let mut fabric = Fabric::new(seed, 20);
        fabric.run(2_000);
        for version in 1..40 {
            for user in 0..5 {
                fabric.tell(0, presence(user, version));
            }
            fabric.run(50);
        }
        fabric.run(30_000);
        for user in 0..5 {
            let last = fabric.delivered[1].iter().rev().find(
                |tell| matches!(tell, Tell::Cs(crate::edge::ToCs::Ps(cs_ps::ToCs::Presence { friend, .. })) if friend.0[0] == user),
            );
            assert_eq!(last, Some(&presence(user, 39).into()), "seed {seed}");
        }
    }
}

#[test]
fn a_lost_value_is_heard_within_ten_seconds_though_every_fifth_parcel_is_lost() {
    for seed in 0..=255 {
        let mut fabric = Fabric::new(seed, 20);
        fabric.run(2_000);
        fabric.tell(0, presence(1, 1));
        fabric.run(10_000);
        assert_eq!(fabric.delivered[1], [presence(1, 1).into()], "seed {seed}");
    }
}

#[test]
fn what_is_agreed_to_is_not_said_again() {
    let mut fabric = Fabric::new(1, 0);
    fabric.run(2_000);
    fabric.tell(0, presence(1, 1));
    fabric.run(10_000);
    assert_eq!((fabric.values, fabric.delivered[1].len()), (1, 1));
}

#[test]
fn a_new_life_begins_a_new_understanding() {
    let mut fabric = Fabric::new(1, 10);
    fabric.tell(0, numbered(1));
    fabric.run(3_000);
    fabric.nodes[1] = trunks(1, 2, fabric.now);
    fabric.run(3_000);
    let (up, lost) = (Peer::Up(NodeId(1)), Peer::Lost(NodeId(1)));
    assert_eq!(fabric.peers[0], [up, lost, up]);
    fabric.tell(0, numbered(2));
    fabric.run(3_000);
    assert_eq!(fabric.delivered[1], [numbered(1).into(), numbered(2).into()]);
}

#[test]
fn silence_ends_an_understanding_and_hearing_begins_one() {
    let mut fabric = Fabric::new(2, 0);
    fabric.run(1_000);
    fabric.loss = 100;
    fabric.run(7_000);
    fabric.loss = 0;
    fabric.run(2_000);
    for at in 0..2usize {
        let other = NodeId(1 - at as u16);
        let seen = [Peer::Up(other), Peer::Lost(other), Peer::Up(other)];
        assert_eq!(fabric.peers[at], seen);
        assert!(fabric.nodes[at].is_up(other));
    }
}

#[test]
fn a_full_window_ends_the_understanding() {
    let mut fabric = Fabric::new(3, 0);
    fabric.run(1_000);
    fabric.loss = 100;
    for _ in 0..=crate::limits::TRUNK_WINDOW_MAX {
        fabric.tell(0, numbered(1));
    }
    assert_eq!(fabric.peers[0].last(), Some(&Peer::Lost(NodeId(1))));
    fabric.loss = 0;
    fabric.run(3_000);
    assert!(fabric.nodes[0].is_up(NodeId(1)));
    assert_eq!(fabric.peers[1].len(), 3);
}

#[test]
fn our_own_pause_is_not_the_peers_silence() {
    let mut fabric = Fabric::new(4, 0);
    fabric.run(1_000);
    fabric.now = fabric.now + 20_000;
    let now = fabric.now;
    fabric.nodes[0].handle_timeout(now);
    fabric.nodes[1].handle_timeout(now);
    fabric.drain();
    fabric.run(5_000);
    assert_eq!(fabric.peers[0], [Peer::Up(NodeId(1))]);
}

#[test]
fn nothing_reliable_goes_out_before_the_first_understanding() {
    let mut fabric = Fabric::new(1, 0);
    fabric.tell(0, numbered(1));
    fabric.tell(0, numbered(2));
    let reliable = |parcel: &Parcel| matches!(parcel.body, ParcelBody::Reliable { .. });
    assert!(fabric.flying.iter().all(|(.., parcel)| !reliable(parcel)));
    fabric.run(3_000);
    assert_eq!(fabric.delivered[1], [numbered(1).into(), numbered(2).into()]);
}

#[test]
fn a_delay_that_may_happen_does_not_excuse_the_peer() {
    use crate::limits::PAUSE_MS;
    let mut fabric = Fabric::new(4, 0);
    fabric.run(1_000);
    let node = &mut fabric.nodes[0];
    let lost = |node: &mut Trunks| {
        let outputs = core::iter::from_fn(|| node.poll_output());
        outputs.filter(|output| matches!(output, Output::Peer(Peer::Lost(_)))).count()
    };
    let silent = loop {
        let due = node.poll_timeout().expect("it waits for the peer");
        if due.why == "a node is silent" {
            break due.at;
        }
        node.handle_timeout(due.at);
        assert_eq!(lost(node), 0);
    };
    node.handle_timeout(silent + PAUSE_MS);
    assert_eq!(lost(node), 1);
}

#[test]
fn what_waits_for_a_peer_is_measured_against_its_bound() {
    let mut fabric = Fabric::new(1, 100);
    for number in 0..3 {
        fabric.tell(0, numbered(number));
    }
    for user in 0..4 {
        fabric.tell(0, presence(user, 1));
        fabric.tell(0, presence(user, 2));
    }
    let mut queues = Queues::default();
    fabric.nodes[0].queues(&mut queues);
    let [window, state, timers] = queues.all() else { panic!("{queues:?}") };
    assert_eq!((window.length, window.bound), (3, crate::limits::TRUNK_WINDOW_MAX));
    assert_eq!((state.length, state.bound), (4, crate::limits::TRUNK_STATE_MAX), "one a key");
    assert!((1..=timers.bound).contains(&timers.length), "{timers:?}");
}

#[test]
fn what_was_held_back_on_its_way_was_chosen_longer_ago_by_that() {
    let mut fabric = Fabric::new(5, 0);
    fabric.run(1_000);
    let (user, endpoint) = (UserId([1; 16]), EndpointId([1; 16]));
    let (session, status, ago_ms) = (OpId::default(), Status::Busy, Some(2_000));
    fabric.tell(0, cs_ps::ToPs::Publish { user, endpoint, session, status, ago_ms });
    // The way there is held back; the way back is not.
    let there = |(_, from, ..): &(u64, NodeId, NodeId, Parcel)| *from == NodeId(0);
    let held = fabric.flying.extract_if(.., |flying| there(flying)).collect::<Vec<_>>();
    for _ in 0..5_000 {
        fabric.run(1);
        fabric.flying.retain(|flying| !there(flying));
    }
    fabric.flying.extend(held);
    fabric.run(1);
    let [Tell::Ps(ToPs::Cs(cs_ps::ToPs::Publish { ago_ms, .. }))] = fabric.delivered[1][..] else {
        panic!("{:?}", fabric.delivered[1])
    };
    // It was on its way for 5,001 ms, of which the fastest parcel took some too.
    let late_ms = ago_ms.unwrap() - 2_000;
    assert!((4_921..=5_001).contains(&late_ms), "{late_ms}");
}
