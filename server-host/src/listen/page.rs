//! The messenger page, carried by the binary where it was built before it.

include!(concat!(env!("OUT_DIR"), "/page.rs"));

const WITHOUT: &[u8] = b"<!doctype html><title>Presently</title>\n\
<p>Presently serves here. This binary was built without the messenger page.\n";

/// A file of the page: its type and bytes.
pub(crate) fn file(path: &str) -> Option<(&'static str, &'static [u8])> {
    let path = if path == "/" { "/index.html" } else { path };
    let found = FILES.binary_search_by(|(name, _)| (*name).cmp(path)).ok();
    match found.and_then(|at| FILES.get(at)) {
        Some((name, bytes)) => Some((kind(name), bytes)),
        None if path == "/index.html" => Some((kind(path), WITHOUT)),
        None => None,
    }
}

/// Bundlers put a hash of the content into the names there.
pub(crate) fn is_frozen(path: &str) -> bool {
    path.starts_with("/assets/")
}

pub(super) fn kind(name: &str) -> &'static str {
    match name.rsplit('.').next().unwrap_or_default() {
        "html" => "text/html; charset=utf-8",
        "js" | "mjs" => "text/javascript; charset=utf-8",
        "css" => "text/css; charset=utf-8",
        "json" | "map" => "application/json",
        "webmanifest" => "application/manifest+json",
        "wasm" => "application/wasm",
        "svg" => "image/svg+xml",
        "png" => "image/png",
        "jpg" | "jpeg" => "image/jpeg",
        "gif" => "image/gif",
        "webp" => "image/webp",
        "ico" => "image/x-icon",
        "woff2" => "font/woff2",
        "mp3" => "audio/mpeg",
        "ogg" => "audio/ogg",
        "wav" => "audio/wav",
        "txt" => "text/plain; charset=utf-8",
        _ => "application/octet-stream",
    }
}
