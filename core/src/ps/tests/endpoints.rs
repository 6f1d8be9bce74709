//! Devices that come, go, linger and come back.

use super::*;
use crate::limits::{ENDPOINTS_MAX, PRESENCE_COALESCE_MS};

#[test]
fn a_change_is_told_to_each_cs_once() {
    let mut world = World::online();
    world.watch(2, carol(), 1);
    world.watch(3, bob(), 1);
    world.heard();
    world.publish(1, 1, Status::Busy);
    assert_eq!(world.statuses(), [(2, Status::Busy), (3, Status::Busy)]);
}

#[test]
fn changes_are_coalesced_and_one_that_ends_as_it_began_is_not_told() {
    let mut world = World::online();
    world.publish(1, 1, Status::Busy);
    assert_eq!(world.statuses(), [(2, Status::Busy)], "the first at once");
    world.publish(1, 1, Status::Away);
    world.publish(1, 1, Status::Idle);
    assert_eq!(world.statuses(), []);
    world.later(PRESENCE_COALESCE_MS);
    assert_eq!(world.statuses(), [(2, Status::Idle)], "then the last");
    world.publish(1, 1, Status::Away);
    world.publish(1, 1, Status::Idle);
    world.later(1_000);
    assert_eq!(world.statuses(), []);
    assert_eq!(world.ps.poll_timeout(), None);
}

#[test]
fn versions_grow() {
    let mut world = World::online();
    let mut last = 0;
    for status in [Status::Busy, Status::Away, Status::Busy] {
        world.publish(1, 1, status);
        world.later(1_000);
        let heard = world.heard();
        let [(2, ToCs::Presence { version, .. })] = heard.as_slice() else {
            panic!("{heard:?}");
        };
        assert!(*version > last);
        last = *version;
    }
}

#[test]
fn leaving_is_offline_at_once_and_only_with_the_last_device() {
    let mut world = World::online();
    world.arrive(1, 2);
    world.publish(1, 2, Status::Online);
    world.leave(1, 1);
    assert_eq!(world.statuses(), []);
    world.leave(1, 2);
    assert_eq!(world.statuses(), [(2, Status::Offline)]);
    world.cs(2, FromCs::Unwatch { friend: alice(), watcher: bob() });
    world.later(PRESENCE_COALESCE_MS);
    assert_eq!(world.ps.people.len(), 0, "nobody needs her any more");
    assert_eq!(world.ps.poll_timeout(), None);
}

#[test]
fn a_lost_link_lingers_and_is_then_one_offline() {
    let mut world = World::online();
    world.lose(1, 1);
    world.later(LINGER_MS - 1);
    assert_eq!(world.statuses(), []);
    assert_eq!(world.route(), [], "who lingers is not rung");
    world.later(1);
    assert_eq!(world.statuses(), [(2, Status::Offline)]);
    world.later(60_000);
    assert_eq!(world.statuses(), []);
}

#[test]
fn coming_back_within_the_linger_tells_nobody_anything() {
    let mut world = World::online();
    world.lose(1, 1);
    world.later(LINGER_MS - 1);
    world.arrive_as(3, device(1), (9, 9));
    world.publish_as(3, device(1), (9, Status::Online), None);
    world.later(60_000);
    assert_eq!(world.statuses(), []);
    assert_eq!(world.route(), [(device(1), NodeId(3))]);
    // What the old session says late is nobody's.
    world.leave(1, 1);
    world.lose(1, 1);
    world.later(60_000);
    assert_eq!(world.statuses(), []);
}

#[test]
fn hiding_looks_like_leaving_and_leaving_then_adds_nothing() {
    let mut world = World::online();
    world.publish(1, 1, Status::AppearOffline);
    assert_eq!(world.statuses(), [(2, Status::Offline)]);
    assert_eq!(world.route(), [(device(1), NodeId(1))], "hidden ones are rung");
    world.later(1_000);
    world.leave(1, 1);
    world.later(60_000);
    assert_eq!(world.statuses(), []);
}

#[test]
fn own_devices_see_what_was_chosen() {
    let mut world = World::online();
    world.told.clear();
    world.publish(1, 1, Status::AppearOffline);
    let own = |told: &Told| -> Vec<(u16, Status)> {
        told.iter()
            .filter_map(|(node, tell)| match tell {
                ToCs::Own { presence, .. } => Some((*node, presence.value.status)),
                _ => None,
            })
            .collect()
    };
    assert_eq!(own(&world.told), [(1, Status::AppearOffline)]);
    world.told.clear();
    world.arrive(4, 2);
    assert_eq!(own(&world.told), [(4, Status::AppearOffline)], "who arrives is told");
    world.publish(4, 2, Status::Busy);
    assert_eq!(own(&world.told)[1..], [(1, Status::Busy), (4, Status::Busy)]);
}

#[test]
fn an_endpoint_that_signs_in_elsewhere_boots_its_old_session() {
    let mut world = World::online();
    world.arrive_as(3, device(1), (9, 9));
    let heard = world.heard();
    assert!(
        matches!(heard.as_slice(), [(1, ToCs::Boot { session: over, .. })] if *over == session(1))
    );
    world.arrive_as(3, device(1), (9, 9));
    assert_eq!(world.heard(), [], "registering again boots nobody");
}

#[test]
fn more_devices_than_may_be_drop_a_lingering_one_or_boot_the_oldest() {
    let mut world = World::new();
    let most = u8::try_from(ENDPOINTS_MAX).expect("small");
    (1..=most).for_each(|n| world.arrive(1, n));
    world.lose(1, 5);
    world.arrive(1, 100);
    assert_eq!(world.heard(), []);
    world.arrive(1, 101);
    let heard = world.heard();
    assert!(
        matches!(heard.as_slice(), [(1, ToCs::Boot { endpoint, .. })] if *endpoint == device(1))
    );
    assert_eq!(world.route().len(), ENDPOINTS_MAX);
}

#[test]
fn a_lost_cs_lets_its_devices_linger_and_is_forgotten_as_a_watcher() {
    let mut world = World::online();
    world.watch(1, carol(), 1);
    world.heard();
    world.peer(Peer::Lost(NodeId(1)));
    world.peer(Peer::Lost(NodeId(2)));
    world.later(LINGER_MS + PRESENCE_COALESCE_MS);
    assert_eq!(world.heard(), [], "nobody watches any more");
    assert_eq!(world.ps.people.len(), 0);

    let mut world = World::online();
    world.peer(Peer::Lost(NodeId(1)));
    world.later(LINGER_MS - 1);
    assert_eq!(world.statuses(), []);
    world.arrive(1, 1);
    world.publish(1, 1, Status::Online);
    world.later(60_000);
    assert_eq!(world.statuses(), [], "the cs came back in time");
    world.peer(Peer::Lost(NodeId(1)));
    world.later(LINGER_MS);
    assert_eq!(world.statuses(), [(2, Status::Offline)]);
}

#[test]
fn a_pause_of_the_node_moves_lingers() {
    let mut world = World::online();
    world.publish(1, 1, Status::Busy);
    world.publish(1, 1, Status::Away);
    world.lose(1, 1);
    world.heard();
    // The process stands still for a minute, from before the next presence was due.
    world.now = world.now + 60_000;
    world.ps.handle_timeout(world.now);
    world.settle();
    assert_eq!(world.statuses(), [(2, Status::Away)], "the linger did not run meanwhile");
    world.later(LINGER_MS - PRESENCE_COALESCE_MS - 1);
    assert_eq!(world.statuses(), []);
    world.later(1);
    assert_eq!(world.statuses(), [(2, Status::Offline)]);
}

#[test]
fn a_status_nobody_may_choose_and_a_session_nobody_has_change_nothing() {
    let mut world = World::online();
    world.publish(1, 1, Status::Offline);
    world.publish(1, 1, Status(77));
    world.publish(2, 1, Status::Busy);
    world.publish(1, 2, Status::Busy);
    world.later(1_000);
    assert_eq!(world.statuses(), []);
}

#[test]
fn a_choice_told_again_does_not_undo_a_later_one() {
    let mut world = World::online();
    world.arrive(3, 2);
    world.publish_as(3, device(2), (2, Status::Busy), None);
    world.later(1_000);
    world.told.clear();
    // The trunk to the first device's CS broke: it tells again what it has.
    world.arrive(1, 1);
    world.publish_as(1, device(1), (1, Status::Online), Some(1_001));
    world.later(1_000);
    assert_eq!(world.statuses(), []);
    // What was chosen meanwhile and never arrived is newer.
    world.publish_as(1, device(1), (1, Status::Away), Some(1_999));
    assert_eq!(world.statuses(), [(2, Status::Away)]);
}

#[test]
fn of_two_choices_of_a_session_the_later_stands_though_it_came_faster() {
    let mut world = World::online();
    world.arrive(3, 2);
    world.publish_as(3, device(2), (2, Status::Busy), None);
    world.later(5_000);
    world.told.clear();
    // Chosen 2 s ago; its copy was a second on the way, and says nothing of that.
    world.publish_as(1, device(1), (1, Status::AppearOffline), Some(1_000));
    world.publish_as(1, device(1), (1, Status::Away), Some(1_500));
    world.later(1_000);
    assert_eq!(world.own_last(), Some(Status::Away));
}

#[test]
fn of_choices_told_again_to_a_home_that_is_younger_the_last_stands() {
    for last_first in [true, false] {
        let mut world = World::young();
        world.watch(2, bob(), 1);
        let told = [(1, Status::Busy, 600_000), (3, Status::Away, 600_001)];
        let order = if last_first { [told[0], told[1]] } else { [told[1], told[0]] };
        for (n, status, ago_ms) in order {
            world.arrive(n.into(), n);
            world.publish_as(n.into(), device(n), (n, status), Some(ago_ms));
        }
        world.later(PRESENCE_COALESCE_MS);
        let last = world.own_last();
        assert_eq!(last, Some(Status::Busy));
    }
}
