//! Mutants behind switches: the text of each becomes `if on(number) { changed } else { as it was }`.

use std::collections::{BTreeMap, BTreeSet};
use std::fs;
use std::ops::Range;
use std::path::Path;

use anyhow::{Context, Result};
use proc_macro2::{LineColumn, Span};
use syn::spanned::Spanned;
use syn::visit::{self, Visit};

use crate::copy::write;
use crate::list::Mutant;

/// A mutant in the copy.
#[derive(Clone, Debug)]
pub(crate) struct Switched {
    /// The number that switches it on.
    pub(crate) number: u32,
    pub(crate) mutant: Mutant,
    /// Its text in the file as it was, and what stands there now.
    edits: Vec<(Range<usize>, String)>,
    /// Where its text stands in the copy, in bytes.
    pub(crate) places: Vec<Range<usize>>,
}

/// Switches as many of `mutants` into the copy as do not stand in each other's way; and the rest.
pub(crate) fn into_copy(copy: &Path, mutants: Vec<Mutant>) -> Result<(Batch, Vec<Mutant>)> {
    let mut by_file: BTreeMap<String, Vec<Mutant>> = BTreeMap::new();
    for mutant in mutants {
        by_file.entry(mutant.file.clone()).or_default().push(mutant);
    }
    let (mut switched, mut rest) = (Vec::<Switched>::new(), Vec::new());
    let mut sources = BTreeMap::new();
    let mut number = 0;
    for (file, mutants) in by_file {
        let source = fs::read_to_string(copy.join(&file))?;
        let text = Text::new(&source);
        let tree = syn::parse_file(&source).with_context(|| format!("{file} is no Rust"))?;
        let first = switched.len();
        for mutant in mutants {
            number += 1;
            let Some(edits) = edits(&text, &tree, &mutant, number) else {
                continue;
            };
            let meets = |other: &Switched| {
                let mut pairs = other.edits.iter().flat_map(|a| edits.iter().map(move |b| (a, b)));
                pairs.any(|(a, b)| meet(&a.0, &b.0))
            };
            if switched[first..].iter().any(meets) {
                rest.push(mutant);
            } else {
                switched.push(Switched { number, mutant, edits, places: Vec::new() });
            }
        }
        place(copy, &file, &source, &mut switched[first..].iter_mut().collect::<Vec<_>>())?;
        sources.insert(file, source);
    }
    Ok((Batch { switched, sources }, rest))
}

/// The mutants of one build.
#[derive(Debug)]
pub(crate) struct Batch {
    pub(crate) switched: Vec<Switched>,
    /// The files they stand in, as they were.
    sources: BTreeMap<String, String>,
}

impl Batch {
    /// Takes some mutants out.
    pub(crate) fn drop(&mut self, copy: &Path, gone: &BTreeSet<u32>) -> Result<()> {
        self.switched.retain(|one| !gone.contains(&one.number));
        for (file, source) in &self.sources {
            let here = self.switched.iter_mut().filter(|one| one.mutant.file == *file);
            place(copy, file, source, &mut here.collect::<Vec<_>>())?;
        }
        Ok(())
    }

    /// Puts every file back as it was.
    pub(crate) fn undo(&self, copy: &Path) -> Result<()> {
        self.sources.iter().try_for_each(|(file, source)| write(&copy.join(file), source))
    }
}

fn place(copy: &Path, file: &str, source: &str, switched: &mut [&mut Switched]) -> Result<()> {
    let mut edits: Vec<(Range<usize>, String, usize)> = Vec::new();
    for (at, one) in switched.iter_mut().enumerate() {
        one.places.clear();
        edits.extend(one.edits.iter().map(|(range, text)| (range.clone(), text.clone(), at)));
    }
    edits.sort_by_key(|(range, ..)| range.start);
    let (mut out, mut done) = (String::new(), 0);
    for (range, text, at) in edits {
        out.push_str(&source[done..range.start]);
        let from = out.len();
        out.push_str(&text);
        switched[at].places.push(from..out.len());
        done = range.end;
    }
    out.push_str(&source[done..]);
    write(&copy.join(file), &out)
}

/// Whether two edits cannot both be made: they share text, or begin at the same place.
fn meet(a: &Range<usize>, b: &Range<usize>) -> bool {
    a.start == b.start || (a.start < b.end && b.start < a.end)
}

/// A source and its lines.
struct Text<'a> {
    source: &'a str,
    lines: Vec<usize>,
}

impl<'a> Text<'a> {
    fn new(source: &'a str) -> Self {
        let ends = source.match_indices('\n').map(|(at, _)| at + 1);
        Self { source, lines: std::iter::once(0).chain(ends).collect() }
    }

    /// The byte at a line from 1 and a column in characters from 0.
    fn at(&self, at: LineColumn) -> Option<usize> {
        let line = *self.lines.get(at.line.checked_sub(1)?)?;
        let mut chars = self.source[line..].char_indices();
        Some(line + chars.nth(at.column).map_or(self.source.len() - line, |(byte, _)| byte))
    }

    fn range(&self, span: Span) -> Option<Range<usize>> {
        Some(self.at(span.start())?..self.at(span.end())?)
    }

    fn of(&self, range: &Range<usize>) -> &'a str {
        &self.source[range.clone()]
    }
}

fn edits(
    text: &Text<'_>,
    tree: &syn::File,
    mutant: &Mutant,
    number: u32,
) -> Option<Vec<(Range<usize>, String)>> {
    let column = |at: crate::list::At| LineColumn { line: at.0, column: at.1 - 1 };
    let range = text.at(column(mutant.from))?..text.at(column(mutant.until))?;
    let on = format!("crate::mutant::on({number})");
    let new = &mutant.replacement;
    let edit = match mutant.genre.as_str() {
        "FnValue" => (range.start..range.start, format!("if {on} {{ return {new}; }} ")),
        "MatchArmGuard" => {
            let old = text.of(&range).to_owned();
            (range, format!("(if {on} {{ {new} }} else {{ {old} }})"))
        }
        genre => {
            let mut find = Find { text, wanted: range.clone(), genre, found: None };
            find.visit_file(tree);
            let Found { whole, parts } = find.found?;
            let part = |at: usize| parts.get(at).map(|range| text.of(range));
            let old = text.of(&whole);
            let changed = match genre {
                "BinaryOperator" => {
                    format!("(if {on} {{ {} {new} {} }} else {{ {old} }})", part(0)?, part(1)?)
                }
                "UnaryOperator" => format!("(if {on} {{ {new}{} }} else {{ {old} }})", part(0)?),
                // The pattern, and the guard where there is one.
                "MatchArm" => match part(1) {
                    Some(guard) => format!("{} if !{on} && ({guard})", part(0)?),
                    None => format!("{} if !{on}", part(0)?),
                },
                // The field, its value, what the rest comes from.
                "StructField" => {
                    let (field, value, rest) = (part(0)?, part(1)?, part(2)?);
                    format!("{field}: if {on} {{ ({rest}).{field} }} else {{ {value} }}")
                }
                _ => return None,
            };
            (whole, changed)
        }
    };
    Some(vec![edit])
}

/// What a mutant is about: its whole text and the parts of it that are used again.
struct Found {
    whole: Range<usize>,
    parts: Vec<Range<usize>>,
}

struct Find<'a, 'b> {
    text: &'a Text<'a>,
    wanted: Range<usize>,
    genre: &'b str,
    found: Option<Found>,
}

impl Find<'_, '_> {
    fn is(&self, genre: &str, span: Span) -> bool {
        let starts = || self.text.at(span.start()) == Some(self.wanted.start);
        self.genre == genre && self.found.is_none() && starts()
    }

    fn take(&mut self, whole: Range<usize>, parts: Vec<Option<Range<usize>>>) {
        let parts: Option<Vec<_>> = parts.into_iter().collect();
        self.found = parts.map(|parts| Found { whole, parts });
    }
}

impl<'ast> Visit<'ast> for Find<'_, '_> {
    fn visit_expr_binary(&mut self, expr: &'ast syn::ExprBinary) {
        if self.is("BinaryOperator", expr.op.span())
            && let Some(whole) = self.text.range(expr.span())
        {
            let sides = [expr.left.span(), expr.right.span()];
            let parts = sides.map(|span| self.text.range(span)).to_vec();
            self.take(whole, parts);
        }
        visit::visit_expr_binary(self, expr);
    }

    fn visit_expr_unary(&mut self, expr: &'ast syn::ExprUnary) {
        if self.is("UnaryOperator", expr.op.span())
            && let Some(whole) = self.text.range(expr.span())
        {
            let operand = self.text.range(expr.expr.span());
            self.take(whole, vec![operand]);
        }
        visit::visit_expr_unary(self, expr);
    }

    fn visit_arm(&mut self, arm: &'ast syn::Arm) {
        if self.is("MatchArm", arm.span())
            && let Some(pattern) = self.text.range(arm.pat.span())
        {
            let guard = arm.guard.as_ref().map(|(_, guard)| self.text.range(guard.span()));
            let end = guard.clone().flatten().map_or(pattern.end, |guard| guard.end);
            let parts = std::iter::once(Some(pattern.clone())).chain(guard).collect();
            self.take(pattern.start..end, parts);
        }
        visit::visit_arm(self, arm);
    }

    fn visit_expr_struct(&mut self, expr: &'ast syn::ExprStruct) {
        for field in &expr.fields {
            if self.is("StructField", field.span())
                && let (Some(whole), Some(rest)) = (self.text.range(field.span()), &expr.rest)
            {
                let parts = [field.member.span(), field.expr.span(), rest.span()];
                let parts = parts.map(|span| self.text.range(span)).to_vec();
                self.take(whole, parts);
            }
        }
        visit::visit_expr_struct(self, expr);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// The source after one mutant was switched into it.
    fn switched(source: &str, genre: &str, part: &str, replacement: &str) -> String {
        let at = source.find(part).unwrap();
        let line = source[..at].matches('\n').count() + 1;
        let column = at - source[..at].rfind('\n').map_or(0, |end| end + 1) + 1;
        let mutant = Mutant {
            name: String::new(),
            file: String::new(),
            genre: genre.into(),
            replacement: replacement.into(),
            from: (line, column),
            until: (line, column + part.len()),
            line: String::new(),
            before: 0,
            seed: 0,
        };
        let text = Text::new(source);
        let tree = syn::parse_file(source).unwrap();
        let mut out = source.to_owned();
        for (range, new) in edits(&text, &tree, &mutant, 7).unwrap() {
            out.replace_range(range, &new);
        }
        syn::parse_file(&out).unwrap();
        out
    }

    #[test]
    fn operators_have_both_sides() {
        let source = "fn f() -> bool {\n    a.b(1) + 2 <= 3 * c\n}\n";
        assert_eq!(
            switched(source, "BinaryOperator", "<=", ">"),
            "fn f() -> bool {\n    (if crate::mutant::on(7) { a.b(1) + 2 > 3 * c } \
             else { a.b(1) + 2 <= 3 * c })\n}\n"
        );
        assert!(switched(source, "BinaryOperator", "*", "/").contains("a.b(1) + 2 <= (if"));
        let assigns = "fn f() { x.y += 1; }";
        assert!(switched(assigns, "BinaryOperator", "+=", "-=").contains("{ x.y -= 1 }"));
        let not = "fn f() -> bool { a && !b.c() }";
        assert!(
            switched(not, "UnaryOperator", "!", "")
                .contains("a && (if crate::mutant::on(7) { b.c() }")
        );
    }

    #[test]
    fn functions_arms_guards_and_fields() {
        let source = "fn f(x: u8) -> u8 {\n    match x {\n        1 | 2 => 3,\n        y if y > 4 => 5,\n        _ => 6,\n    }\n}\n";
        let first = switched(source, "FnValue", "match x", "1");
        assert!(first.contains("if crate::mutant::on(7) { return 1; } match x"));
        let arm = switched(source, "MatchArm", "1 | 2 => 3,", "");
        assert!(arm.contains("1 | 2 if !crate::mutant::on(7) => 3,"), "{arm}");
        let guarded = switched(source, "MatchArm", "y if y > 4 => 5,", "");
        assert!(guarded.contains("y if !crate::mutant::on(7) && (y > 4) => 5,"), "{guarded}");
        let guard = switched(source, "MatchArmGuard", "y > 4", "true");
        assert!(guard.contains("y if (if crate::mutant::on(7) { true } else { y > 4 }) => 5"));
        let made = "fn f() -> A { A { b: 1, c, ..d() } }";
        let field = switched(made, "StructField", "b: 1", "");
        assert!(field.contains("b: if crate::mutant::on(7) { (d()).b } else { 1 }, c"), "{field}");
        let short = switched(made, "StructField", "c,", "");
        assert!(short.contains("c: if crate::mutant::on(7) { (d()).c } else { c }, .."), "{short}");
    }
}
