//! `wasm-build MODULE OUT`: writes the JavaScript glue of a compiled module.
//!
//! It stands apart from `xtask` because it compiles for a while and changes about never.

use std::{env, path::PathBuf};

use anyhow::{Context, Result};
use wasm_bindgen_cli_support::Bindgen;

fn main() -> Result<()> {
    let mut args = env::args_os().skip(1).map(PathBuf::from);
    let module = args.next().context("usage: wasm-build MODULE OUT")?;
    let out = args.next().context("usage: wasm-build MODULE OUT")?;
    Bindgen::new()
        .input_path(&module)
        .out_name("presently")
        .web(true)?
        .typescript(true)
        .remove_producers_section(true)
        .generate(&out)
        .with_context(|| format!("wasm-bindgen could not read {}", module.display()))
}
