use hyper::StatusCode;
use hyper::header::{HeaderMap, HeaderName, HeaderValue};

use super::http::web_socket_key;
use super::{First, Origins, Web, page};

#[test]
fn the_first_byte_decides() {
    assert_eq!(First::of(0x00), First::Frames);
    assert_eq!(First::of(0x16), First::Tls);
    for method in ["GET", "POST", "HEAD", "OPTIONS", "CONNECT"] {
        assert_eq!(First::of(method.as_bytes()[0]), First::Http);
    }
    assert_eq!(First::of(0x01), First::Frames, "a frame that is too large is answered as one");
    assert_eq!(First::of(b'{'), First::Frames);
}

#[test]
fn own_and_loopback_origins_are_let_in() {
    let named = ["https://chat.example/".to_owned()];
    let origins = Origins::new("127.0.0.1:1863".parse().unwrap(), &named);
    for good in [
        "http://127.0.0.1:1863",
        "http://localhost:5173",
        "https://localhost",
        "http://[::1]:8080",
        "HTTP://LOCALHOST",
        "https://chat.example",
    ] {
        assert!(origins.allows(good), "{good}");
    }
    for bad in [
        "https://evil.example",
        "http://localhost.evil.example",
        "http://chat.example",
        "https://chat.example:444",
        "null",
        "http://",
        "",
        "file://",
        "http://127.0.0.1.evil.example",
        "http://0.0.0.0",
    ] {
        assert!(!origins.allows(bad), "{bad}");
    }
}

#[test]
fn a_handshake_is_looked_at() {
    let web = Web { demo: false, origins: Origins::new("127.0.0.1:1".parse().unwrap(), &[]) };
    let with = |more: &[(&'static str, &'static str)]| {
        let mut headers = HeaderMap::new();
        let whole = [
            ("upgrade", "WebSocket"),
            ("connection", "keep-alive, Upgrade"),
            ("sec-websocket-version", "13"),
            ("sec-websocket-key", "abc"),
        ];
        for (name, value) in whole.iter().chain(more) {
            headers.insert(HeaderName::from_static(name), HeaderValue::from_static(value));
        }
        web_socket_key(&headers, &web).map_err(|(status, _)| status)
    };
    assert_eq!(with(&[]), Ok("abc".to_owned()));
    assert_eq!(with(&[("origin", "http://localhost:9")]), Ok("abc".to_owned()));
    assert_eq!(with(&[("origin", "http://evil.example")]), Err(StatusCode::FORBIDDEN));
    assert_eq!(with(&[("upgrade", "h2c")]), Err(StatusCode::UPGRADE_REQUIRED));
    assert_eq!(with(&[("sec-websocket-version", "8")]), Err(StatusCode::UPGRADE_REQUIRED));
}

#[test]
fn the_page_or_a_word_in_its_place() {
    let (kind, bytes) = page::file("/").unwrap();
    assert!(kind.starts_with("text/html"));
    assert!(!bytes.is_empty());
    assert!(page::file("/no/such/thing").is_none());
    assert!(page::file("/../Cargo.toml").is_none());
    assert_eq!(page::kind("/assets/x_bg.wasm"), "application/wasm");
}
