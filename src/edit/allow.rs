//! `fickgate allow`: adds to the repository's policy what an import, a file or a whole repository needs.

use std::collections::{BTreeMap, BTreeSet};
use std::fs;
use std::io;
use std::ops::ControlFlow;
use std::path::{Path, PathBuf};

use crate::cli::{AllowArgs, PolicyArgs};
use crate::edit::refused::refused_by;
use crate::edit::replacement;
use crate::edit::yaml::{self as edit, NewEntry, NewPin};
use crate::gate;
use crate::show::place;
use crate::source::{Item, Selection, Source, Treeish};
use crate::{explain, layers};
use fickgate_engine::content::Content;
use fickgate_engine::error::{Error, Result};
use fickgate_engine::limits::Limits;
use fickgate_engine::path::BlobPath;
use fickgate_engine::policy;
use fickgate_engine::policy::builtin::Refused;
use fickgate_engine::policy::file::{Pin, PolicyFile};
use fickgate_engine::policy::glob;
use fickgate_engine::policy::pattern::Pattern;
use fickgate_engine::policy::{Date, Entry, Policy, Uses};
use fickgate_engine::rule::{Level, Rule};
use fickgate_engine::{escape, judge};

/// Files an entry is bound to one by one; where more need it, it holds everywhere.
const MOST_PATHS: usize = 16;

/// Edits the policy and says what was done, a line each.
///
/// # Errors
/// What cannot be allowed, or a policy that cannot be edited; then nothing was written.
pub fn allow(args: &AllowArgs) -> Result<Vec<String>> {
    let here = Source::here()?;
    let target = Target::of(&here)?;
    let policy = layers::policy_for(&PolicyArgs::default(), Some(&here))?;
    let mut additions = Additions::new(args)?;
    match &args.what {
        None => additions.repository(&policy, args.pin, args.force)?,
        Some(what) if Path::new(what).is_file() => {
            let (content, path, _) = explain::open(what)?;
            let path = target.relative(&path.to_path())?;
            match args.pin {
                true => {
                    let mut needs = Needs::default();
                    needs.read(&content, &path, &policy).map_err(|e| unreadable(&path.to_path(), &e))?;
                    if let Some(why) = needs.dangerous().filter(|_| !args.force) {
                        return Err(Error::new(why));
                    }
                    additions.pin(&content, &path)?;
                }
                false => additions.file(&content, path, &policy, args.force)?,
            }
        }
        Some(_) if args.pin => {
            return Err(Error::new("--pin is for a file, and there is no file of this name"));
        }
        Some(what) if Path::new(what).is_dir() => {
            return Err(Error::new(format!("{} is a folder", escape::terminal(&what.to_string_lossy())))
                .remedy("name its files, or run `fickgate allow --from-findings`"));
        }
        Some(what) if what.to_string_lossy().contains(['/', '\\']) => {
            return Err(Error::new(format!(
                "there is no file {}",
                escape::terminal(&what.to_string_lossy())
            ))
            .remedy("name a file that is here, or an import: `ourcompany.models.Ranker`"));
        }
        Some(what) => additions.import(&what.to_string_lossy(), args, &policy)?,
    }
    let mut lines = additions.write(&target)?;
    // A commit is judged by what is staged, so that what was just written does not count yet.
    let read = |place| here.read_file(&place, target.name).ok().flatten();
    if here.in_repository() && read(Treeish::Worktree) != read(Treeish::Index) {
        lines.push(format!("next: git add {} (commits are judged by the staged one)", target.name));
    }
    Ok(lines)
}

/// The policy file that is edited.
struct Target {
    /// Where paths in it start.
    root: PathBuf,
    /// Relative to the root.
    name: &'static str,
}

impl Target {
    fn of(here: &Source) -> Result<Target> {
        let root = match here.root() {
            Some(root) => root.to_owned(),
            None if here.in_repository() => {
                return Err(Error::new("a bare repository has no policy file to edit")
                    .remedy("edit it in a working tree, and push"));
            }
            None => PathBuf::from("."),
        };
        // Git keeps a link's name and not its content, so that nobody else would see what is written.
        let is_link = |name: &&str| fs::symlink_metadata(root.join(name)).is_ok_and(|m| m.is_symlink());
        if let Some(name) = policy::FILES.into_iter().find(|name| is_link(name)) {
            return Err(Error::new(format!("{name} is a symbolic link, which is not followed in git"))
                .remedy("put the file itself there"));
        }
        let name =
            policy::FILES.into_iter().find(|name| root.join(name).exists()).unwrap_or(policy::FILES[0]);
        Ok(Target { root, name })
    }

    /// As the policy names a file.
    fn relative(&self, path: &Path) -> Result<BlobPath> {
        let outside = |_| {
            let path = path.to_string_lossy();
            Error::new(format!("{} is outside of the repository", escape::terminal(&path)))
        };
        let root = self.root.canonicalize().map_err(|e| unreadable(&self.root, &e))?;
        let path = path.canonicalize().map_err(|e| unreadable(path, &e))?;
        path.strip_prefix(&root).map(BlobPath::from_path).map_err(outside)
    }
}

fn unreadable(path: &Path, error: &io::Error) -> Error {
    Error::new(format!("cannot read {}: {error}", escape::terminal(&path.to_string_lossy())))
}

/// What files need that is not allowed yet.
#[derive(Default)]
struct Needs {
    imports: BTreeMap<String, Need>,
    /// Files with something that no entry allows, and what it is.
    others: BTreeMap<String, String>,
}

#[derive(Default)]
struct Need {
    uses: BTreeSet<&'static str>,
    paths: BTreeSet<String>,
    refused: Option<Refused>,
}

impl Needs {
    /// What runs code or acts on the machine as such, and why no command lets it in unasked.
    fn dangerous(&self) -> Option<String> {
        let mut found = self.imports.iter().filter_map(|(import, need)| Some((import, need.refused?)));
        let (import, refused) = found.find(|(_, refused)| refused.dangerous)?;
        Some(format!(
            "dangerous: `{import}` {} ({}); do not load this file, and find out where it came from; --force lets it in \
             all the same",
            refused.criterion.in_words(),
            refused.why.trim_end_matches('.')
        ))
    }

    fn read(&mut self, content: &Content, path: &BlobPath, policy: &Policy) -> io::Result<()> {
        let usage = policy.usage();
        let (facts, findings) = gate::judge_content(content, path, policy, &usage, &Limits::default())?;
        let file = path.to_lossy().into_owned();
        let errors = findings.iter().filter(|f| f.level == Level::Error);
        if let Some(other) = errors.clone().find(|f| f.rule != Rule::ImportNotAllowed) {
            self.others.insert(file.clone(), format!("{}: {}", other.rule, other.message));
        }
        if errors.count() == 0 {
            return Ok(());
        }
        for stream in &facts.streams {
            for import in &stream.imports {
                if judge::ruling(stream, import, path, policy, &usage).0 {
                    continue;
                }
                let Some((written, uses)) = judge::wanted(import) else {
                    let name = escape::name(&import.dotted());
                    self.others
                        .insert(file.clone(), format!("no entry can allow what it does with `{name}`"));
                    continue;
                };
                let need = self.imports.entry(written).or_default();
                need.uses.extend(uses);
                need.paths.insert(file.clone());
                need.refused = policy.refused(&import.module, &import.name);
            }
        }
        Ok(())
    }
}

/// What is to be added.
struct Additions {
    reason: String,
    paths: Vec<String>,
    expires: Option<Date>,
    entries: Vec<NewEntry>,
    pins: Vec<NewPin>,
    left: Vec<String>,
    /// Files with something that no entry allows, and what it is.
    others: BTreeMap<String, String>,
    /// Whether everything that is there is to be allowed, as far as that goes.
    adopting: bool,
}

impl Additions {
    fn new(args: &AllowArgs) -> Result<Additions> {
        let today = Date::today();
        let expires = args.expires.as_deref().map(|text| {
            let date = Date::parse(text).filter(|date| *date >= today);
            date.ok_or_else(|| {
                Error::new(format!("--expires {}: not a day to come", escape::terminal(text)))
                    .remedy("write YYYY-MM-DD")
            })
        });
        if args.reason.as_ref().is_some_and(|reason| reason.trim().is_empty()) {
            return Err(Error::new("--reason is empty").remedy("say why, in a few words"));
        }
        if args.reason.as_ref().is_some_and(|reason| reason.trim() == "WHY") {
            return Err(Error::new("--reason WHY: WHY stands for your own words")
                .remedy("say why it is safe, such as --reason \"our ranking model, reviewed by its team\""));
        }
        Ok(Additions {
            reason: args.reason.clone().unwrap_or_else(|| format!("added on {today}, not reviewed yet")),
            paths: args.path.clone(),
            expires: expires.transpose()?,
            entries: Vec::new(),
            pins: Vec::new(),
            left: Vec::new(),
            others: BTreeMap::new(),
            adopting: args.what.is_none(),
        })
    }

    fn entry(&mut self, import: &str, uses: Vec<String>, paths: Vec<String>) {
        let (reason, expires) = (self.reason.clone(), self.expires);
        self.entries.push(NewEntry { import: import.to_owned(), reason, paths, expires, uses });
    }

    fn import(&mut self, import: &str, args: &AllowArgs, policy: &Policy) -> Result<()> {
        let shown = escape::terminal(import);
        let pattern = Pattern::parse(import)
            .and_then(|p| p.check_allow().map(|()| p))
            .map_err(|error| Error::new(format!("{shown}: {error}")).remedy("give module.name, or a file"))?;
        let name = match &pattern.names {
            policy::pattern::Names::One(name) => name.as_str(),
            _ => "*",
        };
        // A finding may name an import that is spelled like a pattern: what is meant is for a person to say.
        if name == "*" && !args.force && policy.refused(&pattern.module, name).is_none() {
            return Err(Error::new(format!("{shown} is a pattern, for every name of the module"))
                .remedy("name the imports one by one; to allow them all, add --force --reason WHY"));
        }
        if let Some(refused) = policy.refused(&pattern.module, name).filter(|_| !args.force) {
            return Err(judged_unsafe(import, &refused));
        }
        let unknown = |word: &&String| Uses::from_word(word).is_none_or(|uses| uses == Uses::CALL_RESULT);
        if let Some(word) = args.r#use.iter().find(unknown) {
            return Err(Error::new(format!("--use {}: not a use", escape::terminal(word)))
                .remedy("it is one of reference, create, call, state, items"));
        }
        let paths = self.paths.clone();
        self.entry(import, args.r#use.clone(), paths);
        Ok(())
    }

    fn file(&mut self, content: &Content, path: BlobPath, policy: &Policy, force: bool) -> Result<()> {
        let shown = path.to_lossy().into_owned();
        let mut needs = Needs::default();
        needs.read(content, &path, policy).map_err(|e| unreadable(&path.to_path(), &e))?;
        if let Some(why) = needs.others.values().next() {
            return Err(Error::new(format!("{}: {why}", escape::terminal(&shown))).remedy(
                "no entry can allow that; if you trust who wrote this very file, pin it with --pin",
            ));
        }
        let unsafe_import = needs.imports.iter().find_map(|(import, need)| Some((import, need.refused?)));
        if let Some((import, refused)) = unsafe_import.filter(|_| !force) {
            return Err(judged_unsafe(import, &refused));
        }
        for (import, need) in needs.imports {
            let uses = need.uses.iter().map(|use_| (*use_).to_owned()).collect();
            let paths = self.paths.clone();
            self.entry(&import, uses, paths);
        }
        Ok(())
    }

    fn pin(&mut self, content: &Content, path: &BlobPath) -> Result<()> {
        let hash = gate::sha256(content).map_err(|e| unreadable(&path.to_path(), &e))?;
        self.pins.push(NewPin {
            sha256: policy::hex(&hash),
            path: path.to_lossy().into_owned(),
            reason: self.reason.clone(),
            expires: self.expires,
        });
        Ok(())
    }

    /// Everything that the files of the repository need today.
    fn repository(&mut self, policy: &Policy, pin: bool, force: bool) -> Result<()> {
        let source = Source::open(&Selection::Paths(Vec::new()))?;
        let mut needs = Needs::default();
        let mut pinned = Ok(());
        source.visit(&mut |item| {
            match &item {
                Item::Blob(blob) if policy.excluded(&blob.path.to_lossy()).is_none() => {
                    let path = blob.path.to_lossy().into_owned();
                    let mut own = Needs::default();
                    if let Err(error) = own.read(&blob.content, &blob.path, policy) {
                        own.others.insert(path.clone(), error.to_string());
                    }
                    let refused = own.imports.iter().find_map(|(import, need)| Some((import, need.refused?)));
                    let dangerous = own.dangerous().filter(|_| !force);
                    if let Some((import, refused)) = refused {
                        let why = format!("`{import}` {}", refused.criterion.in_words());
                        own.others.entry(path.clone()).or_insert(why);
                    }
                    if let Some(why) = dangerous {
                        needs.others.insert(path, why);
                    } else if own.others.is_empty() {
                        for (import, need) in own.imports {
                            let all = needs.imports.entry(import).or_default();
                            all.uses.extend(need.uses);
                            all.paths.extend(need.paths);
                        }
                    } else if pin {
                        pinned = self.pin(&blob.content, &blob.path);
                    } else {
                        needs.others.extend(own.others);
                    }
                }
                _ => {}
            }
            if pinned.is_err() { ControlFlow::Break(()) } else { ControlFlow::Continue(()) }
        });
        pinned?;
        for (import, need) in needs.imports {
            let everywhere = need.paths.len() > MOST_PATHS;
            let paths =
                if everywhere { Vec::new() } else { need.paths.iter().map(|p| glob::of_path(p)).collect() };
            let uses = need.uses.iter().map(|use_| (*use_).to_owned()).collect();
            self.entry(&import, uses, paths);
        }
        self.others = needs.others;
        Ok(())
    }

    /// Leaves out what the file has already, and says so. What it has for other uses or until a day that
    /// has passed is for a person to edit.
    fn take_known(&mut self, known: &PolicyFile) -> Result<Vec<String>> {
        let (today, adopting) = (Date::today(), self.adopting);
        let (mut lines, mut left) = (Vec::new(), Vec::new());
        let mut entries = Vec::new();
        for entry in std::mem::take(&mut self.entries) {
            let paths = |e: &Entry| e.bounds.as_ref().map(|b| b.paths.clone()).unwrap_or_default();
            let Some(there) =
                known.allow.iter().find(|e| e.import() == entry.import && paths(e) == entry.paths)
            else {
                entries.push(entry);
                continue;
            };
            let place = place(&there.source, there.line);
            let import = escape::terminal(&entry.import);
            let wanted = entry.uses.iter().filter_map(|word| Uses::from_word(word));
            let wanted = wanted.fold(Uses::NONE, Uses::with);
            let expired = there.bounds.as_ref().and_then(|b| b.expires).filter(|day| *day < today);
            let help = if let Some(day) = expired {
                format!("it expired on {day}: set a later `expires` there")
            } else if !there.uses.contains(wanted) {
                format!("write `use: [{}]` there", there.uses.with(wanted).words().join(", "))
            } else {
                lines.push(format!("{place} has {import} already"));
                continue;
            };
            if !adopting {
                return Err(
                    Error::new(format!("{place} has {import} already, and it is not enough")).remedy(help)
                );
            }
            left.push(format!("{import}: {place} has it: {help}"));
        }
        self.entries = entries;
        self.left.extend(left);
        self.pins.retain(|pin| {
            let same = |p: &&Pin| {
                policy::hex(&p.sha256) == pin.sha256 && p.path.as_ref().is_none_or(|path| *path == pin.path)
            };
            let there = known.files.iter().find(same);
            lines.extend(there.map(|p| {
                let (place, path) = (place(&p.source, Some(p.line)), escape::terminal(&pin.path));
                match p.expires.filter(|day| *day < today) {
                    Some(day) => format!("{place} has {path}, which expired on {day}: set a later `expires`"),
                    None => format!("{place} has {path} already"),
                }
            }));
            there.is_none()
        });
        Ok(lines)
    }

    /// Writes the file and says so.
    fn write(mut self, target: &Target) -> Result<Vec<String>> {
        let path = target.root.join(target.name);
        let old = match fs::read(&path) {
            Ok(bytes) => bytes,
            Err(error) if error.kind() == io::ErrorKind::NotFound => Vec::new(),
            Err(error) => return Err(unreadable(&path, &error)),
        };
        let known = PolicyFile::parse(&old, target.name, policy::Layer::Repository)?;
        // What is no UTF-8 was refused above.
        let old = String::from_utf8_lossy(&old);
        let mut lines = self.take_known(&known)?;
        let adds = !self.entries.is_empty() || !self.pins.is_empty();
        let text = match adds {
            true => edit::with_additions(&old, target.name, &self.entries, &self.pins)?,
            false => old.into_owned(),
        };
        if self.adopting {
            for (path, why) in refused_by(&text, target.name)? {
                let why = self.others.get(&path).unwrap_or(&why);
                self.left.push(format!("{}: {why}", escape::terminal(&path)));
            }
        }
        if adds {
            // It keeps the permissions it had.
            let had = fs::metadata(&path).map(|meta| meta.permissions());
            let permissions = had.ok().or_else(|| replacement::mode(replacement::READ));
            replacement::write(&path, &text, permissions).map_err(|error| {
                Error::new(format!("cannot write {}: {error}", escape::terminal(&path.to_string_lossy())))
            })?;
        }
        for entry in &self.entries {
            let paths = if entry.paths.is_empty() {
                String::new()
            } else {
                format!(" for {}", entry.paths.join(", "))
            };
            lines.push(
                escape::terminal(&format!("{}: allow {}{paths}", target.name, entry.import)).into_owned(),
            );
        }
        for pin in &self.pins {
            let hash: String = pin.sha256.chars().take(12).collect();
            lines.push(
                escape::terminal(&format!("{}: accept {} as it is (sha256 {hash}…)", target.name, pin.path))
                    .into_owned(),
            );
        }
        if lines.is_empty() && self.left.is_empty() {
            lines.push("everything is allowed already: nothing was written".to_owned());
        }
        if !self.left.is_empty() {
            lines.push(format!(
                "left, {} that no entry of this command can allow (--pin accepts files as they are):",
                self.left.len()
            ));
            lines.extend(self.left.iter().map(|left| format!("  {left}")));
        }
        Ok(lines)
    }
}

fn judged_unsafe(import: &str, refused: &Refused) -> Error {
    Error::new(format!("{} was judged unsafe: it {}", escape::terminal(import), refused.criterion.in_words()))
        .remedy(
            "if you trust who wrote a file that needs it, accept that file alone: `fickgate allow --pin FILE`; \
             to allow the import all the same, add --force --reason WHY",
        )
        .excerpt([format!("  {}", refused.why)])
}
