//! What is wrong with the policy itself: entries that are past their date, cover more than one name,
//! or allowed nothing.

use std::io::{self, Write};

use crate::finding::{EntryRef, EntryRole, Finding};
use crate::judge::policy_file;
use crate::policy::file::Pin;
use crate::policy::{Entry, Layer, Policy, Usage};
use crate::rule::Rule;

/// Findings on the entries of the layers above the built-in list. `usage` is given where everything
/// the policy is for was judged: then entries without a mark are `unused-allow`.
pub fn audit(policy: &Policy, usage: Option<&Usage>) -> Vec<Finding> {
    let mut findings = Vec::new();
    for entry in policy.all().take_while(|entry| entry.layer != Layer::BuiltIn) {
        let Some(line) = entry.line else { continue };
        let import = crate::escape::name(&entry.import());
        if let Some(refused) = policy.refused(&entry.module, &entry.name) {
            let message =
                format!("line {line}: `{import}` was judged unsafe: it {}", refused.criterion.in_words());
            findings.push(finding(policy, Rule::BroadAllow, entry, message, refused.why));
        } else if entry.name == "*" {
            let message = format!("line {line}: `{import}` allows every name of the module");
            findings.push(finding(policy, Rule::BroadAllow, entry, message, "name the imports one by one"));
        }
        if let Some(odd) = lookalike(&entry.module).or_else(|| lookalike(&entry.name)) {
            let message = format!(
                "line {line}: `{import}` mixes letters of several alphabets (U+{:04X}), which can look like another name",
                u32::from(odd)
            );
            findings.push(finding(policy, Rule::BroadAllow, entry, message, "type the name anew"));
        }
        if let Some(day) = entry.bounds.as_ref().and_then(|b| b.expires).filter(|d| *d < policy.today()) {
            let message = format!("line {line}: `{import}` expired on {day} and no longer allows");
            let help = "look at it again: set a later `expires`, or remove the entry";
            findings.push(finding(policy, Rule::ExpiredAllow, entry, message, help));
        }
    }
    for pin in policy.pins() {
        if let Some(day) = pin.expires.filter(|day| *day < policy.today()) {
            let (line, shown) = (pin.line, of_pin(pin));
            let message = format!("line {line}: {shown} expired on {day} and is no longer accepted");
            let help = "look at it again: set a later `expires`, or remove the entry";
            findings.push(about_pin(policy, Rule::ExpiredAllow, pin, message, help));
        }
    }
    let Some(usage) = usage else { return findings };
    const UNUSED: &str = "remove it if nothing needs it any more";
    for entry in policy.unused(usage) {
        let Some(line) = entry.line else { continue };
        let message = format!("line {line}: `{}` allowed nothing", crate::escape::name(&entry.import()));
        findings.push(finding(policy, Rule::UnusedAllow, entry, message, UNUSED));
    }
    for pin in policy.unused_pins(usage) {
        let message = format!("line {}: {} accepted nothing", pin.line, of_pin(pin));
        findings.push(about_pin(policy, Rule::UnusedAllow, pin, message, UNUSED));
    }
    findings
}

/// A letter of another alphabet amid ASCII letters: names of one alphabet are what they seem to be.
fn lookalike(name: &str) -> Option<char> {
    let odd = |part: &str| {
        let foreign = part.chars().find(|c| !c.is_ascii());
        foreign.filter(|_| part.chars().any(|c| c.is_ascii_alphabetic()))
    };
    name.split(['.', '_']).find_map(odd)
}

/// A pin in a few words.
fn of_pin(pin: &Pin) -> String {
    match &pin.path {
        Some(path) => format!("`{}`", crate::escape::name(path)),
        None => format!("the hash {}…", crate::policy::hash::hex(&pin.sha256).get(..12).unwrap_or_default()),
    }
}

fn about_pin(policy: &Policy, rule: Rule, pin: &Pin, message: String, help: &str) -> Finding {
    let place = EntryRef {
        role: EntryRole::Concerns,
        import: pin.path.clone().unwrap_or_else(|| crate::policy::hash::hex(&pin.sha256)),
        layer: pin.layer.as_str(),
        source: pin.source.clone(),
        line: Some(pin.line),
    };
    Finding { entry: Some(place), ..policy_file(policy, rule, &pin.source, message, help) }
}

/// What is wrong, a line each, and what the policy has.
pub fn write(findings: &[Finding], policy: &Policy, out: &mut dyn Write) -> io::Result<()> {
    for finding in findings {
        let (path, level) = (finding.path.to_lossy(), finding.level.as_str());
        let path = crate::escape::terminal(&path);
        writeln!(out, "{path}: {level}[{}]: {}", finding.rule, finding.message)?;
        if let Some(help) = &finding.help {
            writeln!(out, "  help: {help}")?;
        }
    }
    let own = policy.all().take_while(|entry| entry.layer != Layer::BuiltIn).count();
    let (deny, files, exclude) = (policy.denied().len(), policy.pins().len(), policy.excludes().len());
    let state = if findings.is_empty() { "nothing is wrong" } else { "see above" };
    writeln!(out, "{own} allow, {files} files, {deny} deny, {exclude} exclude: {state}")
}

/// A change to the policy file of this name, and when that takes effect.
pub fn changed(policy: &Policy, name: &str, message: String, takes_effect: &str) -> Finding {
    let help = format!("it takes effect {takes_effect}: have somebody look at it who may decide that");
    policy_file(policy, Rule::PolicyChanged, name, message, &help)
}

fn finding(policy: &Policy, rule: Rule, entry: &Entry, message: String, help: &str) -> Finding {
    let place = EntryRef {
        role: EntryRole::Concerns,
        import: entry.import(),
        layer: entry.layer.as_str(),
        source: entry.source.clone().into_owned(),
        line: entry.line,
    };
    Finding {
        import: Some(entry.import()),
        entry: Some(place),
        ..policy_file(policy, rule, &entry.source, message, help)
    }
}
