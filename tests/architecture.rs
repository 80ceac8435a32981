//! The walls: no file imports in a circle, and none grows into a hall.
//!
//! What a file imports is read from its tokens: every path that begins with `crate`, `super`, `self` or a
//! module beside it, tests left out. A path counts for the file that holds what it names: a `mod.rs` that
//! declares modules or lends their names has no part in a circle.

#![allow(clippy::unwrap_used)]

use std::collections::{BTreeMap, BTreeSet};
use std::fs;
use std::path::{Path, PathBuf};

use proc_macro2::{Delimiter, TokenStream, TokenTree};

/// Longest file, in lines.
const LONGEST: usize = 800;
/// Longest file that needs no reason, in lines.
const ROOMY: usize = 500;

#[test]
fn no_files_import_in_a_circle() {
    let (mut found, mut lines) = (BTreeSet::new(), String::new());
    for source in ["engine/src", "src"] {
        let house = House::of(&root().join(source));
        let circles = house.circles();
        found.extend(circles.iter().flatten().map(|module| format!("{source}/{}", house.file(module))));
        lines.push_str(&house.describe(&circles));
    }
    assert!(found.is_empty(), "these import one another: {found:#?}\n{lines}");
}

#[test]
fn no_file_is_a_hall() {
    let mut long = Vec::new();
    for source in ["engine/src", "engine/build", "src"] {
        for file in files(&root().join(source)) {
            let name = file.strip_prefix(root()).unwrap().to_string_lossy().replace('\\', "/");
            let text = fs::read_to_string(&file).unwrap();
            let lines = text.lines().count();
            if lines > LONGEST {
                long.push(format!("{name}: {lines} lines"));
            }
            assert!(text.starts_with("//! "), "{name} does not begin with a sentence on what it holds");
            let mut head = text.lines().take_while(|line| line.starts_with("//!"));
            let says_why = head.any(|line| line.starts_with("//! One file, since "));
            assert!(
                lines <= ROOMY || says_why,
                "{name}: {lines} lines, and its head does not say why it is one file"
            );
        }
    }
    assert!(long.is_empty(), "longer than {LONGEST} lines: {long:#?}");
}

fn root() -> PathBuf {
    PathBuf::from(env!("CARGO_MANIFEST_DIR"))
}

fn files(folder: &Path) -> Vec<PathBuf> {
    let mut found = Vec::new();
    for entry in fs::read_dir(folder).unwrap() {
        let path = entry.unwrap().path();
        if path.is_dir() {
            found.extend(files(&path));
        } else if path.extension().is_some_and(|e| e == "rs") {
            found.push(path);
        }
    }
    found.sort();
    found
}

/// The path of a module from the root of its crate.
type Module = Vec<String>;

/// What a file says of itself and of others.
#[derive(Default)]
struct Room {
    file: String,
    /// What it defines.
    items: BTreeSet<String>,
    /// Names that it lends: each with the path it comes from. A glob is under `*`.
    lent: Vec<(String, Vec<String>)>,
    /// Paths that it uses, from the root of the crate.
    used: BTreeSet<Vec<String>>,
}

/// The files of a crate.
struct House {
    rooms: BTreeMap<Module, Room>,
}

impl House {
    fn of(folder: &Path) -> House {
        let mut rooms = BTreeMap::new();
        let mut texts = Vec::new();
        for path in files(folder) {
            let name = path.strip_prefix(folder).unwrap().to_string_lossy().replace('\\', "/");
            let mut module: Module = name.trim_end_matches(".rs").split('/').map(str::to_owned).collect();
            if matches!(module.last().map(String::as_str), Some("mod" | "lib")) {
                module.pop();
            }
            rooms.insert(module.clone(), Room { file: name, ..Room::default() });
            texts.push((module, fs::read_to_string(&path).unwrap()));
        }
        let modules: BTreeSet<Module> = rooms.keys().cloned().collect();
        for (module, text) in texts {
            let tokens: TokenStream = text.parse().unwrap();
            let room = rooms.get_mut(&module).unwrap();
            let mut reading = Reading { modules: &modules, module: &module, room, brought: BTreeMap::new() };
            let tokens: Vec<TokenTree> = tokens.into_iter().collect();
            // Once for the names that `use` brings, and again for what is reached through them.
            reading.items(&tokens, true);
            reading.room.lent.clear();
            reading.items(&tokens, true);
        }
        House { rooms }
    }

    fn file(&self, module: &Module) -> &str {
        &self.rooms[module].file
    }

    /// The module whose file holds what a path names.
    fn holder(&self, path: &[String], depth: usize) -> Option<Module> {
        assert!(depth < 32, "{path:?} is lent in a circle");
        let module =
            (0..=path.len()).rev().map(|n| path[..n].to_vec()).find(|m| self.rooms.contains_key(m))?;
        let Some(name) = path.get(module.len()) else { return Some(module) };
        let room = &self.rooms[&module];
        if room.items.contains(name) {
            return Some(module);
        }
        for (lent, from) in &room.lent {
            if lent == name {
                return self.holder(from, depth + 1);
            }
            if lent == "*" {
                let mut inside = from.clone();
                inside.push(name.clone());
                let holder = self.holder(&inside, depth + 1)?;
                if self.rooms[&holder].items.contains(name) {
                    return Some(holder);
                }
            }
        }
        Some(module)
    }

    fn edges(&self) -> BTreeMap<&Module, BTreeSet<Module>> {
        let mut edges: BTreeMap<&Module, BTreeSet<Module>> = BTreeMap::new();
        for (module, room) in &self.rooms {
            let to = edges.entry(module).or_default();
            to.extend(room.used.iter().filter_map(|path| self.holder(path, 0)).filter(|to| to != module));
        }
        edges
    }

    /// Sets of files each of which imports, by way of others, every other.
    fn circles(&self) -> Vec<BTreeSet<Module>> {
        let edges = self.edges();
        let reach: BTreeMap<&Module, BTreeSet<Module>> = edges
            .keys()
            .map(|module| {
                let mut seen = BTreeSet::new();
                let mut next: Vec<Module> = edges[module].iter().cloned().collect();
                while let Some(to) = next.pop() {
                    if seen.insert(to.clone()) {
                        next.extend(edges[&to].iter().cloned());
                    }
                }
                (*module, seen)
            })
            .collect();
        let mut circles: Vec<BTreeSet<Module>> = Vec::new();
        for (module, seen) in &reach {
            if seen.contains(*module) && !circles.iter().any(|c| c.contains(*module)) {
                circles.push(seen.iter().filter(|other| reach[other].contains(*module)).cloned().collect());
            }
        }
        circles
    }

    fn describe(&self, circles: &[BTreeSet<Module>]) -> String {
        let edges = self.edges();
        let mut lines = Vec::new();
        for circle in circles {
            for module in circle {
                let to: Vec<_> = edges[module].intersection(circle).map(|m| self.file(m)).collect();
                lines.push(format!("{} -> {}\n", self.file(module), to.join(", ")));
            }
        }
        lines.concat()
    }
}

/// One file, token by token.
struct Reading<'a> {
    modules: &'a BTreeSet<Module>,
    module: &'a Module,
    room: &'a mut Room,
    /// Names that `use` brings, each with its path.
    brought: BTreeMap<String, Vec<String>>,
}

impl Reading<'_> {
    /// Reads items or what stands inside one; names that are defined count at the top alone.
    fn items(&mut self, tokens: &[TokenTree], top: bool) {
        let mut at = 0;
        let mut public = false;
        while let Some(token) = tokens.get(at) {
            match token {
                TokenTree::Punct(p) if p.as_char() == '#' => {
                    let attribute = tokens.get(at + 1).map(ToString::to_string).unwrap_or_default();
                    at += 2;
                    if attribute.replace(' ', "") == "[cfg(test)]" {
                        at = end_of_item(tokens, at);
                    }
                }
                TokenTree::Ident(word) if word == "pub" => {
                    public = true;
                    at += 1;
                    if matches!(tokens.get(at), Some(TokenTree::Group(g)) if g.delimiter() == Delimiter::Parenthesis)
                    {
                        at += 1;
                    }
                }
                TokenTree::Ident(word) if word == "use" => {
                    let end = (at..).find(|i| is_punct(tokens.get(*i), ';')).unwrap();
                    for (name, path) in tree(&tokens[at + 1..end], &[]) {
                        let Some(path) = self.resolve(&path) else { continue };
                        self.brought.insert(name.clone(), path.clone());
                        if public && top {
                            self.room.lent.push((name, path));
                        } else {
                            self.room.used.insert(path.into_iter().filter(|part| part != "*").collect());
                        }
                    }
                    public = false;
                    at = end + 1;
                }
                TokenTree::Ident(word) => {
                    if top
                        && [
                            "fn",
                            "struct",
                            "enum",
                            "trait",
                            "type",
                            "const",
                            "static",
                            "union",
                            "macro_rules",
                        ]
                        .contains(&word.to_string().as_str())
                    {
                        let name = tokens[at + 1..].iter().find_map(|t| match t {
                            TokenTree::Ident(name) if name != "fn" && name != "mut" => Some(name.to_string()),
                            _ => None,
                        });
                        self.room.items.extend(name);
                    }
                    public = false;
                    at = self.path(tokens, at);
                }
                TokenTree::Group(group) => {
                    self.items(&group.stream().into_iter().collect::<Vec<_>>(), false);
                    at += 1;
                }
                _ => at += 1,
            }
        }
    }

    /// A path in an expression or a type: `a::b::c`.
    fn path(&mut self, tokens: &[TokenTree], mut at: usize) -> usize {
        let mut parts = Vec::new();
        while let Some(TokenTree::Ident(part)) = tokens.get(at) {
            parts.push(part.to_string());
            at += 1;
            if !(is_punct(tokens.get(at), ':') && is_punct(tokens.get(at + 1), ':')) {
                break;
            }
            at += 2;
        }
        if parts.len() > 1
            && let Some(path) = self.resolve(&parts)
        {
            self.room.used.insert(path);
        }
        at
    }

    /// A path from the root of the crate, where it leads to something in it.
    fn resolve(&self, path: &[String]) -> Option<Vec<String>> {
        let mut base = self.module.clone();
        let mut rest = path;
        match path.first()?.as_str() {
            "crate" => {
                base.clear();
                rest = &path[1..];
            }
            "self" => rest = &path[1..],
            "super" => {
                while rest.first().is_some_and(|p| p == "super") {
                    base.pop();
                    rest = &rest[1..];
                }
            }
            first => {
                let mut child = base.clone();
                child.push(first.to_owned());
                if !self.modules.contains(&child) {
                    base = self.brought.get(first)?.clone();
                    rest = &path[1..];
                }
            }
        }
        base.extend(rest.iter().cloned());
        Some(base)
    }
}

fn is_punct(token: Option<&TokenTree>, c: char) -> bool {
    matches!(token, Some(TokenTree::Punct(p)) if p.as_char() == c)
}

/// Behind the item that begins here: its block, or its semicolon.
fn end_of_item(tokens: &[TokenTree], from: usize) -> usize {
    let ends = |t: &TokenTree| match t {
        TokenTree::Group(group) => group.delimiter() == Delimiter::Brace,
        TokenTree::Punct(p) => p.as_char() == ';',
        _ => false,
    };
    tokens[from..].iter().position(ends).map_or(tokens.len(), |i| from + i + 1)
}

/// The leaves of a `use`: the name that each brings, and its path.
fn tree(tokens: &[TokenTree], before: &[String]) -> Vec<(String, Vec<String>)> {
    let mut path = before.to_vec();
    let mut at = 0;
    let mut alias = None;
    while let Some(token) = tokens.get(at) {
        match token {
            TokenTree::Ident(word) if word == "as" => alias = tokens.get(at + 1).map(ToString::to_string),
            TokenTree::Ident(word) if alias.is_none() && (word != "self" || path.is_empty()) => {
                path.push(word.to_string());
            }
            TokenTree::Punct(p) if p.as_char() == '*' => path.push("*".to_owned()),
            TokenTree::Group(group) => {
                let inside: Vec<TokenTree> = group.stream().into_iter().collect();
                return inside
                    .split(|t| is_punct(Some(t), ','))
                    .flat_map(|part| match part {
                        [] => Vec::new(),
                        part => tree(part, &path),
                    })
                    .collect();
            }
            _ => {}
        }
        at += 1;
    }
    let name = alias.or_else(|| path.last().cloned()).unwrap_or_default();
    if name == "*" {
        path.pop();
    }
    vec![(name, path)]
}
