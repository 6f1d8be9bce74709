//! Every dependency has a licence that `deny.toml` allows.

use anyhow::{Context, Result, ensure};
use serde_json::Value;

use super::{File, Violation};

/// One violation for each package that none of the allowed licences covers.
pub(super) fn licences(files: &[File], packages: &[Value]) -> Result<Vec<Violation>> {
    let deny = files.iter().find(|file| file.path == "deny.toml").context("no deny.toml")?;
    let allowed = allowed(&deny.text)?;
    let refused = packages.iter().filter(|package| {
        let licence = package["license"].as_str();
        !licence.is_some_and(|licence| covered(licence, &allowed))
    });
    Ok(refused
        .map(|package| {
            let licence = package["license"].as_str().unwrap_or("no licence named");
            deny.violation(1, format!("{} {}: {licence}", package["name"], package["version"]))
        })
        .collect())
}

/// The identifiers in `allow = [ .. ]`.
fn allowed(deny: &str) -> Result<Vec<&str>> {
    let (_, list) = deny.split_once("\nallow = [").context("deny.toml has no `allow = [`")?;
    let (list, _) = list.split_once(']').context("the list of licences has no end")?;
    let quoted = list.lines().filter_map(|line| line.trim().strip_prefix('"')?.split('"').next());
    let quoted: Vec<&str> = quoted.collect();
    ensure!(!quoted.is_empty(), "deny.toml allows no licence, one a line");
    Ok(quoted)
}

/// Whether an SPDX expression can be met with the allowed licences alone.
fn covered(expression: &str, allowed: &[&str]) -> bool {
    // Before SPDX expressions, crates wrote `MIT/Apache-2.0`.
    let spaced = expression.replace('(', " ( ").replace(')', " ) ").replace('/', " OR ");
    let words: Vec<&str> = spaced.split_whitespace().collect();
    let mut rest = words.as_slice();
    any_of(&mut rest, allowed) && rest.is_empty()
}

fn any_of(rest: &mut &[&str], allowed: &[&str]) -> bool {
    let mut met = all_of(rest, allowed);
    while let ["OR", after @ ..] = *rest {
        *rest = after;
        met |= all_of(rest, allowed);
    }
    met
}

fn all_of(rest: &mut &[&str], allowed: &[&str]) -> bool {
    let mut met = one(rest, allowed);
    while let ["AND", after @ ..] = *rest {
        *rest = after;
        met &= one(rest, allowed);
    }
    met
}

fn one(rest: &mut &[&str], allowed: &[&str]) -> bool {
    match *rest {
        ["(", after @ ..] => {
            *rest = after;
            let met = any_of(rest, allowed);
            let [")", after @ ..] = *rest else { return false };
            *rest = after;
            met
        }
        [licence, "WITH", exception, after @ ..] => {
            *rest = after;
            allowed.contains(&format!("{licence} WITH {exception}").as_str())
        }
        [licence, after @ ..] => {
            *rest = after;
            allowed.contains(licence)
        }
        [] => false,
    }
}

#[cfg(test)]
#[path = "licences_test.rs"]
mod tests;
