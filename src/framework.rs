//! What the configuration of pre-commit and prek asks for that fickgate does not do: leave files out.

use std::path::Path;

use serde_json::Value;

/// The keys by which a framework leaves files out.
const NARROWING: [&str; 5] = ["files", "exclude", "types", "types_or", "exclude_types"];
/// The longest configuration that is looked at, in bytes.
const LONGEST: u64 = 1 << 20;

/// What to say where the configuration in `folder` leaves files out that are judged all the same.
pub fn narrowed(folder: &Path) -> Option<String> {
    let path = folder.join(".pre-commit-config.yaml");
    std::fs::metadata(&path).ok().filter(|meta| meta.is_file() && meta.len() <= LONGEST)?;
    let config = serde_yaml::from_str(&std::fs::read_to_string(&path).ok()?).ok()?;
    let key = narrowing(&config)?;
    Some(format!(
        "`{key}` of .pre-commit-config.yaml does not apply to fickgate: name what is not to be judged in .fickgate.yaml \
         (exclude)"
    ))
}

/// The first key that would leave files out for a hook of fickgate.
fn narrowing(config: &Value) -> Option<&'static str> {
    let list =
        |value: &'_ Value, key: &str| value.get(key).and_then(Value::as_array).cloned().unwrap_or_default();
    let hooks = list(config, "repos").iter().flat_map(|repo| list(repo, "hooks")).collect::<Vec<_>>();
    let own =
        |hook: &&Value| hook.get("id").and_then(Value::as_str).is_some_and(|id| id.starts_with("fickgate"));
    let mut own = hooks.iter().filter(own).peekable();
    own.peek()?;
    let global = NARROWING.into_iter().take(2).find(|key| config.get(key).is_some());
    global.or_else(|| NARROWING.into_iter().find(|key| own.clone().any(|hook| hook.get(key).is_some())))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_what_concerns_fickgate_is_said() {
        let of = |text: &str| narrowing(&serde_yaml::from_str(text).unwrap());
        let hook = |more: &str| format!("repos:\n- repo: x\n  hooks:\n  - id: fickgate\n{more}");
        assert_eq!(of(&hook("")), None);
        assert_eq!(of(&hook("    args: [--all]\n")), None);
        assert_eq!(of(&hook("    exclude: ^tests/\n")), Some("exclude"));
        assert_eq!(of(&hook("    types: [binary]\n")), Some("types"));
        assert_eq!(of(&format!("files: ^src/\n{}", hook(""))), Some("files"));
        assert_eq!(of("exclude: x\nrepos:\n- repo: x\n  hooks:\n  - id: typos\n    files: y\n"), None);
        assert_eq!(of("[]"), None);
    }
}
