//! Generates Swift, Kotlin and Python from the library's metadata.

fn main() {
    uniffi::uniffi_bindgen_main();
}
