use super::{bodies, leftovers, length, no_std, sections, top_level};
use crate::tidy::{File, Violation};

fn file(path: &str, text: impl Into<String>) -> File {
    File { path: path.into(), text: text.into() }
}

fn lines(violations: &[Violation]) -> Vec<usize> {
    violations.iter().map(|violation| violation.line).collect()
}

#[test]
fn long_files_are_found_unless_they_are_tests() {
    let long = "x\n".repeat(801);
    let files = [
        file("core/src/a.rs", long.clone()),
        file("core/src/b.rs", "x\n".repeat(800)),
        file("core/src/c_test.rs", long.clone()),
        file("server-host/tests/d.rs", long.clone()),
        file("tests/src/e.rs", long),
    ];
    let found = length(&files);
    let paths: Vec<&str> = found.iter().map(|violation| violation.path.as_str()).collect();
    assert_eq!(paths, ["core/src/a.rs", "tests/src/e.rs"]);
}

#[test]
fn std_is_found_in_the_core_only() {
    let text = "use std::fmt;\nextern crate std;\n// std::fmt\nmy_std::fmt();\n";
    let files = [file("core/src/a.rs", text), file("server-host/src/b.rs", text)];
    assert_eq!(lines(&no_std(&files)), [1, 2]);
}

#[test]
fn frame_bodies_are_found_however_they_are_named() {
    let named = [
        "use presently_core::wire::body::Hello;",
        "use presently_core::wire::{\n    Header,\n    body::{Hello},\n};",
        "use presently_core::wire::*;",
        "use presently_core::wire as w;",
        "let hello = wire::body::Hello {};",
    ];
    for text in named {
        assert_eq!(bodies(&[file("wasm/client/src/lib.rs", text)]).len(), 1, "{text}");
        assert!(bodies(&[file("tests/src/sim.rs", text)]).is_empty());
    }
    let fair = "use presently_core::wire::Header;\nlet body = wire::{Header}; wire_body();";
    assert!(bodies(&[file("server-host/src/lib.rs", fair)]).is_empty());
}

#[test]
fn what_is_left_for_later_is_found() {
    let text =
        format!("fine\n// {} this\n{}()\nTODOS\n", concat!("TO", "DO"), concat!("to", "do!"));
    assert_eq!(lines(&leftovers(&[file("a.ts", text.clone())])), [2, 3]);
    assert!(leftovers(&[file("wasm/package-lock.json", text)]).is_empty());
}

#[test]
fn a_cited_section_must_exist() {
    let protocol = "# Protocol\n## 4 Sending\n### 4.2. Acks\n## \u{a7}5 Rings\n";
    let text = "// PROTOCOL \u{a7}4.2, \u{a7}5.\n// PROTOCOL.md \u{a7}4.3\n// \u{a7}9 of a book\n";
    assert_eq!(lines(&sections(&[file("core/src/a.rs", text)], protocol)), [2]);
}

#[test]
fn a_folder_at_the_top_must_be_told() {
    let files =
        [file("core/src/a.rs", ""), file("stuff/x", ""), file(".ci/run", ""), file("x", "")];
    let found = top_level(&files, "| `core/` | the machines |");
    assert_eq!(found.len(), 1);
    assert_eq!(found[0].path, "stuff");
}
