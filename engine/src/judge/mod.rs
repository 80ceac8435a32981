//! Facts and policy to findings. Pure: it reads no bytes and asks no repository. Nothing else decides the level of
//! a finding.

mod file;
mod refusal;
#[cfg(test)]
mod told;

#[doc(hidden)]
pub use file::{broken_policy, checkout, excluded_target, file, policy_file};
#[doc(hidden)]
pub use refusal::wanted;

use crate::facts::{Code, Facts, Fault, Import, Loader, Name, Runs, Stream, Use, UseKind};
use crate::finding::{EntryRole, Finding};
use crate::path::BlobPath;
use crate::policy::{Policy, Refusal, Site, Usage, Verdict};
use crate::rule::{Level, Rule};
use refusal::{at, denied_by, done, entry_of, entry_ref, help, message, reason, why};

/// Refusals of one blob for which a similar entry is looked up: the search walks the whole list.
const NEAR_LOOKUPS: usize = 16;

/// Everything about one blob that the policy does not permit or that is wrong with it.
///
/// One finding for each import of a stream, for the worst of the uses that are refused, and one for
/// each fault. `sha256` is the hash of the content, wanted where [`Policy::pins_content_at`]: pinned
/// content has no findings. Entries that allowed something are marked in `usage`.
pub fn judge(
    facts: &Facts,
    path: &BlobPath,
    sha256: Option<&[u8; 32]>,
    policy: &Policy,
    usage: &Usage,
) -> Vec<Finding> {
    let text = path.to_lossy();
    if sha256.is_some_and(|hash| policy.pin(hash, &text, usage).is_some()) {
        return Vec::new();
    }
    let judge = Judge { path, text: &text, policy, usage };
    let mut findings = Vec::new();
    let mut lookups = NEAR_LOOKUPS;
    for stream in &facts.streams {
        let first = findings.len();
        findings.extend(judge.pickle(stream));
        for import in &stream.imports {
            findings.extend(judge.import(stream, import, &mut lookups));
        }
        findings.extend(stream.faults.iter().map(|fault| judge.fault(&stream.member, fault)));
        if stream.converted {
            findings.iter_mut().skip(first).for_each(|finding| finding.help = Some(restored(&text)));
        }
    }
    findings.extend(facts.code.iter().filter_map(|code| judge.code(code)));
    findings.extend(facts.faults.iter().map(|f| judge.fault(&f.member, &f.fault)));
    findings.sort_by(|a, b| {
        (&a.member, a.offset, a.rule, &a.import).cmp(&(&b.member, b.offset, b.rule, &b.import))
    });
    // Bytes that are read under two readings say the same twice.
    findings.dedup_by(|a, b| {
        (a.rule, &a.member, a.offset, &a.import, &a.message)
            == (b.rule, &b.member, b.offset, &b.import, &b.message)
    });
    findings
}

/// Whether there is anything to find in a stream. Most of the time there is not, and asking is cheap.
pub(crate) fn is_worth_a_word(stream: &Stream, path: &BlobPath, policy: &Policy, usage: &Usage) -> bool {
    let judge = Judge { path, text: &path.to_lossy(), policy, usage };
    !stream.faults.is_empty()
        || policy.no_pickles().is_some()
        || stream.imports.iter().any(|import| judge.worst(stream, import).is_some())
}

/// What the policy says of an import, over everything one stream does with it: the entry that allows
/// it, or why it is refused.
pub fn ruling(
    stream: &Stream,
    import: &Import,
    path: &BlobPath,
    policy: &Policy,
    usage: &Usage,
) -> (bool, String) {
    let judge = Judge { path, text: &path.to_lossy(), policy, usage };
    if let Some((used, refusal)) = judge.worst(stream, import) {
        let by = entry_of(&refusal).map(|entry| entry_ref(entry, EntryRole::FallsShort));
        let by = by.or_else(|| denied_by(&refusal)).map(|by| format!(" [{}]", by.place()));
        return (false, format!("{}: {}{}", done(used.kind), why(&refusal), by.unwrap_or_default()));
    }
    let reference = reference(import);
    let used = import.uses.first().unwrap_or(&reference);
    let place = Site { path: judge.text, reading: stream.reading };
    match policy.decide(&import.module, &import.name, used, place, usage) {
        Verdict::AllowedBy(entry) => {
            (true, format!("{} ({})", at(&entry.source, entry.line), entry.layer.as_str()))
        }
        Verdict::RefusedBecause(refusal) => (false, why(&refusal)),
    }
}

/// An import that nothing was done with counts as a reference.
fn reference(import: &Import) -> Use {
    Use { kind: UseKind::Reference, offset: import.offset, opcode: import.opcode, count: 1, objection: None }
}

struct Judge<'j> {
    path: &'j BlobPath,
    text: &'j str,
    policy: &'j Policy,
    usage: &'j Usage,
}

impl Judge<'_> {
    /// The worst use of an import that is refused, and why.
    fn worst(&self, stream: &Stream, import: &Import) -> Option<(Use, Refusal<'_>)> {
        let place = Site { path: self.text, reading: stream.reading };
        let unused = reference(import);
        let uses = if import.uses.is_empty() { std::slice::from_ref(&unused) } else { &import.uses[..] };
        let mut worst: Option<(&Use, Refusal<'_>)> = None;
        for used in uses {
            let verdict = self.policy.decide(&import.module, &import.name, used, place, self.usage);
            if let Verdict::RefusedBecause(refusal) = verdict
                && worst.as_ref().is_none_or(|(w, _)| weight(used.kind) > weight(w.kind))
            {
                worst = Some((used, refusal));
            }
        }
        worst.map(|(used, refusal)| (used.clone(), refusal))
    }

    /// The finding about a stream in a repository that wants none.
    fn pickle(&self, stream: &Stream) -> Option<Finding> {
        let by = self.policy.no_pickles()?;
        let rule = Rule::PickleNotAllowed;
        let message = format!("a pickle, and `pickles: none` stands in {}", at(&by.source, Some(by.line)));
        Some(Finding {
            level: self.policy.level(rule),
            member: stream.member.clone(),
            offset: Some(stream.start),
            help: rule.advice().map(str::to_owned),
            ..Finding::new(rule, self.path.clone(), message)
        })
    }

    /// The finding about one import of a stream, if any of its uses is refused.
    fn import(&self, stream: &Stream, import: &Import, lookups: &mut usize) -> Option<Finding> {
        let (used, refusal) = self.worst(stream, import)?;
        let near = match refusal {
            Refusal::NotListed if *lookups > 0 => {
                *lookups -= 1;
                self.policy.near(&import.module, &import.name)
            }
            _ => None,
        };
        let offset = match &refusal {
            Refusal::Guarded { .. } => used.objection.as_ref().map_or(used.offset, |o| o.offset),
            _ => used.offset,
        };
        let message = message(import, used.kind, &refusal);
        Some(Finding {
            level: self.policy.level(Rule::ImportNotAllowed),
            member: stream.member.clone(),
            offset: Some(offset),
            import: Some(import.dotted()),
            reason: Some(reason(&refusal)),
            help: Some(help(self.text, stream, import, &refusal, near)),
            entry: entry_of(&refusal)
                .map(|entry| entry_ref(entry, EntryRole::FallsShort))
                .or_else(|| near.map(|entry| entry_ref(entry, EntryRole::Near)))
                .or_else(|| denied_by(&refusal)),
            ..Finding::new(Rule::ImportNotAllowed, self.path.clone(), message)
        })
    }

    /// The finding about code that is no pickle. A name that some entry permits is as good in configuration.
    fn code(&self, code: &Code) -> Option<Finding> {
        let place = Site { path: self.text, reading: Loader::Pickle };
        let verdict = |name: &Name, kind| {
            let used = Use { kind, offset: code.offset, opcode: "", count: 1, objection: None };
            self.policy.decide(&name.module, &name.name, &used, place, self.usage)
        };
        let kinds = [UseKind::Create, UseKind::Call, UseKind::Reference];
        let verdicts: Vec<Verdict<'_>> =
            code.name.iter().flat_map(|name| kinds.map(|kind| verdict(name, kind))).collect();
        if verdicts.iter().any(|verdict| matches!(verdict, Verdict::AllowedBy(_))) {
            return None;
        }
        let refused = verdicts
            .iter()
            .any(|v| matches!(v, Verdict::RefusedBecause(Refusal::Unsafe { .. } | Refusal::Denied { .. })));
        let most = match code.runs {
            Runs::ByDefault => Level::Error,
            Runs::IfTrusted if refused => Level::Error,
            Runs::IfTrusted | Runs::IfAsked => Level::Warning,
        };
        let when = match code.runs {
            Runs::ByDefault => "loading runs it",
            Runs::IfTrusted => "loading imports it where the caller trusts it",
            Runs::IfAsked => "no loader runs it unasked",
        };
        Some(Finding {
            level: self.policy.level(Rule::ModelCode).min(most),
            member: code.member.clone(),
            offset: Some(code.offset),
            import: code.name.as_ref().map(|name| format!("{}.{}", name.module, name.name)),
            help: Rule::ModelCode.advice().map(str::to_owned),
            ..Finding::new(Rule::ModelCode, self.path.clone(), format!("{}: {when}", code.message))
        })
    }

    fn fault(&self, member: &str, fault: &Fault) -> Finding {
        Finding {
            level: self.policy.level(fault.rule),
            member: member.to_owned(),
            offset: Some(fault.offset),
            import: fault.import.clone(),
            help: fault.rule.advice().map(str::to_owned),
            ..Finding::new(fault.rule, self.path.clone(), &*fault.message)
        }
    }
}

/// What to do about a pickle whose line ends were changed.
fn restored(path: &str) -> String {
    let named = path.rsplit('/').next().and_then(|name| name.rsplit_once('.')).map_or("", |(_, end)| end);
    let plain = !named.is_empty() && named.bytes().all(|b| b.is_ascii_alphanumeric());
    let pattern = if plain { format!("*.{named}") } else { "its path".to_owned() };
    format!(
        "its line ends were changed from LF to CR LF, which breaks a pickle: restore the file, and mark it as binary in \
         .gitattributes (`{pattern} binary`) so that git leaves it alone"
    )
}

/// Which of several refused uses is told: the one that does most.
fn weight(kind: UseKind) -> u8 {
    match kind {
        UseKind::Reference => 0,
        UseKind::State => 1,
        UseKind::Items => 2,
        UseKind::CallResult => 3,
        UseKind::Create => 4,
        UseKind::Instantiate => 5,
        UseKind::Call => 6,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::facts::{Ending, Loader, MemberFault, Objection, StorageId};
    use crate::policy::file::PolicyFile;
    use crate::policy::{Date, Layer};
    use crate::rule::Level;

    pub(super) fn used(kind: UseKind, offset: u64) -> Use {
        Use { kind, offset, opcode: "REDUCE", count: 1, objection: None }
    }

    pub(super) fn import(module: &str, name: &str, uses: Vec<Use>) -> Import {
        Import {
            module: module.into(),
            name: name.into(),
            raw_module: module.into(),
            raw_name: name.into(),
            offset: 2,
            opcode: "GLOBAL",
            uses,
        }
    }

    fn stream(imports: Vec<Import>) -> Stream {
        Stream { imports, ending: Ending::Stop, ..Stream::default() }
    }

    fn judged(streams: Vec<Stream>, policy: &Policy) -> Vec<Finding> {
        let facts = Facts { streams, ..Facts::default() };
        judge(&facts, &BlobPath::new("m/x.pkl"), None, policy, &policy.usage())
    }

    pub(super) fn policy(text: &str) -> Policy {
        let file = PolicyFile::parse(text.as_bytes(), ".fickgate.yaml", Layer::Repository)
            .unwrap_or_else(|e| panic!("{e}"));
        Policy::new([file], Date::parse("2026-11-23").unwrap_or_else(|| panic!("date")))
    }

    #[test]
    fn one_finding_an_import_for_the_worst_use() {
        let uses = vec![used(UseKind::Reference, 2), used(UseKind::State, 9), used(UseKind::Call, 7)];
        let found = judged(vec![stream(vec![import("os", "system", uses)])], &Policy::built_in());
        assert_eq!(found.len(), 1);
        assert_eq!(
            (found[0].rule, found[0].level, found[0].offset),
            (Rule::ImportNotAllowed, Level::Error, Some(7))
        );
        assert!(found[0].message.contains("`os.system` is called"), "{}", found[0].message);
    }

    #[test]
    fn permitted_uses_do_not_hide_a_refused_one() {
        let uses = vec![used(UseKind::Reference, 2), used(UseKind::Call, 7)];
        let found = judged(vec![stream(vec![import("numpy", "ndarray", uses)])], &Policy::built_in());
        assert_eq!(
            found[0].message,
            "`numpy.ndarray` is called: the trigger `call` is closed: the built-in list permits reference only"
        );
        assert_eq!(found[0].entry.as_ref().map(|e| e.source.as_str()), Some("allowlists/numpy.yaml"));
    }

    #[test]
    fn an_import_without_uses_is_a_reference() {
        let found = judged(vec![stream(vec![import("ours", "Model", vec![])])], &Policy::built_in());
        assert_eq!(found[0].offset, Some(2));
        assert_eq!(
            found[0].help.as_deref(),
            Some(
                "nobody has judged it: look at it with `fickgate explain m/x.pkl`; if it is yours and safe: \
                 `fickgate allow ours.Model --reason WHY`"
            )
        );
        assert!(
            judged(vec![stream(vec![import("numpy", "ndarray", vec![])])], &Policy::built_in()).is_empty()
        );
    }

    #[test]
    fn the_help_allows_exactly_what_is_done() {
        let called = import("ours", "Model", vec![used(UseKind::Call, 5), used(UseKind::State, 6)]);
        let found = judged(vec![stream(vec![called.clone()])], &Policy::built_in());
        let help = found[0].help.clone().unwrap_or_default();
        assert!(help.contains("`fickgate allow ours.Model --use call,state --reason WHY`"), "{help}");
        let allowed = policy("allow: [{import: ours.Model, use: [call, state], reason: x}]");
        assert!(judged(vec![stream(vec![called.clone()])], &allowed).is_empty());
        let narrow = policy("allow:\n  - import: ours.Model\n    reason: x\n");
        let found = judged(vec![stream(vec![called])], &narrow);
        assert_eq!(
            found[0].help.as_deref(),
            Some(
                "if that is meant, write `use: [reference, create, call, state, items]` in .fickgate.yaml:2"
            )
        );
    }

    #[test]
    fn names_that_no_shell_should_see_are_not_in_a_command() {
        for name in ["$(reboot)", "a b", "x;y", "naïve", "a`b"] {
            let found = judged(vec![stream(vec![import("ours", name, vec![])])], &Policy::built_in());
            assert!(!found[0].help.as_deref().unwrap_or("").contains("allow ours"), "{name}");
        }
    }

    #[test]
    fn tensors_are_led_to_safetensors() {
        let mut model = stream(vec![import("ours", "Net", vec![used(UseKind::Create, 1)])]);
        let storage =
            StorageId { class: "FloatStorage".into(), key: "0".into(), elements: Some(1), offset: 3 };
        model.storages.push(storage);
        let found = judged(vec![model], &Policy::built_in());
        assert!(found[0].help.as_deref().unwrap_or("").contains("safetensors"));
    }

    #[test]
    fn what_was_judged_and_refused_says_why() {
        let eval = Import {
            raw_module: "__builtin__".into(),
            ..import("builtins", "eval", vec![used(UseKind::Call, 7)])
        };
        let found = judged(vec![stream(vec![eval])], &Policy::built_in());
        assert_eq!(
            found[0].message,
            "`builtins.eval` (written `__builtin__.eval`) is called: it executes code that the pickle brings or names"
        );
        assert_eq!(found[0].entry.as_ref().map(|e| e.source.as_str()), Some("allowlists/refused.yaml"));
    }

    #[test]
    fn a_guard_speaks_at_its_own_offset() {
        let mut state = used(UseKind::State, 30);
        state.objection = Some(Objection { offset: 44, message: "a field lies outside the item".into() });
        let found = judged(
            vec![stream(vec![import("numpy", "dtype", vec![used(UseKind::Call, 5), state])])],
            &Policy::built_in(),
        );
        assert_eq!(found[0].offset, Some(44));
        assert!(found[0].message.ends_with("a field lies outside the item"), "{}", found[0].message);
    }

    #[test]
    fn faults_are_findings_at_the_level_of_the_policy() {
        let fault = |rule| Fault { rule, offset: 4, message: "odd".into(), import: None };
        let mut broken = stream(vec![]);
        broken.faults.push(fault(Rule::StreamMalformed));
        let facts = Facts {
            streams: vec![broken],
            faults: vec![MemberFault { member: "a.zip".into(), fault: fault(Rule::ContainerUnreadable) }],
            forms: vec![],
            ..Facts::default()
        };
        let policy = policy("levels: {container-unreadable: warning}");
        let found = judge(&facts, &BlobPath::new("x"), None, &policy, &policy.usage());
        let levels: Vec<_> = found.iter().map(|f| (f.member.as_str(), f.rule, f.level)).collect();
        assert_eq!(
            levels,
            [("", Rule::StreamMalformed, Level::Error), ("a.zip", Rule::ContainerUnreadable, Level::Warning)]
        );
    }

    #[test]
    fn two_readings_of_the_same_bytes_say_it_once() {
        let one = stream(vec![import("ours", "Model", vec![used(UseKind::Create, 5)])]);
        let other = Stream { reading: Loader::Joblib, ..one.clone() };
        assert_eq!(judged(vec![one, other], &Policy::built_in()).len(), 1);
    }

    #[test]
    fn pinned_content_has_no_findings() {
        let policy = policy(&format!("files: [{{sha256: {}, reason: x}}]", "00".repeat(32)));
        let facts = Facts { streams: vec![stream(vec![import("os", "system", vec![])])], ..Facts::default() };
        let path = BlobPath::new("x");
        assert!(judge(&facts, &path, Some(&[0; 32]), &policy, &policy.usage()).is_empty());
        assert_eq!(judge(&facts, &path, Some(&[1; 32]), &policy, &policy.usage()).len(), 1);
    }
}
