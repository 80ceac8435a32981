//! YAML as a tree in which everything knows its place, for files that are read wholly or not at all.
//!
//! Narrower than YAML, so that what a person reads is what the file says: one document, keys that are texts and stand
//! once, no merge keys, no tag that makes something else of a text, and aliases that repeat little.

use std::borrow::Cow;
use std::collections::{HashMap, HashSet};
use std::fmt;

use granit_parser::{ErrorKind, Event, Options, Parser, ScalarStyle, ScanError, Span, Tag};

/// Deepest nesting.
const DEEPEST: usize = 64;
/// Most that all aliases repeat, in nodes and in bytes of text.
const MOST_REPEATED: (usize, usize) = (10_000, 1 << 20);

/// Where something stands: line and column in characters, both from 1.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Spot {
    pub line: usize,
    pub column: usize,
}

impl Spot {
    fn of(span: Span) -> Spot {
        Spot { line: span.start.line(), column: span.start.col() + 1 }
    }
}

/// Something with its place. What an alias repeats stands where the alias stands.
#[derive(Clone, Debug)]
pub struct At<T> {
    pub at: Spot,
    pub value: T,
}

/// A value with its place.
pub type Node = At<Yaml>;

/// What YAML has.
#[derive(Clone, Debug)]
pub enum Yaml {
    /// `~`, `null`, or nothing where something may stand.
    Nothing,
    /// Any other scalar, and whether other readers of YAML would take it for a number or a truth value.
    Text {
        text: String,
        typed: bool,
    },
    List(Vec<Node>),
    Map(Vec<(At<String>, Node)>),
}

/// Why a file is not read, with the place.
pub type Fault = At<Wrong>;

/// Why a file is not read.
#[derive(Clone, Debug)]
pub enum Wrong {
    /// It is no YAML.
    Syntax(String),
    SecondDocument,
    Tag,
    /// A tag that belongs to something else than text.
    TagOfAnotherType,
    MergeKey,
    KeyIsNoText,
    KeyTwice(String),
    UnknownKey {
        key: String,
        known: &'static [&'static str],
    },
    MissingKey(&'static str),
    UnknownAnchor,
    /// An alias inside of what it stands for.
    AliasOfItself,
    AliasesRepeatMuch,
    TooDeep,
    NoText,
    Nothing,
    NothingAtKey,
    NoTextNorTexts,
    NoList,
    NoMap,
}

impl fmt::Display for Wrong {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let words = match self {
            Wrong::Syntax(text) => text,
            Wrong::KeyTwice(key) => return write!(f, "the key `{key}` stands here twice"),
            Wrong::UnknownKey { key, .. } => return write!(f, "unknown key `{key}`"),
            Wrong::MissingKey(key) => return write!(f, "the key `{key}` is missing"),
            Wrong::SecondDocument => "a second YAML document begins",
            Wrong::Tag => "a tag stands here",
            Wrong::TagOfAnotherType => "a tag stands here that makes something else of the text",
            Wrong::MergeKey => "`<<` is not read here",
            Wrong::KeyIsNoText => "a key is a text",
            Wrong::UnknownAnchor => "alias references unknown anchor",
            Wrong::AliasOfItself => "an alias stands here inside of what it stands for",
            Wrong::AliasesRepeatMuch => "aliases make more of this file than a policy may have",
            Wrong::TooDeep => "nested deeper than any policy is",
            Wrong::NoText => "a text is wanted here, not a list or a mapping",
            Wrong::Nothing => "nothing stands here where a text is wanted",
            Wrong::NothingAtKey => "this key has no value",
            Wrong::NoTextNorTexts => "a text or a list of texts is wanted here",
            Wrong::NoList => "a list is wanted here",
            Wrong::NoMap => "a mapping is wanted here",
        };
        f.write_str(words)
    }
}

impl Spot {
    /// A fault here.
    pub fn wrong(self, wrong: Wrong) -> Fault {
        At { at: self, value: wrong }
    }
}

/// Reads one document.
///
/// # Errors
/// The first thing that is wrong.
pub fn read(text: &str) -> Result<Node, Fault> {
    let mut options = Options::default();
    options.emit_comments = false;
    options.flow_nesting_limit = DEEPEST;
    options.block_nesting_limit = DEEPEST;
    let mut tree = Tree::default();
    for event in Parser::new_from_str_with_options(text, options) {
        let (event, span) = event.map_err(|e| syntax(&e))?;
        tree.take(event, Spot::of(span))?;
    }
    Ok(tree.root.unwrap_or(At { at: Spot { line: 1, column: 1 }, value: Yaml::Nothing }))
}

fn syntax(error: &ScanError) -> Fault {
    let at = Spot { line: error.marker().line(), column: error.marker().col() + 1 };
    at.wrong(match error.kind() {
        ErrorKind::RecursionLimitExceeded => Wrong::TooDeep,
        ErrorKind::UnknownAnchor => Wrong::UnknownAnchor,
        kind => Wrong::Syntax(kind.to_string()),
    })
}

/// A tree that is being read.
#[derive(Default)]
struct Tree {
    root: Option<Node>,
    /// Lists and mappings that are not closed.
    open: Vec<Open>,
    anchors: HashMap<usize, Node>,
    repeated: (usize, usize),
}

struct Open {
    at: Spot,
    anchor: usize,
    inside: Inside,
}

enum Inside {
    List(Vec<Node>),
    Map { pairs: Vec<(At<String>, Node)>, keys: HashSet<String>, key: Option<At<String>> },
}

impl Tree {
    fn take(&mut self, event: Event<'_>, at: Spot) -> Result<(), Fault> {
        match event {
            Event::DocumentStart(..) if self.root.is_some() => Err(at.wrong(Wrong::SecondDocument)),
            Event::Scalar(text, style, anchor, tag) => {
                let value = scalar(text.into_owned(), style, tag.as_deref()).map_err(|w| at.wrong(w))?;
                self.add(At { at, value }, anchor, style == ScalarStyle::Plain)
            }
            Event::SequenceStart(_, anchor, tag) => {
                self.begin(at, anchor, tag.as_deref(), "seq", Inside::List(Vec::new()))
            }
            Event::MappingStart(_, anchor, tag) => {
                let inside = Inside::Map { pairs: Vec::new(), keys: HashSet::new(), key: None };
                self.begin(at, anchor, tag.as_deref(), "map", inside)
            }
            Event::SequenceEnd | Event::MappingEnd => {
                let Some(Open { at, anchor, inside }) = self.open.pop() else { return Ok(()) };
                let value = match inside {
                    Inside::List(list) => Yaml::List(list),
                    Inside::Map { pairs, .. } => Yaml::Map(pairs),
                };
                self.add(At { at, value }, anchor, false)
            }
            Event::Alias(anchor) => {
                let node = self.anchors.get(&anchor).ok_or_else(|| at.wrong(Wrong::AliasOfItself))?;
                let (nodes, bytes) = node.weight();
                self.repeated = (self.repeated.0 + nodes, self.repeated.1 + bytes);
                if self.repeated.0 > MOST_REPEATED.0 || self.repeated.1 > MOST_REPEATED.1 {
                    return Err(at.wrong(Wrong::AliasesRepeatMuch));
                }
                let node = node.repeated(at);
                self.add(node, 0, false)
            }
            _ => Ok(()),
        }
    }

    fn begin(
        &mut self,
        at: Spot,
        anchor: usize,
        tag: Option<&Tag>,
        own: &str,
        inside: Inside,
    ) -> Result<(), Fault> {
        if tag.is_some_and(|tag| type_of(tag).is_none_or(|named| !named.is_empty() && named != own)) {
            return Err(at.wrong(Wrong::Tag));
        }
        if self.open.len() >= DEEPEST {
            return Err(at.wrong(Wrong::TooDeep));
        }
        if let Some(Open { inside: Inside::Map { key: None, .. }, .. }) = self.open.last() {
            return Err(at.wrong(Wrong::KeyIsNoText));
        }
        self.open.push(Open { at, anchor, inside });
        Ok(())
    }

    /// Puts a node that is whole where it belongs.
    fn add(&mut self, node: Node, anchor: usize, plain: bool) -> Result<(), Fault> {
        if anchor != 0 {
            self.anchors.insert(anchor, node.clone());
        }
        match self.open.last_mut().map(|open| &mut open.inside) {
            None => self.root = Some(node),
            Some(Inside::List(list)) => list.push(node),
            Some(Inside::Map { pairs, key: key @ Some(_), .. }) => {
                pairs.extend(key.take().map(|key| (key, node)));
            }
            Some(Inside::Map { keys, key, .. }) => {
                let At { at, value } = node;
                let text = match value {
                    Yaml::Text { text, .. } => text,
                    Yaml::Nothing => return Err(at.wrong(Wrong::Nothing)),
                    Yaml::List(_) | Yaml::Map(_) => return Err(at.wrong(Wrong::KeyIsNoText)),
                };
                if plain && text == "<<" {
                    return Err(at.wrong(Wrong::MergeKey));
                }
                if !keys.insert(text.clone()) {
                    return Err(at.wrong(Wrong::KeyTwice(text)));
                }
                *key = Some(At { at, value: text });
            }
        }
        Ok(())
    }
}

/// The type of YAML that a tag names, `""` for `!`, which names none.
fn type_of(tag: &Tag) -> Option<Cow<'_, str>> {
    if tag.original() == "!" {
        Some(Cow::Borrowed(""))
    } else {
        tag.suffix_in_namespace("tag:yaml.org,2002:")
    }
}

fn scalar(text: String, style: ScalarStyle, tag: Option<&Tag>) -> Result<Yaml, Wrong> {
    let typed = match tag.map(type_of) {
        None if style != ScalarStyle::Plain => false,
        None if matches!(text.as_str(), "" | "~" | "null" | "Null" | "NULL") => return Ok(Yaml::Nothing),
        None => is_typed(&text),
        Some(None) => return Err(Wrong::Tag),
        Some(Some(named)) => match &*named {
            // Who writes `!!binary` says how a text came about; it is one.
            "" | "str" | "binary" => false,
            "null" | "bool" | "int" | "float" | "timestamp" | "seq" | "map" => {
                return Err(Wrong::TagOfAnotherType);
            }
            _ => return Err(Wrong::Tag),
        },
    };
    Ok(Yaml::Text { text, typed })
}

/// Whether readers of YAML take a plain scalar for a number or a truth value.
fn is_typed(text: &str) -> bool {
    let bare = text.trim_start_matches(['-', '+']);
    let based = |prefix, base| {
        bare.strip_prefix(prefix).is_some_and(|digits: &str| u64::from_str_radix(digits, base).is_ok())
    };
    bare.starts_with(|c: char| c.is_ascii_digit() || c == '.') && bare.replace('_', "").parse::<f64>().is_ok()
        || based("0x", 16)
        || based("0o", 8)
        || based("0b", 2)
        || [".inf", ".nan", "true", "false", "yes", "no", "on", "off", "y", "n"]
            .iter()
            .any(|word| bare.eq_ignore_ascii_case(word))
}

impl Node {
    /// How many nodes this is, and how many bytes of text.
    fn weight(&self) -> (usize, usize) {
        let sum = |a: (usize, usize), b: (usize, usize)| (a.0 + b.0, a.1 + b.1);
        match &self.value {
            Yaml::Nothing => (1, 0),
            Yaml::Text { text, .. } => (1, text.len()),
            Yaml::List(list) => list.iter().map(Node::weight).fold((2, 0), sum),
            Yaml::Map(pairs) => {
                pairs.iter().map(|(key, node)| sum((1, key.value.len()), node.weight())).fold((2, 0), sum)
            }
        }
    }

    /// The same at another place.
    fn repeated(&self, at: Spot) -> Node {
        let value = match &self.value {
            Yaml::List(list) => Yaml::List(list.iter().map(|node| node.repeated(at)).collect()),
            Yaml::Map(pairs) => Yaml::Map(
                pairs
                    .iter()
                    .map(|(key, node)| (At { at, value: key.value.clone() }, node.repeated(at)))
                    .collect(),
            ),
            other => other.clone(),
        };
        At { at, value }
    }

    /// A text. A number is one, as it is written.
    ///
    /// # Errors
    /// Nothing, a list or a mapping.
    pub fn text(self) -> Result<At<String>, Fault> {
        match self.value {
            Yaml::Text { text, .. } => Ok(At { at: self.at, value: text }),
            Yaml::Nothing => Err(self.at.wrong(Wrong::Nothing)),
            Yaml::List(_) | Yaml::Map(_) => Err(self.at.wrong(Wrong::NoText)),
        }
    }

    /// A list.
    ///
    /// # Errors
    /// Anything else.
    pub fn list(self) -> Result<Vec<Node>, Fault> {
        match self.value {
            Yaml::List(list) => Ok(list),
            _ => Err(self.at.wrong(Wrong::NoList)),
        }
    }

    /// A mapping in the order of the file.
    ///
    /// # Errors
    /// Anything else.
    pub fn pairs(self) -> Result<Vec<(At<String>, Node)>, Fault> {
        match self.value {
            Yaml::Map(pairs) => Ok(pairs),
            _ => Err(self.at.wrong(Wrong::NoMap)),
        }
    }

    /// A mapping whose keys are `known`.
    ///
    /// # Errors
    /// Anything else, and any other key.
    pub fn fields(self, known: &'static [&'static str]) -> Result<Fields, Fault> {
        let at = self.at;
        let pairs = self.pairs()?;
        if let Some((key, _)) = pairs.iter().find(|(key, _)| !known.contains(&key.value.as_str())) {
            return Err(key.at.wrong(Wrong::UnknownKey { key: key.value.clone(), known }));
        }
        Ok(Fields { at, pairs })
    }
}

/// A mapping whose keys are known.
pub struct Fields {
    pub at: Spot,
    pairs: Vec<(At<String>, Node)>,
}

impl Fields {
    /// What stands at a key, and the place of the key, if the key is there.
    pub fn take(&mut self, key: &str) -> Option<(Spot, Node)> {
        let index = self.pairs.iter().position(|(k, _)| k.value == key)?;
        let (key, node) = self.pairs.swap_remove(index);
        Some((key.at, node))
    }

    /// The text at a key.
    ///
    /// # Errors
    /// No key, or no text there.
    pub fn text(&mut self, key: &'static str) -> Result<At<String>, Fault> {
        self.may(key)?.ok_or_else(|| self.at.wrong(Wrong::MissingKey(key)))
    }

    /// The text at a key, if the key is there.
    ///
    /// # Errors
    /// No text.
    pub fn may(&mut self, key: &str) -> Result<Option<At<String>>, Fault> {
        self.take(key).map(|(_, node)| node.text()).transpose()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn wrong(text: &str) -> (usize, usize, Wrong) {
        match read(text) {
            Ok(node) => panic!("{text} is read: {node:?}"),
            Err(fault) => (fault.at.line, fault.at.column, fault.value),
        }
    }

    #[test]
    fn what_an_alias_repeats_stands_where_the_alias_stands() {
        let text = "a: &x {b: c}\nd: [*x]\n";
        let pairs = read(text).and_then(Node::pairs).unwrap_or_else(|fault| panic!("{fault:?}"));
        let Yaml::List(list) = &pairs[1].1.value else { panic!("{pairs:?}") };
        let Yaml::Map(inner) = &list[0].value else { panic!("{list:?}") };
        assert_eq!(inner[0].0.at, Spot { line: 2, column: 5 });
        assert_eq!(inner[0].1.at, Spot { line: 2, column: 5 });
    }

    #[test]
    fn aliases_repeat_no_more_than_a_file_may_have() {
        let long = format!("- &a '{}'\n{}", "x".repeat(1000), "- *a\n".repeat(1049));
        assert!(matches!(wrong(&long), (1050, 3, Wrong::AliasesRepeatMuch)));
        let wide = format!("- &a [{}]\n{}", "x,".repeat(98), "- *a\n".repeat(101));
        assert!(matches!(wrong(&wide), (102, 3, Wrong::AliasesRepeatMuch)));
        assert!(matches!(wrong("&a [*a]"), (1, 5, Wrong::AliasOfItself)));
        let deep = |levels: usize| format!("{}{}", "[".repeat(levels), "]".repeat(levels));
        assert!(read(&deep(DEEPEST)).is_ok());
        assert!(matches!(wrong(&deep(DEEPEST + 1)), (1, _, Wrong::TooDeep)));
    }

    #[test]
    fn what_readers_differ_about_is_refused() {
        for (text, column) in [("{a: 1, \"a\": 2}", 8), ("{&x a: 1, *x : 2}", 11), ("{!!str a: 1, a: 2}", 14)]
        {
            assert!(matches!(wrong(text), (1, c, Wrong::KeyTwice(_)) if c == column), "{text}");
        }
        assert!(matches!(wrong("{<<: {a: 1}}"), (1, 2, Wrong::MergeKey)));
        assert!(matches!(wrong("[!!int '1']"), (1, 8, Wrong::TagOfAnotherType)));
        assert!(matches!(wrong("!ours {a: 1}"), (1, 7, Wrong::Tag)));
        assert!(matches!(wrong("{[a]: 1}"), (1, 2, Wrong::KeyIsNoText)));
        assert!(matches!(wrong("--- a\n--- b\n"), (2, 1, Wrong::SecondDocument)));
    }

    #[test]
    fn a_plain_word_of_another_type_is_known_as_one() {
        for (text, other) in [
            ("yes", true),
            ("'yes'", false),
            ("-1.5e3", true),
            ("0x1F", true),
            (".inf", true),
            ("1_000", true),
            ("nano", false),
            ("infinity", false),
            ("e5", false),
            ("1.2.3", false),
            ("! 5", false),
        ] {
            let Ok(Node { value: Yaml::Text { typed, .. }, .. }) = read(text) else { panic!("{text}") };
            assert_eq!(typed, other, "{text}");
        }
    }
}
