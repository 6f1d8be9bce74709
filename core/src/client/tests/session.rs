use alloc::string::ToString;
use alloc::vec::Vec;

use super::peer::{ALICE, BOB, CAROL, Peer, book_of, config, contact, cs_of, gate_of, grant, talk};
use crate::client::{Command, Event, Input};
use crate::error::{CloseReason, Code, Refusal};
use crate::id::{Channel, EndpointId};
use crate::limits::PAUSE_MS;
use crate::machine::Machine as _;
use crate::model::contact::{Contact, Relation};
use crate::model::presence::Status;
use crate::wire::body::account::{FromAccount, SignedOut, ToAccount};
use crate::wire::body::book::ToBook;
use crate::wire::body::cs::{Done, FromCs, Mixer, SetStatus, ToCs};
use crate::wire::body::link::{FromGate, Pong, Service, ToGate};
use crate::wire::body::mixer::ToMixer;
use crate::wire::frame::Frame;
use crate::wire::tail::Tail;

#[test]
fn signs_in_and_resumes_after_a_cut() {
    let mut peer = Peer::new(config(Some("pw")));
    assert_eq!(peer.dials, 1);
    peer.come_online();
    assert_eq!(peer.words(), ["signed_in"]);
    peer.cut();
    assert_eq!(peer.is_offline(), "cut");
    let ask = peer.welcome();
    let Ok(Some((ToAccount::Resume(resume), _))) = ToAccount::decode(ask.kind, &ask.body) else {
        panic!("resumes")
    };
    assert_eq!(&*resume.refresh, [1; 4]);
    peer.signed_in(&ask, EndpointId::default());
    peer.attach_services();
    peer.watch_and_publish();
    assert_eq!(peer.words(), ["signed_in"]);
}

#[test]
fn a_failed_dial_is_told_and_tried_again() {
    let mut peer = Peer::new(config(Some("pw")));
    let link = peer.link;
    peer.input(Input::LinkClosed { link });
    assert_eq!(peer.is_offline(), "unreachable");
    peer.input(Input::Wake);
    assert_eq!((peer.dials, peer.closes), (2, 0));
    peer.pass(14_999);
    assert!(peer.events.is_empty());
    peer.pass(1);
    assert_eq!(peer.is_offline(), "silent");
    assert_eq!(peer.closes, 1);
}

#[test]
fn wake_dials_at_once_and_suspend_is_silent() {
    let mut peer = Peer::new(config(Some("pw")));
    let link = peer.link;
    peer.input(Input::LinkClosed { link });
    peer.input(Input::Wake);
    assert_eq!(peer.dials, 2);
    peer.come_online();
    peer.input(Input::Suspend);
    assert_eq!(peer.closes, 1);
    assert!(peer.client.poll_timeout().is_none());
    peer.input(Input::Wake);
    assert_eq!(peer.dials, 3);
}

#[test]
fn an_app_asleep_before_the_cache_is_read_dials_when_it_wakes() {
    let mut peer = Peer::with_cache_by_hand(config(Some("pw")));
    peer.input(Input::Suspend);
    while !peer.held.is_empty() {
        peer.store_one();
    }
    assert_eq!(peer.dials, 0);
    peer.input(Input::Wake);
    assert_eq!(peer.dials, 1);
}

#[test]
fn a_wrong_password_ends_the_client() {
    let mut peer = Peer::new(config(Some("pw")));
    let ask = peer.welcome();
    peer.refuse(&ask, Refusal::of(Code::NotSignedIn));
    assert_eq!(peer.error(), (None, "wrong_credentials".to_string()));
    assert!(peer.ended);
}

#[test]
fn an_ended_sign_in_falls_back_to_the_password() {
    let mut peer = Peer::new(config(Some("pw")));
    peer.come_online();
    peer.cut();
    let ask = peer.welcome();
    peer.refuse(&ask, Refusal::of(Code::SignInEnded));
    let (detach, attach) = (peer.frame(), peer.frame());
    assert!(matches!(gate_of(&detach), Some(ToGate::Detach(_))));
    peer.attached(&attach);
    let ask = peer.frame();
    assert!(matches!(ToAccount::decode(ask.kind, &ask.body), Ok(Some((ToAccount::SignIn(_), _)))));
}

#[test]
fn an_old_version_is_told_to_upgrade() {
    let mut peer = Peer::new(config(Some("pw")));
    let link = peer.link;
    peer.input(Input::LinkOpened { link });
    let said = FromGate::Refused(Refusal::of(Code::UpgradeRequired));
    peer.say(&Frame::event(said.kind(), Channel(0), said.encode(&Tail::default())));
    assert_eq!(peer.error(), (None, "upgrade_required".to_string()));
    assert!(peer.ended);
}

#[test]
fn another_device_with_the_same_id_ends_the_client() {
    let mut peer = Peer::new(config(Some("pw")));
    peer.come_online();
    peer.event();
    peer.closing(CloseReason::Superseded, 0);
    assert_eq!(peer.error(), (None, "superseded".to_string()));
    assert!(peer.ended);
}

#[test]
fn a_draining_server_says_when_to_come_back() {
    let mut peer = Peer::new(config(Some("pw")));
    peer.come_online();
    peer.event();
    peer.closing(CloseReason::Draining, 3_000);
    let Event::Offline { reason, retry_ms } = peer.event() else { panic!("offline") };
    assert_eq!((reason.as_str(), retry_ms), ("draining", 3_000));
    peer.pass(2_999);
    assert_eq!(peer.dials, 1);
    peer.pass(1);
    assert_eq!(peer.dials, 2);
}

#[test]
fn pings_when_it_has_nothing_to_say_and_calls_a_silent_link_dead() {
    let mut peer = Peer::new(config(Some("pw")));
    peer.come_online();
    peer.event();
    peer.pass(44_999);
    assert!(peer.is_quiet());
    peer.pass(1);
    let ping = peer.frame();
    assert!(matches!(gate_of(&ping), Some(ToGate::Ping(_))));
    peer.answer_gate(&ping, &FromGate::Pong(Pong {}));
    peer.pass(45_000);
    peer.frame();
    peer.pass(14_999);
    assert!(peer.events.is_empty());
    peer.pass(1);
    assert_eq!(peer.is_offline(), "silent");
}

#[test]
fn a_pause_of_ours_is_not_the_servers_silence() {
    let mut peer = Peer::new(config(Some("pw")));
    peer.come_online();
    peer.event();
    peer.command(1, Command::Status { status: "busy".to_string() });
    let first = peer.frame();
    peer.pass(10_000);
    peer.command(2, Command::Status { status: "away".to_string() });
    // The process slept, both answers are late; one is there when it goes on.
    peer.now = peer.now + 20_000;
    peer.answer_cs(&first, &FromCs::Done(Done {}));
    peer.pass(9_999);
    assert_eq!(peer.words(), ["done(Some(1))"]);
    peer.pass(1);
    assert_eq!(peer.is_offline(), "silent");
}

#[test]
fn garbage_closes_the_link() {
    let mut peer = Peer::new(config(Some("pw")));
    peer.come_online();
    peer.event();
    let link = peer.link;
    peer.input(Input::LinkBytes { link, bytes: &[0, 0, 1, 0, 0, 0, 0] });
    assert_eq!(peer.is_offline(), "fault");
}

#[test]
fn signs_out_leaves_nothing_and_says_done_last() {
    let mut peer = Peer::new(config(Some("pw")));
    peer.come_online();
    peer.event();
    peer.command(7, Command::SignOut);
    let leave = peer.frame();
    assert!(matches!(cs_of(&leave), Some(ToCs::Leave(_))));
    peer.answer_cs(&leave, &FromCs::Done(Done {}));
    let attach = peer.frame();
    peer.attached(&attach);
    let ask = peer.frame();
    assert!(matches!(ToAccount::decode(ask.kind, &ask.body), Ok(Some((ToAccount::SignOut(_), _)))));
    let said = FromAccount::SignedOut(SignedOut {});
    let body = said.encode(&Tail::default());
    peer.say(&Frame::response(said.kind(), ask.channel, ask.request, false, body));
    assert_eq!(peer.words(), ["done(Some(7))"]);
    assert!(peer.ended);
    let again = Peer::with_store(config(None), peer.store.clone(), 2);
    assert_eq!(again.dials, 1);
}

#[test]
fn signing_out_without_a_connection_only_forgets() {
    let mut peer = Peer::new(config(Some("pw")));
    peer.command(1, Command::SignOut);
    assert!(peer.events.is_empty(), "waits for the first attempt");
    let link = peer.link;
    peer.input(Input::LinkClosed { link });
    assert_eq!(peer.words().last().map(alloc::string::String::as_str), Some("done(Some(1))"));
    assert!(peer.ended);
}

#[test]
fn only_differences_of_presence_are_events() {
    let mut peer = Peer::new(config(Some("pw")));
    let online = peer.come_online();
    peer.event();
    peer.presence(online.cs, BOB, Status::Offline, "");
    assert!(peer.events.is_empty(), "offline is what everyone is at first");
    peer.presence(online.cs, BOB, Status::Busy, "x");
    peer.presence(online.cs, BOB, Status::Busy, "x");
    peer.presence(online.cs, CAROL, Status::Online, "");
    assert_eq!(peer.words(), ["presence(busy)"]);
    peer.cut();
    peer.events.clear();
    let online = peer.come_online();
    peer.presence(online.cs, BOB, Status::Busy, "x");
    peer.presence(online.cs, BOB, Status::Offline, "x");
    peer.presence(online.cs, ALICE, Status::AppearOffline, "");
    assert_eq!(peer.words(), ["signed_in", "presence(offline)", "presence(appear_offline)"]);
}

#[test]
fn who_has_a_list_is_told_what_differs_from_it_also_of_who_is_offline() {
    let mut peer = Peer::new(config(Some("pw")));
    let online = peer.come_online();
    peer.command(1, Command::Contacts);
    peer.events.clear();
    peer.presence(online.cs, BOB, Status::Offline, "");
    assert!(peer.events.is_empty(), "so the list said");
    peer.presence(online.cs, BOB, Status::Offline, "gone fishing");
    peer.presence(online.cs, BOB, Status::Offline, "gone fishing");
    assert_eq!(peer.words(), ["presence(offline)"]);
}

#[test]
fn changes_of_the_list_are_events_and_the_first_list_is_none() {
    let mut peer = Peer::new(config(Some("pw")));
    peer.contacts.push(contact(CAROL, "carol", Relation::PENDING, 2));
    let online = peer.come_online();
    assert_eq!(peer.words(), ["signed_in", "invited"]);
    peer.push_book(online.book, 3, contact(CAROL, "carol", Relation::FRIEND, 3));
    assert_eq!(peer.words(), ["contact(friend)"]);
    let watch = peer.frame();
    assert!(matches!(cs_of(&watch), Some(ToCs::Watch(_))));
    peer.cut();
    peer.events.clear();
    peer.contacts = alloc::vec![contact(CAROL, "carol", Relation::NONE, 4)];
    peer.come_online();
    assert_eq!(peer.words(), ["signed_in", "contact(removed)"]);
    peer.command(1, Command::Contacts);
    let Event::Contacts { revision, list, .. } = peer.event() else { panic!("contacts") };
    assert_eq!((revision, list.len(), list[0].status.as_str()), (4, 1, "offline"));
}

#[test]
fn who_parted_and_is_a_friend_again_gets_a_new_leg() {
    let mut peer = Peer::new(config(Some("pw")));
    let online = peer.come_online();
    let friends = Contact { pact: 3, ..contact(BOB, "bob", Relation::FRIEND, 3) };
    let mut last = None;
    for changes in [
        Vec::new(),
        alloc::vec![contact(BOB, "bob", Relation::NONE, 2), friends.clone()],
        // This device did not hear that they parted in between.
        alloc::vec![Contact { pact: 5, revision: 4, ..friends }],
    ] {
        let left = changes.len();
        for change in changes {
            peer.push_book(online.book, change.revision, change);
        }
        let mut detaches = 0;
        while !peer.is_quiet() {
            detaches += usize::from(matches!(gate_of(&peer.frame()), Some(ToGate::Detach(_))));
        }
        assert_eq!(detaches, left.min(1), "the leg of the older pact goes");
        peer.send(1, "a");
        peer.enter(0, 0, last.clone());
        let (frame, send) = peer.sent();
        assert_eq!(send.after, last);
        peer.stored(&frame, &send.id, 1);
        last = Some(send.id);
    }
}

#[test]
fn a_status_chosen_offline_goes_out_with_the_sign_in() {
    let mut peer = Peer::new(config(Some("pw")));
    peer.command(3, Command::Status { status: "busy".to_string() });
    let ask = peer.welcome();
    peer.signed_in(&ask, EndpointId::default());
    peer.attach_services();
    let (_, status) = (peer.frame(), peer.frame());
    assert_eq!(cs_of(&status), Some(ToCs::SetStatus(SetStatus { status: Status::Busy })));
    peer.answer_cs(&status, &FromCs::Done(Done {}));
    assert_eq!(peer.words(), ["signed_in", "done(Some(3))"]);
}

#[test]
fn a_command_whose_answer_was_lost_is_said_again() {
    let mut peer = Peer::new(config(Some("pw")));
    peer.come_online();
    peer.command(5, Command::Add { user: "Carol".to_string(), text: "hi".to_string() });
    assert!(matches!(book_of(&peer.frame()), Some(ToBook::Invite(_))));
    peer.cut();
    peer.events.clear();
    peer.come_online();
    let invite = peer.frame();
    peer.refuse(&invite, Refusal::of(Code::AlreadyContact));
    assert_eq!(peer.words(), ["signed_in", "done(Some(5))"]);
}

#[test]
fn a_name_that_cannot_be_one_ends_the_client() {
    let mut bad = config(Some("pw"));
    bad.user.0 = "no name".to_string();
    let mut peer = Peer::new(bad);
    assert_eq!(peer.error(), (None, "invalid".to_string()));
    assert!(peer.ended);
}

#[test]
fn a_traced_act_names_its_flow_on_every_step() {
    let mut traced = config(Some("pw"));
    traced.trace = true;
    let mut peer = Peer::new(traced);
    peer.come_online();
    peer.send(1, "a");
    let contact = peer.frame();
    let flow = ToCs::decode(contact.kind, &contact.body).expect("decodes").expect("of cs").1.flow();
    assert!(flow.id != 0 && flow.hop == 0);
    // The answer's hop is what the next step follows from.
    let hop = crate::id::Flow { id: flow.id, hop: 77 };
    let said = FromCs::Mixer(Mixer { conversation: talk(), grant: grant(Service::MIXER) });
    let body = said.encode(&Tail::of_flow(hop));
    peer.say(&Frame::response(said.kind(), contact.channel, contact.request, false, body));
    let attach = peer.frame();
    let tail = ToGate::decode(attach.kind, &attach.body).expect("decodes").expect("an attach").1;
    assert_eq!(tail.flow(), hop);
    peer.attached(&attach);
    let join = peer.frame();
    peer.joined(&join, 0, 0, None);
    let send = peer.frame();
    let tail = ToMixer::decode(send.kind, &send.body).expect("decodes").expect("a send").1;
    assert_eq!(tail.flow(), hop);
}

#[test]
fn a_link_that_the_sign_out_closes_is_the_sign_out() {
    let mut peer = Peer::new(config(Some("pw")));
    peer.come_online();
    peer.words();
    peer.command(7, Command::SignOut);
    peer.closing(CloseReason::SignedOut, 0);
    assert_eq!(peer.words(), ["done(Some(7))"]);
    assert!(peer.ended);
    // Without having asked, it is the end of the sign-in.
    let mut peer = Peer::new(config(Some("pw")));
    peer.come_online();
    peer.words();
    peer.closing(CloseReason::SignedOut, 0);
    assert_eq!(peer.words(), ["error(None, sign_in_ended)"]);
}

#[test]
fn a_flow_is_named_only_where_the_server_agreed() {
    let mut traced = config(Some("pw"));
    traced.trace = true;
    let mut peer = Peer::new(traced);
    let link = peer.link;
    peer.input(Input::LinkOpened { link });
    peer.frame();
    let welcome = crate::wire::hello::Welcome {
        version: 1,
        features: 2,
        frame_bytes_max: 65_536,
        keepalive_ms: 45_000,
        node: crate::id::NodeId(0),
        wall: crate::time::Wall(0),
    };
    let kind = crate::wire::hello::WELCOME;
    peer.say(&Frame::event(kind, Channel(0), welcome.encode()));
    let attach = peer.frame();
    let tail = ToGate::decode(attach.kind, &attach.body).expect("decodes").expect("an attach").1;
    assert_eq!(tail, Tail::default());
}

#[test]
fn a_status_refused_for_good_is_an_error_and_one_refused_for_now_is_said_again() {
    let mut peer = Peer::new(config(Some("pw")));
    peer.come_online();
    peer.words();
    peer.command(3, Command::Status { status: "busy".into() });
    let status = peer.frame();
    peer.refuse(&status, Refusal::later(Code::Busy, 500));
    assert!(peer.words().is_empty());
    peer.pass(499);
    assert!(peer.is_quiet());
    peer.pass(1);
    let status = peer.frame();
    peer.refuse(&status, Refusal::of(Code::Invalid));
    assert_eq!(peer.words(), ["error(Some(3), invalid)"]);
    peer.pass(5_000);
    assert!(peer.is_quiet());
}

#[test]
fn the_end_of_a_link_that_was_let_go_is_no_news() {
    let mut peer = Peer::new(config(Some("pw")));
    let old = peer.link;
    peer.come_online();
    peer.cut();
    peer.come_online();
    peer.events.clear();
    peer.input(Input::LinkClosed { link: old });
    peer.input(Input::LinkOpened { link: old });
    assert!(peer.events.is_empty() && peer.is_quiet());
    peer.command(1, Command::Status { status: "busy".to_string() });
    assert!(matches!(cs_of(&peer.frame()), Some(ToCs::SetStatus(_))), "the link stands");
}

/// A client that dials, and whose cache failed at 1,000: it is to be asked again at 2,000.
fn dialing() -> Peer {
    let mut peer = Peer::new(config(Some("pw")));
    peer.by_hand = true;
    peer.command(1, Command::Status { status: "busy".to_string() });
    peer.store_says(crate::store::Reply::Failed("full".to_string()));
    peer.events.clear();
    assert_eq!((peer.now.0, peer.client_due().0), (1_000, 2_000));
    peer
}

#[test]
fn a_pause_of_ours_while_it_dials_is_not_the_servers_silence() {
    let mut peer = dialing();
    // It slept through the second when the cache was due, and 19 more.
    peer.now = peer.now + 20_000;
    let link = peer.link;
    peer.input(Input::LinkOpened { link });
    peer.pass(13_999);
    assert!(peer.events.is_empty());
    peer.pass(1);
    assert_eq!(peer.is_offline(), "silent");
}

#[test]
fn a_delay_that_may_happen_is_no_pause() {
    let mut peer = dialing();
    peer.now = peer.now + 1_000 + PAUSE_MS;
    peer.input(Input::Taken { messages: 0 });
    peer.pass(15_000 - 1_000 - PAUSE_MS);
    assert_eq!(peer.is_offline(), "silent");
}

#[test]
fn who_parted_and_is_a_friend_again_is_seen_anew() {
    let mut peer = Peer::new(config(Some("pw")));
    let online = peer.come_online();
    peer.presence(online.cs, BOB, Status::Away, "");
    peer.events.clear();
    peer.push_book(online.book, 2, contact(BOB, "bob", Relation::NONE, 2));
    peer.push_book(online.book, 3, contact(BOB, "bob", Relation::FRIEND, 3));
    peer.presence(online.cs, BOB, Status::Away, "");
    assert_eq!(peer.words(), ["contact(removed)", "contact(friend)", "presence(away)"]);
}
