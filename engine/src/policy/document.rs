//! The schema of a policy file, as YAML is read into it.

use std::fmt;

use serde::de::{self, MapAccess, SeqAccess, Visitor};
use serde::{Deserialize, Deserializer};
use serde_yaml::Spanned;

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Document {
    #[serde(default, deserialize_with = "said")]
    pub version: Option<Spanned<String>>,
    #[serde(default, deserialize_with = "said")]
    pub extends: Option<Spanned<Words>>,
    #[serde(default, deserialize_with = "said")]
    pub pickles: Option<Spanned<String>>,
    #[serde(default)]
    pub allow: Option<Vec<Spanned<Allow>>>,
    #[serde(default)]
    pub files: Option<Vec<Spanned<File>>>,
    #[serde(default)]
    pub deny: Option<Spanned<Words>>,
    #[serde(default)]
    pub exclude: Option<Spanned<Words>>,
    #[serde(default)]
    pub levels: Option<Pairs>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Allow {
    pub import: Spanned<String>,
    pub reason: Spanned<String>,
    #[serde(default, deserialize_with = "said")]
    pub kind: Option<Spanned<String>>,
    #[serde(default, deserialize_with = "said")]
    pub r#use: Option<Spanned<Words>>,
    #[serde(default, deserialize_with = "said")]
    pub guard: Option<Spanned<String>>,
    #[serde(default, deserialize_with = "said")]
    pub paths: Option<Spanned<Words>>,
    #[serde(default, deserialize_with = "said")]
    pub expires: Option<Spanned<String>>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct File {
    pub sha256: Spanned<String>,
    pub reason: Spanned<String>,
    #[serde(default, deserialize_with = "said")]
    pub path: Option<Spanned<String>>,
    #[serde(default, deserialize_with = "said")]
    pub expires: Option<Spanned<String>>,
}

/// A value that has to be there where its key is: a key without one may mean everything or nothing.
fn said<'de, D: Deserializer<'de>, T: Deserialize<'de>>(
    deserializer: D,
) -> std::result::Result<Option<T>, D::Error> {
    T::deserialize(deserializer).map(Some)
}

/// A list of texts. One alone may do without its brackets.
pub(super) enum Words {
    One(String),
    Many(Vec<Spanned<String>>),
}

impl Words {
    /// The texts, each with its place.
    pub fn texts(words: Option<Spanned<Words>>) -> Vec<Spanned<String>> {
        match words {
            None => Vec::new(),
            Some(Spanned { value: Words::Many(texts), .. }) => texts,
            Some(Spanned { value: Words::One(text), referenced, defined }) => {
                vec![Spanned { value: text, referenced, defined }]
            }
        }
    }
}

impl<'de> Deserialize<'de> for Words {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> std::result::Result<Self, D::Error> {
        struct WordsVisitor;
        impl<'de> Visitor<'de> for WordsVisitor {
            type Value = Words;
            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str("a list of texts")
            }
            fn visit_str<E: de::Error>(self, text: &str) -> std::result::Result<Words, E> {
                Ok(Words::One(text.to_owned()))
            }
            fn visit_seq<A: SeqAccess<'de>>(self, mut seq: A) -> std::result::Result<Words, A::Error> {
                let mut texts = Vec::new();
                while let Some(text) = seq.next_element()? {
                    texts.push(text);
                }
                Ok(Words::Many(texts))
            }
        }
        deserializer.deserialize_any(WordsVisitor)
    }
}

/// A mapping in the order of the file.
pub(super) struct Pairs(pub Vec<(Spanned<String>, Spanned<String>)>);

impl<'de> Deserialize<'de> for Pairs {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> std::result::Result<Self, D::Error> {
        struct PairsVisitor;
        impl<'de> Visitor<'de> for PairsVisitor {
            type Value = Pairs;
            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str("a mapping from rules to levels")
            }
            fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> std::result::Result<Pairs, A::Error> {
                let mut pairs = Vec::new();
                while let Some(pair) = map.next_entry()? {
                    pairs.push(pair);
                }
                Ok(Pairs(pairs))
            }
        }
        deserializer.deserialize_map(PairsVisitor)
    }
}
