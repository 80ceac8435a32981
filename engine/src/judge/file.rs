//! Findings about a file as a whole: what is wrong without a look at its bytes, what a checkout makes of it, and
//! what there is to say of a policy file.

use std::collections::HashSet;
use std::path::Path;

use crate::escape;
use crate::facts::FileFault;
use crate::finding::Finding;
use crate::path::BlobPath;
use crate::policy::Policy;
use crate::rule::{Level, Rule};

/// The finding for a file whose content is not at hand. It weighs what its rule does, or what the policy says of
/// that, whatever the file is called: names are chosen by whoever brings it.
pub fn file(fault: &FileFault, policy: &Policy) -> Finding {
    Finding {
        level: policy.level(fault.rule),
        ..Finding::new(fault.rule, fault.path.clone(), &*fault.message).with_help(&*fault.help)
    }
}

/// The finding for a link, itself not excluded, to what the policy excludes: it brings that under another name.
pub fn excluded_target(link: BlobPath, target: &BlobPath, policy: &Policy) -> Finding {
    let rule = Rule::PointerUnresolved;
    let message = format!(
        "a symbolic link to {}, which the policy excludes, so its content was not judged",
        escape::terminal(&target.to_lossy())
    );
    Finding {
        level: policy.level(rule),
        ..Finding::new(rule, link, message).with_help("put the file itself here, or exclude the link as well")
    }
}

/// The finding for a file of which a checkout makes something else, if that matters. `stored` are the findings on
/// the stored bytes, `out` those on what a checkout holds, `how` says what git does to them, and `pickles` whether
/// the stored bytes hold any.
///
/// What loading would import is an error whatever the policy says of this rule.
pub fn checkout(
    path: &BlobPath,
    how: &str,
    asked: bool,
    stored: &[Finding],
    mut out: Vec<Finding>,
    pickles: bool,
) -> Option<Finding> {
    let known: HashSet<_> = stored.iter().map(|f| (f.rule, &f.member, &f.import)).collect();
    out.retain(|f| !known.contains(&(f.rule, &f.member, &f.import)));
    // A name with a CR is no module's: loading ends there, as it does where the bytes are broken.
    let breaks = |f: &Finding| {
        matches!(
            f.rule,
            Rule::StreamMalformed
                | Rule::StreamAmbiguous
                | Rule::ContainerAnomaly
                | Rule::ContainerUnreadable
                | Rule::NotAPickle
        ) || f.import.as_ref().is_some_and(|i| i.contains('\r'))
    };
    let worst = out.iter().filter(|f| !breaks(f)).max_by_key(|f| f.level);
    let held = match asked {
        true => format!("a checkout holds it with {how}, as attributes ask for"),
        false => format!("a checkout holds it with {how} where core.autocrlf is true, as in Git for Windows"),
    };
    let help = match asked {
        true => "mark such files in .gitattributes: *.pkl -text -ident",
        false => {
            "do not load it there; a file that is written anew, with protocol 2 or newer, stays what it is"
        }
    };
    let (level, message) = match worst {
        Some(worst) => {
            (worst.level, format!("{held}, and loading that is another matter: {}", worst.message))
        }
        None if pickles && asked && !out.is_empty() => (Level::Note, format!("{held}, which breaks it")),
        None => return None,
    };
    Some(Finding {
        level,
        import: worst.and_then(|w| w.import.clone()),
        ..Finding::new(Rule::CheckoutDiffers, path.clone(), message).with_help(help)
    })
}

/// The finding about a policy file, or about a module that it relies on.
pub fn policy_file(policy: &Policy, rule: Rule, file: &str, message: String, help: &str) -> Finding {
    Finding {
        level: policy.level(rule),
        ..Finding::new(rule, BlobPath::from_path(Path::new(file)), message).with_help(help)
    }
}

/// The finding about a policy that would be read no more. That is an error whatever levels a policy sets:
/// everybody's next run would end with it.
pub fn broken_policy(name: &str, message: String) -> Finding {
    let help =
        "the policy has to be understood once this is merged: `fickgate policy check` says what is wrong";
    let finding = Finding::new(Rule::PolicyChanged, BlobPath::from_path(Path::new(name)), message);
    Finding { level: Level::Error, ..finding.with_help(help) }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::policy::file::PolicyFile;
    use crate::policy::{Date, Layer};

    fn policy(text: &str) -> Policy {
        let file = PolicyFile::parse(text.as_bytes(), "p", Layer::Repository).unwrap();
        Policy::new([file], Date::parse("2026-01-01").unwrap())
    }

    fn level(rule: Rule, path: &str, text: &str) -> Level {
        let fault =
            FileFault { rule, path: BlobPath::new(path), message: String::new(), help: String::new() };
        file(&fault, &policy(text)).level
    }

    #[test]
    fn what_is_elsewhere_weighs_the_same_under_every_name() {
        let rule = Rule::PointerUnresolved;
        for path in ["m.pkl", "m.pdparams", "a.png", "model"] {
            assert_eq!(level(rule, path, ""), Level::Error);
        }
        for path in ["m.pkl", "a.png"] {
            assert_eq!(level(rule, path, "levels: {pointer-unresolved: warning}"), Level::Warning);
        }
        assert_eq!(level(Rule::MissingObject, "a.png", ""), Level::Error);
        assert_eq!(level(Rule::MissingObject, "m.pkl", "levels: {missing-object: note}"), Level::Note);
    }

    #[test]
    fn what_a_checkout_would_import_stays_an_error() {
        let path = BlobPath::new("m.pkl");
        let call = Finding::new(Rule::ImportNotAllowed, path.clone(), "calls os.system");
        let broken = Finding::new(Rule::StreamMalformed, path.clone(), "breaks off");
        let told =
            |stored: &[Finding], out| checkout(&path, "CRLF", true, stored, out, true).map(|f| f.level);
        assert_eq!(told(&[], vec![call.clone(), broken.clone()]), Some(Level::Error));
        assert_eq!(told(&[], vec![broken]), Some(Level::Note));
        assert_eq!(told(std::slice::from_ref(&call), vec![call.clone()]), None);
    }
}
