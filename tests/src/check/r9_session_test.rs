use presently_core::id::EndpointId;
use presently_core::time::Timestamp;

use super::check;
use crate::check::made;
use crate::history::{History, Shown, Told, What};

/// Device 0 is told what came of what it asked just before.
fn tell(history: &mut History, told: impl FnOnce(Timestamp) -> Told) {
    made::wait(history, 10);
    let asked = history.seen.last().expect("a talk was made").at;
    made::add(history, What::Told { device: 0, link: 1, told: told(asked) });
}

fn signs_in(history: &mut History, with: Option<u64>, token: u64) {
    signs_in_on(history, 7, with, token);
}

fn signs_in_on(history: &mut History, endpoint: u8, with: Option<u64>, token: u64) {
    let endpoint = EndpointId([endpoint; 16]);
    let with = with.map_or(Shown::Password, Shown::Token);
    tell(history, |asked| Told::SignedIn { with, person: 0, endpoint, token, asked });
}

#[test]
fn a_token_is_good_until_the_next_is_used() {
    let mut history = made::talk();
    signs_in(&mut history, None, 1);
    signs_in(&mut history, Some(1), 2);
    signs_in(&mut history, Some(1), 3);
    signs_in(&mut history, Some(3), 4);
    signs_in(&mut history, Some(2), 5);
    assert_eq!(check(&history), Ok(()));
    signs_in(&mut history, Some(1), 6);
    assert!(check(&history).is_err());
}

#[test]
fn what_was_under_way_when_the_next_was_used_may_be_answered() {
    let mut history = made::talk();
    signs_in(&mut history, None, 1);
    signs_in(&mut history, Some(1), 2);
    let asked = history.seen.last().expect("it was told").at;
    signs_in(&mut history, Some(2), 3);
    let endpoint = EndpointId([7; 16]);
    let told = Told::SignedIn { with: Shown::Token(1), person: 0, endpoint, token: 4, asked };
    made::add(&mut history, What::Told { device: 0, link: 1, told });
    assert_eq!(check(&history), Ok(()));
}

#[test]
fn it_objects_to_tokens_of_nobody_of_others_and_to_one_given_twice() {
    let good = || {
        let mut history = made::talk();
        signs_in(&mut history, None, 1);
        assert_eq!(check(&history), Ok(()));
        history
    };
    let mut history = good();
    signs_in(&mut history, Some(9), 2);
    assert!(check(&history).is_err(), "nobody was given it");
    let mut history = good();
    signs_in_on(&mut history, 8, Some(1), 2);
    assert!(check(&history).is_err(), "another device");
    let mut history = good();
    signs_in(&mut history, Some(1), 1);
    assert!(check(&history).is_err(), "given twice");
}

#[test]
fn it_objects_to_who_goes_on_after_a_sign_in_ended_or_began_anew() {
    for ends in [true, false] {
        let mut history = made::talk();
        signs_in(&mut history, None, 1);
        signs_in(&mut history, Some(1), 2);
        if ends {
            tell(&mut history, |asked| Told::SignInOver { token: 1, asked });
        }
        signs_in(&mut history, None, 3);
        signs_in(&mut history, Some(3), 4);
        assert_eq!(check(&history), Ok(()));
        signs_in(&mut history, Some(2), 5);
        assert!(check(&history).is_err());
    }
}

#[test]
fn of_what_was_asked_twice_under_one_number_only_the_token_is_known() {
    let mut history = made::talk();
    signs_in(&mut history, None, 1);
    let endpoint = EndpointId([7; 16]);
    tell(&mut history, |asked| Told::SignedIn {
        with: Shown::Unknown,
        person: 0,
        endpoint,
        token: 2,
        asked,
    });
    signs_in(&mut history, Some(1), 3);
    signs_in(&mut history, Some(2), 4);
    assert_eq!(check(&history), Ok(()));
}
