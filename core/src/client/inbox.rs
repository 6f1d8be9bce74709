//! Which conversations there are and how far they go (PROTOCOL §4.4).

use super::Client;
use super::link::Ask;
use super::talk::Leg;
use crate::id::Flow;
use crate::model::conversation::InboxItem;
use crate::time::Timestamp;
use crate::wire::body::inbox::{FetchInbox, FromInbox, ToInbox};
use crate::wire::frame::{Flags, Frame, Malformed};

impl Client {
    /// Asks for what changed, or for everything.
    pub(super) fn fetch_inbox(&mut self, now: Timestamp) {
        if let Some(channel) = self.session.inbox.channel.filter(|_| self.session.inbox.open) {
            self.session.inbox.asked += 1;
            let fetch = ToInbox::Fetch(FetchInbox { revision: self.inbox_revision });
            self.ask(channel, &fetch, self.session.flow, Ask::FetchInbox, now);
        }
    }

    /// A frame of the inbox.
    pub(super) fn on_inbox(&mut self, frame: &Frame, now: Timestamp) -> Result<(), Malformed> {
        let Some((said, tail)) = FromInbox::decode(frame.kind, &frame.body)? else {
            return Ok(());
        };
        self.answered(frame, now);
        match said {
            FromInbox::Conversations(part) => {
                for item in part.items.into_vec() {
                    self.on_item(&item.value, Flow::default(), now);
                }
                if !frame.flags.has(Flags::MORE) {
                    self.inbox_revision = part.revision;
                    self.session.inbox.done += 1;
                    self.session.inbox.listed = true;
                    self.put_lists();
                    self.on_step(now);
                }
            }
            FromInbox::Changed(changed) => {
                self.on_item(&changed.item.value, tail.flow(), now);
                if self.session.inbox.listed && changed.revision > self.inbox_revision {
                    self.inbox_revision = changed.revision;
                    self.put_lists();
                }
            }
        }
        Ok(())
    }

    fn on_item(&mut self, item: &InboxItem, flow: Flow, now: Timestamp) {
        let Some(slot) = self.talks.open(item.conversation, item.with) else {
            return;
        };
        let talk = &mut self.talks[slot];
        talk.at = item.at;
        if flow.id != 0 && talk.leg == Leg::None {
            talk.flow = flow;
        }
        // The revision that is kept next says that this is known: a ring may have told it before.
        talk.head = talk.head.max(item.head);
        self.put_talk(slot);
        self.advance(slot, now);
    }
}
