//! A node: one thread that runs one hub and the sockets of its links.
//!
//! The thread's tasks share the hub without a lock: a link's task feeds what it read straight into it.
//! The driver's task carries outputs out, and takes in what other threads say, deadlines and the wall
//! clock. Whoever feeds the 256th input since the last drain drains first.

mod drive;
pub(crate) mod framing;
mod last;
pub(crate) mod link;
pub(crate) mod mail;

use std::cell::{Cell, RefCell};
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::rc::{Rc, Weak};
use std::sync::Arc;
use std::sync::mpsc as events;
use std::thread::JoinHandle;
use std::time::Duration;

use bytes::Bytes;
use hashbrown::HashMap;
use presently_core::hub::{AdminReply, Config, Hub, Input, Output};
use presently_core::id::{LinkId, NodeId};
use presently_core::machine::{Deadline, Machine};
use tokio::net::TcpStream;
use tokio::sync::{Notify, mpsc, oneshot, watch};

use self::framing::Framing;
use self::last::LastInputs;
use self::link::{Link, Turn};
use self::mail::{Completion, Fabric, Mail, Moved};
use crate::clock::{self, Clock};
use crate::hashing::Hashing;
use crate::hops::Hops;
use crate::listen;
use crate::record::Sink;
use crate::store::Door;

/// Inputs between two drains.
const INPUTS_MAX: usize = 256;
/// What one read takes at most.
const SCRATCH_BYTES: usize = 64 * 1024;
/// How long a node that stops waits for peers to have read why.
const LAST_WORDS: Duration = Duration::from_secs(1);
/// Connections that have not shown what they are, and HTTP connections, of one node.
const GREETING_MAX: usize = 4_096;

/// What a node tells the process.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum NodeEvent {
    Ready(NodeId),
    Drained(NodeId),
}

/// All that a node is given.
pub(crate) struct Surroundings {
    pub(crate) config: Config,
    pub(crate) clock: Clock,
    pub(crate) fabric: Fabric,
    pub(crate) store: Door,
    pub(crate) hashing: Hashing,
    pub(crate) hops: Option<Hops>,
    pub(crate) record: Option<Sink>,
    pub(crate) web: Arc<listen::Web>,
    pub(crate) events: events::Sender<NodeEvent>,
    /// Told which node was fenced off: the process is to end.
    pub(crate) fenced: watch::Sender<Option<NodeId>>,
}

/// Starts a node's thread.
pub(crate) fn start(
    around: Surroundings,
    mail: mpsc::Receiver<Mail>,
) -> std::io::Result<JoinHandle<()>> {
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build()?;
    let name = format!("node/{}", around.config.node.0);
    std::thread::Builder::new().name(name).spawn(move || {
        let tasks = tokio::task::LocalSet::new();
        let node = Rc::new(Node::new(around));
        tasks.block_on(&runtime, drive::drive(node, mail));
    })
}

/// The state of a node's thread.
pub(crate) struct Node {
    pub(crate) around: Surroundings,
    hub: RefCell<Option<Hub>>,
    links: RefCell<HashMap<LinkId, Rc<Link>>>,
    dirty: RefCell<Vec<Rc<Link>>>,
    scratch: RefCell<Box<[u8]>>,
    completions: RefCell<mpsc::UnboundedSender<Completion>>,
    admins: RefCell<HashMap<u64, oneshot::Sender<AdminReply>>>,
    wake: Notify,
    next_link: Cell<u64>,
    next_admin: Cell<u64>,
    inputs: Cell<usize>,
    last: RefCell<LastInputs>,
    greeting: Cell<usize>,
    /// Sockets that are served, those included that the hub let go and the peer has not closed.
    carried: Cell<usize>,
    let_go: Notify,
    /// Another process has this node's life: no hub begins here again, it would take it back.
    fenced: Cell<bool>,
    /// Where the record of this node goes, if it is kept.
    record: Option<RefCell<Sink>>,
}

impl Node {
    fn new(mut around: Surroundings) -> Self {
        let record = around.record.take().map(RefCell::new);
        Self {
            around,
            hub: RefCell::new(None),
            links: RefCell::default(),
            dirty: RefCell::default(),
            scratch: RefCell::new(vec![0; SCRATCH_BYTES].into_boxed_slice()),
            completions: RefCell::new(mpsc::unbounded_channel().0),
            admins: RefCell::default(),
            wake: Notify::new(),
            // Never reused, not even by a later life of the hub.
            next_link: Cell::new(1),
            next_admin: Cell::new(1),
            inputs: Cell::new(0),
            last: RefCell::new(LastInputs::new()),
            greeting: Cell::new(0),
            carried: Cell::new(0),
            let_go: Notify::new(),
            fenced: Cell::new(false),
            record,
        }
    }

    pub(crate) fn id(&self) -> NodeId {
        self.around.config.node
    }

    /// Begins a life of the hub; what completes its requests comes out of the channel returned.
    fn begin(&self) -> mpsc::UnboundedReceiver<Completion> {
        let (completions, completed) = mpsc::unbounded_channel();
        *self.completions.borrow_mut() = completions;
        let mut seed = [0; 32];
        getrandom::fill(&mut seed).expect("the operating system has randomness to give");
        let (config, now, wall) = (self.around.config, self.around.clock.now(), clock::wall());
        self.last.borrow_mut().clear();
        self.note(|record| record.life(config, seed, wall, now));
        *self.hub.borrow_mut() = self.guarded("start", || Hub::new(config, seed, wall, now));
        completed
    }

    fn lives(&self) -> bool {
        self.hub.borrow().is_some()
    }

    /// Runs a part of the hub; a panic ends this life of it.
    fn guarded<T>(&self, what: &'static str, run: impl FnOnce() -> T) -> Option<T> {
        let done = catch_unwind(AssertUnwindSafe(run));
        if done.is_err() {
            self.note(|record| record.broke(what));
            // Its reason went to standard error; it may hold what a log may not.
            let last = self.last.borrow();
            tracing::error!(node = self.id().0, what, %last, "the hub panicked");
        }
        done.ok()
    }

    fn with_hub<T>(&self, what: &'static str, run: impl FnOnce(&mut Hub) -> T) -> Option<T> {
        let mut slot = self.hub.borrow_mut();
        let hub = slot.as_mut()?;
        let done = self.guarded(what, || run(hub));
        if done.is_none() {
            *slot = None;
            drop(slot);
            self.on_panic();
        }
        done
    }

    /// Everything of the life that ended goes; the driver begins the next.
    fn on_panic(&self) {
        for (_, link) in self.links.borrow_mut().drain() {
            link.cut();
        }
        self.dirty.borrow_mut().clear();
        self.admins.borrow_mut().clear();
        *self.completions.borrow_mut() = mpsc::unbounded_channel().0;
        self.wake.notify_one();
    }

    /// Tells the record, where one is kept.
    fn note(&self, note: impl FnOnce(&mut Sink)) {
        if let Some(record) = &self.record {
            note(&mut record.borrow_mut());
        }
    }

    /// Feeds the hub.
    fn input(&self, kind: &'static str, input: Input<'_>) {
        if !self.lives() {
            return;
        }
        let now = self.around.clock.now();
        self.last.borrow_mut().push(kind, now);
        self.note(|record| record.input(&input, now));
        self.with_hub(kind, |hub| hub.handle_input(input, now));
        self.inputs.set(self.inputs.get() + 1);
    }

    /// The same from a link's task: the driver has to be woken to drain.
    fn input_from_link(&self, kind: &'static str, input: Input<'_>) {
        self.input(kind, input);
        match self.inputs.get() {
            1 => self.wake.notify_one(),
            INPUTS_MAX.. => self.drain(),
            _ => {}
        }
    }

    /// Breaks the hub as a broken invariant would; the driver begins its next life.
    fn crash(&self) {
        self.with_hub("crash", |_| panic!("the operator asked for a crash"));
    }

    fn handle_timeout(&self) {
        if !self.lives() {
            return;
        }
        let now = self.around.clock.now();
        self.last.borrow_mut().push("timeout", now);
        self.note(|record| record.timeout(now));
        self.with_hub("timeout", |hub| hub.handle_timeout(now));
    }

    fn poll_timeout(&self) -> Option<Deadline> {
        self.with_hub("poll_timeout", |hub| hub.poll_timeout()).flatten()
    }

    /// Carries out all that the hub wants, and reports what was sent, until it wants no more.
    fn drain(&self) {
        loop {
            self.carry_out_all();
            let dirty = std::mem::take(&mut *self.dirty.borrow_mut());
            for link in &dirty {
                link.dirty.set(false);
                self.report_sent(link, link.flush());
                self.heed_inputs();
            }
            if self.inputs.get() == 0 && self.dirty.borrow().is_empty() {
                return self.note(Sink::hand_over);
            }
        }
    }

    /// Never more than so many inputs without a look at what they led to.
    fn heed_inputs(&self) {
        if self.inputs.get() >= INPUTS_MAX {
            self.carry_out_all();
        }
    }

    fn carry_out_all(&self) {
        self.inputs.set(0);
        while let Some(output) = self.with_hub("poll", |hub| hub.poll_output()).flatten() {
            self.note(|record| record.output(&output));
            self.carry_out(output);
        }
        if self.lives() {
            self.note(Sink::drained);
        }
    }

    fn report_sent(&self, link: &Link, bytes: usize) {
        if bytes > 0 && self.links.borrow().contains_key(&link.id) {
            self.input("sent", Input::LinkSent { link: link.id, bytes });
        }
    }

    fn carry_out(&self, output: Output) {
        match output {
            Output::LinkSend { link, bytes } => {
                if let Some(link) = self.link(link) {
                    link.push(bytes);
                    self.soil(link);
                }
            }
            Output::LinkClose { link, reason, flush_ms } => {
                tracing::debug!(node = self.id().0, link = link.0, ?reason, "link closes");
                if let Some(link) = self.link(link) {
                    self.close(&link, flush_ms);
                    self.soil(link);
                }
            }
            Output::Handover { link, node, bytes } => {
                if let Some(link) = self.links.borrow_mut().remove(&link) {
                    link.hand_over(node, bytes);
                }
            }
            Output::Store { op, request } => {
                let to = self.completions.borrow().clone();
                self.around.store.ask(request, move |reply| {
                    let _ = to.send(Completion::Stored { op, reply });
                });
            }
            Output::Hash { op, request } => {
                let to = self.completions.borrow().clone();
                self.around.hashing.ask(request, move |reply| {
                    let _ = to.send(Completion::Hashed { op, reply });
                });
            }
            Output::Parcel { to, parcel } => {
                if let Some(node) = self.around.fabric.get(usize::from(to.0)) {
                    // A full mailbox loses it, as a fabric may.
                    let _ = node.try_send(Mail::Parcel { from: self.id(), parcel });
                }
            }
            Output::Admin { op, reply } => {
                if let Some(answer) = self.admins.borrow_mut().remove(&op) {
                    let _ = answer.send(reply);
                }
            }
            Output::Hop(hop) => {
                if let Some(hops) = &self.around.hops {
                    hops.write(&hop);
                }
            }
            Output::Ready => self.tell(NodeEvent::Ready(self.id())),
            Output::Drained => self.tell(NodeEvent::Drained(self.id())),
            Output::Fenced => {
                self.fenced.set(true);
                // What was asked before is answered no more.
                self.admins.borrow_mut().clear();
                self.around.fenced.send_replace(Some(self.id()));
            }
        }
    }

    fn tell(&self, event: NodeEvent) {
        let _ = self.around.events.send(event);
    }

    fn link(&self, link: LinkId) -> Option<Rc<Link>> {
        self.links.borrow().get(&link).cloned()
    }

    fn soil(&self, link: Rc<Link>) {
        if !link.dirty.replace(true) {
            self.dirty.borrow_mut().push(link);
        }
    }

    fn close(&self, link: &Rc<Link>, flush_ms: u32) {
        link.end();
        if flush_ms == 0 {
            link.flush();
            return link.cut();
        }
        let late: Weak<Link> = Rc::downgrade(link);
        tokio::task::spawn_local(async move {
            tokio::time::sleep(Duration::from_millis(u64::from(flush_ms))).await;
            if let Some(link) = late.upgrade() {
                link.cut();
            }
        });
    }

    /// Finds out what a new connection is and serves it to its end.
    fn greet(self: &Rc<Self>, socket: std::net::TcpStream, remote: String) {
        if self.greeting.get() >= GREETING_MAX || !self.lives() {
            return;
        }
        let Ok(socket) = TcpStream::from_std(socket) else { return };
        let node = Rc::clone(self);
        self.greeting.set(self.greeting.get() + 1);
        tokio::task::spawn_local(async move {
            // Boxed, so that its room is given back before the link's long life.
            let greeted = Box::pin(listen::greet(socket, &node.around.web)).await;
            node.greeting.set(node.greeting.get() - 1);
            if let Some((socket, framing)) = greeted {
                node.carry_link(socket, framing, remote, Bytes::new()).await;
            }
        });
    }

    /// Goes on with a link that another node began.
    fn take_over(self: &Rc<Self>, moved: Moved) {
        let Moved { socket, framing, remote, bytes } = moved;
        let Ok(socket) = TcpStream::from_std(socket) else { return };
        let node = Rc::clone(self);
        tokio::task::spawn_local(async move {
            node.carry_link(socket, framing, remote, bytes).await;
        });
    }

    async fn carry_link(
        self: Rc<Self>,
        socket: TcpStream,
        framing: Framing,
        remote: String,
        first: Bytes,
    ) {
        if !self.lives() {
            return;
        }
        self.carried.set(self.carried.get() + 1);
        let id = LinkId(self.next_link.replace(self.next_link.get() + 1));
        let link = Rc::new(Link::new(id, socket, framing, remote));
        self.links.borrow_mut().insert(id, Rc::clone(&link));
        self.input_from_link("opened", Input::LinkOpened { link: id, remote: &link.remote });
        if !first.is_empty() && self.links.borrow().contains_key(&id) {
            self.input_from_link("bytes", Input::LinkBytes { link: id, bytes: &first });
        }
        drop(first);
        let moving = std::future::poll_fn(|context| {
            loop {
                let mut sent = 0;
                let turn = link.poll_turn(&self.scratch, &mut sent, context);
                if sent > 0 && self.links.borrow().contains_key(&id) {
                    self.input_from_link("sent", Input::LinkSent { link: id, bytes: sent });
                }
                let std::task::Poll::Ready(turn) = turn else {
                    return std::task::Poll::Pending;
                };
                if let Some(end) = self.on_turn(&link, turn) {
                    return std::task::Poll::Ready(end);
                }
            }
        })
        .await;
        if let Some((node, bytes)) = moving {
            self.move_link(link, node, bytes);
        } else {
            self.forget(&link);
        }
        self.carried.set(self.carried.get() - 1);
        self.let_go.notify_one();
    }

    /// The last of a node: a socket that closes over unread input takes back what it said, so each
    /// peer has a while to read why and to close first.
    async fn close_sockets(&self) {
        let closed = async {
            while self.carried.get() > 0 {
                self.let_go.notified().await;
            }
        };
        if tokio::time::timeout(LAST_WORDS, closed).await.is_err() {
            tracing::debug!(
                node = self.id().0,
                left = self.carried.get(),
                "peers kept sockets open"
            );
        }
    }

    /// What a turn means for the hub; ends the link where there is no next.
    fn on_turn(&self, link: &Rc<Link>, turn: Turn) -> Option<Option<(NodeId, Bytes)>> {
        let id = link.id;
        match turn {
            Turn::Read(count) => {
                let scratch = self.scratch.borrow();
                let bytes = scratch.get(..count).unwrap_or_default();
                self.input_from_link("bytes", Input::LinkBytes { link: id, bytes });
            }
            Turn::Message(bytes) => {
                self.input_from_link("bytes", Input::LinkBytes { link: id, bytes: &bytes });
            }
            Turn::Flushed => self.forget(link),
            Turn::Over => return Some(None),
            Turn::Moving(node, bytes) => return Some(Some((node, bytes))),
        }
        None
    }

    /// The link is over for the hub, where it still knows it.
    fn forget(&self, link: &Link) {
        let known = self.links.borrow_mut().remove(&link.id).is_some();
        if known {
            self.input_from_link("closed", Input::LinkClosed { link: link.id });
        }
    }

    fn move_link(&self, link: Rc<Link>, to: NodeId, bytes: Bytes) {
        self.dirty.borrow_mut().retain(|dirty| !Rc::ptr_eq(dirty, &link));
        let Ok(link) = Rc::try_unwrap(link) else { return };
        let (socket, framing, remote) = link.into_parts();
        let Ok(socket) = socket.into_std() else { return };
        if let Some(node) = self.around.fabric.get(usize::from(to.0)) {
            let moved = Box::new(Moved { socket, framing, remote, bytes });
            let _ = node.try_send(Mail::Moved(moved));
        }
    }
}
