//! What findings tell beside their rule: where, of what, why, and what to do about it.

use super::tests::{import, policy, used};
use super::*;
use crate::facts::FileFault;
use crate::finding::Reason;

fn judged(stream: Stream, path: &str, policy: &Policy) -> Vec<Finding> {
    let facts = Facts { streams: vec![stream], ..Facts::default() };
    judge(&facts, &BlobPath::new(path), None, policy, &policy.usage())
}

/// What is told of one import, of which this is done.
fn told(module: &str, name: &str, kind: UseKind, policy: &Policy) -> Finding {
    let stream = Stream { imports: vec![import(module, name, vec![used(kind, 7)])], ..Stream::default() };
    let mut found = judged(stream, "m/x.pkl", policy);
    assert_eq!(found.len(), 1, "{module}.{name}");
    found.remove(0)
}

fn help_of(finding: &Finding) -> &str {
    finding.help.as_deref().unwrap_or_default()
}

#[test]
fn where_no_pickles_are_wanted_each_stream_is_told() {
    let stream = Stream { member: "a.zip!b".into(), start: 7, ..Stream::default() };
    let found = judged(stream.clone(), "x", &policy("pickles: none"));
    assert_eq!(found.len(), 1);
    assert_eq!(
        (found[0].rule, found[0].level, found[0].member.as_str(), found[0].offset),
        (Rule::PickleNotAllowed, Level::Error, "a.zip!b", Some(7))
    );
    assert!(found[0].message.contains(".fickgate.yaml:1"), "{}", found[0].message);
    assert_eq!(found[0].help.as_deref(), Rule::PickleNotAllowed.advice());
    assert!(judged(stream, "x", &Policy::built_in()).is_empty());
}

#[test]
fn of_two_uses_that_weigh_the_same_the_first_is_told() {
    let uses = vec![used(UseKind::Call, 9), used(UseKind::Call, 12)];
    let stream = Stream { imports: vec![import("os", "system", uses)], ..Stream::default() };
    assert_eq!(judged(stream, "x", &Policy::built_in())[0].offset, Some(9));
}

#[test]
fn a_refused_import_says_where_it_is_and_why() {
    let member = "data.zip!m.pkl";
    let imports = vec![import("os", "system", vec![used(UseKind::Call, 7)])];
    let found =
        judged(Stream { member: member.into(), imports, ..Stream::default() }, "x", &Policy::built_in());
    assert_eq!((found[0].member.as_str(), found[0].import.as_deref()), (member, Some("os.system")));

    let built_in = Policy::built_in();
    let reason = |module, name, kind| told(module, name, kind, &built_in).reason;
    assert_eq!(reason("os", "system", UseKind::Call), Some(Reason::Dangerous));
    // A partial that binds runs nothing by itself: refused, and not said to be an attack.
    assert_eq!(reason("functools", "partialmethod", UseKind::Call), Some(Reason::Refused));
    assert_eq!(reason("numpy", "ndarray", UseKind::Call), Some(Reason::Refused));
    assert_eq!(reason("ours", "Model", UseKind::Call), Some(Reason::Unknown));
}

#[test]
fn what_is_dangerous_is_never_to_be_pinned() {
    let built_in = Policy::built_in();
    let dangerous = told("builtins", "eval", UseKind::Call, &built_in);
    assert!(help_of(&dangerous).starts_with("do not load this file"), "{}", help_of(&dangerous));
    assert!(!help_of(&dangerous).contains("--pin"));
    let refused = told("functools", "partialmethod", UseKind::Call, &built_in);
    assert!(help_of(&refused).contains("`fickgate allow --pin m/x.pkl`"), "{}", help_of(&refused));
    let closed = told("numpy", "ndarray", UseKind::Call, &built_in);
    assert!(help_of(&closed).contains("`fickgate allow --pin m/x.pkl`"), "{}", help_of(&closed));
}

#[test]
fn an_entry_for_archives_of_torchscript_says_that_it_is_for_them_alone() {
    let found = told("torch.jit._pickle", "build_intlist", UseKind::Call, &Policy::built_in());
    assert!(found.message.ends_with("permits it in TorchScript archives only"), "{}", found.message);
    assert_eq!(help_of(&found), "outside such an archive Python would import it");
    let elsewhere = policy("allow: [{import: ours.Model, paths: [other/**], reason: x}]");
    let found = told("ours", "Model", UseKind::Create, &elsewhere);
    assert!(found.message.ends_with("permits it for other files only"), "{}", found.message);
    assert!(help_of(&found).starts_with("widen `paths` in .fickgate.yaml:1"), "{}", help_of(&found));
}

#[test]
fn a_denied_import_is_led_to_its_line() {
    let denied = policy("deny:\n  - ours.Model\n");
    let found = told("ours", "Model", UseKind::Create, &denied);
    let entry = found.entry.unwrap_or_else(|| panic!("an entry"));
    assert_eq!((entry.role, entry.import.as_str(), entry.line), (EntryRole::Refuses, "ours.Model", Some(2)));
}

#[test]
fn similar_entries_are_looked_up_for_sixteen_refusals_of_a_file() {
    let misspelled = |offset| import("collections", "OrderedDic", vec![used(UseKind::Create, offset)]);
    let stream = Stream { imports: (0..17).map(misspelled).collect(), ..Stream::default() };
    let found = judged(stream, "x", &Policy::built_in());
    let near = |f: &Finding| help_of(f).starts_with("`collections.OrderedDict` is on the list");
    assert_eq!(found.iter().map(near).collect::<Vec<_>>(), [[true; 16].as_slice(), &[false]].concat());
    assert!(found.iter().all(|f| f.entry.is_some() == near(f)));
}

#[test]
fn code_that_is_no_pickle_weighs_by_who_runs_it() {
    let told = |name: Option<(&str, &str)>, runs, policy: &Policy| {
        let name = name.map(|(module, name)| Name { module: module.into(), name: name.into() });
        let code = Code { member: "config.json".into(), offset: 5, message: "a layer".into(), name, runs };
        let facts = Facts { code: vec![code], ..Facts::default() };
        judge(&facts, &BlobPath::new("x"), None, policy, &policy.usage())
    };
    let built_in = Policy::built_in();
    let level = |name, runs| told(name, runs, &built_in).first().map(|f| f.level);
    let (unknown, dangerous) = (Some(("ours", "Layer")), Some(("os", "system")));
    assert_eq!(level(unknown, Runs::ByDefault), Some(Level::Error));
    assert_eq!(level(unknown, Runs::IfTrusted), Some(Level::Warning));
    assert_eq!(level(dangerous, Runs::IfTrusted), Some(Level::Error));
    assert_eq!(level(dangerous, Runs::IfAsked), Some(Level::Warning));
    assert_eq!(level(None, Runs::IfAsked), Some(Level::Warning));
    // A name that some entry permits is as good here.
    assert_eq!(level(Some(("collections", "OrderedDict")), Runs::ByDefault), None);
    let lowered = policy("levels: {model-code: note}");
    let found = told(unknown, Runs::ByDefault, &lowered);
    assert_eq!(
        (found[0].level, found[0].member.as_str(), found[0].offset, found[0].import.as_deref()),
        (Level::Note, "config.json", Some(5), Some("ours.Layer"))
    );
    assert_eq!(found[0].help.as_deref(), Rule::ModelCode.advice());
    assert_eq!(found[0].message, "a layer: loading runs it");
}

#[test]
fn a_fault_says_where_it_is_of_what_and_what_to_do() {
    let rule = Rule::NestedUnresolved;
    let fault = Fault { rule, offset: 4, message: "odd".into(), import: Some("pickle.loads".into()) };
    let found = judged(Stream { faults: vec![fault], ..Stream::default() }, "x", &Policy::built_in());
    assert_eq!((found[0].offset, found[0].import.as_deref()), (Some(4), Some("pickle.loads")));
    assert!(rule.advice().is_some());
    assert_eq!(found[0].help.as_deref(), rule.advice());
}

#[test]
fn changed_line_ends_are_undone_by_a_pattern_that_git_takes() {
    let help = |path: &str| {
        let fault =
            Fault { rule: Rule::StreamMalformed, offset: 0, message: "breaks off".into(), import: None };
        let stream = Stream { converted: true, faults: vec![fault], ..Stream::default() };
        help_of(&judged(stream, path, &Policy::built_in())[0]).to_owned()
    };
    assert!(help("m/x.pkl").contains("(`*.pkl binary`)"), "{}", help("m/x.pkl"));
    // No end, an empty one, and one that git would take for something else than a name.
    for path in ["m.d/x", "m/x.", "x.p l", "x.p*"] {
        assert!(help(path).contains("(`its path binary`)"), "{}", help(path));
    }
}

#[test]
fn a_path_that_a_shell_would_not_take_as_it_is_is_left_to_the_reader() {
    let help = |path: &str| {
        let imports = vec![import("ours", "Model", vec![used(UseKind::Create, 3)])];
        help_of(&judged(Stream { imports, ..Stream::default() }, path, &Policy::built_in())[0]).to_owned()
    };
    for path in ["a.pkl", "m/x-1,2@3+4_5.pkl", &"a".repeat(200)] {
        assert!(help(path).contains(&format!("`fickgate explain {path}`")), "{path}");
    }
    for path in ["", "-x.pkl", "a b.pkl", "a;b", "$(x)", "caf\u{e9}.pkl", &"a".repeat(201)] {
        assert!(help(path).contains("`fickgate explain FILE`"), "{path}");
    }
}

#[test]
fn only_a_name_that_an_entry_can_have_is_in_a_command() {
    let written = |name: &str| wanted(&import("ours", name, vec![])).map(|(written, _)| written);
    let longest = "a".repeat(200 - "ours.".len());
    assert_eq!(written(&longest), Some(format!("ours.{longest}")));
    // Longer than a message shows, letters that look like others, and what a policy reads as a pattern.
    for name in [&format!("{longest}a"), "na\u{ef}ve", "*", "A.*"] {
        assert_eq!(written(name), None, "{name}");
    }
    assert_eq!(wanted(&import("ours", "Model", vec![used(UseKind::CallResult, 3)])), None);
}

#[test]
fn a_ruling_names_the_entry_or_the_reason() {
    let built_in = Policy::built_in();
    let ruled = |module: &str, name: &str, uses| {
        let import = import(module, name, uses);
        let stream = Stream { imports: vec![import.clone()], ..Stream::default() };
        ruling(&stream, &import, &BlobPath::new("x"), &built_in, &built_in.usage())
    };
    let (allowed, by) = ruled("numpy", "ndarray", vec![]);
    assert!(allowed && by.starts_with("allowlists/numpy.yaml:") && by.ends_with("(built-in)"), "{by}");
    let (allowed, why) = ruled("numpy", "ndarray", vec![used(UseKind::Reference, 2), used(UseKind::Call, 7)]);
    assert!(!allowed && why.starts_with("is called: ") && why.contains("[allowlists/numpy.yaml:"), "{why}");
    let (allowed, why) = ruled("os", "system", vec![used(UseKind::Call, 7)]);
    assert!(!allowed && why.contains("[allowlists/refused.yaml:"), "{why}");
}

#[test]
fn files_as_a_whole_weigh_what_the_policy_says() {
    let lowered = policy("levels: {pointer-unresolved: warning, unused-allow: error}");
    let link = |policy: &Policy| excluded_target(BlobPath::new("l"), &BlobPath::new("t"), policy).level;
    assert_eq!((link(&Policy::built_in()), link(&lowered)), (Level::Error, Level::Warning));
    let unused =
        |policy: &Policy| policy_file(policy, Rule::UnusedAllow, ".fickgate.yaml", String::new(), "").level;
    assert_eq!((unused(&Policy::built_in()), unused(&lowered)), (Level::Note, Level::Error));
    // Every later run would end with it, whatever a level says.
    assert_eq!(broken_policy(".fickgate.yaml", String::new()).level, Level::Error);
    let missing = FileFault {
        rule: Rule::PointerUnresolved,
        path: BlobPath::new("x"),
        message: "gone".into(),
        help: "fetch it".into(),
    };
    assert_eq!(file(&missing, &lowered).help.as_deref(), Some("fetch it"));
}

#[test]
fn a_checkout_that_breaks_what_nobody_asked_to_convert_is_no_finding() {
    let path = BlobPath::new("m.pkl");
    let broken = || Finding::new(Rule::StreamMalformed, path.clone(), "breaks off");
    let level = |asked, out: Vec<Finding>, pickles| {
        checkout(&path, "CRLF", asked, &[], out, pickles).map(|f| f.level)
    };
    assert_eq!(level(true, vec![broken()], true), Some(Level::Note));
    assert_eq!(level(true, vec![], true), None);
    assert_eq!(level(false, vec![broken()], true), None);
    assert_eq!(level(true, vec![broken()], false), None);
    // What runs there is named.
    let call = Finding {
        import: Some("os.system".into()),
        ..Finding::new(Rule::ImportNotAllowed, path.clone(), "calls os.system")
    };
    let found = checkout(&path, "CRLF", false, &[], vec![broken(), call], true);
    assert_eq!(found.and_then(|f| f.import), Some("os.system".to_owned()));
}
