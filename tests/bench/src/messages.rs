//! CPU time per delivered durable message, with 1 and with 16 outstanding.

use anyhow::{Result, bail};
use bytes::Bytes;
use presently_core::id::{ConversationId, EndpointId, UserId};
use presently_core::model::entry::{CONTENT_TEXT, Entry, EntryKind};
use presently_core::time::Wall;
use presently_core::wire::body::mixer::{FromMixer, NewEntry, Send, SendId, Stored, ToMixer};
use presently_core::wire::bounded::Blob;
use presently_core::wire::frame::Frame;
use presently_core::wire::tail::Tail;

use crate::child::{Ask, Child, Used};
use crate::link::{Link, Transport};
use crate::load::{Pair, Script, talk_all};
use crate::person::{MIXER, Person, answered, ask};
use crate::relay::badge;
use crate::report::{Report, Row, median};
use crate::stage::{Stage, settle};

/// A message: some 100 bytes of text.
const TEXT: &[u8] = &[b'm'; 100];
const STORED: u16 = 0x0512;
const ENTRY: u16 = 0x0515;
const PREFIX: &str = "pair";

/// What a person's device says in its conversation.
#[derive(Debug)]
struct Talk {
    counter: u64,
    last: Option<SendId>,
    content: Blob<8_192>,
}

impl Talk {
    fn new() -> Self {
        let content = Blob::new(TEXT).unwrap_or_default();
        Self { counter: 0, last: None, content }
    }
}

impl Script for Talk {
    fn next(&mut self) -> Bytes {
        self.counter += 1;
        let id = SendId { counter: self.counter, tag: (!self.counter).to_be_bytes() };
        let after = self.last.replace(id.clone());
        let content = self.content.clone();
        let number = u32::try_from(self.counter + 1_000).unwrap_or(1);
        let send = Send { id, after, content_type: CONTENT_TEXT, content };
        ask!(MIXER, number, ToMixer::Send(send))
    }

    fn is_ack(&self, frame: &Frame) -> Result<bool> {
        if frame.kind == STORED {
            return Ok(true);
        }
        match answered(frame)? {
            Some(_) => bail!("no ack but a frame of kind {:#x}", frame.kind),
            None => Ok(false),
        }
    }

    fn is_passed_on(&self, frame: &Frame) -> bool {
        frame.kind == ENTRY
    }
}

/// What is carried by a relay: always the same.
#[derive(Debug)]
struct Carried(Bytes);

impl Script for Carried {
    fn next(&mut self) -> Bytes {
        self.0.clone()
    }

    fn is_ack(&self, _: &Frame) -> Result<bool> {
        Ok(true)
    }

    fn is_passed_on(&self, _: &Frame) -> bool {
        true
    }
}

/// Both figures.
pub(crate) async fn measure(stage: &Stage, report: &mut Report) -> Result<()> {
    let mut relay = start_relay()?;
    let mut carried = connect(&relay, stage.scale.pairs).await?;
    let mut server = stage.server("messages")?;
    let mut talks = introduce(&mut server, stage.scale.pairs).await?;
    for ((window, mark), count) in [(1, 6.0), (16, 30.0)].into_iter().zip(stage.scale.messages) {
        let mut figures = (Vec::new(), Vec::new());
        // The first run warms both up and does not count.
        for run in 0..=stage.scale.runs {
            let count = if run == 0 { count / 4 } else { count };
            let bare = one_run(&mut relay, &mut carried, (count, window)).await?;
            let full = one_run(&mut server, &mut talks, (count, window)).await?;
            if run > 0 {
                figures.0.push(bare.micros);
                figures.1.push(full.micros);
                Report::note(format!("messages, {window} outstanding: {full}; relay: {bare}"));
            }
        }
        let (bare, full) = (median(figures.0), median(figures.1));
        let measure = if window == 1 {
            "durable message, 1 outstanding"
        } else {
            "durable message, 16 outstanding"
        };
        report.add(Row { measure, unit: "CPU µs", figure: full, relay: Some(bare), mark });
    }
    Ok(())
}

/// A relay with its pairs: what its message costs with 1 outstanding is the unit of a sign-in.
pub(crate) struct Bare {
    relay: Child,
    pairs: Vec<Pair<Carried>>,
}

impl Bare {
    /// Starts it; a first run warms it up.
    pub(crate) async fn connect(stage: &Stage) -> Result<Self> {
        let relay = start_relay()?;
        let pairs = connect(&relay, stage.scale.pairs).await?;
        let mut bare = Self { relay, pairs };
        bare.run(stage).await?;
        Ok(bare)
    }

    /// CPU time per message, in microseconds.
    pub(crate) async fn run(&mut self, stage: &Stage) -> Result<f64> {
        let [count, _] = stage.scale.messages;
        Ok(one_run(&mut self.relay, &mut self.pairs, (count, 1)).await?.micros)
    }
}

struct Ran {
    micros: f64,
    per_second: f64,
    syncs: f64,
}

impl std::fmt::Display for Ran {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let Self { micros, per_second, syncs } = self;
        write!(f, "{micros:.1} µs at {per_second:.0}/s")?;
        if *syncs > 0.0 { write!(f, ", {syncs:.3} syncs each") } else { Ok(()) }
    }
}

#[expect(clippy::cast_precision_loss, reason = "counts of a run are small")]
async fn one_run<S: Script>(
    child: &mut Child,
    pairs: &mut [Pair<S>],
    (count, window): (u64, u64),
) -> Result<Ran> {
    let before = child.used()?;
    let took = talk_all(pairs, count, window).await?;
    let used: Used = child.used()?.since(before);
    let messages = count * u64::try_from(pairs.len())?;
    Ok(Ran {
        micros: used.micros_each(messages),
        per_second: messages as f64 / took.as_secs_f64(),
        syncs: used.commits as f64 / messages as f64,
    })
}

/// A relay whose frames are as long as the server's.
fn start_relay() -> Result<Child> {
    let (id, tail) = (SendId { counter: 1_000, tag: [0; 8] }, Tail::default());
    let at = Wall(1 << 40);
    let stored = FromMixer::Stored(Stored { id: id.clone(), sequence: 1_000, at });
    let ack = Frame::response(stored.kind(), MIXER, 2_000, false, stored.encode(&tail)).encode();
    let entry = Entry {
        sequence: 1_000,
        kind: EntryKind::MESSAGE,
        user: UserId::default(),
        endpoint: EndpointId::default(),
        id,
        at,
        content_type: CONTENT_TEXT,
        content: Talk::new().content,
    };
    let entry = FromMixer::Entry(NewEntry { entry: entry.into() });
    let passed = Frame::event(entry.kind(), MIXER, entry.encode(&tail)).encode();
    Stage::relay(ack.len(), passed.len())
}

async fn connect(relay: &Child, pairs: usize) -> Result<Vec<Pair<Carried>>> {
    let mut script = Talk::new();
    (0..1_000).for_each(|_| drop(script.next()));
    let mut out = Vec::with_capacity(pairs);
    for pair in 0..u32::try_from(pairs)? {
        let speaker = Link::open(relay.address(), Transport::Tcp).await?;
        let hearer = Link::open(relay.address(), Transport::Tcp).await?;
        speaker.say(&badge(pair * 2, 0)).await?;
        hearer.say(&badge(pair * 2 + 1, 0)).await?;
        out.push(Pair { speaker, hearer, script: Carried(script.next()) });
    }
    // Badges are read before the first message is.
    tokio::time::sleep(std::time::Duration::from_millis(200)).await;
    Ok(out)
}

/// Accounts, friends two by two, signed in and in their conversations.
async fn introduce(server: &mut Child, pairs: usize) -> Result<Vec<Pair<Talk>>> {
    let count = pairs * 2;
    server.ask(&Ask::Users { prefix: PREFIX.to_owned(), count })?;
    server.ask(&Ask::Pairs { prefix: PREFIX.to_owned(), count })?;
    settle(server)?;
    let mut tokens = server.mint(PREFIX, 0, count)?.into_iter().enumerate();
    let mut out = Vec::with_capacity(pairs);
    while let (Some(one), Some(other)) = (tokens.next(), tokens.next()) {
        let speaker = talker(server, one).await?;
        let hearer = talker(server, other).await?;
        let with = ConversationId::one_to_one(speaker.user, hearer.user);
        if speaker.friends != [hearer.user] {
            bail!("the two of {with} are no friends");
        }
        out.push(Pair { speaker: speaker.link, hearer: hearer.link, script: Talk::new() });
    }
    Ok(out)
}

async fn talker(server: &Child, (number, token): (usize, Vec<u8>)) -> Result<Person> {
    let name = format!("{PREFIX}{number}");
    let mut person = Person::sign_in(server.address(), Transport::Tcp, &name, token).await?;
    match person.friends.as_slice() {
        &[friend] => person.talk_to(friend).await?,
        friends => bail!("{name} has {} friends", friends.len()),
    }
    Ok(person)
}
