//! The one class the package uses.

use presently_core::id::LinkId;
use presently_core::redact::Pii;
use presently_driver::{Command, Config, FromHost, Handle};
use wasm_bindgen::prelude::*;
use wasm_bindgen_futures::spawn_local;

use crate::host::{JsHost, Platform, from_js};

/// A client. Commands return the number that comes back in their outcome's `id`.
#[wasm_bindgen]
#[derive(Debug)]
pub struct RawClient {
    handle: Handle,
}

#[wasm_bindgen]
impl RawClient {
    /// Opens a client, which dials at once. `seed` is 32 bytes of `crypto.getRandomValues`.
    ///
    /// # Errors
    /// A seed of another length.
    #[wasm_bindgen(constructor)]
    pub fn new(
        platform: Platform,
        user: &str,
        password: String,
        seed: &[u8],
    ) -> Result<Self, JsError> {
        let seed = seed.try_into().map_err(|_| JsError::new("a seed is 32 bytes"))?;
        let config = Config { password: Some(Pii(password)), ..Config::new(user) };
        let (handle, driver) = presently_driver::open(config, seed, JsHost::new(platform));
        spawn_local(driver.run());
        Ok(Self { handle })
    }

    /// The dial of a link succeeded.
    pub fn opened(&self, link: f64) -> bool {
        self.tell(FromHost::Opened(LinkId(from_js(link))))
    }

    /// Bytes came.
    pub fn bytes(&self, link: f64, bytes: Vec<u8>) -> bool {
        self.tell(FromHost::Bytes(LinkId(from_js(link)), bytes))
    }

    /// Bytes were given to the socket.
    pub fn sent(&self, link: f64, count: usize) -> bool {
        self.tell(FromHost::Sent(LinkId(from_js(link)), count))
    }

    /// The dial failed, or the link is gone.
    pub fn closed(&self, link: f64) -> bool {
        self.tell(FromHost::Closed(LinkId(from_js(link))))
    }

    /// The network, or the page, is back.
    pub fn wake(&self) {
        self.handle.wake();
    }

    /// Waits for events; the JSON text of an array of at most `max`, empty once the client has ended.
    pub async fn next_batch(&self, max: usize) -> String {
        let batch = self.handle.clone().next_batch(max).await;
        serde_json::to_string(&batch).expect("events serialize")
    }

    /// Ends the client without signing out.
    pub fn shutdown(&self) {
        // A full mailbox takes it later: the end must reach the driver.
        let handle = self.handle.clone();
        spawn_local(async move { handle.shutdown().await });
    }

    /// Says something to a contact.
    pub fn send(&self, to: String, text: String) -> Result<f64, JsError> {
        self.ask(Command::Send { to, text })
    }

    /// This person is writing.
    pub fn typing(&self, to: String) -> Result<f64, JsError> {
        self.ask(Command::Typing { to })
    }

    /// Chooses a status.
    pub fn status(&self, status: String) -> Result<f64, JsError> {
        self.ask(Command::Status { status })
    }

    /// Changes the personal message.
    pub fn message(&self, text: String) -> Result<f64, JsError> {
        self.ask(Command::Message { text })
    }

    /// Changes the display name.
    pub fn name(&self, text: String) -> Result<f64, JsError> {
        self.ask(Command::Name { text })
    }

    /// Asks somebody to become a contact.
    pub fn add(&self, user: String, text: String) -> Result<f64, JsError> {
        self.ask(Command::Add { user, text })
    }

    /// Accepts an invitation.
    pub fn accept(&self, user: String) -> Result<f64, JsError> {
        self.ask(Command::Accept { user })
    }

    /// Declines an invitation.
    pub fn decline(&self, user: String) -> Result<f64, JsError> {
        self.ask(Command::Decline { user })
    }

    /// Removes a contact.
    pub fn remove(&self, user: String) -> Result<f64, JsError> {
        self.ask(Command::Remove { user })
    }

    /// Reads the contact list.
    pub fn contacts(&self) -> Result<f64, JsError> {
        self.ask(Command::Contacts)
    }

    /// Reads a page of history.
    pub fn history(
        &self,
        with: String,
        before: Option<f64>,
        limit: Option<u16>,
    ) -> Result<f64, JsError> {
        self.ask(Command::History { with, before: before.map(from_js), limit })
    }

    /// Done once everything the server held has been shown.
    pub fn sync(&self) -> Result<f64, JsError> {
        self.ask(Command::Sync)
    }

    /// Leaves.
    pub fn sign_out(&self) -> Result<f64, JsError> {
        self.ask(Command::SignOut)
    }

    fn ask(&self, command: Command) -> Result<f64, JsError> {
        match self.handle.try_command(command) {
            Ok(Some(id)) => Ok(crate::host::to_js(id)),
            Ok(None) => Err(JsError::new("busy")),
            Err(_) => Err(JsError::new("ended")),
        }
    }

    fn tell(&self, input: FromHost) -> bool {
        self.handle.tell(input)
    }
}
