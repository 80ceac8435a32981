//! Imports that are safe whatever is done with them: what a program may let in where nobody sees the rest of the pickle.

use crate::policy::trigger::{Hash, Shape, State};
use crate::policy::{Entry, Layer, Policy, Uses, builtin};

impl Policy {
    /// Whether this import is permitted for every use, with whatever else is permitted so for arguments and state.
    ///
    /// Of the built-in list these are classes whose code was read and whose objects run nothing else: no guard or
    /// shape of arguments stands between them and a pickle. Of the layers above, entries that permit every use of what
    /// the built-in list has not judged, or that take guards off.
    pub fn permits_every_use(&self, module: &str, name: &str) -> bool {
        if self.denied().iter().any(|deny| deny.pattern.matches(module, name)) {
            return false;
        }
        let judged = builtin::position(module, name);
        self.own(module, name).any(|entry| self.own_is_open(entry, judged.is_some()))
            || judged.filter(|place| self.extends_to(*place)).and_then(builtin::entry).is_some_and(is_open)
    }

    /// Whether an entry of an upper layer permits everything, everywhere.
    fn own_is_open(&self, entry: &Entry, judged: bool) -> bool {
        let bounded = entry
            .bounds
            .as_ref()
            .is_some_and(|b| !b.paths.is_empty() || b.expires.is_some_and(|day| day < self.today()));
        entry.layer != Layer::BuiltIn
            && !bounded
            && entry.uses.contains(Uses::EVERY)
            && !(entry.guarded && judged)
    }
}

/// Whether nothing that a pickle may do with a class of the built-in list runs more than its own code.
fn is_open(entry: &Entry) -> bool {
    let Some((triggers, None, _)) = builtin::triggers(&entry.module, &entry.name) else { return false };
    let uses = Uses::REFERENCE.with(Uses::CREATE).with(Uses::CALL);
    // BUILD sets attributes, and no code of the class looks at them.
    let state = match triggers.state {
        State::Read(forms) => forms
            .attributes
            .is_some_and(|a| a.pair && a.values == Shape::Stored && a.slots.is_none() && a.touched.1 == 0),
        State::Closed(_) | State::Stored => false,
    };
    entry.uses.contains(uses)
        && entry.risk.is_none()
        && entry.container.is_none()
        && state
        && triggers.inert
        && matches!(triggers.hash, Hash::Read | Hash::Said)
        && !triggers.callable
        && !triggers.answers
        && !triggers.shared_create
        && !triggers.shared_call
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::policy::file::PolicyFile;
    use crate::policy::{Date, Layer};

    fn with(text: &str) -> Policy {
        let file = PolicyFile::parse(text.as_bytes(), ".fickgate.yaml", Layer::Repository).unwrap();
        Policy::new([file], Date::parse("2026-11-29").unwrap())
    }

    #[test]
    fn of_the_built_in_list_only_plain_values_are_safe_whatever_is_done() {
        let policy = Policy::built_in();
        for (module, name) in [("datetime", "datetime"), ("datetime", "date")] {
            assert!(policy.permits_every_use(module, name), "{module}.{name}");
        }
        for (module, name) in [
            ("decimal", "Decimal"),
            ("numpy", "dtype"),
            ("numpy", "ndarray"),
            ("collections", "OrderedDict"),
            ("torch._utils", "_rebuild_tensor_v2"),
            ("builtins", "getattr"),
            ("functools", "partial"),
            ("sklearn.pipeline", "Pipeline"),
            ("os", "system"),
            ("ours", "Model"),
        ] {
            assert!(!policy.permits_every_use(module, name), "{module}.{name}");
        }
    }

    #[test]
    fn what_is_safe_whatever_is_done_has_no_code_that_another_pickle_could_reach() {
        let mut open = 0;
        for entry in builtin::entries().filter(|entry| is_open(entry)) {
            let (triggers, guard, _) = builtin::triggers(&entry.module, &entry.name).unwrap();
            assert_eq!(guard, None, "{}", entry.import());
            assert!(entry.risk.is_none() && entry.container.is_none(), "{}", entry.import());
            // Nothing calls it, its attributes answer for nothing, and it is not there before it is made.
            assert!(triggers.inert && triggers.hash == Hash::Read, "{}", entry.import());
            assert!(!triggers.callable && !triggers.answers, "{}", entry.import());
            assert!(!triggers.shared_create && !triggers.shared_call, "{}", entry.import());
            let State::Read(forms) = &triggers.state else { panic!("{}", entry.import()) };
            let attributes = forms.attributes.unwrap();
            assert!(attributes.slots.is_none() && attributes.touched.1 == 0, "{}", entry.import());
            assert!(attributes.pair && attributes.values == Shape::Stored, "{}", entry.import());
            open += 1;
        }
        assert!(open > 0);
    }

    #[test]
    fn a_repository_answers_for_what_it_allows_without_bounds() {
        let all = "use: [reference, create, call, state, items], reason: x";
        let open = |entry: &str, module, name| {
            with(&format!("allow:\n  - {{{entry}, {all}}}\n")).permits_every_use(module, name)
        };
        assert!(open("import: ours.Model", "ours", "Model"));
        assert!(open("import: ours.*", "ours", "Model"));
        assert!(!open("import: ours.Model, paths: [a/*]", "ours", "Model"));
        assert!(!open("import: ours.Model, expires: 2026-11-28", "ours", "Model"));
        assert!(open("import: ours.Model, expires: 2026-11-29", "ours", "Model"));
        assert!(!open("import: numpy.dtype", "numpy", "dtype"));
        assert!(open("import: numpy.dtype, guard: none", "numpy", "dtype"));
        assert!(!with("allow: [{import: ours.Model, reason: x}]").permits_every_use("ours", "Model"));
        assert!(!with("deny: [datetime.*]").permits_every_use("datetime", "datetime"));
    }
}
