//! CPU time per sign-in by ticket, from HELLO to the first status: everybody around a part of the
//! ring, as many at once as pairs talk, so that each finds half of the ten contacts online and is
//! shown to them.

use std::net::SocketAddr;
use std::time::Duration;

use anyhow::{Context, Result, ensure};
use futures_util::stream::{self, StreamExt, TryStreamExt};
use presently_core::wire::frame::Frame;

use crate::link::Transport;
use crate::load::Crowd;
use crate::messages;
use crate::person::Person;
use crate::relay::SIDE;
use crate::report::{Report, Row, median};
use crate::stage::{RING, Stage};

/// The kind of a notification.
pub(crate) const PRESENCE: u16 = 0x0412;
/// Longest wait for a group to be signed in.
const GROUP_TIMEOUT: Duration = Duration::from_secs(120);

/// People around the ring who sign in.
#[derive(Clone, Debug)]
pub(crate) struct Group {
    /// The first one's number.
    pub(crate) from: usize,
    /// A token of each.
    pub(crate) tokens: Vec<Vec<u8>>,
    pub(crate) transport: Transport,
    /// How many sign in at once.
    pub(crate) at_once: usize,
}

/// The figure.
pub(crate) async fn measure(stage: &Stage, report: &mut Report) -> Result<()> {
    let count = stage.scale.sign_ins;
    let mut server = stage.people_server()?;
    let mut bare = messages::Bare::connect(stage).await?;
    let mut figures = (Vec::new(), Vec::new());
    for run in 0..stage.scale.sign_in_runs {
        let unit = bare.run(stage).await?;
        let from = run * count;
        let tokens = server.mint(RING, from, count)?;
        let group = Group { from, tokens, transport: Transport::Tcp, at_once: stage.scale.pairs };
        let mut crowd = Crowd::default();
        let before = server.used()?;
        sign_in(server.address(), group, &mut crowd).await?;
        let used = server.used()?.since(before);
        let micros = used.micros_each(u64::try_from(count)?);
        let syncs = used.commits;
        Report::note(format!(
            "sign-ins: {micros:.1} µs, {syncs} syncs for {count}; a relay's message: {unit:.1} µs"
        ));
        figures.0.push(unit);
        figures.1.push(micros);
        // The next run finds a server that has nothing left to do for this one.
        drop(crowd);
        tokio::time::sleep(Duration::from_millis(500)).await;
    }
    report.add(Row {
        measure: "sign-in by ticket",
        unit: "CPU µs",
        figure: median(figures.1),
        relay: Some(median(figures.0)),
        mark: 20.0,
    });
    Ok(())
}

/// Signs people in, some at once; their links stay in the crowd.
pub(crate) async fn sign_in(to: SocketAddr, group: Group, crowd: &mut Crowd) -> Result<()> {
    let Group { from, tokens, transport, at_once } = group;
    let all = (from..).zip(tokens).map(|(number, token)| async move {
        let name = format!("{RING}{number}");
        let person = Person::sign_in(to, transport, &name, token).await;
        let person = person.with_context(|| name.clone())?;
        let contacts = person.friends.len();
        ensure!(contacts == 2 * SIDE, "{name} has {contacts} contacts");
        Ok(person)
    });
    let mut people = stream::iter(all).buffer_unordered(at_once);
    let entering = async {
        while let Some(Person { link, user, .. }) = people.try_next().await? {
            let others =
                move |frame: &Frame| frame.kind == PRESENCE && !frame.body.starts_with(&user.0);
            crowd.add(link, others);
        }
        crowd.whole()
    };
    tokio::time::timeout(GROUP_TIMEOUT, entering).await.context("a group did not sign in")?
}
