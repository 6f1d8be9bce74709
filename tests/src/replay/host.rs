//! What a host may tell a hub at all: the laws of ARCHITECTURE section 2 as they bind drivers.
//!
//! A frame that a host keeps from its hub leaves equal outputs, for the hub never knew; what can be
//! seen is that it reports bytes nobody sent, answers what nobody asked, or leaves a request without
//! its one completion.

use std::collections::BTreeMap;

use presently_core::hub::{Input, Output, StoreOp};
use presently_core::id::LinkId;
use presently_core::time::Timestamp;

/// Most inputs between two drains (law 3).
const INPUTS_MAX: u64 = 256;
/// A request older than this at the end of a life was forgotten (law 5).
const FORGOTTEN_MS: u64 = 60_000;

/// One life of a hub as its host carried it.
#[derive(Debug, Default)]
pub struct Host {
    undrained: u64,
    last_link: u64,
    links: BTreeMap<LinkId, Link>,
    /// Requests without their completion, and since when.
    asked: BTreeMap<(StoreOp, Work), Timestamp>,
    /// The life's own number, as its requests carry it.
    life: Option<u64>,
}

#[derive(Debug, Default)]
struct Link {
    sent: u64,
    reported: u64,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
enum Work {
    Store,
    Hash,
}

impl Host {
    /// Inputs since the last drain.
    #[must_use]
    pub fn undrained(&self) -> u64 {
        self.undrained
    }

    /// The hub was asked until it wanted no more.
    pub fn on_drained(&mut self) {
        self.undrained = 0;
    }

    /// An input as recorded.
    ///
    /// # Errors
    /// Where no host may say so.
    pub fn on_input(&mut self, input: &Input<'_>, _now: Timestamp) -> Result<(), String> {
        self.undrained += 1;
        if self.undrained > INPUTS_MAX {
            return Err(format!("the host fed {} inputs without a drain", self.undrained));
        }
        match input {
            Input::LinkOpened { link, .. } => {
                if link.0 <= self.last_link {
                    return Err(format!("the host opens link {} again", link.0));
                }
                self.last_link = link.0;
                self.links.insert(*link, Link::default());
            }
            Input::LinkBytes { link, .. } => {
                self.link(*link)?;
            }
            Input::LinkSent { link, bytes } => {
                let of = self.link(*link)?;
                of.reported += *bytes as u64;
                if of.reported > of.sent {
                    let more = of.reported - of.sent;
                    return Err(format!("link {}: {more} bytes sent that are not ours", link.0));
                }
            }
            Input::LinkClosed { link } => {
                self.link(*link)?;
                self.links.remove(link);
            }
            Input::Stored { op, .. } => self.complete(*op, Work::Store)?,
            Input::Hashed { op, .. } => self.complete(*op, Work::Hash)?,
            Input::Parcel { .. } | Input::Wall(_) | Input::Admin { .. } | Input::Drain => {}
        }
        Ok(())
    }

    fn link(&mut self, link: LinkId) -> Result<&mut Link, String> {
        let known = self.links.get_mut(&link);
        known.ok_or_else(|| format!("the host speaks of link {}, which is not open", link.0))
    }

    fn complete(&mut self, op: StoreOp, work: Work) -> Result<(), String> {
        // What a past life asked may still be answered; the hub drops it.
        if self.asked.remove(&(op, work)).is_none() && self.life == Some(op.life) {
            let (role, op) = (op.role, op.op);
            return Err(format!(
                "{work:?} {role:?} {op:?} is answered, which nobody asked or twice"
            ));
        }
        Ok(())
    }

    /// An output as the hub gave it and the host carried it out.
    pub fn on_output(&mut self, output: &Output, now: Timestamp) {
        match output {
            Output::LinkSend { link, bytes } => {
                if let Some(of) = self.links.get_mut(link) {
                    of.sent += bytes.len() as u64;
                }
            }
            Output::Handover { link, .. } => {
                self.links.remove(link);
            }
            Output::Store { op, .. } => {
                self.life = Some(op.life);
                self.asked.insert((*op, Work::Store), now);
            }
            Output::Hash { op, .. } => {
                self.asked.insert((*op, Work::Hash), now);
            }
            Output::LinkClose { .. }
            | Output::Parcel { .. }
            | Output::Admin { .. }
            | Output::Hop(_)
            | Output::Ready
            | Output::Drained
            | Output::Fenced => {}
        }
    }

    /// The life ended.
    ///
    /// # Errors
    /// Where a request was left without its completion for longer than any store takes.
    pub fn end(&self, now: Timestamp) -> Result<(), String> {
        match self.asked.iter().find(|(_, since)| now.since(**since) > FORGOTTEN_MS) {
            Some(((op, work), since)) => {
                let (role, op, ms) = (op.role, op.op, now.since(*since));
                Err(format!("{work:?} {role:?} {op:?} has no answer after {ms} ms"))
            }
            None => Ok(()),
        }
    }
}
