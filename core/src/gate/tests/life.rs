//! PROTOCOL §2.5 to §2.8: how long a link lives, and how it ends.

use alloc::vec;

use super::*;
use crate::edge::gate_service::Lane;
use crate::limits::{KEEPALIVE_GRACE_MS, KEEPALIVE_MS, LINK_IN_FLIGHT_BYTES_MAX};
use crate::wire::body::link::Ping;

fn ping() -> Bytes {
    let word = Word::Ping(Ping {});
    Frame::request(word.kind(), Channel(0), 3, word.encode(&Tail::default())).encode()
}

fn chat(bytes: usize) -> ToGate {
    let body = Bytes::from(vec![1; bytes]);
    let lane = Lane::Chat;
    ToGate::Frame { port: port(1), lane, kind: 0x0515, request: 0, more: false, body }
}

#[test]
fn a_silent_link_closes_after_keepalive_and_grace() {
    let mut gate = signed_in();
    assert_eq!(gate.who(LINK), Some(&who()));
    let due = T0 + KEEPALIVE_MS + KEEPALIVE_GRACE_MS;
    assert_eq!(gate.poll_timeout().unwrap().at, due);
    say(&mut gate, &ping(), T0 + 30_000);
    assert_eq!(gate.poll_timeout().unwrap().at, due, "the deadline is looked at when it fires");
    gate.handle_timeout(due);
    assert!(outputs(&mut gate).is_empty());
    let due = T0 + 30_000 + 60_000;
    assert_eq!(gate.poll_timeout().unwrap().at, due);
    gate.handle_timeout(due);
    let out = outputs(&mut gate);
    assert_eq!(closes(&out), [CloseReason::Silent]);
    assert!(frames(&out).is_empty(), "who is silent is told nothing");
    assert_eq!(told(out).len(), 1);
    gate.handle_input(Input::LinkClosed { link: LINK }, due);
    assert!(outputs(&mut gate).is_empty(), "told once");
}

#[test]
fn a_pause_of_ours_is_nobodys_silence() {
    let mut gate = signed_in();
    say(&mut gate, &ping(), T0 + 40_000);
    // Asked to be called at 60 s; called an hour later.
    let woken = T0 + 3_600_000;
    gate.handle_timeout(woken);
    assert!(outputs(&mut gate).is_empty());
    // 20 s of its silence were seen before the pause.
    let due = woken + 40_000;
    assert_eq!(gate.poll_timeout().unwrap().at, due);
    gate.handle_timeout(due);
    assert_eq!(closes(&outputs(&mut gate)), [CloseReason::Silent]);
}

#[test]
fn the_host_holds_no_more_than_its_share() {
    let mut gate = signed_in();
    let mut handed = 0;
    for _ in 0..200 {
        let out = tell(&mut gate, Role::Cs, 0, chat(1_000), T0);
        handed += out.iter().filter(|o| matches!(o, Output::LinkSend { .. })).count();
    }
    assert_eq!(handed, LINK_IN_FLIGHT_BYTES_MAX / 1_008);
    gate.handle_input(Input::LinkSent { link: LINK, bytes: 10_000 }, T0);
    let more = frames(&outputs(&mut gate)).len();
    assert!((8..=11).contains(&more), "{more}");
}

#[test]
fn a_slow_consumer_is_closed_and_nothing_more_is_said() {
    let mut gate = signed_in();
    let out = loop {
        let out = tell(&mut gate, Role::Cs, 0, chat(30_000), T0);
        if !closes(&out).is_empty() {
            break out;
        }
    };
    assert_eq!(closes(&out), [CloseReason::SlowConsumer]);
    assert!(tell(&mut gate, Role::Cs, 0, chat(10), T0).is_empty());
    gate.handle_input(Input::LinkSent { link: LINK, bytes: 60_000 }, T0);
    assert!(say(&mut gate, &ping(), T0).is_empty());
    assert_eq!(gate.link_count(), 1);
    gate.handle_input(Input::LinkClosed { link: LINK }, T0);
    assert_eq!(gate.link_count(), 0);
}

#[test]
fn a_service_closes_the_link() {
    let mut gate = signed_in();
    let close = ToGate::Close { port: port(1), reason: CloseReason::Superseded };
    let out = tell(&mut gate, Role::Cs, 0, close, T0);
    assert_eq!(closes(&out), [CloseReason::Superseded]);
    assert!(matches!(words(&out)[..], [(0, FromGate::Closing(_))]));
    assert_eq!(told(out).len(), 1);
}

#[test]
fn account_says_later_who_it_is() {
    let mut gate = welcomed();
    say(&mut gate, &attach(Service::ACCOUNT, None, 0, 1), T0);
    let accept = ToGate::Accept { port: port(1), request: 101, who: None };
    tell(&mut gate, Role::Account, 0, accept, T0);
    assert_eq!(gate.who(LINK), None);
    let known = ToGate::SignedIn { port: port(1), who: who() };
    tell(&mut gate, Role::Account, 0, known, T0 + 5_000);
    assert_eq!(gate.who(LINK), Some(&who()));
    gate.handle_timeout(T0 + 10_000);
    assert!(outputs(&mut gate).is_empty());
}

#[test]
fn a_draining_gate_tells_all_and_says_when_they_are_gone() {
    let mut gate = signed_in();
    for link in 8..40 {
        gate.handle_input(Input::LinkOpened { link: LinkId(link), remote: "" }, T0);
    }
    gate.handle_input(Input::Drain, T0);
    let out = outputs(&mut gate);
    assert_eq!(closes(&out).len(), 33);
    let waits: Vec<u32> = words(&out)
        .iter()
        .filter_map(|(_, word)| match word {
            FromGate::Closing(c) if c.reason == CloseReason::Draining => Some(c.retry_after_ms),
            _ => None,
        })
        .collect();
    assert_eq!(waits.len(), 33);
    assert!(waits.iter().all(|ms| *ms < 5_000) && waits.iter().any(|ms| *ms > 2_500), "spread");
    gate.handle_input(Input::LinkOpened { link: LinkId(50), remote: "" }, T0);
    assert_eq!(closes(&outputs(&mut gate)), [CloseReason::Draining]);
    for link in (7..40).chain([50]) {
        assert!(outputs(&mut gate).is_empty());
        gate.handle_input(Input::LinkClosed { link: LinkId(link) }, T0);
    }
    assert_eq!(outputs(&mut gate), [Output::Drained]);
}

#[test]
fn an_idle_gate_is_drained_at_once() {
    let mut gate = Gate::new(setup(0, 1), T0);
    gate.handle_input(Input::Drain, T0);
    assert_eq!(outputs(&mut gate), [Output::Drained]);
}

#[test]
fn an_idle_link_is_small() {
    use crate::gate::link::Link;
    assert!(size_of::<Link>() <= 200, "{}", size_of::<Link>());
}

#[test]
fn who_signed_in_makes_room_for_one_stranger() {
    let mut gate = welcomed();
    let open = |gate: &mut Gate, number: u64| {
        gate.handle_input(Input::LinkOpened { link: LinkId(number), remote: "127.0.0.1" }, T0);
        closes(&outputs(gate))
    };
    for number in 1..crate::limits::LINKS_PRE_AUTH_MAX as u64 {
        assert_eq!(open(&mut gate, 100 + number), []);
    }
    say(&mut gate, &attach(Service::CS, None, 0, 1), T0);
    let accept = ToGate::Accept { port: port(1), request: 101, who: Some(who()) };
    tell(&mut gate, Role::Cs, 0, accept, T0);
    assert_eq!(open(&mut gate, 10_000), [], "the link that signed in is none any more");
    assert_eq!(open(&mut gate, 10_001), [CloseReason::Unavailable]);
}
