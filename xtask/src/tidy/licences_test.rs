use super::{allowed, covered, licences};
use crate::tidy::File;

const ALLOWED: &[&str] = &["MIT", "Apache-2.0", "Apache-2.0 WITH LLVM-exception", "Unicode-3.0"];

#[test]
fn expressions_are_read_as_spdx_means_them() {
    for good in [
        "MIT",
        "MIT OR Apache-2.0",
        "MIT/Apache-2.0",
        "GPL-3.0 OR MIT",
        "(MIT OR GPL-3.0) AND Unicode-3.0",
        "Apache-2.0 WITH LLVM-exception OR Apache-2.0 OR MIT",
    ] {
        assert!(covered(good, ALLOWED), "{good}");
    }
    for bad in ["", "GPL-3.0", "MIT AND GPL-3.0", "MIT WITH Strange-exception", "(MIT", "MIT )"] {
        assert!(!covered(bad, ALLOWED), "{bad}");
    }
}

#[test]
fn a_package_without_a_licence_is_refused() {
    let deny = "[licenses]\nallow = [\n    \"MIT\", # ours\n]\n";
    assert_eq!(allowed(deny).expect("a list"), ["MIT"]);
    let files = [File { path: "deny.toml".into(), text: deny.into() }];
    let packages = [
        serde_json::json!({"name": "fine", "version": "1.0.0", "license": "MIT"}),
        serde_json::json!({"name": "bare", "version": "1.0.0", "license": null}),
    ];
    let found = licences(&files, &packages).expect("a list");
    assert_eq!(found.len(), 1);
    assert!(found[0].what.contains("bare"));
}
