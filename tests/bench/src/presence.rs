//! CPU time per presence notification: people with ten contacts online change their status in turn.

use std::time::Duration;

use anyhow::{Result, ensure};
use presently_core::id::UserId;
use presently_core::model::presence::{Presence, Status};
use presently_core::wire::body::cs::{FromCs, PresenceOf};
use presently_core::wire::bounded::Text;
use presently_core::wire::frame::Frame;
use presently_core::wire::tail::Tail;

use crate::child::Child;
use crate::link::{Link, Transport};
use crate::load::Crowd;
use crate::person::{CS, status};
use crate::relay::{SIDE, badge};
use crate::report::{Report, Row, median};
use crate::sign_in::{Group, PRESENCE, sign_in};
use crate::stage::{RING, Stage};

/// Changes of one person: beyond the 200 ms in which a home puts them together.
const BETWEEN_MS: u64 = 300;
/// Contacts of everybody.
const EACH: u64 = 2 * SIDE as u64;
/// Everything that follows a sign-in has come by then.
const STILL: Duration = Duration::from_millis(500);

/// The figure.
pub(crate) async fn measure(stage: &Stage, report: &mut Report) -> Result<()> {
    let count = stage.scale.changing;
    let mut relay = start_relay()?;
    let carried = connect(&relay, count).await?;
    let mut server = stage.ring_server("presence", count)?;
    let tokens = server.mint(RING, 0, count)?;
    let group = Group { from: 0, tokens, transport: Transport::Tcp, at_once: 32 };
    let mut people = Crowd::default();
    sign_in(server.address(), group, &mut people).await?;
    people.quiet(STILL).await;
    let mut figures = (Vec::new(), Vec::new());
    for run in 0..=stage.scale.runs {
        let bare = one_run(&mut relay, &carried, stage.scale.changes).await?;
        let full = one_run(&mut server, &people, stage.scale.changes).await?;
        if run > 0 {
            Report::note(format!("presence: {full:.2} µs; relay: {bare:.2} µs"));
            figures.0.push(bare);
            figures.1.push(full);
        }
    }
    let (bare, full) = (median(figures.0), median(figures.1));
    report.add(Row {
        measure: "presence notification",
        unit: "CPU µs",
        figure: full,
        relay: Some(bare),
        mark: 2.0,
    });
    Ok(())
}

async fn one_run(child: &mut Child, crowd: &Crowd, changes: u32) -> Result<f64> {
    let people = u64::try_from(crowd.voices.len())?;
    let before = child.used()?;
    let per_second = people * 1_000 / BETWEEN_MS;
    let told = crowd.take_turns(changes, per_second, EACH, change).await?;
    let used = child.used()?.since(before);
    let due = people * u64::from(changes) * EACH;
    // A home may put changes together where the machine stood still for a while.
    ensure!(told * 10 >= due * 9, "{told} notifications of {due} came");
    Ok(used.micros_each(told))
}

/// A change of status, different each round.
fn change(round: u32) -> bytes::Bytes {
    let chosen = if round.is_multiple_of(2) { Status::Busy } else { Status::Online };
    status(1_000 + round, chosen)
}

/// A relay whose frames are as long as the server's.
fn start_relay() -> Result<Child> {
    let name = Text::default();
    let presence = Presence { status: Status::Busy, message: name.clone(), name };
    let told = PresenceOf { user: UserId::default(), presence: presence.into() };
    let told = FromCs::Presence(told);
    let passed = Frame::event(told.kind(), CS, told.encode(&Tail::default())).encode();
    debug_assert_eq!(told.kind(), PRESENCE, "its kind is frozen");
    Stage::relay(0, passed.len())
}

async fn connect(relay: &Child, count: usize) -> Result<Crowd> {
    let mut crowd = Crowd::default();
    let ring = u32::try_from(count)?;
    for number in 0..ring {
        let link = Link::open(relay.address(), Transport::Tcp).await?;
        link.say(&badge(number, ring)).await?;
        crowd.add(link, |_| true);
    }
    // Badges are read before the first change is.
    tokio::time::sleep(Duration::from_millis(300)).await;
    Ok(crowd)
}
