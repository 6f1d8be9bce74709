//! PROTOCOL §9.5: a home goes, a home comes.

use super::*;
use crate::attached::attached_test::moved;
use crate::error::{Code, Refusal};
use crate::id::{Epoch, Shard};
use crate::limits::REWRITE_MS;
use crate::wire::bounded::Text;

impl World {
    /// The home of alice goes to node 1, or comes back from there.
    fn move_home(&mut self, from: u16, owner: u16) {
        let moved = moved(&mut self.store, Shard::of_user(alice()), from, owner);
        self.peer(Peer::Moved(moved));
    }

    fn save(&mut self, name: &str) {
        let name = Some(Text::new(name).expect("within bytes"));
        let (user, endpoint, sign_in) = (alice(), device(1), 1);
        self.cs(1, FromCs::Save { user, endpoint, sign_in, act: None, name, message: None });
    }

    /// Told again; the status was chosen as many milliseconds ago.
    fn arrive_again(&mut self, node: u16, n: u8, status: Status, ago_ms: u64) {
        self.arrive_as(node, device(1), (n, u64::from(n)));
        self.publish_as(node, device(1), (n, status), Some(ago_ms));
    }

    fn own(&mut self) -> Vec<(u16, Status)> {
        let told = core::mem::take(&mut self.told);
        let own = |(node, tell)| match tell {
            ToCs::Own { presence, .. } => Some((node, presence.value.status)),
            _ => None,
        };
        told.into_iter().filter_map(own).collect()
    }
}

#[test]
fn who_loses_a_home_forgets_it_and_tells_nobody() {
    let mut world = World::online();
    world.lose(1, 1);
    world.move_home(0, 1);
    assert_eq!(world.ps.people.len(), 0);
    assert_eq!(world.ps.poll_timeout(), None, "no linger, no telling, nothing to settle");
    // What others say before they hear of the move is for another node.
    world.arrive(1, 1);
    world.publish(1, 1, Status::Busy);
    world.watch(2, carol(), 9);
    world.changed(bob(), false);
    world.later(60_000);
    assert_eq!((world.heard(), world.ps.people.len()), (Vec::new(), 0));
    let tell = mixer_ps::ToPs::Route { user: alice() };
    world.tell(Role::Mixer, 0, ToPs::Mixer(tell));
    assert!(world.routes.is_empty());
    world.save("Alice");
    let refused = Err(Refusal::later(Code::Retry, 1_000));
    assert_eq!(world.heard(), [(1, ToCs::Saved { outcome: refused })]);
}

#[test]
fn a_home_of_another_range_stays_as_it_is() {
    let mut world = World::online();
    let other = (0..)
        .map(|n| person(0, 1, n))
        .find(|user| Shard::of_user(*user).range() != Shard::of_user(alice()).range());
    let shard = Shard::of_user(other.expect("there are 256 ranges"));
    let moved = moved(&mut world.store, shard, 0, 1);
    world.peer(Peer::Moved(moved));
    world.publish(1, 1, Status::Busy);
    assert_eq!(world.statuses(), [(2, Status::Busy)]);
}

#[test]
fn who_gains_a_home_settles_before_it_calls_anybody_offline() {
    let mut world = World::new();
    world.move_home(0, 1);
    world.later(60_000);
    world.move_home(1, 0);
    world.watch(2, bob(), 5);
    let heard = world.heard();
    assert!(matches!(heard.as_slice(), [(2, ToCs::Settling { epoch, .. })]
        if *epoch == Epoch::new(2, 1)));
    // A device that lingered at the past owner is not told again by anybody.
    world.later(LINGER_MS - 1);
    assert_eq!(world.heard(), []);
    world.later(1);
    let heard = world.heard();
    assert!(matches!(heard.as_slice(), [(2, ToCs::Admit { presence, number: 5, .. })]
        if presence.value.status == Status::Offline));
    assert_eq!(world.ps.poll_timeout(), None);
}

#[test]
fn who_is_told_again_while_the_home_settles_shows_as_before() {
    let mut world = World::online();
    world.move_home(0, 1);
    world.move_home(1, 0);
    world.watch(2, bob(), 5);
    assert!(matches!(world.heard().as_slice(), [(2, ToCs::Settling { .. })]));
    world.arrive_again(1, 1, Status::Online, 9);
    let heard = world.heard();
    assert!(matches!(heard.as_slice(), [(2, ToCs::Admit { presence, .. })]
        if presence.value.status == Status::Online));
    world.later(60_000);
    assert_eq!(world.statuses(), []);
}

#[test]
fn the_own_device_does_not_see_itself_offline_in_between() {
    let mut world = World::online();
    world.move_home(0, 1);
    world.move_home(1, 0);
    world.watch(2, bob(), 5);
    world.own();
    world.arrive_again(1, 1, Status::Away, 9);
    assert_eq!(world.own(), [(1, Status::Away)]);
}

#[test]
fn a_home_again_in_a_later_term_begins_anew() {
    let mut world = World::online();
    world.move_home(0, 0);
    assert_eq!(world.ps.people.len(), 0);
    world.watch(2, bob(), 5);
    assert!(matches!(world.heard().as_slice(), [(2, ToCs::Settling { .. })]));
}

#[test]
fn of_two_sessions_of_one_device_told_again_the_later_sign_in_stands() {
    for stale_first in [true, false] {
        let mut world = World::online();
        world.move_home(0, 0);
        world.watch(2, bob(), 5);
        world.told.clear();
        // The link of session 3 is dead and its CS does not know yet; session 4 took its place.
        let told = [(1, 3, Status::Away, 0), (4, 4, Status::Busy, 9)];
        let order = if stale_first { [told[0], told[1]] } else { [told[1], told[0]] };
        for (node, n, status, ago_ms) in order {
            world.arrive_again(node, n, status, ago_ms);
        }
        let boots = world.told.iter().filter_map(|(node, tell)| match tell {
            ToCs::Boot { session, .. } => Some((*node, *session)),
            _ => None,
        });
        assert!(boots.eq([(1, session(3))]), "whoever came first, and whatever was chosen last");
        assert_eq!(world.own_last(), Some(Status::Busy));
        world.later(PRESENCE_COALESCE_MS);
        world.told.clear();
        let (endpoint, session) = (device(1), session(3));
        world.cs(1, FromCs::Lost { user: alice(), endpoint, session });
        world.later(60_000);
        let shown: Vec<_> = world.heard().into_iter().map(|(_, tell)| tell).collect();
        let offline = |tell: &ToCs| match tell {
            ToCs::Presence { presence, .. } => presence.value.status != Status::Busy,
            _ => true,
        };
        assert!(!shown.iter().any(offline), "{shown:?}");
        assert_eq!(world.route(), [(device(1), NodeId(4))]);
    }
}

#[test]
fn what_an_earlier_sign_in_asks_for_is_nobody_s() {
    let mut world = World::online();
    world.arrive_as(4, device(1), (4, 4));
    world.publish_as(4, device(1), (4, Status::Busy), None);
    world.heard();
    // Overtaken on its way: the device has signed in at node 4 since.
    world.save("Alice");
    let refused = Err(Refusal::later(Code::Retry, 1_000));
    assert_eq!(world.heard(), [(1, ToCs::Saved { outcome: refused })]);
    world.arrive_as(1, device(1), (3, 3));
    world.publish_as(1, device(1), (3, Status::Away), None);
    let over = ToCs::Boot { user: alice(), endpoint: device(1), session: session(3) };
    assert_eq!(world.heard(), [(1, over)]);
    assert_eq!(world.route(), [(device(1), NodeId(4))]);
    world.later(60_000);
    assert_eq!(world.statuses(), []);
}

#[test]
fn a_change_in_flight_is_retry_and_its_late_outcome_nobody_s() {
    for reply in [Reply::Written { revision: 9 }, Reply::Unknown, Reply::Conflict] {
        let mut world = World::online();
        let name = Some(Text::new("Alice").expect("within bytes"));
        let (user, endpoint, sign_in) = (alice(), device(1), 1);
        let tell = FromCs::Save { user, endpoint, sign_in, act: None, name, message: None };
        let tell = envelope(Role::Cs, 1, Some(OpId::default()), ToPs::Cs(tell));
        world.ps.handle_input(Input::Tell(tell), world.now);
        let Some(Output::Store { op, .. }) = world.ps.poll_output() else {
            panic!("the change is written");
        };
        world.move_home(0, 1);
        let refused = Err(Refusal::later(Code::Retry, 1_000));
        assert_eq!(world.heard(), [(1, ToCs::Saved { outcome: refused })]);
        world.move_home(1, 0);
        world.watch(2, bob(), 5);
        world.heard();
        world.ps.handle_input(Input::Stored { op, reply }, world.now);
        world.settle();
        assert_eq!(world.heard(), []);
        world.later(LINGER_MS);
        assert!(matches!(world.heard().as_slice(), [(2, ToCs::Admit { .. })]));
    }
}

#[test]
fn a_change_in_doubt_is_not_written_again_by_who_lost_the_home() {
    let mut world = World::online();
    world.faults = vec![Reply::Unknown];
    world.save("Alice");
    world.move_home(0, 1);
    world.heard();
    world.later(REWRITE_MS * 2);
    world.move_home(1, 0);
    world.watch(2, bob(), 5);
    world.later(LINGER_MS);
    let heard = world.heard();
    assert!(matches!(heard.last(), Some((2, ToCs::Admit { presence, .. }))
        if presence.value.name.as_str().is_empty()));
}

#[test]
fn a_change_at_the_new_owner_is_written_under_its_own_term() {
    let mut world = World::online();
    world.move_home(0, 1);
    world.move_home(1, 0);
    world.save("Alice");
    assert!(matches!(world.heard().as_slice(), [(1, ToCs::Saved { outcome: Ok(()) })]));
}
