//! What the files of `allowlists/` say, taken from trees of YAML.

use std::collections::BTreeMap;

use crate::policy::tree::{self, Fault, Fields, Node, Wrong, Yaml};

/// One file of the list.
pub struct List {
    /// Part of `extends: [core]`.
    pub core: bool,
    pub allow: Vec<Allow>,
}

pub struct Allow {
    pub line: usize,
    pub import: String,
    pub kind: String,
    pub r#use: Option<Vec<String>>,
    pub guard: Option<String>,
    pub risk: Option<String>,
    pub container: Option<String>,
    /// What each trigger is open for, see `docs/triggers.md`.
    pub call: Option<Written>,
    pub create: Option<Written>,
    pub state: Option<Written>,
    pub items: Option<BTreeMap<String, String>>,
    /// `any`: no number that it is given sizes anything.
    pub numbers: Option<String>,
    pub inert: bool,
    pub hash: Option<String>,
    pub del: Option<String>,
    /// `empty`: what it makes without arguments is new, whatever it shares otherwise.
    pub fresh: Option<String>,
    /// `read`: it may stand under the name of a method, and hide it.
    pub hides: Option<String>,
    /// What was read to open them.
    pub read: Option<String>,
    pub why: String,
}

/// What was judged and left out.
pub struct Refused {
    pub line: usize,
    pub import: String,
    pub criterion: String,
    pub why: String,
    /// It runs code, files, processes or the network as such.
    pub dangerous: bool,
}

/// A hook that was read.
pub struct Hook {
    pub line: usize,
    pub hook: String,
    pub takes: Option<Written>,
    pub numbers: Option<String>,
    pub why: String,
}

/// A shape as it is written: a word, words by position, or the keys that code looks at.
#[derive(Clone, Debug)]
pub enum Written {
    /// One for all.
    One(String),
    /// By position.
    Many(Vec<String>),
    /// Attributes, some of which are looked at.
    Touches(BTreeMap<String, String>),
    /// Several forms of a state.
    Forms(Forms),
}

/// Forms that a state may have.
#[derive(Clone, Debug)]
pub struct Forms {
    pub attributes: Option<String>,
    pub parts: Option<Vec<String>>,
    pub value: Option<String>,
}

/// Reads a list of what is allowed. `source` is its path, for messages.
pub fn list(text: &str, source: &str) -> Result<List, String> {
    read(text, source, &["title", "core", "sources", "allow"], |fields| {
        // For people: the packages whose code was read, as `numpy 2.4.6`, and what the list covers.
        fields.take("sources").map(|(_, node)| words(node)).transpose()?;
        fields.text("title")?;
        Ok(List { core: truth(fields, "core")?, allow: entries(fields, "allow", allow)? })
    })
}

/// Reads the list of what is refused.
pub fn refused(text: &str, source: &str) -> Result<Vec<Refused>, String> {
    read(text, source, &["refused"], |fields| {
        entries(fields, "refused", |node| {
            let line = node.at.line;
            let mut fields = node.fields(&["import", "criterion", "why", "dangerous"])?;
            Ok(Refused {
                line,
                import: fields.text("import")?.value,
                criterion: fields.text("criterion")?.value,
                why: fields.text("why")?.value,
                dangerous: truth(&mut fields, "dangerous")?,
            })
        })
    })
}

/// Reads the hooks that were read.
pub fn hooks(text: &str, source: &str) -> Result<Vec<Hook>, String> {
    read(text, source, &["hooks"], |fields| {
        entries(fields, "hooks", |node| {
            let line = node.at.line;
            let mut fields = node.fields(&["hook", "takes", "numbers", "why"])?;
            Ok(Hook {
                line,
                hook: fields.text("hook")?.value,
                takes: written(&mut fields, "takes")?,
                numbers: fields.may("numbers")?.map(|text| text.value),
                why: fields.text("why")?.value,
            })
        })
    })
}

/// Reads a file of version 1 with these keys.
fn read<T>(
    text: &str,
    source: &str,
    keys: &[&'static str],
    of: impl Fn(&mut Fields) -> Result<T, Fault>,
) -> Result<T, String> {
    let keys: Vec<&'static str> = [&["version"], keys].concat();
    let read = || {
        let mut fields = tree::read(text)?.fields(keys.leak())?;
        let version = fields.text("version")?;
        if version.value != "1" {
            return Err(version.at.wrong(Wrong::Syntax(format!("version {} is not 1", version.value))));
        }
        of(&mut fields)
    };
    read().map_err(|fault| format!("{source}:{}:{}: {}", fault.at.line, fault.at.column, fault.value))
}

fn allow(node: Node) -> Result<Allow, Fault> {
    let line = node.at.line;
    // `since` and `until`, the first and the last release that has the name, and `historical`, where the code was
    // read if no environment of `verify/` can have the name, are documentation.
    let mut fields = node.fields(&[
        "import",
        "kind",
        "use",
        "guard",
        "risk",
        "container",
        "call",
        "create",
        "state",
        "items",
        "numbers",
        "inert",
        "hash",
        "del",
        "fresh",
        "hides",
        "read",
        "why",
        "since",
        "until",
        "historical",
    ])?;
    let mut may = |key| Ok::<_, Fault>(fields.may(key)?.map(|text| text.value));
    for documentation in ["since", "until", "historical"] {
        may(documentation)?;
    }
    let (guard, risk, container) = (may("guard")?, may("risk")?, may("container")?);
    let (hash, del, fresh) = (may("hash")?, may("del")?, may("fresh")?);
    let (hides, read) = (may("hides")?, may("read")?);
    let numbers = may("numbers")?;
    Ok(Allow {
        line,
        import: fields.text("import")?.value,
        kind: fields.text("kind")?.value,
        r#use: fields.take("use").map(|(_, node)| words(node)).transpose()?,
        guard,
        risk,
        container,
        call: written(&mut fields, "call")?,
        create: written(&mut fields, "create")?,
        state: written(&mut fields, "state")?,
        items: fields.take("items").map(|(_, node)| pairs(node)).transpose()?,
        numbers,
        inert: truth(&mut fields, "inert")?,
        hash,
        del,
        fresh,
        hides,
        read,
        why: fields.text("why")?.value,
    })
}

fn entries<T>(
    fields: &mut Fields,
    key: &'static str,
    of: impl Fn(Node) -> Result<T, Fault>,
) -> Result<Vec<T>, Fault> {
    let (_, node) = fields.take(key).ok_or_else(|| fields.at.wrong(Wrong::MissingKey(key)))?;
    node.list()?.into_iter().map(of).collect()
}

fn words(node: Node) -> Result<Vec<String>, Fault> {
    node.list()?.into_iter().map(|node| Ok(node.text()?.value)).collect()
}

fn pairs(node: Node) -> Result<BTreeMap<String, String>, Fault> {
    node.pairs()?.into_iter().map(|(key, node)| Ok((key.value, node.text()?.value))).collect()
}

fn truth(fields: &mut Fields, key: &str) -> Result<bool, Fault> {
    match fields.may(key)? {
        None => Ok(false),
        Some(text) if text.value == "true" => Ok(true),
        Some(text) if text.value == "false" => Ok(false),
        Some(text) => Err(text.at.wrong(Wrong::Syntax("this is `true` or `false`".to_owned()))),
    }
}

fn written(fields: &mut Fields, key: &str) -> Result<Option<Written>, Fault> {
    let Some((_, node)) = fields.take(key) else { return Ok(None) };
    Ok(Some(match node.value {
        Yaml::List(_) => Written::Many(words(node)?),
        Yaml::Map(_) => {
            let mut fields = node.fields(&["touches", "attributes", "parts", "value"])?;
            let touches = fields.take("touches").map(|(_, node)| pairs(node)).transpose()?;
            let forms = Forms {
                attributes: fields.may("attributes")?.map(|text| text.value),
                parts: fields.take("parts").map(|(_, node)| words(node)).transpose()?,
                value: fields.may("value")?.map(|text| text.value),
            };
            let several = forms.attributes.is_some() || forms.parts.is_some() || forms.value.is_some();
            match touches {
                Some(_) if several => {
                    return Err(fields.at.wrong(Wrong::Syntax("`touches` stands alone".to_owned())));
                }
                Some(touches) => Written::Touches(touches),
                None => Written::Forms(forms),
            }
        }
        Yaml::Text { .. } | Yaml::Nothing => Written::One(node.text()?.value),
    }))
}
