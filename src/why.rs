//! `fickgate policy why IMPORT`: who allows or refuses it, for which uses, and by which criterion.

use std::io::{self, Write};

use crate::show::place;
use fickgate_engine::error::{Error, Result};
use fickgate_engine::escape;
use fickgate_engine::pickle::stream::compat;
use fickgate_engine::policy::pattern::{Names, Pattern, written};
use fickgate_engine::policy::{Entry, Policy};

/// One import, as Python 3 resolves it.
pub struct Why<'p> {
    policy: &'p Policy,
    module: String,
    name: String,
    /// As asked for, where Python 3 resolves it to another name.
    moved_from: Option<String>,
}

impl<'p> Why<'p> {
    /// Reads an import as a policy file writes it.
    ///
    /// # Errors
    /// A text that names no single import.
    pub fn of(import: &str, policy: &'p Policy) -> Result<Why<'p>> {
        let pattern = Pattern::parse(import)
            .map_err(|error| Error::new(format!("{}: {error}", escape::terminal(import))))?;
        let Names::One(name) = &pattern.names else {
            return Err(Error::new(format!("{} stands for many imports", escape::terminal(import)))
                .remedy("ask for one of them"));
        };
        let (module, resolved) = compat::resolve(&pattern.module, name);
        let moved = (module, resolved) != (pattern.module.as_str(), name.as_str());
        Ok(Why {
            policy,
            module: module.to_owned(),
            name: resolved.to_owned(),
            moved_from: moved.then(|| pattern.to_string()),
        })
    }

    /// Entries that name the import and are in force.
    fn entries(&self) -> impl Iterator<Item = &Entry> {
        let covers = |entry: &&Entry| {
            entry.module == self.module
                && (entry.name == self.name
                    || entry.name == "*" && fickgate_engine::policy::pattern::covers_segment(&self.name))
        };
        self.policy.all().filter(covers)
    }

    fn expired(&self, entry: &Entry) -> bool {
        entry.bounds.as_ref().and_then(|b| b.expires).is_some_and(|day| day < self.policy.today())
    }

    /// Whether some use of it is allowed somewhere.
    pub fn allowed(&self) -> bool {
        let denied = self.policy.denied().iter().any(|d| d.pattern.matches(&self.module, &self.name));
        !denied && self.entries().any(|entry| !self.expired(entry))
    }

    /// Writes the answer: a line with the verdict, then one paragraph for each list that knows the name.
    pub fn write(&self, out: &mut dyn Write) -> io::Result<()> {
        let import = written(&self.module, &self.name);
        let import = escape::terminal(&import);
        if let Some(from) = &self.moved_from {
            writeln!(out, "{} is {import} in Python 3", escape::terminal(from))?;
        }
        writeln!(out, "{import}: {}", if self.allowed() { "allowed" } else { "refused" })?;
        for deny in self.policy.denied().iter().filter(|d| d.pattern.matches(&self.module, &self.name)) {
            writeln!(out, "\n  denied by {}", place(&deny.source, deny.line))?;
        }
        for entry in self.entries() {
            self.write_entry(entry, out)?;
        }
        if let Some(refused) = self.policy.refused(&self.module, &self.name) {
            writeln!(
                out,
                "\n  judged and left out at {}",
                place("allowlists/refused.yaml", Some(refused.line))
            )?;
            writeln!(out, "    it {}: {}", refused.criterion.in_words(), refused.why)?;
        } else if self.entries().next().is_none() {
            writeln!(out, "\n  no list has it")?;
            if let Some(near) = self.policy.near(&self.module, &self.name) {
                let near_place = place(&near.source, near.line);
                writeln!(out, "    did you mean {}? ({near_place})", escape::terminal(&near.import()))?;
            }
        }
        Ok(())
    }

    fn write_entry(&self, entry: &Entry, out: &mut dyn Write) -> io::Result<()> {
        let uses = entry.uses.words().join(", ");
        writeln!(out, "\n  {uses}: {} ({})", place(&entry.source, entry.line), entry.layer.as_str())?;
        if entry.name == "*" {
            writeln!(out, "    by the pattern {}", escape::terminal(&entry.import()))?;
        }
        if let Some(guard) = entry.guard {
            writeln!(out, "    only where the guard `{}` has no objection", guard.as_str())?;
        }
        if let Some(risk) = entry.risk {
            writeln!(out, "    risk: {}", risk.as_str())?;
        }
        if entry.container.is_some() {
            writeln!(out, "    in TorchScript archives only")?;
        }
        if let Some(bounds) = &entry.bounds {
            if !bounds.paths.is_empty() {
                writeln!(out, "    for {} only", escape::terminal(&bounds.paths.join(", ")))?;
            }
            if let Some(day) = bounds.expires {
                let word = if self.expired(entry) { "expired on" } else { "until" };
                writeln!(out, "    {word} {day}")?;
            }
        }
        writeln!(out, "    {}", escape::terminal(&entry.reason))
    }
}
