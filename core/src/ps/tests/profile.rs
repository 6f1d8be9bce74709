//! The profile: durable before it shows.

use super::*;
use crate::error::{Code, Refusal};
use crate::limits::{PROFILE_BYTES_MAX, PROFILE_CHARS_MAX, REWRITE_MS, SAVES_WAITING_MAX};
use crate::wire::bounded::Text;

fn save(world: &mut World, name: &str) {
    let name = Some(Text::<PROFILE_BYTES_MAX>::new(name).expect("within bytes"));
    world.cs(1, FromCs::Save { user: alice(), name, message: None });
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
