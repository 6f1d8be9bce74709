//! A client that nobody holds any more ends by itself.
#![cfg(feature = "native")]

use std::time::Duration;

use presently_driver::{Config, native};

#[test]
fn with_its_last_handle_a_client_ends() {
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build();
    let runtime = runtime.expect("a runtime can be made");
    // Nobody listens there: it would try again for ever.
    let opened = native::open("127.0.0.1:1", Config::new("alice"), None);
    let (handle, driver) = opened.expect("no cache is asked for");
    let other = handle.clone();
    runtime.block_on(async {
        let running = tokio::spawn(driver.run());
        drop(handle);
        tokio::time::sleep(Duration::from_millis(200)).await;
        assert!(!running.is_finished(), "somebody still holds it");
        drop(other);
        let ended = tokio::time::timeout(Duration::from_secs(5), running).await;
        assert!(ended.is_ok(), "it ends with the last handle");
    });
}
