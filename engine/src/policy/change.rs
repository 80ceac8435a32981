//! What a change does to the repository's policy. It is judged by the policy it starts from; this says
//! what it would put in its place.

use std::collections::BTreeSet;

use super::Layer;
use super::file::{Extends, PolicyFile};
use super::pattern::Pattern;
use crate::escape;

/// Lines that are named one by one; of more, the number is said.
const NAMED: usize = 8;

/// Lines that a change adds to a policy and takes from it, each in a few words.
#[derive(Debug, Default, PartialEq, Eq)]
pub struct PolicyChange {
    added: BTreeSet<String>,
    removed: BTreeSet<String>,
}

impl PolicyChange {
    /// The difference between two policies; `None` stands for no file.
    pub fn between(old: Option<&PolicyFile>, new: Option<&PolicyFile>) -> PolicyChange {
        let layer = old.or(new).map(|file| file.layer);
        let of = |file: Option<&PolicyFile>| {
            let mut lines = file.map(lines).unwrap_or_default();
            // A repository without a policy, and a policy that does not say, builds on the default lists.
            let extends = file.and_then(|file| file.extends.clone());
            let fallback = (layer == Some(Layer::Repository)).then(Extends::default);
            if let Some(extends) = extends.or(fallback) {
                lines.extend(extends.lists.iter().map(|list| format!("the list {list}")));
                if extends.native_memory {
                    lines.insert("native-memory".to_owned());
                }
            }
            lines
        };
        let (old, new) = (of(old), of(new));
        PolicyChange {
            added: new.difference(&old).cloned().collect(),
            removed: old.difference(&new).cloned().collect(),
        }
    }

    /// Both changes: what moves from one file to another is neither added nor removed.
    #[must_use]
    pub fn and(mut self, other: PolicyChange) -> PolicyChange {
        self.added.extend(other.added);
        self.removed.extend(other.removed);
        let moved: Vec<String> = self.added.intersection(&self.removed).cloned().collect();
        for line in &moved {
            self.added.remove(line);
            self.removed.remove(line);
        }
        self
    }

    /// Whether nothing that decides is different.
    pub fn is_nothing(&self) -> bool {
        self.added.is_empty() && self.removed.is_empty()
    }

    /// Whether everything that decided before still stands.
    pub fn removes_nothing(&self) -> bool {
        self.removed.is_empty()
    }

    /// One clause: what is added, what is removed.
    pub fn describe(&self) -> String {
        let side = |word: &str, lines: &BTreeSet<String>| {
            let mut named: Vec<String> = lines.iter().take(NAMED).map(|line| escape::name(line)).collect();
            if lines.len() > NAMED {
                named.push(format!("{} more", lines.len() - NAMED));
            }
            (!named.is_empty()).then(|| format!("{word} {}", named.join(", ")))
        };
        let sides: Vec<String> =
            [side("adds", &self.added), side("removes", &self.removed)].into_iter().flatten().collect();
        match sides.is_empty() {
            true => "leaves every line as it was".to_owned(),
            false => sides.join("; "),
        }
    }
}

/// Everything that decides, a line each. Reasons and order decide nothing.
fn lines(file: &PolicyFile) -> BTreeSet<String> {
    let mut lines = BTreeSet::new();
    for entry in &file.allow {
        let mut line = format!("allow {}", entry.import());
        // What a name suggests is not said again.
        let assumed = Pattern::parse(&entry.import()).is_ok_and(|pattern| pattern.assumed().1 == entry.uses);
        if !assumed {
            line.push_str(&format!(" ({})", entry.uses.words().join(", ")));
        }
        if let Some(guard) = entry.guard {
            line.push_str(&format!(" with guard {}", guard.as_str()));
        }
        if let Some(bounds) = &entry.bounds {
            if !bounds.paths.is_empty() {
                line.push_str(&format!(" for {}", bounds.paths.join(" ")));
            }
            if let Some(day) = bounds.expires {
                line.push_str(&format!(" until {day}"));
            }
        }
        lines.insert(line);
    }
    for pin in &file.files {
        let hash: String = crate::policy::hash::hex(&pin.sha256).chars().take(12).collect();
        let until = pin.expires.map(|day| format!(" until {day}")).unwrap_or_default();
        lines.insert(format!("accept {} ({hash}){until}", pin.path.as_deref().unwrap_or("any path")));
    }
    lines.extend(file.no_pickles.iter().map(|_| "pickles: none".to_owned()));
    lines.extend(file.deny.iter().map(|deny| format!("deny {}", deny.pattern)));
    lines.extend(file.exclude.iter().map(|exclude| format!("exclude {}", exclude.glob)));
    let changed = file.levels.iter().filter(|set| set.level != set.rule.level());
    lines.extend(changed.map(|set| format!("{}: {}", set.rule, set.level.as_str())));
    lines
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::policy::Layer;

    fn described(old: &str, new: &str) -> String {
        let parse = |text: &str| PolicyFile::parse(text.as_bytes(), "p", Layer::Repository).unwrap();
        PolicyChange::between(Some(&parse(old)), Some(&parse(new))).describe()
    }

    #[test]
    fn what_decides_is_told_and_what_does_not_is_not() {
        let one = "allow: [{import: a.B, reason: x}]\n";
        assert_eq!(
            described(one, "# new\nallow: [{import: a.B, reason: other}]\n"),
            "leaves every line as it was"
        );
        let told = described(one, "allow: [{import: a.C, reason: x}]\ndeny: [x.y]\nexclude: ['m/**']\n");
        assert!(told.starts_with("adds allow a.C, ") && told.contains("deny x.y"), "{told}");
        assert!(told.contains("exclude m/**; removes allow a.B"), "{told}");
        let widened = described(one, "allow: [{import: a.B, reason: x, use: [call]}]\n");
        assert!(widened.contains("adds allow a.B (call)"), "{widened}");
    }
}
