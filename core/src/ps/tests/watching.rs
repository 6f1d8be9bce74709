//! Watches: admitted, denied, settling, revoked.

use super::*;

/// What was told, by name, with its acl number.
fn kinds(told: &Told) -> Vec<(u16, &'static str, u64)> {
    told.iter()
        .map(|(node, tell)| {
            let acl = match tell {
                ToCs::Admit { acl, .. }
                | ToCs::Deny { acl, .. }
                | ToCs::Settling { acl, .. }
                | ToCs::Revoke { acl, .. }
                | ToCs::Presence { acl, .. } => *acl,
                other => panic!("{other:?}"),
            };
            (*node, tell.kind(), acl)
        })
        .collect()
}

#[test]
fn a_friend_is_admitted_and_a_stranger_denied_with_the_watch_s_number() {
    let mut world = World::online();
    world.watch(2, carol(), 7);
    world.watch(2, person(0, 1, 9), 8);
    let heard = world.heard();
    let [
        (2, ToCs::Admit { number: 7, watcher, presence, acl: first, .. }),
        (2, ToCs::Deny { number: 8, acl: second, .. }),
    ] = heard.as_slice()
    else {
        panic!("{heard:?}");
    };
    assert_eq!((*watcher, presence.value.status), (carol(), Status::Online));
    assert!(second > first);
}

#[test]
fn a_person_nobody_has_is_denied_like_a_stranger() {
    let mut world = World::new();
    let nobody = person(0, 1, 50);
    world.cs(2, FromCs::Watch { friend: nobody, watcher: bob(), number: 1 });
    assert!(matches!(world.heard().as_slice(), [(2, ToCs::Deny { .. })]));
    world.cs(2, FromCs::Unwatch { friend: nobody, watcher: bob() });
    assert_eq!(world.ps.people.len(), 0);
}

#[test]
fn an_offline_friend_is_admitted_as_offline() {
    let mut world = World::new();
    world.watch(2, bob(), 1);
    let heard = world.heard();
    assert!(matches!(heard.as_slice(), [(2, ToCs::Admit { presence, .. })]
        if presence.value.status == Status::Offline));
}

#[test]
fn a_revoked_watcher_hears_nothing_more_until_allowed_again() {
    let mut world = World::online();
    world.watch(2, carol(), 3);
    world.heard();
    world.changed(carol(), false);
    let heard = world.heard();
    assert!(matches!(heard.as_slice(), [(2, ToCs::Revoke { watcher, .. })] if *watcher == carol()));
    let revoked = kinds(&heard)[0].2;
    world.publish(1, 1, Status::Busy);
    let heard = world.heard();
    assert_eq!(kinds(&heard), [(2, "presence", revoked)], "bob is still admitted there");
    world.changed(bob(), false);
    world.heard();
    world.later(1_000);
    world.publish(1, 1, Status::Away);
    world.later(1_000);
    assert_eq!(world.heard(), []);
    world.changed(carol(), true);
    let heard = world.heard();
    assert!(matches!(heard.as_slice(), [(2, ToCs::Admit { number: 3, presence, .. })]
        if presence.value.status == Status::Away));
}

#[test]
fn acl_and_version_never_restart_while_the_node_lives() {
    let mut world = World::online();
    world.leave(1, 1);
    world.cs(2, FromCs::Unwatch { friend: alice(), watcher: bob() });
    world.later(PRESENCE_COALESCE_MS);
    assert_eq!(world.ps.people.len(), 0);
    world.heard();
    world.watch(2, bob(), 2);
    let heard = world.heard();
    let [(2, ToCs::Admit { version, acl, .. })] = heard.as_slice() else {
        panic!("{heard:?}");
    };
    assert!(*version > 2 && *acl > 1);
}

#[test]
fn a_watch_told_again_is_answered_again() {
    let mut world = World::online();
    world.watch(2, bob(), 2);
    assert!(matches!(world.heard().as_slice(), [(2, ToCs::Admit { number: 2, .. })]));
    world.publish(1, 1, Status::Busy);
    assert_eq!(world.statuses(), [(2, Status::Busy)]);
}

#[test]
fn a_watcher_admitted_between_two_tellings_misses_nothing() {
    let mut world = World::online();
    world.publish(1, 1, Status::Busy);
    world.publish(1, 1, Status::Away);
    world.heard();
    world.watch(3, carol(), 1);
    // Back to what was told last: nothing more is told, and carol's first value must be just that.
    world.publish(1, 1, Status::Busy);
    world.later(1_000);
    let heard = world.heard();
    assert!(matches!(heard.as_slice(), [(3, ToCs::Admit { presence, .. })]
        if presence.value.status == Status::Busy));
}

#[test]
fn nobody_can_tell_from_what_carol_is_told_whether_bob_watches() {
    let told = |is_watched: bool, leaves: bool| {
        let mut world = World::online();
        if !is_watched {
            world.cs(2, FromCs::Unwatch { friend: alice(), watcher: bob() });
        }
        world.publish(1, 1, Status::Busy);
        if leaves {
            world.leave(1, 1);
        } else {
            world.publish(1, 1, Status::AppearOffline);
        }
        let mut heard = Vec::new();
        for ms in 0..=2 * PRESENCE_COALESCE_MS {
            match ms {
                50 => world.watch(3, carol(), 1),
                100 if leaves => {
                    world.arrive(1, 2);
                    world.publish(1, 2, Status::Away);
                }
                100 => world.publish(1, 1, Status::Away),
                _ => {}
            }
            let new = world.heard().into_iter().filter(|(node, _)| *node == 3);
            heard.extend(new.map(|(_, tell)| match tell {
                ToCs::Presence { presence, .. } | ToCs::Admit { presence, .. } => {
                    (ms, presence.value.status)
                }
                _ => panic!("{tell:?}"),
            }));
            world.later(1);
        }
        assert_eq!(heard.len(), 2, "{heard:?}");
        heard
    };
    assert_eq!(told(true, false), told(false, false));
    assert_eq!(told(true, true), told(false, true));
}

#[test]
fn nobody_can_tell_from_a_second_change_whether_bob_waited_for_the_first() {
    let told = |is_watched: bool| {
        let mut world = World::new();
        if is_watched {
            world.watch(2, bob(), 1);
        }
        world.arrive(1, 1);
        world.publish(1, 1, Status::Online);
        world.watch(3, carol(), 1);
        world.heard();
        world.later(PRESENCE_COALESCE_MS / 2);
        world.publish(1, 1, Status::Busy);
        let at_once = world.heard();
        assert!(at_once.is_empty(), "{at_once:?}");
        world.later(PRESENCE_COALESCE_MS / 2);
        let heard = world.heard();
        heard.iter().filter(|(node, _)| *node == 3).count()
    };
    assert_eq!((told(true), told(false)), (1, 1));
}

#[test]
fn a_young_home_settles_before_it_calls_anybody_offline() {
    let mut world = World::young();
    world.watch(2, bob(), 1);
    world.watch(2, person(0, 1, 9), 1);
    let heard = world.heard();
    assert!(matches!(
        heard.as_slice(),
        [(2, ToCs::Settling { number: 1, .. }), (2, ToCs::Deny { .. })]
    ));
    world.later(5_000);
    world.arrive(1, 1);
    assert_eq!(world.heard(), []);
    world.publish(1, 1, Status::Busy);
    let heard = world.heard();
    assert!(matches!(heard.as_slice(), [(2, ToCs::Admit { number: 1, presence, .. })]
        if presence.value.status == Status::Busy));
    world.later(LINGER_MS);
    assert_eq!(world.heard(), []);
}

#[test]
fn who_hides_while_the_home_settles_looks_like_who_is_gone() {
    for hides in [true, false] {
        let mut world = World::young();
        world.watch(2, bob(), 1);
        world.heard();
        if hides {
            world.arrive(1, 1);
            world.publish(1, 1, Status::AppearOffline);
        }
        assert_eq!(world.heard(), []);
        world.later(LINGER_MS - 1);
        assert_eq!(world.heard(), []);
        world.later(1);
        let heard = world.heard();
        assert!(matches!(heard.as_slice(), [(2, ToCs::Admit { presence, .. })]
            if presence.value.status == Status::Offline));
    }
}

#[test]
fn a_settling_watcher_who_may_no_longer_see_is_denied() {
    let mut world = World::young();
    world.watch(2, bob(), 4);
    world.heard();
    world.changed(bob(), false);
    assert!(matches!(world.heard().as_slice(), [(2, ToCs::Deny { number: 4, .. })]));
    world.later(LINGER_MS);
    assert_eq!(world.heard(), []);
}

#[test]
fn a_book_that_cannot_be_read_is_asked_again_and_nobody_is_decided_meanwhile() {
    let mut world = World::new();
    let friends = world.friends.take();
    world.watch(2, bob(), 1);
    world.later(1_000);
    assert_eq!(world.heard(), []);
    world.friends = friends;
    world.later(1_000);
    assert!(matches!(world.heard().as_slice(), [(2, ToCs::Admit { .. })]));
    assert_eq!(world.ps.poll_timeout(), None);
}

#[test]
fn a_change_that_overtakes_the_list_is_in_the_list() {
    let mut world = World::new();
    world.mute = true;
    world.watch(2, bob(), 1);
    world.changed(bob(), false);
    assert_eq!(world.heard(), []);
    let friends = Some(vec![carol()]);
    let tell = book_ps::ToPs::Visible { user: alice(), friends };
    world.tell(Role::AddressBook, 0, ToPs::Book(tell));
    assert!(matches!(world.heard().as_slice(), [(2, ToCs::Deny { .. })]));
}

#[test]
fn many_people_with_many_watchers_stay_small() {
    use super::super::person::Person;
    use super::super::watches::Watch;
    assert!(size_of::<Watch>() <= 24);
    assert!(size_of::<Person>() <= 512, "{}", size_of::<Person>());
    assert!(size_of::<Output>() <= 256, "{}", size_of::<Output>());
}

#[test]
fn a_home_says_how_many_timers_it_may_have() {
    let mut world = World::new();
    world.arrive(0, 1);
    world.publish(0, 1, Status::Online);
    let mut queues = crate::measure::Queues::default();
    world.ps.queues(&mut queues);
    let timers = queues.all().iter().find(|queue| queue.name == "ps timers").expect("is named");
    assert_eq!(timers.bound, 6, "five of the person, one of the home");
    assert!(timers.length <= timers.bound);
}
