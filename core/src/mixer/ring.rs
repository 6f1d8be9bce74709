//! Rings: calling the devices that are not attached (PROTOCOL §5.4).

use alloc::boxed::Box;
use alloc::vec::Vec;

use crate::edge::mixer_ps::ToPs;
use crate::edge::{Post, cs_mixer};
use crate::id::{EndpointId, Flow, NodeId, UserId};
use crate::limits::{ENDPOINTS_MAX, RING_MS};
use crate::time::Timestamp;

use super::desk::Room;

#[derive(Debug)]
struct Asked {
    user: UserId,
    /// No sooner is the home asked again; `None`: at the next entry.
    after: Option<Timestamp>,
    /// The question that is out: the act, and who spoke.
    open: Option<(Flow, UserId)>,
}

/// Whom a conversation has called.
#[derive(Debug, Default)]
pub(super) struct Rings(Vec<Asked>);

impl Rings {
    /// A leg of the member attached: whoever else they have is called at the next entry.
    pub(super) fn on_leg(&mut self, user: UserId) {
        if let Some(asked) = self.0.iter_mut().find(|asked| asked.user == user) {
            asked.after = None;
        }
    }

    /// Whether the home of a member may be asked now; notes that it is.
    fn ask(&mut self, user: UserId, flow: Flow, from: UserId, now: Timestamp) -> bool {
        let at = match self.0.iter().position(|asked| asked.user == user) {
            Some(at) => at,
            None => {
                self.0.push(Asked { user, after: None, open: None });
                self.0.len() - 1
            }
        };
        let asked = &mut self.0[at];
        let may = asked.after.is_none_or(|after| after <= now);
        if may {
            asked.after = Some(now + RING_MS);
            asked.open = Some((flow, from));
        }
        may
    }

    /// Whose homes owe an answer, and to which act.
    fn open_to(&self, is_meant: impl Fn(UserId) -> bool) -> Vec<(UserId, Flow)> {
        let open = self.0.iter().filter_map(|asked| Some((asked.user, asked.open?.0)));
        open.filter(|(user, _)| is_meant(*user)).collect()
    }

    fn answered(&mut self, user: UserId) -> Option<(Flow, UserId)> {
        self.0.iter_mut().find(|asked| asked.user == user)?.open.take()
    }
}

impl Room<'_> {
    /// An entry was stored: asks where the members' devices are.
    ///
    /// The homes of members who are attached are asked too, for their other devices, but outside of
    /// the act's flow: it reaches its people without that.
    pub(super) fn call(&mut self, flow: Flow, from: UserId) {
        for at in 0..self.conv.roster.members.len() {
            let user = self.conv.roster.members[at];
            let flow = if self.is_attached(user, None) { Flow::default() } else { flow };
            if self.conv.rings.ask(user, flow, from, self.now) {
                let ask = Post::home(flow, user, ToPs::Route { user });
                self.desk.tell(ask.with_op(Some(self.conv.key)));
            }
        }
    }

    /// The homes of members have moved: those who owe an answer are asked again, where they are now.
    pub(super) fn call_again(&mut self, is_moved: impl Fn(UserId) -> bool) {
        for (user, flow) in self.conv.rings.open_to(is_moved) {
            let ask = Post::home(flow, user, ToPs::Route { user });
            self.desk.tell(ask.with_op(Some(self.conv.key)));
        }
    }

    /// A home said where a member's devices are.
    pub(super) fn on_route(&mut self, user: UserId, endpoints: &[(EndpointId, NodeId)], hop: Flow) {
        let Some((asked, from)) = self.conv.rings.answered(user) else { return };
        let member = self.conv.roster.members.binary_search(&user).is_ok();
        if !member || !self.conv.roster.open {
            return;
        }
        // The answer's hop follows the question's in the same act.
        let flow = if hop.id == asked.id { hop } else { asked };
        let (conversation, head) = (self.conv.id, self.conv.log.head);
        for (endpoint, node) in endpoints.iter().copied().take(ENDPOINTS_MAX) {
            if self.is_attached(user, Some(endpoint)) {
                continue;
            }
            // No seat left: the inbox says the same a little later.
            let Some(grant) = self.grant(user, endpoint) else { return };
            let grant = Box::new(grant);
            let ring = cs_mixer::ToCs::Ring { user, endpoint, conversation, from, head, grant };
            self.desk.tell(Post::node(flow, node, ring));
        }
    }

    fn is_attached(&self, user: UserId, endpoint: Option<EndpointId>) -> bool {
        self.conv
            .legs
            .iter()
            .filter_map(|key| self.legs.get(*key))
            .any(|leg| leg.user == user && endpoint.is_none_or(|endpoint| endpoint == leg.endpoint))
    }
}
