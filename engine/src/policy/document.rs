//! The schema of a policy file, and how it is taken from a tree of YAML.

use crate::policy::tree::{At, Fault, Fields, Node, Spot, Wrong, Yaml};

pub(super) struct Document {
    pub version: Option<At<String>>,
    pub extends: Option<At<Words>>,
    pub pickles: Option<At<String>>,
    pub allow: Vec<Allow>,
    pub files: Vec<File>,
    pub deny: Option<At<Words>>,
    pub exclude: Option<At<Words>>,
    /// In the order of the file.
    pub levels: Vec<(At<String>, At<String>)>,
}

impl Document {
    const KEYS: &[&str] = &["version", "extends", "pickles", "allow", "files", "deny", "exclude", "levels"];

    pub fn of(node: Node) -> Result<Document, Fault> {
        let mut fields = node.fields(Document::KEYS)?;
        let levels = match said(&mut fields, "levels") {
            None => Vec::new(),
            Some(node) => {
                let pairs = node.pairs()?.into_iter();
                pairs.map(|(rule, level)| Ok((rule, level.text()?))).collect::<Result<_, Fault>>()?
            }
        };
        Ok(Document {
            version: fields.may("version")?,
            extends: Words::of(&mut fields, "extends")?,
            pickles: fields.may("pickles")?,
            allow: entries(&mut fields, "allow", Allow::of)?,
            files: entries(&mut fields, "files", File::of)?,
            deny: Words::may(&mut fields, "deny")?,
            exclude: Words::may(&mut fields, "exclude")?,
            levels,
        })
    }
}

pub(super) struct Allow {
    pub import: At<String>,
    pub reason: At<String>,
    pub kind: Option<At<String>>,
    pub r#use: Option<At<Words>>,
    pub guard: Option<At<String>>,
    pub paths: Option<At<Words>>,
    pub expires: Option<At<String>>,
}

impl Allow {
    const KEYS: &[&str] = &["import", "reason", "kind", "use", "guard", "paths", "expires"];

    fn of(node: Node) -> Result<Allow, Fault> {
        let mut fields = node.fields(Allow::KEYS)?;
        Ok(Allow {
            import: fields.text("import")?,
            reason: fields.text("reason")?,
            kind: fields.may("kind")?,
            r#use: Words::of(&mut fields, "use")?,
            guard: fields.may("guard")?,
            paths: Words::of(&mut fields, "paths")?,
            expires: fields.may("expires")?,
        })
    }
}

pub(super) struct File {
    /// Line of the entry, from 1.
    pub line: usize,
    pub sha256: At<String>,
    pub reason: At<String>,
    pub path: Option<At<String>>,
    pub expires: Option<At<String>>,
}

impl File {
    const KEYS: &[&str] = &["sha256", "reason", "path", "expires"];

    fn of(node: Node) -> Result<File, Fault> {
        let line = node.at.line;
        let mut fields = node.fields(File::KEYS)?;
        Ok(File {
            line,
            sha256: fields.text("sha256")?,
            reason: fields.text("reason")?,
            path: fields.may("path")?,
            expires: fields.may("expires")?,
        })
    }
}

/// What stands at the key of a section. One without anything says nothing.
fn said(fields: &mut Fields, key: &str) -> Option<Node> {
    fields.take(key).map(|(_, node)| node).filter(|node| !matches!(node.value, Yaml::Nothing))
}

fn entries<T>(
    fields: &mut Fields,
    key: &str,
    of: impl Fn(Node) -> Result<T, Fault>,
) -> Result<Vec<T>, Fault> {
    let Some(node) = said(fields, key) else { return Ok(Vec::new()) };
    node.list()?.into_iter().map(of).collect()
}

/// A list of texts. One alone may do without its brackets.
pub(super) enum Words {
    One(String),
    Many(Vec<At<String>>),
}

impl Words {
    /// Those at a key. A key that is there says something: one without a value may mean everything or nothing.
    fn of(fields: &mut Fields, key: &str) -> Result<Option<At<Words>>, Fault> {
        match fields.take(key) {
            None => Ok(None),
            Some((key, Node { value: Yaml::Nothing, .. })) => Err(key.wrong(Wrong::NothingAtKey)),
            Some((key, node)) => Words::at(key, node).map(Some),
        }
    }

    /// Those of a section. One without anything says nothing.
    fn may(fields: &mut Fields, key: &str) -> Result<Option<At<Words>>, Fault> {
        match fields.take(key) {
            None | Some((_, Node { value: Yaml::Nothing, .. })) => Ok(None),
            Some((key, node)) => Words::at(key, node).map(Some),
        }
    }

    fn at(key: Spot, Node { at, value }: Node) -> Result<At<Words>, Fault> {
        let value = match value {
            Yaml::Text { text, typed: false } => Words::One(text),
            Yaml::List(list) => Words::Many(list.into_iter().map(Node::text).collect::<Result<_, Fault>>()?),
            Yaml::Text { .. } | Yaml::Nothing => return Err(key.wrong(Wrong::NoTextNorTexts)),
            Yaml::Map(_) => return Err(at.wrong(Wrong::NoTextNorTexts)),
        };
        Ok(At { at, value })
    }

    /// The texts, each with its place.
    pub fn texts(words: Option<At<Words>>) -> Vec<At<String>> {
        match words {
            None => Vec::new(),
            Some(At { value: Words::Many(texts), .. }) => texts,
            Some(At { value: Words::One(text), at }) => vec![At { at, value: text }],
        }
    }
}
