//! What each refusal means for what was asked (PROTOCOL §11).

use super::event::Event;
use super::link::{Ask, Purpose};
use super::session::Stage;
use super::waiting::Held;
use super::{Client, Command, Timer};
use crate::error::{Code, Refusal};
use crate::id::Flow;
use crate::limits::ASK_AGAIN_MS;
use crate::time::Timestamp;
use crate::wire::body::link::{Detach, ToGate};

impl Client {
    /// A request was refused.
    pub(super) fn on_refused(&mut self, ask: Ask, refusal: Refusal, now: Timestamp) {
        let after = u64::from(refusal.retry_after_ms);
        match ask {
            Ask::Attach(purpose) => self.on_attach_refused(purpose, refusal, now),
            Ask::SignIn => self.on_sign_in_refused(refusal, now),
            Ask::Resume => self.on_resume_refused(refusal, now),
            Ask::SignOut => self.erase(now),
            Ask::Leave => self.attach_account(now),
            Ask::FetchBook => self.attach_later(Purpose::Book, refusal, now),
            Ask::FetchInbox => self.attach_later(Purpose::Inbox, refusal, now),
            Ask::Status(ids) => {
                if after > 0 {
                    self.choosing.extend(ids);
                    self.timers.set(Timer::Status, now + after, "status again");
                    return;
                }
                for id in ids {
                    self.refuse(id, refusal);
                }
                if self.stage == Stage::Joining {
                    self.lose("refused", ASK_AGAIN_MS, now);
                }
            }
            Ask::Command(held) => self.on_command_refused(&held, refusal),
            Ask::Contact(slot) | Ask::Join(slot) => self.on_leg_refused(slot, refusal, now),
            Ask::Send(slot, counter, round) => {
                self.on_send_refused(slot, counter, round, refusal, now);
            }
            Ask::Read(slot) => {
                self.talks[slot].reading = false;
                self.rest(slot, refusal, now);
            }
            Ask::History(_, page) => self.refuse(page.id, refusal),
            Ask::Ping => {}
        }
    }

    fn on_attach_refused(&mut self, purpose: Purpose, refusal: Refusal, now: Timestamp) {
        match purpose {
            Purpose::Talk(slot) => self.on_leg_refused(slot, refusal, now),
            Purpose::Book | Purpose::Inbox if refusal.code != Code::BadTicket => {
                self.attach_later(purpose, refusal, now);
            }
            // Without account or cs there is no session; a bad ticket needs a new sign-in.
            Purpose::Account | Purpose::Cs | Purpose::Book | Purpose::Inbox => {
                self.lose("busy", u64::from(refusal.retry_after_ms), now);
            }
        }
    }

    fn on_sign_in_refused(&mut self, refusal: Refusal, now: Timestamp) {
        let for_good = [
            Code::NotSignedIn,
            Code::Invalid,
            Code::Malformed,
            Code::TooLarge,
            Code::LimitReached,
            Code::Unsupported,
            Code::UpgradeRequired,
        ];
        if refusal.retry_after_ms == 0 && for_good.contains(&refusal.code) {
            self.give_up(refusal, now);
        } else {
            self.lose("busy", u64::from(refusal.retry_after_ms), now);
        }
    }

    fn on_resume_refused(&mut self, refusal: Refusal, now: Timestamp) {
        if !matches!(refusal.code, Code::SignInEnded | Code::BadTicket) {
            return self.on_sign_in_refused(refusal, now);
        }
        (self.device.refresh, self.device.newest) = (None, None);
        self.put_device(None);
        if self.config.password.is_none() {
            return self.give_up(Refusal::of(Code::SignInEnded), now);
        }
        // A refused account channel may be closed by the service: a new one costs little.
        if let Some(link) = &mut self.link
            && let Some(channel) = link.channel_of(Purpose::Account)
        {
            link.close(channel);
            self.tell(channel, &ToGate::Detach(Detach {}), Flow::default());
        }
        self.attach_account(now);
    }

    pub(super) fn on_command_refused(&mut self, held: &Held, refusal: Refusal) {
        if held.again && had_its_effect(&held.command, refusal.code) {
            return self.event(Event::Done { id: held.id });
        }
        self.refuse(held.id, refusal);
    }
}

/// Whether a command said twice is refused because the first one was taken.
fn had_its_effect(command: &Command, code: Code) -> bool {
    match command {
        Command::Add { .. } => code == Code::AlreadyContact,
        Command::Accept { .. } => matches!(code, Code::AlreadyContact | Code::NoInvitation),
        Command::Decline { .. } | Command::Remove { .. } => {
            matches!(code, Code::NoInvitation | Code::NotAContact)
        }
        Command::Send { .. }
        | Command::Typing { .. }
        | Command::Status { .. }
        | Command::Message { .. }
        | Command::Name { .. }
        | Command::Contacts
        | Command::History { .. }
        | Command::Sync
        | Command::SignOut => false,
    }
}
