//! A signed-in person: the steps of PROTOCOL §4.7 as a client takes them, and nothing kept of what
//! comes.

use std::net::SocketAddr;

use anyhow::{Context, Result, bail, ensure};
use bytes::Bytes;
use presently_core::id::{Channel, Shard, UserId};
use presently_core::model::contact::Relation;
use presently_core::model::presence::Status;
use presently_core::wire::body::account::{FromAccount, Grant, Resume, ToAccount};
use presently_core::wire::body::book::{FetchBook, FromBook, ToBook};
use presently_core::wire::body::cs::{Contact, FromCs, SetStatus, ToCs, Watch};
use presently_core::wire::body::inbox::{FetchInbox, ToInbox};
use presently_core::wire::body::link::{Attach, Detach, FromGate, Service, ToGate};
use presently_core::wire::body::mixer::{Join, ToMixer};
use presently_core::wire::bounded::{Blob, List};
use presently_core::wire::frame::{Flags, Frame};
use presently_core::wire::hello::{HELLO, Hello, VERSION, VERSION_MIN, WELCOME};
use presently_core::wire::tail::Tail;

use crate::link::{Link, Transport};

const ACCOUNT: Channel = Channel(1);
const BOOK: Channel = Channel(2);
const INBOX: Channel = Channel(3);
/// The session's channel.
pub(crate) const CS: Channel = Channel(4);
/// The one conversation's channel.
pub(crate) const MIXER: Channel = Channel(5);

/// A person on one device.
#[derive(Debug)]
pub(crate) struct Person {
    pub(crate) link: Link,
    pub(crate) user: UserId,
    pub(crate) friends: Vec<UserId>,
    /// The number of the last request.
    pub(crate) asked: u32,
}

/// A request's bytes.
pub(crate) fn request(channel: Channel, number: u32, kind: u16, body: Bytes) -> Bytes {
    Frame::request(kind, channel, number, body).encode()
}

macro_rules! ask {
    ($channel:expr, $number:expr, $value:expr) => {{
        let value = $value;
        let body = value.encode(&Default::default());
        $crate::person::request($channel, $number, value.kind(), body)
    }};
}
pub(crate) use ask;

impl Person {
    /// Dials and goes through to the first status.
    pub(crate) async fn sign_in(
        to: SocketAddr,
        transport: Transport,
        name: &str,
        refresh: Vec<u8>,
    ) -> Result<Self> {
        let link = Link::open(to, transport).await?;
        let mut person = Self { link, user: UserId::default(), friends: Vec::new(), asked: 0 };
        let grants = person.resume(name, refresh).await.context("signing in")?;
        person.join(grants).await.context("joining")?;
        Ok(person)
    }

    async fn resume(&mut self, name: &str, refresh: Vec<u8>) -> Result<Vec<Grant>> {
        let hello = Hello {
            version_min: VERSION_MIN,
            version_max: VERSION,
            features: 0,
            frame_bytes_max: 65_536,
            keepalive_ms: 0,
            node: None,
        };
        self.link.say(&Frame::event(HELLO, Channel(0), hello.encode()).encode()).await?;
        let welcome = self.link.frame().await?;
        ensure!(welcome.kind == WELCOME, "no welcome but a frame of kind {:#x}", welcome.kind);
        let shard = Shard::of_name(name);
        let attach =
            Attach { service: Service::ACCOUNT, node: None, shard, ticket: Blob::default() };
        let number = self.number();
        self.link.say(&ask!(ACCOUNT, number, ToGate::Attach(attach))).await?;
        self.answer(number).await?;
        let Ok(refresh) = Blob::new(refresh) else { bail!("a token over its bound") };
        let number = self.number();
        self.link.say(&ask!(ACCOUNT, number, ToAccount::Resume(Resume { refresh }))).await?;
        let answer = self.answer(number).await?;
        match FromAccount::decode(answer.kind, &answer.body) {
            Ok(Some((FromAccount::SignedIn(signed), _))) => {
                self.user = signed.user;
                Ok(signed.grants.into_vec())
            }
            other => bail!("no sign-in but {other:?}"),
        }
    }

    /// Book, inbox and cs at once; then watches and status.
    async fn join(&mut self, grants: Vec<Grant>) -> Result<()> {
        let detach = ToGate::Detach(Detach {});
        let goodbye = Frame::event(detach.kind(), ACCOUNT, detach.encode(&Tail::default()));
        let mut bytes = goodbye.encode().to_vec();
        let first = self.asked;
        for (service, channel) in
            [(Service::BOOK, BOOK), (Service::INBOX, INBOX), (Service::CS, CS)]
        {
            let grant = grants.iter().find(|grant| grant.service == service);
            let grant = grant.cloned().context("a grant is missing")?;
            let number = self.number();
            bytes.extend_from_slice(&attach(channel, number, grant));
        }
        self.link.say(&bytes).await?;
        let (book, inbox, cs) = (first + 1, first + 2, first + 3);
        let (contacts, conversations, status) = (first + 4, first + 5, first + 6);
        self.asked = status;
        let (mut known, mut open, mut listed, mut published) = (false, false, false, false);
        while !(listed && published) {
            let frame = self.link.frame().await?;
            let Some((number, last)) = answered(&frame)? else { continue };
            if number == book {
                let fetch = ToBook::Fetch(FetchBook { revision: 0 });
                self.link.say(&ask!(BOOK, contacts, fetch)).await?;
            } else if number == inbox {
                let fetch = ToInbox::Fetch(FetchInbox { revision: 0 });
                self.link.say(&ask!(INBOX, conversations, fetch)).await?;
            } else if number == contacts {
                self.note_contacts(&frame)?;
                known = last;
            }
            open |= number == cs;
            listed |= number == conversations && last;
            published |= number == status;
            if known && open && (number == cs || number == contacts) {
                self.appear(status).await?;
            }
        }
        Ok(())
    }

    fn note_contacts(&mut self, frame: &Frame) -> Result<()> {
        match FromBook::decode(frame.kind, &frame.body) {
            Ok(Some((FromBook::Contacts(part), _))) => {
                let contacts = part.contacts.into_vec().into_iter().map(|record| record.value);
                let friends = contacts.filter(|contact| contact.relation == Relation::FRIEND);
                self.friends.extend(friends.map(|contact| contact.user));
                Ok(())
            }
            other => bail!("no contacts but {other:?}"),
        }
    }

    async fn appear(&self, number: u32) -> Result<()> {
        let mut bytes = Vec::new();
        if let Ok(users) = List::new(self.friends.clone())
            && !users.is_empty()
        {
            let watch = ToCs::Watch(Watch { users });
            let frame = Frame::event(watch.kind(), CS, watch.encode(&Tail::default()));
            bytes.extend_from_slice(&frame.encode());
        }
        bytes.extend_from_slice(&status(number, Status::Online));
        self.link.say(&bytes).await
    }

    /// Opens the conversation with a friend, as far as its `Joined`.
    pub(crate) async fn talk_to(&mut self, user: UserId) -> Result<()> {
        let number = self.number();
        self.link.say(&ask!(CS, number, ToCs::Contact(Contact { user }))).await?;
        let answer = self.answer(number).await.context("asking for a talk")?;
        let grant = match FromCs::decode(answer.kind, &answer.body) {
            Ok(Some((FromCs::Mixer(mixer), _))) => mixer.grant,
            other => bail!("no mixer but {other:?}"),
        };
        let number = self.number();
        self.link.say(&attach(MIXER, number, grant)).await?;
        self.answer(number).await.context("attaching to the mixer")?;
        let number = self.number();
        self.link.say(&ask!(MIXER, number, ToMixer::Join(Join {}))).await?;
        self.answer(number).await.context("joining")?;
        Ok(())
    }

    fn number(&mut self) -> u32 {
        self.asked += 1;
        self.asked
    }

    /// The answer to a request; what else comes is dropped.
    async fn answer(&mut self, number: u32) -> Result<Frame> {
        loop {
            let frame = self.link.frame().await?;
            if answered(&frame)?.is_some_and(|(answered, _)| answered == number) {
                return Ok(frame);
            }
        }
    }
}

/// A status chosen.
pub(crate) fn status(number: u32, status: Status) -> Bytes {
    ask!(CS, number, ToCs::SetStatus(SetStatus { status }))
}

fn attach(channel: Channel, number: u32, grant: Grant) -> Bytes {
    let Grant { service, node, shard, ticket, .. } = grant;
    ask!(channel, number, ToGate::Attach(Attach { service, node, shard, ticket }))
}

/// Which request a frame answers, and whether it is the last frame of that answer.
///
/// # Errors
/// Where the answer is a refusal, or the link or channel ends.
pub(crate) fn answered(frame: &Frame) -> Result<Option<(u32, bool)>> {
    if let Ok(Some((said, _))) = FromGate::decode(frame.kind, &frame.body) {
        match said {
            FromGate::Refused(_) | FromGate::Detached(_) | FromGate::Closing(_) => {
                bail!("the server says {said:?}");
            }
            FromGate::Attached(_) | FromGate::Pong(_) => {}
        }
    }
    let answers = frame.flags.has(Flags::RESPONSE);
    Ok(answers.then_some((frame.request, !frame.flags.has(Flags::MORE))))
}
