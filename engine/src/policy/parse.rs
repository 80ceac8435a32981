//! A policy file: YAML in, a typed layer out, every error with its place.
//!
//! One file, since half of it is the table of wrong files in its tests, with what is said of each.

use std::borrow::Cow;
use std::collections::HashMap;

use globset::{GlobSet, GlobSetBuilder};

use crate::error::{Error, Result};
use crate::policy::date::Date;
use crate::policy::document::{Allow, Document, File, Words};
use crate::policy::entry::{Bounds, Deny, Entry, Layer};
use crate::policy::file::{Exclude, Extends, NoPickles, Pin, PolicyFile, SetLevel};
use crate::policy::guard::Guard;
use crate::policy::page::{Page, list, nearest, shown};
use crate::policy::pattern::{Names, Pattern};
use crate::policy::tree::{self, At, Yaml};
use crate::policy::words::{Kind, Uses};
use crate::policy::{builtin, glob, hash};
use crate::rule::{Level, Rule};

/// Longest policy file that is read, in bytes.
pub const MOST_BYTES: usize = 1 << 20;

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
        let page = Page::of(bytes, source)?;
        if page.is_blank() {
            return Ok(PolicyFile::empty(source, layer));
        }
        let tree = tree::read(page.text).map_err(|fault| page.fault(&fault))?;
        if matches!(tree.value, Yaml::Nothing) {
            return Ok(PolicyFile::empty(source, layer));
        }
        page.policy(Document::of(tree).map_err(|fault| page.fault(&fault))?, layer)
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
        guarded: false,
        risk: None,
        container: None,
        reason: Cow::Borrowed(""),
        layer,
        source: Cow::Owned(source.to_owned()),
        line: None,
        bounds: None,
    }
}

impl Page<'_> {
    fn policy(&self, document: Document, layer: Layer) -> Result<PolicyFile> {
        if let Some(version) = &document.version
            && version.value != "1"
        {
            return Err(self.error(
                version.at,
                format!("version `{}` is not known", shown(&version.value)),
                "this fickgate reads `version: 1`; a newer file needs a newer fickgate",
            ));
        }
        let mut file = PolicyFile::empty(self.source, layer);
        file.extends = match document.extends {
            None => None,
            Some(words) => Some(self.extends(&Words::texts(Some(words)))?),
        };
        if let Some(word) = &document.pickles {
            if word.value != "none" {
                let message = format!("`pickles: {}` says nothing that is known", shown(&word.value));
                let help = "write `pickles: none` to refuse every pickle, or leave the key out to judge what they import";
                return Err(self.error(word.at, message, help));
            }
            let (source, line) = (self.source.to_owned(), word.at.line);
            file.no_pickles = Some(NoPickles { layer, source, line });
        }
        let mut places = HashMap::new();
        for item in document.allow {
            let at = item.import.at;
            let entry = self.entry(item, layer)?;
            let paths = entry.bounds.as_ref().map(|b| b.paths.clone()).unwrap_or_default();
            let place = (entry.module.to_string(), entry.name.to_string(), paths);
            if let Some(line) = places.insert(place, at.line) {
                let message = format!("`{}` is allowed in line {line} already", shown(&entry.import()));
                return Err(self.error(at, message, "keep one of them, or give them different `paths`"));
            }
            file.allow.push(entry);
        }
        let mut places = HashMap::new();
        for item in document.files {
            let at = item.sha256.at;
            let pin = self.pin(item, layer)?;
            if let Some(line) = places.insert((pin.sha256, pin.path.clone()), at.line) {
                let message = format!("this content is accepted in line {line} already");
                return Err(self.error(at, message, "keep one of them"));
            }
            file.files.push(pin);
        }
        for item in Words::texts(document.deny) {
            let pattern = Pattern::parse(&item.value).map_err(|e| self.error(item.at, e, ""))?;
            file.deny.push(Deny {
                pattern,
                layer,
                source: Cow::Owned(self.source.to_owned()),
                line: Some(item.at.line),
            });
        }
        for item in Words::texts(document.exclude) {
            let matcher = self.glob(&item)?.compile_matcher();
            file.exclude.push(Exclude {
                glob: item.value,
                layer,
                source: self.source.to_owned(),
                line: item.at.line,
                matcher,
            });
        }
        for (rule, level) in document.levels {
            let line = rule.at.line;
            let (rule, level) = self.level(&rule, &level)?;
            file.levels.push(SetLevel { rule, level, layer, source: self.source.to_owned(), line });
        }
        Ok(file)
    }

    /// Reads `extends` from left to right: a name adds, `-name` takes away.
    fn extends(&self, words: &[At<String>]) -> Result<Extends> {
        let mut extends = Extends { lists: Vec::new(), native_memory: true };
        for word in words {
            match word.value.strip_prefix('-') {
                Some(_) if extends.lists.is_empty() => {
                    let message = format!("`{}` takes away from nothing", shown(&word.value));
                    let help = format!("name a list before it: `[ml, {}]`", shown(&word.value));
                    return Err(self.error(word.at, message, help));
                }
                Some("native-memory") => extends.native_memory = false,
                Some(name) => {
                    let lists = self.lists(word, name)?;
                    extends.lists.retain(|l| !lists.contains(l));
                }
                None if word.value == "none" && words.len() > 1 => {
                    let help = "write `extends: [none]`, or leave `none` out";
                    return Err(self.error(word.at, "`none` stands alone", help));
                }
                None => {
                    let lists = self.lists(word, &word.value)?;
                    extends.lists.retain(|l| !lists.contains(l));
                    extends.lists.extend(lists);
                }
            }
        }
        Ok(extends)
    }

    /// The built-in lists that a name of `extends` stands for.
    fn lists(&self, word: &At<String>, name: &str) -> Result<Vec<&'static str>> {
        let lists = builtin::lists();
        match name {
            "ml" => return Ok(lists.map(|l| l.name).collect()),
            "core" => return Ok(lists.filter(|l| l.core).map(|l| l.name).collect()),
            "none" => return Ok(Vec::new()),
            _ => {}
        }
        if let Some(found) = lists.clone().find(|l| l.name == name) {
            return Ok(vec![found.name]);
        }
        let known = ["ml", "core", "none", "native-memory"].into_iter().chain(lists.map(|l| l.name));
        let help = match name {
            "native-memory" => "it is taken away: `[ml, -native-memory]`".to_owned(),
            several if several.contains([',', ' ']) => "write several as a list: `[ml, -torch]`".to_owned(),
            _ => nearest(name, known.clone()).map_or_else(
                || format!("there are {}", list(&known.collect::<Vec<_>>())),
                |near| format!("did you mean `{near}`?"),
            ),
        };
        Err(self.error(word.at, format!("no built-in list is named `{}`", shown(name)), help))
    }

    fn entry(&self, allow: Allow, layer: Layer) -> Result<Entry> {
        let import = &allow.import;
        let pattern = Pattern::parse(&import.value)
            .and_then(|p| p.check_allow().map(|()| p))
            .map_err(|e| self.error(import.at, e, ""))?;
        let (mut kind, mut uses) = pattern.assumed();
        if let Some(word) = &allow.kind {
            kind = self.word(word, "kind", &choices(Kind::WORDS, Kind::ALL))?;
            uses = kind.default_uses();
        }
        if let Some(words) = allow.r#use {
            let at = words.at;
            uses = Uses::NONE;
            for word in Words::texts(Some(words)) {
                uses = uses.with(self.word(&word, "use", &Uses::of_entries())?);
            }
            // Who allows state for a class of his own means its items too.
            if uses.contains(Uses::STATE) {
                uses = uses.with(Uses::ITEMS);
            }
            if uses == Uses::NONE {
                return Err(self.error(
                    at,
                    "`use` is empty, so the entry allows nothing",
                    "name one of reference, create, call, state, items, or leave `use` out",
                ));
            }
        }
        // Who names an import that the list guards means the guarded import, unless he says otherwise.
        let guard = match &allow.guard {
            Some(word) if word.value == "none" => None,
            Some(word) => Some(self.word(word, "guard", &choices(Guard::WORDS, Guard::ALL))?),
            None => match &pattern.names {
                Names::One(name) => builtin::find(&pattern.module, name).and_then(|e| e.guard),
                Names::Segment | Names::Below => None,
            },
        };
        if let Some(paths @ At { value: Words::Many(texts), .. }) = &allow.paths
            && texts.is_empty()
        {
            let help = "name a glob, or leave `paths` out to allow it everywhere";
            return Err(self.error(paths.at, "`paths` is empty", help));
        }
        let paths = Words::texts(allow.paths);
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
            guarded: allow.guard.as_ref().is_none_or(|word| word.value != "none"),
            reason: Cow::Owned(self.reason(allow.reason)?),
            line: Some(import.at.line),
            bounds,
            ..blank(pattern, self.source, layer)
        })
    }

    fn pin(&self, file: File, layer: Layer) -> Result<Pin> {
        let sha256 = hash::parse(&file.sha256.value).ok_or_else(|| {
            let message = match file.sha256.value.len() {
                64 => "a SHA-256 is 64 hexadecimal digits".to_owned(),
                length => format!("a SHA-256 is 64 hexadecimal digits, and these are {length} characters"),
            };
            self.error(file.sha256.at, message, "`sha256sum FILE` prints it")
        })?;
        if let Some(path) = &file.path {
            glob::check_path(&path.value).map_err(|(message, help)| self.error(path.at, message, help))?;
        }
        Ok(Pin {
            sha256,
            path: file.path.map(|p| p.value),
            expires: file.expires.map(|text| self.date(&text)).transpose()?,
            reason: self.reason(file.reason)?,
            layer,
            source: self.source.to_owned(),
            line: file.line,
        })
    }

    fn reason(&self, reason: At<String>) -> Result<String> {
        if reason.value.trim().is_empty() {
            return Err(self.error(reason.at, "`reason` is empty", "say why, in a few words"));
        }
        Ok(reason.value)
    }

    fn date(&self, text: &At<String>) -> Result<Date> {
        Date::parse(&text.value).ok_or_else(|| {
            let message = format!("`{}` is not a day", shown(&text.value));
            self.error(text.at, message, "a day is written 2027-06-30")
        })
    }

    fn glob(&self, text: &At<String>) -> Result<globset::Glob> {
        glob::parse(&text.value).map_err(|(message, help)| self.error(text.at, message, help))
    }

    fn globs(&self, texts: &[At<String>]) -> Result<GlobSet> {
        let mut set = GlobSetBuilder::new();
        for text in texts {
            set.add(self.glob(text)?);
        }
        set.build().map_err(|e| Error::new(format!("{}: {}", shown(self.source), shown(&e.to_string()))))
    }

    fn level(&self, rule: &At<String>, level: &At<String>) -> Result<(Rule, Level)> {
        let Some(found) = Rule::from_id(&rule.value) else {
            let near = nearest(&rule.value, Rule::ALL.iter().map(|r| r.id()));
            let help = near.map_or_else(
                || "`fickgate rule` lists the rules".to_owned(),
                |near| format!("did you mean `{near}`?"),
            );
            return Err(self.error(rule.at, format!("no rule is named `{}`", shown(&rule.value)), help));
        };
        let wanted = self.word(level, "level", &choices(Level::WORDS, Level::ALL))?;
        if wanted < found.level() && !found.may_be_lowered() {
            return Err(self.error(
                rule.at,
                format!("`{found}` may not be lowered"),
                "allow the import, pin the file under `files`, or exclude its path",
            ));
        }
        Ok((found, wanted))
    }

    /// The value that a word stands for.
    fn word<T: Copy>(&self, word: &At<String>, key: &str, words: &[(&'static str, T)]) -> Result<T> {
        if let Some((_, value)) = words.iter().find(|(w, _)| *w == word.value) {
            return Ok(*value);
        }
        let known: Vec<&str> = words.iter().map(|(w, _)| *w).collect();
        let help = nearest(&word.value, known.iter().copied()).map_or_else(
            || format!("it is one of {}", list(&known)),
            |near| format!("did you mean `{near}`?"),
        );
        Err(self.error(word.at, format!("`{}` is not a {key}", shown(&word.value)), help))
    }
}

/// Words with what they stand for.
fn choices<T: Copy>(words: &[(&'static str, &str)], all: &[T]) -> Vec<(&'static str, T)> {
    words.iter().map(|(word, _)| *word).zip(all.iter().copied()).collect()
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
            let levels: Vec<_> = file.levels.iter().map(|l| (l.rule, l.level, l.line)).collect();
            let expected =
                [(Rule::PointerUnresolved, Level::Warning, 18), (Rule::UnusedAllow, Level::Error, 18)];
            assert_eq!(levels, expected);
            let extends = file.extends.unwrap_or_else(|| panic!("extends"));
            assert!(!extends.native_memory && extends.lists.contains(&"torch"));
        }
    }

    #[test]
    fn an_empty_file_says_nothing() {
        for text in [
            "",
            "\n\n",
            "---\n",
            "--- # x\n...\n",
            "# only a comment\n",
            "version: 1\n",
            "allow:\n",
            "allow: []\n",
        ] {
            assert!(parse(text).allow.is_empty(), "{text:?}");
        }
    }

    #[test]
    fn what_is_wrong_is_told_with_its_place() {
        let allow = |rest: &str| format!("allow:\n  - import: a.B\n    reason: x\n{rest}");
        let pin = |rest: &str| format!("files:\n  - sha256: {}\n    {rest}\n    reason: x\n", "0".repeat(64));
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
            ("deny:\n  - import: a.B\n".into(), "2:5: a text is wanted", "deny: [module.name]"),
            ("exclude: [../x]\n".into(), "1:11: this path", "root"),
            ("exclude: ['!x']\n".into(), "1:11: a glob takes", "any one character"),
            ("exclude: ['a\\b']\n".into(), "1:11: a `\\`", "Windows"),
            ("extends: ml, core\n".into(), "1:10: no built-in list", "as a list"),
            ("extends:\n".into(), "this key has no value", "take the key away"),
            ("extends: 5\n".into(), "1:1: a text or a list of texts", "[one, two]"),
            ("extends: {ml: 1}\n".into(), "1:10: a text or a list of texts", ""),
            ("extends: [-native-memory]\n".into(), "1:11: `-native-memory` takes away from nothing", "[ml, "),
            ("extends: [native-memory]\n".into(), "1:11: no built-in list", "[ml, -native-memory]"),
            ("extends: [ml, none]\n".into(), "1:15: `none` stands alone", ""),
            ("extends: [ml, -nativ-memory]\n".into(), "1:15: no built-in list", "`native-memory`"),
            ("allow: 5\n".into(), "1:8: `allow` is a list of entries", "- import:"),
            ("allow: [x.y]\n".into(), "1:9: an entry of `allow` has an import and a reason", "- import:"),
            ("allow:\n  - ours.Ranker\n".into(), "2:5: an entry of `allow` has an import", "reason"),
            ("allow: {import: x.y, reason: z}\n".into(), "1:8: `allow` is a list", ""),
            ("allow:\n  import: x.y\n  reason: z\n".into(), "2:3: `allow` is a list", ""),
            ("allow:\n  -\n".into(), "2:4: an entry of `allow` has", ""),
            ("files: [abc]\n".into(), "1:9: an entry of `files` has", "allow --pin"),
            ("levels: [a]\n".into(), "1:9: `levels` has a level for each rule", "levels: {"),
            ("levels: {not-a-pickle: }\n".into(), "1:22: nothing stands here", ""),
            ("version:\n".into(), "1:8: nothing stands here", ""),
            ("version: true\n".into(), "1:10: version `true` is not known", "version: 1"),
            ("version: [1]\n".into(), "1:10: a text is wanted here", ""),
            ("deny: [{import: a.B}]\n".into(), "1:8: a text is wanted here", ""),
            ("- a\n".into(), "1:1: a policy has keys with values", "version: 1"),
            ("policies/fickgate.yaml".into(), "1:1: a policy has keys with values", ""),
            ("allow: [\n".into(), "1:8: unclosed bracket", "close"),
            ("allow: ['a\n".into(), "1:9: unclosed quote", "close"),
            ("a: \u{1b}[31m\n".into(), "1:4: an invisible character stands here (U+001B)", ""),
            ("# \u{202e}lla\nversion: 1\n".into(), "1:3: an invisible character stands here (U+202E)", ""),
            ("version: 1\0\n".into(), "1:11: a NUL stands here", "UTF-8"),
            ("version: 1\n\u{feff}allow: []\n".into(), "2:1: an invisible character", ""),
            ("<<: {version: 1}\n".into(), "1:1: `<<` is not read here", "write the keys out"),
            ("version: !!python/object:os.system 1\n".into(), "1:36: a tag stands here", "alone"),
            ("allow:\n  - import: !!binary YS5C\n    reason: x\n".into(), "2:22: an import is written", ""),
            ("allow: *nope\n".into(), "1:8: alias references unknown anchor", "quote"),
            ("allow:\n  - import: *\n    reason: x\n".into(), "2:13: ", "begins with `*`"),
            ("allow:\n\t- import: a.B\n".into(), "2:2: a tab indents here", "spaces"),
            (allow("    expires:\n"), "4:12: nothing stands here", ""),
            (allow("    paths: []\n"), "4:12: `paths` is empty", "everywhere"),
            (allow("    paths:\n"), "this key has no value", ""),
            (allow("    paths: [../x]\n"), "4:13: this path leads out", "root"),
            (allow("    paths: ./x/**\n"), "4:12: this path leads out", "root"),
            (allow("    paths: ['a\\b']\n"), "4:13: a `\\` stands here", "`/`"),
            (allow("    paths: [a//b]\n"), "4:13: a folder without a name", ""),
            (allow("    paths: ['!a']\n"), "4:13: a glob takes nothing away", "any one character"),
            (allow("    use: [call-result]\n"), "4:11: `call-result` is not a use", ""),
            (allow("    why: z\n"), "4:5: unknown key `why`", "`reason`"),
            ("allow:\n  - name: a.B\n    reason: x\n".into(), "2:5: unknown key `name`", "`import`"),
            ("ignore: []\n".into(), "1:1: unknown key `ignore`", "`exclude`"),
            ("allow:\n  - import: 1.5\n    reason: x\n".into(), "2:13: this is a number", ""),
            ("allow:\n  - import: on\n    reason: x\n".into(), "2:13: an import is written", ""),
            ("allow:\n  - import: a.B\n    reason: see: this\n".into(), "3:16: a `:` makes a key", "quote"),
            ("allow:\n  - import: a.B\n    reason:\n".into(), "3:11: nothing stands here", ""),
            (pin("path: ../x"), "3:11: this path leads out", ""),
            (pin("path: /x"), "3:11: this is no path in the repository", "git ls-files"),
            (pin("path: x/"), "3:11: this is a folder", ""),
            (format!("files:\n  - {{sha256: {}, reason: x}}\n", "a".repeat(40)), "these are 40", ""),
            (
                format!(
                    "files:\n  - {{sha256: {0}, reason: x}}\n  - {{sha256: {0}, reason: y}}\n",
                    "a".repeat(64)
                ),
                "3:14: this content is accepted in line 2 already",
                "",
            ),
            (
                "version: 1\n<<<<<<< HEAD\nallow: []\n=======\n".into(),
                "2:1: a merge left a conflict",
                "resolve",
            ),
            (
                "version https://git-lfs.github.com/spec/v1\noid sha256:00\nsize 1\n".into(),
                "1:1: this is a Git LFS pointer",
                ".gitattributes",
            ),
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
    fn one_text_alone_needs_no_brackets() {
        let file = parse(
            "extends: none\ndeny: a.B\nexclude: x/**\nallow: [{import: a.C, reason: x, use: call, paths: y/**}]\n",
        );
        assert_eq!(file.extends, Some(Extends { lists: vec![], native_memory: true }));
        assert_eq!((file.deny[0].line, file.exclude[0].line), (Some(2), 3));
        assert_eq!(file.allow[0].uses, Uses::CALL);
        assert!(file.allow[0].bounds.as_ref().is_some_and(|b| b.paths == ["y/**"]));
    }

    #[test]
    fn other_encodings_are_told_with_their_place() {
        for (bytes, words) in [
            (&b"\xff\xfev\0"[..], "1:1: this is UTF-16"),
            (b"version: 1\nallow: [] # \xe9\n", "2:13: not UTF-8 at byte 23"),
        ] {
            let error = refuse(bytes);
            assert!(error.message().contains(words), "{error}");
            assert_eq!(error.lines().len(), 2);
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
        let entry = format!("  - &e {{import: a.B, reason: &r '{}'}}\n", "x".repeat(100_000));
        let error = refuse(format!("allow:\n{entry}{}", "  - *e\n".repeat(5000)));
        assert!(error.message().contains("aliases make more"), "{error}");
        refuse(format!("allow: {}", "[".repeat(500_000)));
        refuse(format!("deny: [{}]", "*a,".repeat(10)));
        let long = vec![b'#'; MOST_BYTES + 1];
        assert!(refuse(long).message().contains("more than a policy file may have"));
        assert!(refuse(b"version: 1\n# \xff\n").message().contains(":2:3: not UTF-8 at byte 13"));
        refuse(b"\xff\xfev\0e\0");
    }
}
