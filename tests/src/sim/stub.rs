//! stub
#![allow(missing_docs, dead_code)]
use presently_core::client;
use presently_core::hub;
use presently_core::id::NodeId;
use presently_core::machine::{Deadline, Machine};
use presently_core::redact::Pii;
use presently_core::time::{Timestamp, Wall};
pub(super) struct HubConfig {
    pub node: NodeId,
    pub nodes: u16,
    pub trace: bool,
}
pub(super) struct Hub;
impl Hub {
    pub(super) fn new(_: HubConfig, _: [u8; 32], _: Wall, _: Timestamp) -> Self {
        Self
    }
}
impl Machine for Hub {
    type Input<'a> = hub::Input<'a>;
    type Output = hub::Output;
    fn handle_input(&mut self, _: hub::Input<'_>, _: Timestamp) {}
    fn handle_timeout(&mut self, _: Timestamp) {}
    fn poll_output(&mut self) -> Option<hub::Output> {
        None
    }
    fn poll_timeout(&self) -> Option<Deadline> {
        None
    }
}
pub(super) struct ClientConfig {
    pub user: Pii<String>,
    pub password: Option<Pii<String>>,
    pub keepalive_ms: u32,
    pub trace: bool,
    pub node: Option<NodeId>,
}
pub(super) struct Client;
impl Client {
    pub(super) fn new(_: ClientConfig, _: [u8; 32], _: Timestamp) -> Self {
        Self
    }
}
impl Machine for Client {
    type Input<'a> = client::Input<'a>;
    type Output = client::Output;
    fn handle_input(&mut self, _: client::Input<'_>, _: Timestamp) {}
    fn handle_timeout(&mut self, _: Timestamp) {}
    fn poll_output(&mut self) -> Option<client::Output> {
        None
    }
    fn poll_timeout(&self) -> Option<Deadline> {
        None
    }
}
