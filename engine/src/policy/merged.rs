//! The layers of a policy, merged: what is asked for every use of every import.
//!
//! One file, since more than half of it are tests of how layers, uses and patterns decide together.

use std::borrow::Cow;
use std::collections::BTreeSet;

use crate::facts::{Loader, Use, UseKind};
use crate::policy::builtin::{self, Refused};
use crate::policy::file::{Exclude, Extends, NoPickles, Pin, PolicyFile, SetLevel};
use crate::policy::{Date, Deny, Entry, Kind, Layer, Refusal, Usage, Uses, Verdict, pattern};
use crate::rule::{Level, Rule};

/// A whole policy.
#[derive(Clone, Debug)]
pub struct Policy {
    extends: Extends,
    /// Whether each of the built-in lists is among those.
    in_force: Vec<bool>,
    no_pickles: Option<NoPickles>,
    /// Upper layers, by module and name, and the higher layer first.
    entries: Vec<Entry>,
    /// Indices of the entries that stand for any name of a module.
    stars: Vec<usize>,
    pins: Vec<Pin>,
    deny: Vec<Deny>,
    exclude: Vec<Exclude>,
    levels: Vec<SetLevel>,
    today: Date,
}

/// Where an import was found.
#[derive(Clone, Copy, Debug)]
pub struct Site<'p> {
    /// The file, `/`-separated from the repository's root.
    pub path: &'p str,
    /// The loader whose rules the stream was read by.
    pub reading: Loader,
}

/// Classes of a TorchScript archive are Python in name only: torch's C++ reader takes them from the
/// archive's own code and imports nothing.
static TORCHSCRIPT: Entry = Entry {
    module: Cow::Borrowed("__torch__"),
    name: Cow::Borrowed("*"),
    kind: Kind::Class,
    uses: Uses::EVERY,
    guard: None,
    guarded: true,
    risk: None,
    container: Some(Loader::TorchScript),
    reason: Cow::Borrowed(
        "A class that the TorchScript archive defines in its own code/ folder; torch's C++ unpickler looks it up there and runs it in the TorchScript interpreter, and no Python module is imported.",
    ),
    layer: Layer::BuiltIn,
    source: Cow::Borrowed("allowlists/torch.yaml"),
    line: None,
    bounds: None,
};

impl Policy {
    /// Puts the files on top of the built-in list, later ones above earlier ones, command line above
    /// repository.
    pub fn new(files: impl IntoIterator<Item = PolicyFile>, today: Date) -> Policy {
        let mut files: Vec<PolicyFile> = files.into_iter().collect();
        files.sort_by_key(|f| f.layer);
        let mut policy = Policy {
            extends: Extends::default(),
            in_force: vec![true; builtin::lists().len()],
            no_pickles: None,
            entries: Vec::new(),
            stars: Vec::new(),
            pins: Vec::new(),
            deny: Vec::new(),
            exclude: Vec::new(),
            levels: Vec::new(),
            today,
        };
        // The highest file that says what it extends decides.
        if let Some(extends) = files.iter().rev().find_map(|f| f.extends.clone()) {
            policy.in_force = builtin::lists().map(|list| extends.lists.contains(&list.name)).collect();
            policy.extends = extends;
        }
        // From the highest down: the stable sort below keeps that order among equal names.
        for file in files.into_iter().rev() {
            policy.no_pickles = policy.no_pickles.or(file.no_pickles);
            policy.entries.extend(file.allow);
            policy.pins.extend(file.files);
            policy.deny.extend(file.deny);
            policy.exclude.extend(file.exclude);
            policy.levels.extend(file.levels);
        }
        policy.entries.sort_by(|a, b| (&a.module, &a.name).cmp(&(&b.module, &b.name)));
        policy.stars =
            policy.entries.iter().enumerate().filter(|(_, e)| e.name == "*").map(|(i, _)| i).collect();
        policy
    }

    /// The built-in list alone.
    pub fn built_in() -> Policy {
        Policy::new([], Date::today())
    }

    /// Unset marks for [`Policy::decide`] to set.
    pub fn usage(&self) -> Usage {
        Usage::new(self.first_built_in() + builtin::count())
    }

    /// Where the marks of the built-in list begin.
    fn first_built_in(&self) -> usize {
        self.entries.len() + self.pins.len()
    }

    /// Top-level modules of which the built-in list allowed something while `usage` was marked.
    pub fn relied_on(&self, usage: &Usage) -> BTreeSet<&'static str> {
        let first = self.first_built_in();
        let marked = usage.marked().filter_map(|i| i.checked_sub(first));
        marked.filter_map(|i| builtin::module(i)?.split('.').next()).collect()
    }

    /// Whether this use of this import is permitted, and by whom, or why not.
    ///
    /// Module and name match exactly, as a pair. A `deny` wins over every `allow`; among `allow`s the
    /// highest layer that permits the use is named.
    pub fn decide(
        &self,
        module: &str,
        name: &str,
        used: &Use,
        place: Site<'_>,
        usage: &Usage,
    ) -> Verdict<'_> {
        if let Some(by) = self.deny.iter().find(|d| d.pattern.matches(module, name)) {
            return Verdict::RefusedBecause(Refusal::Denied { by });
        }
        let mut refusal: Option<Refusal<'_>> = None;
        for (index, entry) in self.candidates(module, name, place.reading) {
            let objection = match self.objection(entry, used, place) {
                None => {
                    if let Some(index) = index {
                        usage.mark(index);
                    }
                    return Verdict::AllowedBy(entry);
                }
                Some(objection) => objection,
            };
            // The refusal that came nearest to permitting is the one to tell.
            if refusal.as_ref().is_none_or(|r| nearness(&objection) > nearness(r)) {
                refusal = Some(objection);
            }
        }
        Verdict::RefusedBecause(refusal.unwrap_or_else(|| {
            builtin::find_refused(module, name)
                .map_or(Refusal::NotListed, |refused| Refusal::Unsafe { refused })
        }))
    }

    /// Entries that name the import, the highest layer first, with the index of their mark.
    fn candidates<'a>(
        &'a self,
        module: &str,
        name: &str,
        reading: Loader,
    ) -> impl Iterator<Item = (Option<usize>, &'a Entry)> {
        let own = self.own_places(module, name);
        let torchscript = (reading == Loader::TorchScript
            && (module == "__torch__" || module.starts_with("__torch__.")))
        .then_some(&TORCHSCRIPT);
        let built_in = builtin::position(module, name).filter(|place| self.extends_to(*place));
        let built_in = built_in.and_then(|place| Some((place, builtin::entry(place)?)));
        let first = self.first_built_in();
        own.into_iter()
            .filter_map(|i| self.entries.get(i).map(|e| (Some(i), e)))
            .chain(torchscript.map(|e| (None, e)))
            .chain(built_in.map(move |(i, e)| (Some(first + i), e)))
    }

    /// Where entries of the upper layers stand that name the import, the highest layer first.
    fn own_places(&self, module: &str, name: &str) -> Vec<usize> {
        let start = self.entries.partition_point(|e| (&*e.module, &*e.name) < (module, name));
        let mut own: Vec<usize> = (start..self.entries.len())
            .take_while(|i| self.entries.get(*i).is_some_and(|e| (&*e.module, &*e.name) == (module, name)))
            .collect();
        if pattern::covers_segment(name) {
            own.extend(
                self.stars.iter().filter(|i| self.entries.get(**i).is_some_and(|e| e.module == module)),
            );
        }
        own
    }

    /// Entries of the upper layers that name the import, the highest layer first.
    pub(super) fn own(&self, module: &str, name: &str) -> impl Iterator<Item = &Entry> {
        self.own_places(module, name).into_iter().filter_map(|place| self.entries.get(place))
    }

    /// Whether the entry at this place of the built-in list applies.
    pub(super) fn extends_to(&self, place: usize) -> bool {
        let listed = builtin::list(place).and_then(|list| self.in_force.get(list)).copied();
        listed == Some(true)
            && (self.extends.native_memory || builtin::entry(place).is_some_and(|e| e.risk.is_none()))
    }

    /// Why this entry does not permit the use, if it does not.
    fn objection<'a>(&self, entry: &'a Entry, used: &Use, place: Site<'_>) -> Option<Refusal<'a>> {
        if entry.container.is_some_and(|reading| reading != place.reading) {
            return Some(Refusal::Elsewhere { entry });
        }
        if let Some(bounds) = &entry.bounds {
            if !bounds.hold_for(place.path) {
                return Some(Refusal::Elsewhere { entry });
            }
            if let Some(on) = bounds.expires.filter(|day| *day < self.today) {
                return Some(Refusal::Expired { entry, on });
            }
        }
        if !entry.uses.contains(Uses::needed(used.kind, entry.kind)) {
            return Some(Refusal::OtherUse { entry, used: used.kind });
        }
        if !entry.guarded {
            return None;
        }
        let objection = used.objection.as_ref()?.message.clone();
        Some(Refusal::Guarded { entry, objection })
    }

    /// The pin that accepts content with this hash at this path, if there is one.
    pub fn pin(&self, sha256: &[u8; 32], path: &str, usage: &Usage) -> Option<&Pin> {
        let (index, pin) = self.pins.iter().enumerate().find(|(_, pin)| {
            pin.sha256 == *sha256
                && pin.path.as_ref().is_none_or(|p| p == path)
                && pin.expires.is_none_or(|day| day >= self.today)
        })?;
        usage.mark(self.entries.len() + index);
        Some(pin)
    }

    /// Whether any content is pinned.
    pub fn pins_content(&self) -> bool {
        !self.pins.is_empty()
    }

    /// Whether any content at this path can be pinned, so that its hash is worth computing.
    pub fn pins_content_at(&self, path: &str) -> bool {
        self.pins.iter().any(|pin| pin.path.as_deref().is_none_or(|own| own == path))
    }

    /// The line that excludes this path from scanning, if there is one.
    pub fn excluded(&self, path: &str) -> Option<&Exclude> {
        self.exclude.iter().find(|e| e.matches(path))
    }

    /// Whether the same content may be judged otherwise at another path.
    pub fn looks_at_paths(&self) -> bool {
        let bound = |e: &Entry| e.bounds.as_ref().is_some_and(|b| !b.paths.is_empty());
        !self.exclude.is_empty()
            || self.pins.iter().any(|p| p.path.is_some())
            || self.entries.iter().any(bound)
    }

    /// The level of a rule's findings.
    pub fn level(&self, rule: Rule) -> Level {
        self.set_level(rule).unwrap_or(rule.level())
    }

    /// The level that a file gives a rule, if one does.
    pub fn set_level(&self, rule: Rule) -> Option<Level> {
        self.levels.iter().find(|set| set.rule == rule).map(|set| set.level)
    }

    /// An entry whose name differs by at most a tenth of its letters, for the message of a refusal.
    pub fn near(&self, module: &str, name: &str) -> Option<&Entry> {
        let wanted = format!("{module}.{name}");
        if wanted.len() > 200 {
            return None;
        }
        let letters = Letters::of(&[&wanted]);
        let likeness = |entry: &Entry| {
            let edits = wanted.len().max(entry.module.len() + 1 + entry.name.len()) / 10;
            if letters.distance(&Letters::of(&[&entry.module, ".", &entry.name])) > edits {
                return 0.0;
            }
            strsim::normalized_damerau_levenshtein(&entry.import(), &wanted)
        };
        self.all()
            .map(|e| (likeness(e), e))
            .filter(|(likeness, _)| *likeness >= 0.9)
            .max_by(|a, b| a.0.total_cmp(&b.0))
            .map(|(_, e)| e)
    }

    /// Every entry in force, upper layers first.
    pub fn all<'a>(&'a self) -> impl Iterator<Item = &'a Entry> + 'a {
        let built_in = (0..builtin::count()).filter(|place| self.extends_to(*place));
        self.entries.iter().chain(built_in.filter_map(|place| -> Option<&'a Entry> { builtin::entry(place) }))
    }

    /// The parts of the built-in list that apply.
    pub fn extends(&self) -> &Extends {
        &self.extends
    }

    /// The line that refuses every pickle, if there is one: no layer can take it back.
    pub fn no_pickles(&self) -> Option<&NoPickles> {
        self.no_pickles.as_ref()
    }

    /// Every level that a rule is given, the ones that win first.
    pub fn levels(&self) -> &[SetLevel] {
        &self.levels
    }

    /// Every `deny`.
    pub fn denied(&self) -> &[Deny] {
        &self.deny
    }

    /// Every pin.
    pub fn pins(&self) -> &[Pin] {
        &self.pins
    }

    /// Every `exclude`.
    pub fn excludes(&self) -> &[Exclude] {
        &self.exclude
    }

    /// Entries of the upper layers that allowed nothing while `usage` was marked.
    pub fn unused<'a>(&'a self, usage: &'a Usage) -> impl Iterator<Item = &'a Entry> {
        self.entries.iter().enumerate().filter(|(i, _)| !usage.is_marked(*i)).map(|(_, e)| e)
    }

    /// Pins that accepted nothing while `usage` was marked.
    pub fn unused_pins<'a>(&'a self, usage: &'a Usage) -> impl Iterator<Item = &'a Pin> {
        let first = self.entries.len();
        self.pins.iter().enumerate().filter(move |(i, _)| !usage.is_marked(first + i)).map(|(_, p)| p)
    }

    /// The day against which entries expire.
    pub fn today(&self) -> Date {
        self.today
    }

    /// Why the built-in list leaves this import out, if it was judged.
    pub fn refused(&self, module: &str, name: &str) -> Option<Refused> {
        builtin::find_refused(module, name)
    }
}

/// How often each letter occurs, to tell cheaply that two names are far apart.
struct Letters([u8; 32]);

impl Letters {
    fn of(parts: &[&str]) -> Letters {
        let mut counts = [0u8; 32];
        for byte in parts.iter().flat_map(|part| part.bytes()) {
            if let Some(count) = counts.get_mut(usize::from(byte) % 32) {
                *count = count.saturating_add(1);
            }
        }
        Letters(counts)
    }

    /// No more than the edits that make one name of the other.
    fn distance(&self, other: &Letters) -> usize {
        let pairs = || self.0.iter().zip(&other.0);
        let over: usize = pairs().map(|(a, b)| usize::from(a.saturating_sub(*b))).sum();
        let under: usize = pairs().map(|(a, b)| usize::from(b.saturating_sub(*a))).sum();
        over.max(under)
    }
}

/// How near a refusal came to a permission.
fn nearness(refusal: &Refusal<'_>) -> u8 {
    match refusal {
        Refusal::NotListed | Refusal::Unsafe { .. } | Refusal::Denied { .. } => 0,
        Refusal::Elsewhere { .. } => 1,
        Refusal::OtherUse { used: UseKind::CallResult, .. } => 2,
        Refusal::OtherUse { .. } => 3,
        Refusal::Expired { .. } => 4,
        Refusal::Guarded { .. } => 5,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::facts::Objection;

    fn file(text: &str, layer: Layer) -> PolicyFile {
        PolicyFile::parse(text.as_bytes(), "x.yaml", layer).unwrap_or_else(|e| panic!("{e}"))
    }

    fn repository(text: &str) -> Policy {
        Policy::new([file(text, Layer::Repository)], day("2026-11-23"))
    }

    fn day(text: &str) -> Date {
        Date::parse(text).unwrap_or_else(|| panic!("{text}"))
    }

    fn used(kind: UseKind) -> Use {
        Use { kind, offset: 0, opcode: "REDUCE", count: 1, objection: None }
    }

    fn allows(policy: &Policy, import: (&str, &str), kind: UseKind, path: &str) -> bool {
        let place = Site { path, reading: Loader::Pickle };
        let verdict = policy.decide(import.0, import.1, &used(kind), place, &policy.usage());
        matches!(verdict, Verdict::AllowedBy(_))
    }

    #[test]
    fn uses_are_judged_one_by_one() {
        let policy = Policy::built_in();
        let ndarray = ("numpy", "ndarray");
        assert!(allows(&policy, ndarray, UseKind::Reference, "x"));
        for kind in
            [UseKind::Create, UseKind::Instantiate, UseKind::Call, UseKind::State, UseKind::CallResult]
        {
            assert!(!allows(&policy, ndarray, kind, "x"), "{kind:?}");
        }
        // OBJ without arguments makes an instance of a class and calls a function.
        assert!(allows(&policy, ("collections", "OrderedDict"), UseKind::Instantiate, "x"));
        assert!(allows(&policy, ("torch._utils", "_rebuild_parameter"), UseKind::Instantiate, "x"));
        assert!(!allows(&policy, ("torch._utils", "_rebuild_parameter"), UseKind::Reference, "x"));
        assert!(!allows(&policy, ("collections", "OrderedDict"), UseKind::CallResult, "x"));
    }

    #[test]
    fn the_pair_matches_exactly() {
        let policy = Policy::built_in();
        for import in [
            ("numpy.dtype", ""),
            ("", "numpy.dtype"),
            ("num", "py.dtype"),
            ("numpy", "Dtype"),
            ("numpy", "dtype "),
            ("numpy.", "dtype"),
            ("torch", "_utils._rebuild_tensor_v2"),
            ("torch._utils._rebuild_tensor_v2", "__call__"),
            ("torch._utils", "_rebuild_tensor_v2.__globals__"),
            ("collections", "OrderedDict.fromkeys"),
            ("collections\u{200b}", "OrderedDict"),
        ] {
            assert!(!allows(&policy, import, UseKind::Call, "x"), "{import:?}");
        }
    }

    #[test]
    fn deny_wins_in_every_layer() {
        let deny = "deny: [torch.storage._load_from_bytes]";
        let allow = "allow: [{import: torch.storage._load_from_bytes, kind: function, reason: x}]";
        let import = ("torch.storage", "_load_from_bytes");
        assert!(allows(&Policy::built_in(), import, UseKind::Call, "x"));
        for (low, high) in [(deny, ""), ("", deny), (deny, allow), (allow, deny)] {
            let files = [file(high, Layer::CommandLine), file(low, Layer::Repository)];
            assert!(
                !allows(&Policy::new(files, day("2026-11-23")), import, UseKind::Call, "x"),
                "{low} / {high}"
            );
        }
    }

    #[test]
    fn deny_wins_in_its_own_file_and_with_every_pattern() {
        let model = ("ours.models", "Ranker");
        for deny in ["ours.models.Ranker", "ours.models.*", "ours.models.**", "ours.**", "'ours:models.**'"] {
            let allow = "allow: [{import: ours.models.Ranker, reason: x}]\n";
            assert!(allows(&repository(allow), model, UseKind::Create, "x"));
            let text = format!("{allow}deny: {deny}\n");
            let Ok(parsed) = PolicyFile::parse(text.as_bytes(), "x", Layer::Repository) else {
                assert!(deny.contains(':'), "{deny}");
                continue;
            };
            let policy = Policy::new([parsed], day("2026-11-23"));
            assert!(!allows(&policy, model, UseKind::Create, "x"), "{deny}");
            // By the other spelling it is the same object.
            let other = allows(&policy, ("ours", "models.Ranker"), UseKind::Create, "x");
            assert!(!other, "{deny}");
        }
    }

    #[test]
    fn an_entry_allows_its_name_and_nothing_above_beneath_or_beside() {
        let policy = repository(
            "allow:\n  - {import: ours.models, reason: x}\n  - {import: ours.nets.Net, reason: x}\n  - {import: ours.all.*, reason: x}\n",
        );
        for (module, name) in [("ours", "models"), ("ours.nets", "Net"), ("ours.all", "Any")] {
            assert!(allows(&policy, (module, name), UseKind::Create, "x"), "{module}.{name}");
        }
        for (module, name) in [
            ("ours.models", "Ranker"),
            ("ours", "models.Ranker"),
            ("ours.nets", "Net.load"),
            ("ours.nets.Net", "load"),
            ("ours.nets", "net"),
            ("ours.nets", "Net\0"),
            ("ours.nets", "Nеt"),
            ("ours.all", "Any.thing"),
            ("ours.all", "__builtins__"),
            ("ours.all.sub", "Any"),
            ("ours.all", ""),
            ("ours.all", "Any\n"),
        ] {
            assert!(!allows(&policy, (module, name), UseKind::Create, "x"), "{module}.{name:?}");
        }
        assert!(!allows(&policy, ("ours", "all"), UseKind::Create, "x"));
    }

    #[test]
    fn of_two_policy_files_the_later_says_what_it_extends_and_the_level() {
        let one = "extends: none\nlevels: {unused-allow: error}\nallow: [{import: ours.A, reason: x}]\n";
        let two = "extends: ml\nlevels: {unused-allow: note}\nallow: [{import: ours.B, reason: x}]\n";
        for (files, level, dict) in [
            ([file(one, Layer::CommandLine), file(two, Layer::CommandLine)], Level::Note, true),
            ([file(two, Layer::CommandLine), file(one, Layer::CommandLine)], Level::Error, false),
            // The layer counts before the order.
            ([file(one, Layer::CommandLine), file(two, Layer::Repository)], Level::Error, false),
        ] {
            let policy = Policy::new(files, day("2026-11-23"));
            assert_eq!(policy.level(Rule::UnusedAllow), level);
            assert_eq!(allows(&policy, ("collections", "OrderedDict"), UseKind::Call, "x"), dict);
            for name in ["A", "B"] {
                assert!(allows(&policy, ("ours", name), UseKind::Create, "x"), "{name}");
            }
        }
    }

    #[test]
    fn entries_are_bound_to_paths_and_days() {
        let text = "allow: [{import: ours.Model, reason: x, paths: ['m/**'], expires: 2026-11-23}]";
        let model = ("ours", "Model");
        assert!(allows(&repository(text), model, UseKind::Create, "m/a.pt"));
        assert!(!allows(&repository(text), model, UseKind::Create, "n/a.pt"));
        let later = Policy::new([file(text, Layer::Repository)], day("2026-11-24"));
        assert!(!allows(&later, model, UseKind::Create, "m/a.pt"));
    }

    #[test]
    fn extends_chooses_the_built_in_lists_and_the_highest_file_decides() {
        let dict = ("collections", "OrderedDict");
        let csr = ("scipy.sparse._csr", "csr_matrix");
        for (text, dict_allowed, csr_allowed) in [
            ("", true, true),
            ("extends: [ml]", true, true),
            ("extends: [core]", true, false),
            ("extends: [none]", false, false),
            ("extends: []", false, false),
            ("extends: [scipy]", false, true),
            ("extends: [ml, -native-memory]", true, false),
            ("extends: [ml, -python]", false, true),
        ] {
            let policy = repository(text);
            assert_eq!(allows(&policy, dict, UseKind::Call, "x"), dict_allowed, "{text}");
            assert_eq!(allows(&policy, csr, UseKind::Create, "x"), csr_allowed, "{text}");
        }
        let files = [file("extends: [ml]", Layer::CommandLine), file("extends: [none]", Layer::Repository)];
        assert!(allows(&Policy::new(files, day("2026-11-23")), dict, UseKind::Call, "x"));
    }

    #[test]
    fn an_own_entry_widens_the_built_in_one_and_keeps_its_guard() {
        let policy = repository(
            "allow:\n  - {import: numpy.ndarray, use: [call], reason: x}\n  - {import: numpy.dtype, reason: x}\n",
        );
        assert!(allows(&policy, ("numpy", "ndarray"), UseKind::Call, "x"));
        assert!(allows(&policy, ("numpy", "ndarray"), UseKind::Reference, "x"));
        let objection = Objection { offset: 3, message: "fields overlap".into() };
        let odd = Use { objection: Some(objection), ..used(UseKind::State) };
        let place = Site { path: "x", reading: Loader::Pickle };
        let usage = policy.usage();
        let verdict = policy.decide("numpy", "dtype", &odd, place, &usage);
        assert!(matches!(verdict, Verdict::RefusedBecause(Refusal::Guarded { .. })), "{verdict:?}");
        let bare = repository("allow: [{import: numpy.dtype, guard: none, reason: x}]");
        assert!(matches!(bare.decide("numpy", "dtype", &odd, place, &bare.usage()), Verdict::AllowedBy(_)));
    }

    #[test]
    fn torchscript_names_hold_inside_their_archive_only() {
        let policy = Policy::built_in();
        for (module, name, kind) in [
            ("__torch__.vad.Model", "X", UseKind::Create),
            ("__torch__", "Net", UseKind::Create),
            ("torch.jit._pickle", "build_intlist", UseKind::Call),
        ] {
            let decide = |reading| {
                let place = Site { path: "x", reading };
                matches!(
                    policy.decide(module, name, &used(kind), place, &policy.usage()),
                    Verdict::AllowedBy(_)
                )
            };
            assert!(decide(Loader::TorchScript), "{module}");
            for reading in [Loader::Pickle, Loader::Torch, Loader::Joblib] {
                assert!(!decide(reading), "{module} {reading:?}");
            }
        }
        let place = Site { path: "x", reading: Loader::TorchScript };
        for module in ["__torch__evil", "os"] {
            let verdict = policy.decide(module, "system", &used(UseKind::Create), place, &policy.usage());
            assert!(matches!(verdict, Verdict::RefusedBecause(_)), "{module}");
        }
    }

    #[test]
    fn what_allowed_nothing_is_known_afterwards() {
        let policy = repository(
            "allow:\n  - {import: ours.A, reason: x}\n  - {import: ours.B, reason: x}\n  - {import: ours.sub.*, reason: x}\n",
        );
        let usage = policy.usage();
        let place = Site { path: "x", reading: Loader::Pickle };
        policy.decide("ours", "B", &used(UseKind::Create), place, &usage);
        policy.decide("ours.sub", "C", &used(UseKind::Create), place, &usage);
        policy.decide("ours", "A", &used(UseKind::CallResult), place, &usage);
        assert_eq!(policy.unused(&usage).map(Entry::import).collect::<Vec<_>>(), ["ours.A"]);
    }

    #[test]
    fn pins_hold_for_their_content_path_and_time() {
        let hash = "3b5d5c3712955042212316173ccf37be800a13a7ec8e3f2d0e8f6f6d8c1c9d2a";
        let policy = repository(&format!(
            "files: [{{sha256: {hash}, path: a/old.pkl, expires: 2026-11-23, reason: x}}]"
        ));
        let mut bytes = [0; 32];
        for (i, byte) in bytes.iter_mut().enumerate() {
            *byte = u8::from_str_radix(&hash[2 * i..2 * i + 2], 16).unwrap_or_default();
        }
        let usage = policy.usage();
        assert_eq!(policy.unused_pins(&usage).count(), 1);
        assert!(policy.pin(&bytes, "b/old.pkl", &usage).is_none());
        assert!(policy.pin(&[0; 32], "a/old.pkl", &usage).is_none());
        assert_eq!(policy.unused_pins(&usage).count(), 1);
        assert!(policy.pin(&bytes, "a/old.pkl", &usage).is_some());
        assert_eq!(policy.unused_pins(&usage).count(), 0);
        // Nothing else is worth a hash.
        assert!(policy.pins_content_at("a/old.pkl") && !policy.pins_content_at("b/large.pt"));
    }

    #[test]
    fn near_names_are_found_and_far_ones_are_not() {
        let policy = Policy::built_in();
        let near = |module, name| policy.near(module, name).map(Entry::import);
        assert_eq!(
            near("torch._utils", "_rebuild_tensor_v9")
                .as_deref()
                .map(|i| i.starts_with("torch._utils._rebuild")),
            Some(true)
        );
        assert_eq!(
            near("numpy.core.multiarray", "_reconstuct").as_deref(),
            Some("numpy.core.multiarray._reconstruct")
        );
        assert_eq!(near("os", "system"), None);
    }
}
