//! What the page brings: a platform object.

use std::cell::RefCell;

use gloo_timers::future::TimeoutFuture;
use js_sys::{Date, Uint8Array};
use presently_core::id::{LinkId, OpId};
use presently_core::store::{Reply, Request};
use presently_core::time::{Timestamp, Wall};
use presently_core::world::MemoryRows;
use presently_driver::{Host, Link, Mailbox};
use wasm_bindgen::prelude::*;

#[wasm_bindgen(typescript_custom_section)]
const TYPES: &str = r"
/** What the module asks of its platform. Outcomes come back by the methods of `RawClient`. */
export interface Platform {
  /** Milliseconds that never go backwards. */
  now(): number;
  /** Begins to dial: `opened` or `closed` follows, then `bytes`. */
  dial(link: number): void;
  /** Queues bytes; `sent` follows. */
  send(link: number, bytes: Uint8Array): void;
  /** Flushes for at most that long, then drops; `closed` follows. */
  close(link: number, flushMs: number): void;
  /** The module broke: nothing it holds can be trusted any more. */
  failed(why: string): void;
}
";

#[wasm_bindgen]
extern "C" {
    /// The platform object.
    #[wasm_bindgen(typescript_type = "Platform")]
    #[derive(Clone, Debug)]
    pub type Platform;

    #[wasm_bindgen(method)]
    fn now(this: &Platform) -> f64;
    #[wasm_bindgen(method)]
    fn dial(this: &Platform, link: f64);
    #[wasm_bindgen(method)]
    fn send(this: &Platform, link: f64, bytes: Uint8Array);
    #[wasm_bindgen(method)]
    fn close(this: &Platform, link: f64, flush_ms: f64);
    #[wasm_bindgen(method)]
    fn failed(this: &Platform, why: &str);
}

thread_local! {
    /// Whom to tell of a panic: all clients of this module.
    static PLATFORMS: RefCell<Vec<Platform>> = const { RefCell::new(Vec::new()) };
}

/// Tells every platform of this module that it broke. A panic's reason names no values.
fn tell_of_panics() {
    std::panic::set_hook(Box::new(|panic| {
        let at = panic.location().map(ToString::to_string).unwrap_or_default();
        PLATFORMS.with(|platforms| {
            if let Ok(platforms) = platforms.try_borrow() {
                platforms.iter().for_each(|platform| platform.failed(&at));
            }
        });
    }));
}

/// The host over a platform object. Its cache lives as long as the page.
#[derive(Debug)]
pub(crate) struct JsHost {
    platform: Platform,
    cache: MemoryRows,
}

impl JsHost {
    pub(crate) fn new(platform: Platform) -> Self {
        tell_of_panics();
        PLATFORMS.with_borrow_mut(|platforms| platforms.push(platform.clone()));
        Self { platform, cache: MemoryRows::default() }
    }
}

impl Drop for JsHost {
    fn drop(&mut self) {
        let own: &JsValue = self.platform.as_ref();
        PLATFORMS.with_borrow_mut(|all| all.retain(|other| AsRef::<JsValue>::as_ref(other) != own));
    }
}

/// A link of the platform.
#[derive(Debug)]
pub(crate) struct JsLink {
    platform: Platform,
    link: f64,
}

#[expect(
    clippy::cast_precision_loss,
    reason = "links are numbered from 1 and times are milliseconds: far below 2^53"
)]
pub(crate) fn to_js(number: u64) -> f64 {
    number as f64
}

#[expect(
    clippy::cast_possible_truncation,
    clippy::cast_sign_loss,
    reason = "the cast saturates, and a fraction of a millisecond means nothing"
)]
pub(crate) fn from_js(number: f64) -> u64 {
    number as u64
}

impl Host for JsHost {
    type Link = JsLink;

    fn now(&self) -> Timestamp {
        Timestamp(from_js(self.platform.now()))
    }

    fn wall(&self) -> Wall {
        Wall(from_js(Date::now()))
    }

    async fn sleep(&self, ms: u64) {
        TimeoutFuture::new(u32::try_from(ms).unwrap_or(u32::MAX).min(i32::MAX as u32)).await;
    }

    fn dial(&mut self, link: LinkId, _: Mailbox) -> JsLink {
        let link = to_js(link.0);
        self.platform.dial(link);
        JsLink { platform: self.platform.clone(), link }
    }

    fn store(&mut self, _: OpId, request: Request, _: &Mailbox) -> Option<Reply> {
        Some(self.cache.handle(&request))
    }
}

impl Link for JsLink {
    fn send(&mut self, bytes: bytes::Bytes) {
        self.platform.send(self.link, Uint8Array::from(bytes.as_ref()));
    }

    fn close(self, flush_ms: u32) {
        self.platform.close(self.link, f64::from(flush_ms));
    }
}
