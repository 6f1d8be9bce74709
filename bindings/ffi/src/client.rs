//! The one object.

use std::collections::VecDeque;
use std::sync::{Arc, Mutex, PoisonError};

use presently_core::client::Event as CoreEvent;
use presently_core::redact::Pii;
use presently_driver::{Command, Config, Handle};

use crate::event::{Contacts, Event, History, PresentlyError};

/// Which server, and who.
#[derive(Clone, uniffi::Record)]
pub struct ConnectOptions {
    /// `host:port`.
    pub server: String,
    /// The account's name.
    pub user: String,
    /// Its password.
    pub password: String,
    /// A directory in which outbox and endpoint outlive the process; none: a new device each time.
    #[uniffi(default = None)]
    pub cache_dir: Option<String>,
}

impl std::fmt::Debug for ConnectOptions {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("ConnectOptions").field("server", &self.server).finish_non_exhaustive()
    }
}

/// A message that is stored durably.
#[derive(Clone, Copy, Debug, PartialEq, Eq, uniffi::Record)]
pub struct Sent {
    /// Its place in the conversation.
    pub seq: u64,
    /// The server's stamp, milliseconds since 1970.
    pub at: u64,
}

/// A signed-in client. It reconnects by itself until `shutdown`.
#[derive(Debug, uniffi::Object)]
pub struct Client {
    handle: Handle,
    /// What came before `connect` returned.
    early: Mutex<VecDeque<Event>>,
}

#[uniffi::export(async_runtime = "tokio")]
impl Client {
    /// Signs in; returns once signed in.
    ///
    /// # Errors
    /// `Refused` for a wrong name or password, `Cache` for a cache directory that cannot be used. While
    /// the server cannot be reached it keeps trying.
    #[uniffi::constructor]
    pub async fn connect(options: ConnectOptions) -> Result<Arc<Self>, PresentlyError> {
        let config = Config { password: Some(Pii(options.password)), ..Config::new(options.user) };
        let cache = options.cache_dir.as_deref().map(std::path::Path::new);
        let (handle, driver) = presently_driver::native::open(options.server, config, cache)
            .map_err(|error| PresentlyError::Cache { reason: error.to_string() })?;
        tokio::spawn(driver.run());
        let mut early = VecDeque::new();
        loop {
            let batch = handle.next_batch(1).await;
            let Some(event) = batch.into_iter().next() else { return Err(PresentlyError::Ended) };
            if let CoreEvent::Error { id: None, code, text, retry_ms } = event {
                return Err(PresentlyError::Refused { code, text, retry_ms });
            }
            let signed_in = matches!(event, CoreEvent::SignedIn { .. });
            early.extend(Event::from_core(event));
            if signed_in {
                return Ok(Arc::new(Self { handle, early: Mutex::new(early) }));
            }
        }
    }

    /// Waits for events; at most `max`, at least one. Empty: the client has ended.
    pub async fn next_batch(&self, max: u32) -> Vec<Event> {
        let max = usize::try_from(max).unwrap_or(usize::MAX).max(1);
        let early: Vec<_> = {
            let mut early = self.early.lock().unwrap_or_else(PoisonError::into_inner);
            let count = early.len().min(max);
            early.drain(..count).collect()
        };
        if !early.is_empty() {
            return early;
        }
        loop {
            let batch = self.handle.next_batch(max).await;
            let ended = batch.is_empty();
            let events: Vec<_> = batch.into_iter().filter_map(Event::from_core).collect();
            if ended || !events.is_empty() {
                return events;
            }
        }
    }

    /// Says something to a contact; returns once it is stored durably.
    ///
    /// # Errors
    /// `Refused`: not a contact, too long, and so on; nothing was stored.
    pub async fn send(&self, to: String, text: String) -> Result<Sent, PresentlyError> {
        let outcome = self.ask(Command::Send { to, text }).await?;
        let CoreEvent::Acked { seq, at, .. } = outcome else { return Err(PresentlyError::Ended) };
        Ok(Sent { seq, at })
    }

    /// Tells a contact that this person is writing.
    ///
    /// # Errors
    /// `Refused`.
    pub async fn typing(&self, to: String) -> Result<(), PresentlyError> {
        self.ask(Command::Typing { to }).await.map(drop)
    }

    /// Chooses a status.
    ///
    /// # Errors
    /// `Refused`: not one of the eight.
    pub async fn set_status(&self, status: String) -> Result<(), PresentlyError> {
        self.ask(Command::Status { status }).await.map(drop)
    }

    /// Changes the personal message.
    ///
    /// # Errors
    /// `Refused`: too long.
    pub async fn set_message(&self, text: String) -> Result<(), PresentlyError> {
        self.ask(Command::Message { text }).await.map(drop)
    }

    /// Changes the display name.
    ///
    /// # Errors
    /// `Refused`: too long.
    pub async fn set_name(&self, text: String) -> Result<(), PresentlyError> {
        self.ask(Command::Name { text }).await.map(drop)
    }

    /// Asks somebody to become a contact.
    ///
    /// # Errors
    /// `Refused`.
    pub async fn add(&self, user: String, text: String) -> Result<(), PresentlyError> {
        self.ask(Command::Add { user, text }).await.map(drop)
    }

    /// Accepts an invitation.
    ///
    /// # Errors
    /// `Refused`.
    pub async fn accept(&self, user: String) -> Result<(), PresentlyError> {
        self.ask(Command::Accept { user }).await.map(drop)
    }

    /// Declines an invitation.
    ///
    /// # Errors
    /// `Refused`.
    pub async fn decline(&self, user: String) -> Result<(), PresentlyError> {
        self.ask(Command::Decline { user }).await.map(drop)
    }

    /// Removes a contact.
    ///
    /// # Errors
    /// `Refused`.
    pub async fn remove(&self, user: String) -> Result<(), PresentlyError> {
        self.ask(Command::Remove { user }).await.map(drop)
    }

    /// The contact list.
    ///
    /// # Errors
    /// `Refused`.
    pub async fn contacts(&self) -> Result<Contacts, PresentlyError> {
        let outcome = self.ask(Command::Contacts).await?;
        let CoreEvent::Contacts { revision, list, .. } = outcome else {
            return Err(PresentlyError::Ended);
        };
        Ok(Contacts { revision, list: list.into_iter().map(Into::into).collect() })
    }

    /// A page of what was said with somebody: the newest before `before`, oldest first.
    ///
    /// # Errors
    /// `Refused`.
    #[uniffi::method(default(before = None, limit = None))]
    pub async fn history(
        &self,
        with: String,
        before: Option<u64>,
        limit: Option<u16>,
    ) -> Result<History, PresentlyError> {
        let outcome = self.ask(Command::History { with, before, limit }).await?;
        let CoreEvent::History { list, more, .. } = outcome else {
            return Err(PresentlyError::Ended);
        };
        Ok(History { list: list.into_iter().map(Into::into).collect(), more })
    }

    /// Returns once everything the server held for this device has come as events.
    ///
    /// # Errors
    /// `Refused`.
    pub async fn sync(&self) -> Result<(), PresentlyError> {
        self.ask(Command::Sync).await.map(drop)
    }

    /// Leaves: Offline at once, the sign-in ends, the cache is erased.
    ///
    /// # Errors
    /// `Refused`.
    pub async fn sign_out(&self) -> Result<(), PresentlyError> {
        self.ask(Command::SignOut).await.map(drop)
    }

    /// Ends the client without signing out; every pending call and `next_batch` end too.
    pub async fn shutdown(&self) {
        self.handle.shutdown().await;
    }
}

impl Client {
    async fn ask(&self, command: Command) -> Result<CoreEvent, PresentlyError> {
        let outcome = self.handle.request(command).await?;
        if let CoreEvent::Error { code, text, retry_ms, .. } = outcome {
            return Err(PresentlyError::Refused { code, text, retry_ms });
        }
        Ok(outcome)
    }
}
