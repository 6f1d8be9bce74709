//! The profile: durable before it shows.

use core::num::NonZeroU64;

use super::*;
use crate::error::{Code, Refusal};
use crate::id::Act;
use crate::limits::{
    ENDPOINTS_MAX, PRESENCE_COALESCE_MS, PROFILE_BYTES_MAX, PROFILE_CHARS_MAX, REREAD_MS,
    REWRITE_MS, SAVES_WAITING_MAX,
};
use crate::model::presence::Profile;
use crate::store::{Key, Request, Write};
use crate::wire::bounded::Text;
use crate::wire::record::Record;

fn save(world: &mut World, name: &str) {
    let name = Some(Text::<PROFILE_BYTES_MAX>::new(name).expect("within bytes"));
    let (user, endpoint, sign_in) = (alice(), device(1), 1);
    world.cs(1, FromCs::Save { user, endpoint, sign_in, act: None, name, message: None });
}

/// A change as an act of a process of one of alice's devices.
fn act(world: &mut World, n: u8, (process, number): (u64, u64), (name, message): (&str, &str)) {
    let text = |text: &str| {
        let text = Text::<PROFILE_BYTES_MAX>::new(text).expect("within bytes");
        Some(text).filter(|text| !text.as_str().is_empty())
    };
    let act = NonZeroU64::new(number).map(|number| Act { process, number });
    let (user, endpoint, sign_in) = (alice(), device(n), u64::from(n));
    let (name, message) = (text(name), text(message));
    world.cs(1, FromCs::Save { user, endpoint, sign_in, act, name, message });
}

#[test]
fn a_change_said_again_is_not_made_again() {
    let mut world = World::online();
    act(&mut world, 1, (7, 2), ("phone", ""));
    act(&mut world, 2, (8, 1), ("laptop", ""));
    // Also where the home has started anew since.
    world.ps = Ps::new(setup(&mut world.store, 0, 1, 2), Timestamp::default());
    world.arrive(1, 1);
    world.publish(1, 1, Status::Online);
    act(&mut world, 1, (7, 2), ("phone", ""));
    assert_eq!(outcomes(&mut world), [Ok(()); 3]);
    let own = |world: &World| {
        let name = world.told.iter().rev().find_map(|(_, tell)| match tell {
            ToCs::Own { presence, .. } => Some(String::from(presence.value.name.as_str())),
            _ => None,
        });
        name.expect("she was told of herself")
    };
    assert_eq!(own(&world), "laptop");
    // Acts before it may have been refused while it was made: of the other text, of another process.
    for (said, texts, wanted) in [
        ((7, 1), ("", "m1"), ("laptop", "m1")),
        ((7, 1), ("phone", "m1"), ("laptop", "m1")),
        ((7, 3), ("phone", ""), ("phone", "m1")),
        ((9, 1), ("phone 2", ""), ("phone 2", "m1")),
    ] {
        act(&mut world, 1, said, texts);
        assert_eq!(stored(&mut world), (wanted.0.into(), wanted.1.into()));
    }
}

/// Name and message as the store has them.
fn stored(world: &mut World) -> (String, String) {
    let row = world.store.handle(&Request::Read(Key::profile(alice())));
    let Reply::Found { value, .. } = row else { panic!("{row:?}") };
    let Profile { name, message } = Record::<Profile>::decode(&value).expect("a profile").value;
    (name.as_str().into(), message.as_str().into())
}

#[test]
fn the_last_changes_of_no_more_devices_are_kept_than_may_be_signed_in() {
    let mut world = World::online();
    for n in 1..=u8::try_from(ENDPOINTS_MAX + 5).expect("few") {
        act(&mut world, n, (1, 1), ("name", ""));
    }
    let row = world.store.handle(&Request::Read(Key::profile(alice())));
    let Reply::Found { value, .. } = row else { panic!("{row:?}") };
    assert!(value.len() < 40 * ENDPOINTS_MAX, "{} bytes", value.len());
    act(&mut world, 1, (1, 1), ("again", ""));
    assert_eq!(stored(&mut world).0, "again", "what the first said is not known any more");
}

fn outcomes(world: &mut World) -> Vec<Result<(), Refusal>> {
    let told = core::mem::take(&mut world.told);
    let (saved, rest): (Told, Told) =
        told.into_iter().partition(|(_, tell)| matches!(tell, ToCs::Saved { .. }));
    world.told = rest;
    saved
        .into_iter()
        .map(|(_, tell)| match tell {
            ToCs::Saved { outcome } => outcome,
            other => panic!("{other:?}"),
        })
        .collect()
}

#[test]
fn a_new_name_is_told_once_durable_and_read_after_a_restart() {
    let mut world = World::online();
    save(&mut world, "Alice");
    assert_eq!(outcomes(&mut world), [Ok(())]);
    let heard = world.heard();
    assert!(matches!(heard.as_slice(), [(2, ToCs::Presence { presence, .. })]
        if presence.value.name.as_str() == "Alice" && presence.value.status == Status::Online));

    world.ps = Ps::new(setup(&mut world.store, 0, 1, 2), Timestamp::default());
    world.now = Timestamp::default();
    world.later(LINGER_MS);
    world.watch(2, bob(), 1);
    let heard = world.heard();
    assert!(matches!(heard.as_slice(), [(2, ToCs::Admit { presence, .. })]
        if presence.value.name.as_str() == "Alice"));
}

#[test]
fn only_who_is_seen_shows() {
    let mut world = World::new();
    assert!(!world.shows(), "nobody knows her");
    world.arrive(1, 1);
    assert!(!world.shows(), "nothing is published");
    world.publish(1, 1, Status::Busy);
    assert!(world.shows());
    world.publish(1, 1, Status::AppearOffline);
    assert!(!world.shows());
}

#[test]
fn a_home_reads_for_the_watcher_of_who_hides_as_for_that_of_who_is_away() {
    let reads = |hides: bool| {
        let mut world = World::new();
        if hides {
            world.arrive(1, 1);
            world.publish(1, 1, Status::AppearOffline);
        }
        world.asked.clear();
        world.watch(2, bob(), 1);
        assert!(matches!(world.heard().as_slice(), [(2, ToCs::Admit { presence, .. })]
            if presence.value.status == Status::Offline));
        let first = core::mem::take(&mut world.asked);
        world.watch(2, carol(), 2);
        (first, core::mem::take(&mut world.asked))
    };
    assert_eq!(reads(true), reads(false));
    assert_eq!(reads(true).0, ["profile", "book"], "the first watcher waits for both");
}

/// What bob is told of alice, if anything.
fn name_seen(world: &mut World) -> Option<(Status, String)> {
    let mut heard = world.heard();
    heard.retain(|(_, tell)| !matches!(tell, ToCs::Saved { .. }));
    let [(2, ToCs::Admit { presence, .. } | ToCs::Presence { presence, .. })] = heard.as_slice()
    else {
        assert_eq!(heard, []);
        return None;
    };
    Some((presence.value.status, presence.value.name.as_str().into()))
}

#[test]
fn what_is_changed_in_hiding_shows_with_the_person() {
    let mut world = World::online();
    save(&mut world, "Alice");
    assert_eq!(name_seen(&mut world), Some((Status::Online, "Alice".into())));
    world.later(PRESENCE_COALESCE_MS);
    world.publish(1, 1, Status::AppearOffline);
    assert_eq!(name_seen(&mut world), Some((Status::Offline, "Alice".into())));
    outcomes(&mut world);
    save(&mut world, "Alicia");
    save(&mut world, "Alina");
    assert_eq!(outcomes(&mut world), [Ok(()), Ok(())]);
    world.later(PRESENCE_COALESCE_MS);
    assert_eq!(name_seen(&mut world), None, "who is not there changes nothing");

    // Not for who watches now for the first time either, and not after a restart.
    world.ps = Ps::new(setup(&mut world.store, 0, 1, 2), Timestamp::default());
    world.now = Timestamp::default();
    world.later(LINGER_MS);
    world.watch(2, bob(), 1);
    assert_eq!(name_seen(&mut world), Some((Status::Offline, "Alice".into())));

    world.arrive(1, 1);
    world.faults = vec![Reply::Failed(String::from("disk"))];
    world.publish(1, 1, Status::Away);
    assert_eq!(name_seen(&mut world), Some((Status::Away, "Alice".into())), "durable first");
    world.later(REREAD_MS);
    assert_eq!(name_seen(&mut world), Some((Status::Away, "Alina".into())));
    world.later(PRESENCE_COALESCE_MS);
    world.leave(1, 1);
    assert_eq!(name_seen(&mut world), Some((Status::Offline, "Alina".into())));
    world.ps = Ps::new(setup(&mut world.store, 0, 1, 3), Timestamp::default());
    world.now = Timestamp::default();
    world.later(LINGER_MS);
    world.watch(2, bob(), 1);
    assert_eq!(name_seen(&mut world), Some((Status::Offline, "Alina".into())));
}

#[test]
fn what_is_not_a_line_is_refused() {
    let mut world = World::online();
    save(&mut world, &String::from_iter(core::iter::repeat_n('x', PROFILE_CHARS_MAX + 1)));
    save(&mut world, "two\nlines");
    assert_eq!(outcomes(&mut world), [Err(Refusal::of(Code::Invalid)); 2]);
    assert_eq!(world.heard(), []);
}

#[test]
fn a_failed_write_shows_nothing() {
    let mut world = World::online();
    world.faults = vec![Reply::Failed(String::from("disk"))];
    save(&mut world, "Alice");
    assert_eq!(outcomes(&mut world), [Err(Refusal::of(Code::StoreFailed))]);
    assert_eq!(world.heard(), []);
    save(&mut world, "Alice");
    assert_eq!(outcomes(&mut world), [Ok(())]);
}

#[test]
fn an_unknown_outcome_is_written_again_until_it_is_known() {
    let mut world = World::online();
    world.faults = vec![Reply::Unknown, Reply::Unknown];
    save(&mut world, "Alice");
    assert_eq!(outcomes(&mut world), []);
    world.later(REWRITE_MS);
    assert_eq!(outcomes(&mut world), []);
    world.later(REWRITE_MS);
    assert_eq!(outcomes(&mut world), [Ok(())]);
    assert_eq!(world.heard().len(), 1);
}

#[test]
fn a_failure_after_doubt_is_no_refusal() {
    let mut world = World::online();
    world.faults = vec![Reply::Unknown, Reply::Failed(String::from("disk"))];
    save(&mut world, "Alice");
    world.later(REWRITE_MS);
    assert_eq!(outcomes(&mut world), []);
    world.later(REWRITE_MS);
    assert_eq!(outcomes(&mut world), [Ok(())]);
}

#[test]
fn a_conflict_is_read_again_and_a_stale_life_gives_up() {
    let mut world = World::online();
    world.faults = vec![Reply::Conflict];
    save(&mut world, "Alice");
    assert_eq!(outcomes(&mut world), [Ok(())]);
    let _newer = setup(&mut world.store, 0, 1, 2);
    save(&mut world, "Alicia");
    let outcome = outcomes(&mut world);
    assert!(matches!(outcome.as_slice(), [Err(refusal)] if refusal.code == Code::Retry));
}

#[test]
fn saves_wait_in_order_and_not_endlessly() {
    let mut world = World::online();
    world.faults = vec![Reply::Unknown];
    for n in 0..=SAVES_WAITING_MAX {
        save(&mut world, ["a", "b"][n % 2]);
    }
    let busy = outcomes(&mut world);
    assert!(matches!(busy.as_slice(), [Err(refusal)] if refusal.code == Code::Busy));
    world.later(REWRITE_MS);
    assert_eq!(outcomes(&mut world), [Ok(()); SAVES_WAITING_MAX]);
}

#[test]
fn a_row_whose_tail_is_full_is_left_as_it_is() {
    let mut world = World::new();
    let mut record = Record::from(Profile::default());
    (2..18).for_each(|tag| record.tail.set(tag * 2, b"later"));
    let row = record.encode();
    let puts = vec![(Key::profile(alice()), row.clone())];
    world.store.handle(&Request::Write(Write { puts, ..Write::default() }));
    world.arrive(1, 1);
    world.publish(1, 1, Status::AppearOffline);
    save(&mut world, "Alice");
    assert_eq!(outcomes(&mut world), [], "it waits until there is room for what others see");
    let Reply::Found { value, .. } = world.store.handle(&Request::Read(Key::profile(alice())))
    else {
        panic!("the row is there");
    };
    assert_eq!(value, row);
}
