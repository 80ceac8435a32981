//! A policy file: YAML in, typed layers out, every error with its place.
//!
//! The only module that knows the YAML crate.

use std::borrow::Cow;
use std::fmt;

use globset::{GlobBuilder, GlobSet, GlobSetBuilder};
use serde::Deserialize;
use serde::de::{MapAccess, Visitor};
use serde_yaml::{Location, Spanned};

use super::guard::Guard;
use super::pattern::{Names, Pattern};
use super::{Bounds, Date, Deny, Entry, Kind, Layer, Uses, builtin};
use crate::error::{Error, Result};
use crate::rule::{Level, Rule};

/// Longest policy file that is read, in bytes.
pub const MOST_BYTES: usize = 1 << 20;

/// What one policy file says.
#[derive(Clone, Debug)]
pub struct PolicyFile {
    /// Its path, as a person would open it.
    pub source: String,
    /// The layer it belongs to.
    pub layer: Layer,
    /// Which parts of the built-in list lie below, where the file says so.
    pub extends: Option<Extends>,
    /// What it allows.
    pub allow: Vec<Entry>,
    /// Content it accepts.
    pub files: Vec<Pin>,
    /// What it takes away.
    pub deny: Vec<Deny>,
    /// Paths that are not scanned.
    pub exclude: Vec<Exclude>,
    /// Levels that differ from the rules' own.
    pub levels: Vec<(Rule, Level)>,
}

/// Which parts of the built-in list apply.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Extends {
    /// Names of [`builtin::lists`].
    pub lists: Vec<&'static str>,
    /// Whether entries with `risk: native-memory` apply.
    pub native_memory: bool,
}

impl Default for Extends {
    /// `[ml]`: everything.
    fn default() -> Self {
        Extends { lists: builtin::lists().iter().map(|l| l.name).collect(), native_memory: true }
    }
}

/// Content that is accepted whatever it imports.
#[derive(Clone, Debug)]
pub struct Pin {
    /// SHA-256 of the whole content.
    pub sha256: [u8; 32],
    /// The only path it is accepted at, where it names one.
    pub path: Option<String>,
    /// The last day on which it is accepted.
    pub expires: Option<Date>,
    /// Why.
    pub reason: String,
    /// Who says so.
    pub layer: Layer,
    /// The file it stands in.
    pub source: String,
    /// Line in that file, from 1.
    pub line: usize,
}

/// A glob over paths that are not scanned.
#[derive(Clone, Debug)]
pub struct Exclude {
    /// As written.
    pub glob: String,
    /// The file it stands in.
    pub source: String,
    /// Line in that file, from 1.
    pub line: usize,
    matcher: globset::GlobMatcher,
}

impl Exclude {
    /// Whether the path, `/`-separated from the repository's root, is excluded.
    pub fn matches(&self, path: &str) -> bool {
        self.matcher.is_match(path)
    }
}

impl Bounds {
    /// Whether an entry with these bounds holds for the path.
    pub fn hold_for(&self, path: &str) -> bool {
        self.paths.is_empty() || self.globs.is_match(path)
    }
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Document {
    #[serde(default)]
    version: Option<Spanned<String>>,
    #[serde(default)]
    extends: Option<Vec<Spanned<String>>>,
    #[serde(default)]
    allow: Option<Vec<Spanned<Allow>>>,
    #[serde(default)]
    files: Option<Vec<Spanned<File>>>,
    #[serde(default)]
    deny: Option<Vec<Spanned<String>>>,
    #[serde(default)]
    exclude: Option<Vec<Spanned<String>>>,
    #[serde(default)]
    levels: Option<Pairs>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Allow {
    import: Spanned<String>,
    reason: Spanned<String>,
    #[serde(default)]
    kind: Option<Spanned<String>>,
    #[serde(default)]
    r#use: Option<Vec<Spanned<String>>>,
    #[serde(default)]
    guard: Option<Spanned<String>>,
    #[serde(default)]
    paths: Option<Vec<Spanned<String>>>,
    #[serde(default)]
    expires: Option<Spanned<String>>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct File {
    sha256: Spanned<String>,
    reason: Spanned<String>,
    #[serde(default)]
    path: Option<Spanned<String>>,
    #[serde(default)]
    expires: Option<Spanned<String>>,
}

/// A mapping in the order of the file.
struct Pairs(Vec<(Spanned<String>, Spanned<String>)>);

impl<'de> Deserialize<'de> for Pairs {
    fn deserialize<D: serde::Deserializer<'de>>(deserializer: D) -> std::result::Result<Self, D::Error> {
        struct PairsVisitor;
        impl<'de> Visitor<'de> for PairsVisitor {
            type Value = Pairs;
            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str("a mapping from rules to levels")
            }
            fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> std::result::Result<Pairs, A::Error> {
                let mut pairs = Vec::new();
                while let Some(pair) = map.next_entry()? {
                    pairs.push(pair);
                }
                Ok(Pairs(pairs))
            }
        }
        deserializer.deserialize_map(PairsVisitor)
    }
}

const KINDS: [(&str, Kind); 4] = [
    ("class", Kind::Class),
    ("function", Kind::Function),
    ("enum", Kind::Enum),
    ("constant", Kind::Constant),
];

impl PolicyFile {
    /// Reads a policy file. `source` is its path, for messages.
    ///
    /// # Errors
    ///
    /// Anything that is not wholly understood, with line and column: a policy that is half read would
    /// allow or refuse something its author did not mean.
    pub fn parse(bytes: &[u8], source: &str, layer: Layer) -> Result<PolicyFile> {
        if bytes.len() > MOST_BYTES {
            return Err(Error::new(format!(
                "{}: {} bytes is more than a policy file may have ({MOST_BYTES})",
                shown(source),
                bytes.len()
            ))
            .remedy("split it, and add the parts with `--policy FILE`"));
        }
        let text = std::str::from_utf8(bytes).map_err(|e| {
            let line = 1 + bytes.iter().take(e.valid_up_to()).filter(|b| **b == b'\n').count();
            Error::new(format!("{}:{line}: not UTF-8 at byte {}", shown(source), e.valid_up_to()))
                .remedy("save the file as UTF-8")
        })?;
        // Editors on Windows write a byte-order mark; YAML permits one.
        let text = text.strip_prefix('\u{feff}').unwrap_or(text);
        let page = Page { source, text };
        if text.lines().all(|l| l.trim().is_empty() || l.trim_start().starts_with('#')) {
            return Ok(PolicyFile::empty(source, layer));
        }
        let document: Document =
            serde_yaml::from_str_with_options(text, options()).map_err(|e| page.yaml_error(&e))?;
        page.policy(document, layer)
    }

    /// A layer that says nothing.
    pub fn empty(source: &str, layer: Layer) -> PolicyFile {
        PolicyFile {
            source: source.to_owned(),
            layer,
            extends: None,
            allow: Vec::new(),
            files: Vec::new(),
            deny: Vec::new(),
            exclude: Vec::new(),
            levels: Vec::new(),
        }
    }

    /// The layer of `--allow IMPORT`: each import for every use of its own.
    ///
    /// # Errors
    ///
    /// A text that is no import.
    pub fn of_allow<S: AsRef<str>>(imports: &[S]) -> Result<PolicyFile> {
        let mut file = PolicyFile::empty("--allow", Layer::CommandLine);
        for import in imports {
            let import = import.as_ref();
            let pattern = Pattern::parse(import)
                .and_then(|p| p.check_allow().map(|()| p))
                .map_err(|e| Error::new(format!("--allow {}: {e}", shown(import))))?;
            let (kind, _) = pattern.assumed();
            file.allow.push(Entry {
                kind,
                uses: Uses::EVERY,
                guard: None,
                reason: Cow::Borrowed("allowed for this run"),
                line: None,
                ..blank(pattern, "--allow", Layer::CommandLine)
            });
        }
        Ok(file)
    }
}

/// An entry with nothing but its place.
fn blank(pattern: Pattern, source: &str, layer: Layer) -> Entry {
    let name = match pattern.names {
        Names::One(name) => Cow::Owned(name),
        Names::Segment | Names::Below => Cow::Borrowed("*"),
    };
    Entry {
        module: Cow::Owned(pattern.module),
        name,
        kind: Kind::Constant,
        uses: Uses::NONE,
        guard: None,
        risk: None,
        container: None,
        reason: Cow::Borrowed(""),
        layer,
        source: Cow::Owned(source.to_owned()),
        line: None,
        bounds: None,
    }
}

fn options() -> serde_yaml::Options {
    serde_yaml::options! {
        with_snippet: false,
        reject_unsupported_tags: true,
        merge_keys: serde_yaml::MergeKeyPolicy::Error,
        alias_limits: serde_yaml::alias_limits! { max_total_replayed_events: 10_000 },
    }
}

/// The text of one file, for errors that point into it.
struct Page<'t> {
    source: &'t str,
    text: &'t str,
}

impl Page<'_> {
    fn error(&self, at: Location, message: impl fmt::Display, help: impl Into<String>) -> Error {
        let help = help.into();
        let (line, column) = (at.line(), at.column());
        if line == 0 {
            let error = Error::new(format!("{}: {message}", shown(self.source)));
            return if help.is_empty() { error } else { error.remedy(help) };
        }
        let mut excerpt = Vec::new();
        if let Some(text) = usize::try_from(line - 1).ok().and_then(|n| self.text.lines().nth(n)) {
            let before: String = text.chars().take(usize::try_from(column - 1).unwrap_or(0)).collect();
            let cut: String = text.chars().take(160).collect();
            let margin = " ".repeat(line.to_string().len());
            excerpt.push(format!("{line} | {}", shown(&cut)));
            if column <= 160 {
                excerpt.push(format!("{margin} | {}^", " ".repeat(shown(&before).chars().count())));
            }
        }
        let error = Error::new(format!("{}:{line}:{column}: {message}", shown(self.source))).excerpt(excerpt);
        if help.is_empty() { error } else { error.remedy(help) }
    }

    fn yaml_error(&self, error: &serde_yaml::Error) -> Error {
        use serde_yaml::Error as Yaml;
        let error = error.without_snippet();
        let at = error.location().unwrap_or(Location::UNKNOWN);
        match error {
            Yaml::SerdeUnknownField { field, expected, .. } => {
                let help = nearest(field, expected.iter().copied()).map_or_else(
                    || format!("the keys here are {}", list(expected)),
                    |near| format!("did you mean `{near}`?"),
                );
                self.error(at, format!("unknown key `{}`", shown(field)), help)
            }
            Yaml::SerdeMissingField { field, .. } => {
                let help = match *field {
                    "reason" => "say why, in a few words: `reason: our ranking model, reviewed by …`",
                    "import" => "name the import: `import: ourcompany.models.Ranker`",
                    "sha256" => "give the content's hash: `sha256sum FILE` prints it",
                    _ => "",
                };
                self.error(at, format!("the key `{field}` is missing"), help)
            }
            Yaml::DuplicateMappingKey { key, .. } => {
                let key = key.as_deref().unwrap_or("?");
                self.error(at, format!("the key `{}` stands here twice", shown(key)), "keep one of them")
            }
            Yaml::MultipleDocuments { .. } => {
                self.error(at, "a second YAML document begins", "a policy is one document: remove the `---`")
            }
            other => {
                let words = other.to_string();
                let words = words.split(" at line ").next().unwrap_or_default();
                let (message, help) = self.shape_error(words, at);
                self.error(at, message, help)
            }
        }
    }

    /// What is said where the file has one kind of value in the place of another, and what to write.
    fn shape_error(&self, words: &str, at: Location) -> (String, String) {
        if self.text.lines().any(|line| line.starts_with("<<<<<<< ")) {
            return ("a merge conflict is left in the file".to_owned(), "resolve it".to_owned());
        }
        if self.text.starts_with("version https://git-lfs.github.com/") {
            let help = "keep it out of Git LFS: `.fickgate.yaml -filter` in .gitattributes";
            return ("a Git LFS pointer stands in place of the policy".to_owned(), help.to_owned());
        }
        let key = self.top_key(at);
        let entry = |first: &str| {
            let help = format!("write `- {first}`, and `reason: WHY` below it");
            (format!("an item of `{}` has keys of its own", shown(key)), help)
        };
        match (words, key) {
            ("expected sequence start", _) => {
                let line = self.line(at);
                let (name, value) = line.trim().trim_start_matches("- ").split_once(':').unwrap_or((key, ""));
                let (name, value) = (name.trim(), value.split(" #").next().unwrap_or_default().trim());
                let help = match name {
                    "allow" | "files" => "write its items below it, a `- ` before each".to_owned(),
                    // A plain text in brackets must not begin with `*`.
                    _ if value.starts_with('*') => format!("write `{}: [\"{}\"]`", shown(name), shown(value)),
                    _ => format!("write `{}: [{}]`", shown(name), shown(value)),
                };
                (format!("`{}` is a list", shown(name)), help)
            }
            ("expected mapping start", "allow") => entry("import: module.name"),
            ("expected mapping start", "files") => entry("sha256: HASH"),
            ("expected mapping start", "levels") => {
                ("`levels` has rules and their levels".to_owned(), "write `levels: {RULE: LEVEL}`".to_owned())
            }
            ("expected mapping start", _) => (
                "a policy has keys and values".to_owned(),
                "begin with `version: 1`; `fickgate init` writes a file to start from".to_owned(),
            ),
            ("expected string scalar", _) => {
                let help = match key {
                    "deny" => "write names alone: `deny: [module.name]`",
                    "exclude" => "write globs alone: `exclude: [\"folder/**\"]`",
                    _ => "",
                };
                ("one word or text stands here, no list and no keys".to_owned(), help.to_owned())
            }
            _ => (shown(words), String::new()),
        }
    }

    /// The line at a place.
    fn line(&self, at: Location) -> &str {
        self.text.lines().nth(line(at).saturating_sub(1)).unwrap_or_default()
    }

    /// The key of the top level under which a place is; empty where there is none.
    fn top_key(&self, at: Location) -> &str {
        let above =
            self.text.lines().take(line(at)).filter(|l| l.starts_with(|c: char| c.is_ascii_lowercase()));
        above.last().and_then(|l| l.split_once(':')).map_or("", |(key, _)| key)
    }

    fn policy(&self, document: Document, layer: Layer) -> Result<PolicyFile> {
        if let Some(version) = &document.version
            && version.value != "1"
        {
            return Err(self.error(
                version.referenced,
                format!("version `{}` is not known", shown(&version.value)),
                "this fickgate reads `version: 1`; a newer file needs a newer fickgate",
            ));
        }
        let mut file = PolicyFile::empty(self.source, layer);
        file.extends = document.extends.map(|words| self.extends(&words)).transpose()?;
        for item in document.allow.unwrap_or_default() {
            let entry = self.entry(item, layer)?;
            if let Some(other) = file.allow.iter().find(|e| same_place(e, &entry)) {
                return Err(Error::new(format!(
                    "{}:{}: `{}` is allowed in line {} already",
                    shown(self.source),
                    entry.line.unwrap_or(0),
                    shown(&entry.import()),
                    other.line.unwrap_or(0)
                ))
                .remedy("keep one of them, or give them different `paths`"));
            }
            file.allow.push(entry);
        }
        for item in document.files.unwrap_or_default() {
            file.files.push(self.pin(item, layer)?);
        }
        for item in document.deny.unwrap_or_default() {
            let pattern = Pattern::parse(&item.value).map_err(|e| self.error(item.referenced, e, ""))?;
            file.deny.push(Deny {
                pattern,
                layer,
                source: Cow::Owned(self.source.to_owned()),
                line: Some(line(item.referenced)),
            });
        }
        for item in document.exclude.unwrap_or_default() {
            let matcher = self.glob(&item)?.compile_matcher();
            file.exclude.push(Exclude {
                glob: item.value,
                source: self.source.to_owned(),
                line: line(item.referenced),
                matcher,
            });
        }
        for (rule, level) in document.levels.map(|p| p.0).unwrap_or_default() {
            file.levels.push(self.level(&rule, &level)?);
        }
        Ok(file)
    }

    fn extends(&self, words: &[Spanned<String>]) -> Result<Extends> {
        let mut extends = Extends { lists: Vec::new(), native_memory: true };
        for word in words {
            let (removed, name) = match word.value.strip_prefix('-') {
                Some(name) => (true, name),
                None => (false, word.value.as_str()),
            };
            let named = |name: &str| -> Option<Vec<&'static str>> {
                let lists = builtin::lists().iter();
                match name {
                    "ml" => Some(lists.map(|l| l.name).collect()),
                    "core" => Some(lists.filter(|l| l.core).map(|l| l.name).collect()),
                    "none" => Some(Vec::new()),
                    _ => lists.clone().find(|l| l.name == name).map(|l| vec![l.name]),
                }
            };
            if removed && name == "native-memory" {
                extends.native_memory = false;
            } else if let Some(lists) = named(name) {
                extends.lists.retain(|l| !lists.contains(l));
                if !removed {
                    extends.lists.extend(lists);
                }
            } else {
                let known = ["ml", "core", "none", "native-memory"]
                    .into_iter()
                    .chain(builtin::lists().iter().map(|l| l.name));
                let help = nearest(name, known.clone()).map_or_else(
                    || format!("there are {}", list(&known.collect::<Vec<_>>())),
                    |near| format!("did you mean `{near}`?"),
                );
                let message = format!("no built-in list is named `{}`", shown(name));
                return Err(self.error(word.referenced, message, help));
            }
        }
        Ok(extends)
    }

    fn entry(&self, item: Spanned<Allow>, layer: Layer) -> Result<Entry> {
        let allow = item.value;
        let import = &allow.import;
        let pattern = Pattern::parse(&import.value)
            .and_then(|p| p.check_allow().map(|()| p))
            .map_err(|e| self.error(import.referenced, e, ""))?;
        let (mut kind, mut uses) = pattern.assumed();
        if let Some(word) = &allow.kind {
            kind = self.word(word, "kind", &KINDS)?;
            uses = kind.default_uses();
        }
        if let Some(words) = &allow.r#use {
            uses = Uses::NONE;
            for word in words {
                uses = uses.with(self.word(word, "use", &Uses::WORDS.map(|(u, w)| (w, u)))?);
            }
            // Who allows state for a class of his own means its items too.
            if uses.contains(Uses::STATE) {
                uses = uses.with(Uses::ITEMS);
            }
            if uses == Uses::NONE {
                return Err(self.error(
                    import.referenced,
                    "`use` is empty, so the entry allows nothing",
                    "name one of reference, create, call, state, items, or leave `use` out",
                ));
            }
        }
        // Who names an import that the list guards means the guarded import, unless he says otherwise.
        let guard = match &allow.guard {
            Some(word) if word.value == "none" => None,
            Some(word) => Some(self.word(word, "guard", &Guard::ALL.map(|g| (g.as_str(), g)))?),
            None => match &pattern.names {
                Names::One(name) => builtin::find(&pattern.module, name).and_then(|e| e.guard),
                Names::Segment | Names::Below => None,
            },
        };
        let paths = allow.paths.unwrap_or_default();
        let expires = allow.expires.map(|text| self.date(&text)).transpose()?;
        let bounds = if paths.is_empty() && expires.is_none() {
            None
        } else {
            Some(Box::new(Bounds {
                globs: self.globs(&paths)?,
                paths: paths.into_iter().map(|p| p.value).collect(),
                expires,
            }))
        };
        Ok(Entry {
            kind,
            uses,
            guard,
            reason: Cow::Owned(self.reason(allow.reason)?),
            line: Some(line(import.referenced)),
            bounds,
            ..blank(pattern, self.source, layer)
        })
    }

    fn pin(&self, item: Spanned<File>, layer: Layer) -> Result<Pin> {
        let at = line(item.referenced);
        let file = item.value;
        let sha256 = hash(&file.sha256.value).ok_or_else(|| {
            self.error(
                file.sha256.referenced,
                "a SHA-256 is 64 hexadecimal digits",
                "`sha256sum FILE` prints it",
            )
        })?;
        Ok(Pin {
            sha256,
            path: file.path.map(|p| p.value),
            expires: file.expires.map(|text| self.date(&text)).transpose()?,
            reason: self.reason(file.reason)?,
            layer,
            source: self.source.to_owned(),
            line: at,
        })
    }

    fn reason(&self, reason: Spanned<String>) -> Result<String> {
        if reason.value.trim().is_empty() {
            return Err(self.error(reason.referenced, "`reason` is empty", "say why, in a few words"));
        }
        Ok(reason.value)
    }

    fn date(&self, text: &Spanned<String>) -> Result<Date> {
        Date::parse(&text.value).ok_or_else(|| {
            let message = format!("`{}` is not a day", shown(&text.value));
            self.error(text.referenced, message, "a day is written 2027-06-30")
        })
    }

    fn glob(&self, text: &Spanned<String>) -> Result<globset::Glob> {
        let mut glob = text.value.strip_prefix('/').unwrap_or(&text.value).to_owned();
        if glob.ends_with('/') {
            glob.push_str("**");
        }
        let never = if glob.starts_with('!') {
            Some("name what is meant; nothing is taken out of a glob again")
        } else if glob.split('/').any(|part| part == "." || part == "..") {
            Some("write the path from the root of the repository, such as `models/**`")
        } else if glob.contains('\\') && !glob.contains('/') {
            Some("write `/` between folders, also on Windows")
        } else {
            None
        };
        if let Some(help) = never {
            return Err(self.error(text.referenced, "this glob does not match what it seems to", help));
        }
        if glob.is_empty() || glob.split('/').all(|part| part == "*" || part == "**") {
            return Err(self.error(
                text.referenced,
                "this glob matches every path",
                "name a folder (`tests/fixtures/**`) or files (`**/*.doctree`)",
            ));
        }
        GlobBuilder::new(&glob).literal_separator(true).build().map_err(|e| {
            self.error(text.referenced, format!("not a glob: {}", shown(&e.kind().to_string())), "")
        })
    }

    fn globs(&self, texts: &[Spanned<String>]) -> Result<GlobSet> {
        let mut set = GlobSetBuilder::new();
        for text in texts {
            set.add(self.glob(text)?);
        }
        set.build().map_err(|e| Error::new(format!("{}: {}", shown(self.source), shown(&e.to_string()))))
    }

    fn level(&self, rule: &Spanned<String>, level: &Spanned<String>) -> Result<(Rule, Level)> {
        let Some(found) = Rule::from_id(&rule.value) else {
            let near = nearest(&rule.value, Rule::ALL.iter().map(|r| r.id()));
            let help = near.map_or_else(
                || "`fickgate rule` lists the rules".to_owned(),
                |near| format!("did you mean `{near}`?"),
            );
            return Err(self.error(
                rule.referenced,
                format!("no rule is named `{}`", shown(&rule.value)),
                help,
            ));
        };
        let levels = [("note", Level::Note), ("warning", Level::Warning), ("error", Level::Error)];
        let wanted = self.word(level, "level", &levels)?;
        if wanted < found.level() && !may_be_lowered(found) {
            return Err(self.error(
                rule.referenced,
                format!("`{found}` may not be lowered"),
                "allow the import, pin the file under `files`, or exclude its path",
            ));
        }
        Ok((found, wanted))
    }

    /// The value that a word stands for.
    fn word<T: Copy>(&self, word: &Spanned<String>, key: &str, words: &[(&'static str, T)]) -> Result<T> {
        if let Some((_, value)) = words.iter().find(|(w, _)| *w == word.value) {
            return Ok(*value);
        }
        let known: Vec<&str> = words.iter().map(|(w, _)| *w).collect();
        let help = nearest(&word.value, known.iter().copied()).map_or_else(
            || format!("it is one of {}", list(&known)),
            |near| format!("did you mean `{near}`?"),
        );
        Err(self.error(word.referenced, format!("`{}` is not a {key}", shown(&word.value)), help))
    }
}

/// Whether a policy may say less of a rule than it says of itself. What a file would import, or that
/// it was not wholly understood, stays an error.
pub fn may_be_lowered(rule: Rule) -> bool {
    match rule {
        Rule::ContainerUnreadable
        | Rule::HiddenPickle
        | Rule::NotAPickle
        | Rule::PointerUnresolved
        | Rule::MissingObject
        | Rule::CheckoutDiffers
        | Rule::PolicyChanged
        | Rule::UnusedAllow
        | Rule::ExpiredAllow
        | Rule::BroadAllow => true,
        Rule::ImportNotAllowed
        | Rule::ImportUnresolved
        | Rule::NestedUnresolved
        | Rule::ObjectMutation
        | Rule::StreamMalformed
        | Rule::StreamAmbiguous
        | Rule::ContainerAnomaly
        | Rule::ResourceLimit
        | Rule::PointerMismatch => false,
    }
}

fn same_place(a: &Entry, b: &Entry) -> bool {
    let paths = |e: &Entry| e.bounds.as_ref().map(|b| b.paths.clone()).unwrap_or_default();
    a.module == b.module && a.name == b.name && paths(a) == paths(b)
}

fn line(at: Location) -> usize {
    usize::try_from(at.line()).unwrap_or(0)
}

fn hash(text: &str) -> Option<[u8; 32]> {
    let digits = text.as_bytes();
    if digits.len() != 64 {
        return None;
    }
    let mut hash = [0; 32];
    for (byte, pair) in hash.iter_mut().zip(digits.chunks_exact(2)) {
        let pair = std::str::from_utf8(pair).ok().filter(|p| p.bytes().all(|b| b.is_ascii_hexdigit()))?;
        *byte = u8::from_str_radix(pair, 16).ok()?;
    }
    Some(hash)
}

/// The known word that is most like `word`, if any is alike.
fn nearest<'w>(word: &str, known: impl Iterator<Item = &'w str>) -> Option<&'w str> {
    if word.len() > 64 {
        return None;
    }
    known
        .map(|k| (strsim::normalized_damerau_levenshtein(&word.to_lowercase(), k), k))
        .filter(|(likeness, _)| *likeness >= 0.5)
        .max_by(|a, b| a.0.total_cmp(&b.0))
        .map(|(_, k)| k)
}

fn list(words: &[&str]) -> String {
    words.iter().map(|w| format!("`{w}`")).collect::<Vec<_>>().join(", ")
}

/// Text from a policy, fit for an error message.
fn shown(text: &str) -> String {
    text.chars()
        .flat_map(|c| {
            let plain = matches!(c, '"' | '\'' | '\\').then_some(c);
            plain.into_iter().chain(plain.is_none().then(|| c.escape_debug()).into_iter().flatten())
        })
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn parse(text: &str) -> PolicyFile {
        PolicyFile::parse(text.as_bytes(), ".fickgate.yaml", Layer::Repository)
            .unwrap_or_else(|e| panic!("{e}\n{:?}", e.help()))
    }

    fn refuse(text: impl AsRef<[u8]>) -> Error {
        match PolicyFile::parse(text.as_ref(), ".fickgate.yaml", Layer::Repository) {
            Ok(file) => panic!("accepted: {file:?}"),
            Err(e) => e,
        }
    }

    const FULL: &str = "\
version: 1
extends: [core, pandas, -native-memory]
allow:
  - import: ourcompany.models.Ranker
    reason: our ranking model
    paths: [\"models/ranking/**\"]
    expires: 2027-06-30
    use: [reference, create, state]
  - import: ourcompany.models.make
    kind: function
    reason: builds a model
files:
  - sha256: 3b5d5c3712955042212316173ccf37be800a13a7ec8e3f2d0e8f6f6d8c1c9d2a
    path: legacy/old.pkl
    reason: from the 2019 paper
deny: [torch.storage._load_from_bytes, 'sklearn.**']
exclude: [\"tests/fixtures/evil/**\", build/]
levels: {pointer-unresolved: warning, unused-allow: error}
";

    #[test]
    fn every_key_is_read_with_its_line() {
        for text in [FULL.to_owned(), FULL.replace('\n', "\r\n"), format!("\u{feff}{FULL}")] {
            let file = parse(&text);
            let lines: Vec<_> = file.allow.iter().map(|e| (e.import(), e.line)).collect();
            let expected = [("ourcompany.models.Ranker", 4), ("ourcompany.models.make", 9)];
            assert_eq!(lines, expected.map(|(i, l)| (i.to_owned(), Some(l))));
            assert_eq!(file.allow[1].uses, Uses::CALL);
            let bounds = file.allow[0].bounds.as_ref().unwrap_or_else(|| panic!("bounds"));
            assert!(bounds.hold_for("models/ranking/a/b.pt") && !bounds.hold_for("models/other.pt"));
            assert_eq!(bounds.expires, Date::parse("2027-06-30"));
            assert_eq!((file.files[0].line, file.files[0].sha256[0]), (13, 0x3b));
            assert_eq!(file.deny.len(), 2);
            assert!(file.exclude[0].matches("tests/fixtures/evil/x/y.pkl"));
            assert!(file.exclude[1].matches("build/a.pkl") && !file.exclude[1].matches("x/build/a.pkl"));
            assert_eq!(
                file.levels,
                [(Rule::PointerUnresolved, Level::Warning), (Rule::UnusedAllow, Level::Error)]
            );
            let extends = file.extends.unwrap_or_else(|| panic!("extends"));
            assert!(!extends.native_memory && extends.lists.contains(&"torch"));
        }
    }

    #[test]
    fn an_empty_file_says_nothing() {
        for text in ["", "\n\n", "# only a comment\n", "version: 1\n", "allow:\n", "allow: []\n"] {
            assert!(parse(text).allow.is_empty(), "{text:?}");
        }
    }

    #[test]
    fn what_is_wrong_is_told_with_its_place() {
        let allow = |rest: &str| format!("allow:\n  - import: a.B\n    reason: x\n{rest}");
        let cases: Vec<(String, &str, &str)> = vec![
            (allow("    pats: [x]\n"), "4:5: unknown key `pats`", "`paths`"),
            ("alow: []\n".into(), "1:1: unknown key `alow`", "`allow`"),
            ("allow:\n  - import: a.B\n".into(), "the key `reason` is missing", "why"),
            ("allow:\n  - reason: x\n".into(), "the key `import` is missing", "import"),
            (allow("    reason: y\n"), "4:5: the key `reason` stands here twice", "keep one"),
            ("version: 1\nversion: 1\n".into(), "2:1: the key `version` stands here twice", ""),
            ("version: 2\n".into(), "1:10: version `2` is not known", "newer fickgate"),
            ("version: 1\n---\nversion: 1\n".into(), "second YAML document", "one document"),
            (allow("    expires: 2027-02-30\n"), "4:14: `2027-02-30` is not a day", "2027-06-30"),
            (allow("    use: [referense]\n"), "4:11: `referense` is not a use", "`reference`"),
            (allow("    use: []\n"), "`use` is empty", ""),
            (allow("    kind: klass\n"), "`klass` is not a kind", "`class`"),
            (allow("    guard: numpy-dtyp\n"), "not a guard", "`numpy-dtype`"),
            (allow("    paths: ['[']\n"), "not a glob", ""),
            (allow("    paths: ['**']\n"), "matches every path", ""),
            ("allow:\n  - import: os\n    reason: x\n".into(), "2:13: an import is written", ""),
            ("allow:\n  - import: os.*\n    reason: x\n".into(), "standard library", ""),
            ("allow:\n  - import: a.B\n    reason: ' '\n".into(), "`reason` is empty", ""),
            (format!("{}  - import: a.B\n    reason: y\n", allow("")), "allowed in line 2 already", ""),
            ("extends: [pandsa]\n".into(), "1:11: no built-in list is named `pandsa`", "`pandas`"),
            ("extends: ml # all\n".into(), "1:10: `extends` is a list", "`extends: [ml]`"),
            (allow("    use: create\n"), "4:10: `use` is a list", "`use: [create]`"),
            ("allow: [a.B]\n".into(), "1:9: an item of `allow`", "`- import: module.name`"),
            ("files:\n  - a.pkl\n".into(), "2:5: an item of `files`", "`- sha256: HASH`"),
            ("levels: [x]\n".into(), "1:9: `levels` has rules", "LEVEL"),
            ("deny:\n  - import: a.B\n".into(), "2:5: one word", "`deny: [module.name]`"),
            ("<<<<<<< HEAD\nversion: 1\n=======\n>>>>>>> x\n".into(), "merge conflict", "resolve"),
            (
                "version https://git-lfs.github.com/spec/v1\noid sha256:1\n".into(),
                "LFS pointer",
                "out of Git LFS",
            ),
            ("exclude: [../x]\n".into(), "1:11: this glob", "from the root"),
            ("exclude: [./x]\n".into(), "1:11: this glob", "from the root"),
            ("exclude: ['!x']\n".into(), "1:11: this glob", "taken out"),
            ("exclude: ['a\\b']\n".into(), "1:11: this glob", "Windows"),
            (
                "levels: {import-not-allowed: note}\n".into(),
                "1:10: `import-not-allowed` may not be lowered",
                "",
            ),
            ("levels: {pointer-unresolvd: note}\n".into(), "no rule is named", "`pointer-unresolved`"),
            ("levels: {not-a-pickle: off}\n".into(), "`off` is not a level", "note"),
            ("levels: {not-a-pickle: note, not-a-pickle: error}\n".into(), "stands here twice", ""),
            ("files:\n  - sha256: 12\n    reason: x\n".into(), "2:13: a SHA-256 is 64", "sha256sum"),
            ("exclude: ['**']\n".into(), "matches every path", ""),
            ("deny: [x]\n".into(), "1:8: an import is written", ""),
            ("allow: 5\n".into(), "1:8: `allow` is a list", "`- `"),
            ("- a\n".into(), "1:1: a policy has keys", "fickgate init"),
            ("allow: [\n".into(), "", ""),
            ("a: \u{1b}[31m\n".into(), "", ""),
            ("<<: {version: 1}\n".into(), "", ""),
            ("version: !!python/object:os.system 1\n".into(), "", ""),
        ];
        for (text, message, help) in cases {
            let error = refuse(&text);
            assert!(error.message().contains(message), "{text}\n{error}");
            assert!(error.message().starts_with(".fickgate.yaml:"), "{text}\n{error}");
            assert!(error.help().unwrap_or("").contains(help), "{text}\n{error}\n{:?}", error.help());
            let printed = format!("{error} {:?} {:?}", error.help(), error.lines());
            assert!(!printed.contains('\u{1b}'), "{printed}");
        }
    }

    #[test]
    fn an_error_shows_the_line_and_marks_the_place() {
        let error = refuse("version: 1\nallow:\n  - import: a.B\n    reson: x\n");
        assert_eq!(error.lines(), ["4 |     reson: x", "  |     ^"]);
    }

    #[test]
    fn input_that_wants_to_cost_much_costs_little() {
        let mut bomb = "a: &a [x,x,x,x,x,x,x,x,x,x]\n".to_owned();
        for level in 0..9 {
            let (from, to) = (char::from(b'a' + level), char::from(b'b' + level));
            bomb += &format!("{to}: &{to} [{}]\n", vec![format!("*{from}"); 10].join(","));
        }
        refuse(bomb);
        refuse(format!("allow: {}", "[".repeat(500_000)));
        refuse(format!("deny: [{}]", "*a,".repeat(10)));
        let long = vec![b'#'; MOST_BYTES + 1];
        assert!(refuse(long).message().contains("more than a policy file may have"));
        assert!(refuse(b"version: 1\n# \xff\n").message().contains(":2: not UTF-8 at byte 13"));
        refuse(b"\xff\xfev\0e\0");
    }
}
