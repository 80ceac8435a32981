//! What the tables of the code say stands in the documents as well: rules in `docs/rules.md`, the words of a policy
//! in its schema. `FICKGATE_WRITE=1 cargo test --test tables` writes them.

#![allow(missing_docs, clippy::unwrap_used, clippy::expect_used)]

use std::fs;
use std::path::Path;

use fickgate_engine::policy::guard::Guard;
use fickgate_engine::policy::{Kind, Uses};
use fickgate_engine::rule::{Level, Rule};

mod document;
#[cfg(unix)]
mod examples;

#[test]
#[cfg(unix)]
fn the_page_of_rules_is_made_of_the_table_and_of_runs_over_examples() {
    is_made("docs/rules.md", |page| {
        let (intro, _) = page.split_once("\n## ").unwrap();
        let mut made = intro.trim_end().to_owned();
        for rule in Rule::ALL {
            let (id, level) = (rule.id(), rule.level().as_str());
            let (first, rest) = level.split_at(1);
            made += &format!("\n\n## {id}\n\n{}{rest}. {}.", first.to_uppercase(), rule.summary());
            made += &format!("\n\n### What it means\n\n{}", rule.meaning());
            made += &format!("\n\n### Example\n\n```text\n{}\n```", examples::of(*rule));
            made += &format!("\n\n### How to fix it\n\n{}", rule.fix());
            made += &format!("\n\n### When to lower it\n\n{}", rule.lowering());
        }
        made + "\n"
    });
}

#[test]
fn the_schema_of_policies_has_the_words_of_the_tables() {
    is_made("docs/policy.schema.json", |schema| {
        let guards = ["none"].into_iter().chain(Guard::ALL.iter().map(|guard| guard.as_str()));
        let made = enumerate(schema, "\"kind\": { \"enum\"", Kind::ALL.iter().map(|kind| kind.as_str()));
        let made = enumerate(&made, "\"use\": { \"enum\"", Uses::of_entries().iter().map(|(word, _)| *word));
        let made = enumerate(&made, "\"level\": { \"enum\"", Level::ALL.iter().rev().map(|l| l.as_str()));
        let made = enumerate(&made, "dentry's\",\n            \"enum\"", guards);
        let (before, after) = made.split_once("\"import-not-allowed\": {").unwrap();
        let (_, after) = after.split_once("\n      }").unwrap();
        let levels: Vec<String> = Rule::ALL
            .iter()
            .map(|rule| {
                let level = match rule.may_be_lowered() {
                    true => "{ \"$ref\": \"#/$defs/level\" }".to_owned(),
                    false => format!("{{ \"const\": \"{}\" }}", rule.level().as_str()),
                };
                format!("\"{rule}\": {level}")
            })
            .collect();
        format!("{before}{}\n      }}{after}", levels.join(",\n        "))
    });
}

/// A document has to be what `make` makes of it.
fn is_made(document: &str, make: impl Fn(&str) -> String) {
    let file = Path::new(env!("CARGO_MANIFEST_DIR")).join(document);
    let text = fs::read_to_string(&file).unwrap().replace("\r\n", "\n");
    document::is_made(document, &text, &make(&text));
}

/// The words of the list behind `key`, a few to a line where there are many.
fn enumerate<'w>(text: &str, key: &str, words: impl Iterator<Item = &'w str>) -> String {
    let key = key.replace("dentry's", "built-in entry's");
    let (before, after) = text.split_once(&key).unwrap_or_else(|| panic!("no {key}"));
    let (_, after) = after.split_once(']').unwrap();
    let words: Vec<String> = words.map(|word| format!("\"{word}\"")).collect();
    let list = match words.len() {
        0..=8 => words.join(", "),
        _ => {
            let indent = " ".repeat(14);
            let lines: Vec<String> =
                words.chunks(5).map(|line| format!("{indent}{}", line.join(", "))).collect();
            format!("\n{}\n            ", lines.join(",\n"))
        }
    };
    format!("{before}{key}: [{list}]{after}")
}
