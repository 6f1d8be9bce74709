//! What stands in the repository, as cargo and the file system see it.

use std::{
    env,
    path::{Path, PathBuf},
};

use anyhow::{Context, Result, ensure};
use serde_json::Value;

use crate::shell;

/// The repository's root, its packages and everything they depend on.
pub(crate) struct Tree {
    pub(crate) root: PathBuf,
    pub(crate) target: PathBuf,
    /// Every package in the graph, dependencies included.
    packages: Vec<Value>,
    members: Vec<String>,
}

impl Tree {
    /// Asks cargo once; a command works from this one answer.
    pub(crate) fn read() -> Result<Self> {
        let root = Path::new(env!("CARGO_MANIFEST_DIR"))
            .parent()
            .context("xtask has no parent folder")?
            .to_path_buf();
        let text = shell::output(
            shell::cargo().args(["metadata", "--format-version", "1"]).current_dir(&root),
        )?;
        let metadata: Value = serde_json::from_str(&text).context("cargo metadata is not JSON")?;
        let target = metadata["target_directory"].as_str().context("no target directory")?.into();
        let strings = |value: &Value| -> Vec<String> {
            value
                .as_array()
                .into_iter()
                .flatten()
                .filter_map(Value::as_str)
                .map(Into::into)
                .collect()
        };
        let packages = metadata["packages"].as_array().cloned().unwrap_or_default();
        ensure!(!packages.is_empty(), "cargo metadata names no packages");
        Ok(Self { root, target, packages, members: strings(&metadata["workspace_members"]) })
    }

    /// The file or folder at `path` below the root.
    pub(crate) fn at(&self, path: &str) -> PathBuf {
        self.root.join(path)
    }

    pub(crate) fn has(&self, path: &str) -> bool {
        self.at(path).exists()
    }

    /// Every package in the graph, for the licence check.
    pub(crate) fn packages(&self) -> &[Value] {
        &self.packages
    }

    pub(crate) fn has_package(&self, name: &str) -> bool {
        self.members().any(|package| package["name"] == name)
    }

    /// Whether a member of the workspace builds the binary `name`.
    pub(crate) fn has_bin(&self, name: &str) -> bool {
        self.members().any(|package| targets(package, "bin").any(|bin| bin == name))
    }

    /// The member built with uniffi as a dynamic library, with that library's name.
    pub(crate) fn uniffi_library(&self) -> Option<String> {
        self.members()
            .filter(|package| {
                let dependencies = package["dependencies"].as_array();
                dependencies.into_iter().flatten().any(|dependency| dependency["name"] == "uniffi")
            })
            .find_map(|package| targets(package, "cdylib").next().map(Into::into))
    }

    fn members(&self) -> impl Iterator<Item = &Value> {
        self.packages
            .iter()
            .filter(|package| self.members.iter().any(|member| package["id"] == member.as_str()))
    }
}

fn targets<'a>(package: &'a Value, kind: &'a str) -> impl Iterator<Item = &'a str> {
    let targets = package["targets"].as_array().into_iter().flatten();
    targets
        .filter(move |target| {
            target["kind"].as_array().into_iter().flatten().any(|one| one == kind)
        })
        .filter_map(|target| target["name"].as_str())
}
