//! Names for what a tree holds: tensors and texts by their keys, joined with dots.

use std::collections::{BTreeMap, HashMap};

use fickgate_engine::escape;
use fickgate_engine::tensors::model::{Form, Key, Mapping, Model, Node, Tensor};
use fickgate_engine::tensors::refusal::{Failure, Refusal};

use crate::convert::text;

/// The name of a tensor that is the whole object.
const WHOLE: &str = "tensor";
/// The name under which the header keeps texts.
const METADATA: &str = "__metadata__";

/// The text that says whose tensors they are, which transformers asks for before it reads a file.
pub const FORMAT: &str = "format";

/// A tensor and its name.
#[derive(Debug)]
pub struct Named {
    /// Its keys, joined with dots.
    pub name: String,
    /// The tensor.
    pub tensor: Tensor,
}

/// The state of an optimizer that is left out.
#[derive(Debug)]
pub struct LeftOut {
    /// Its keys, joined with dots; `""` for the whole file.
    pub name: String,
    /// Tensors in it.
    pub tensors: usize,
}

/// All that gets a name.
#[derive(Debug, Default)]
pub struct Names {
    /// Tensors, in the order of the file.
    pub tensors: Vec<Named>,
    /// Literals, as text.
    pub texts: BTreeMap<String, String>,
    /// What is left out.
    pub left_out: Vec<LeftOut>,
}

impl Names {
    /// The names of a model; with `all`, states of optimizers are kept.
    ///
    /// # Errors
    ///
    /// Where two values have one name, where a name is one that safetensors files do not take, and where there is no
    /// tensor.
    pub fn of(model: &Model, all: bool) -> Result<Names, Failure> {
        let mut walk =
            Walk { names: Names::default(), taken: HashMap::new(), keys: Vec::new(), all, at: None };
        let walked = match &model.root {
            Node::Tensor(tensor) => {
                walk.names.tensors.push(Named { name: WHOLE.to_owned(), tensor: (**tensor).clone() });
                Ok(())
            }
            root => walk.node(root),
        };
        let refused = |at: Option<u64>, reason: String| {
            Err(Failure::Refused(Refusal { member: model.member.clone(), offset: at, reason }))
        };
        if let Err(reason) = walked {
            return refused(walk.at, reason);
        }
        let mut names = walk.names;
        if names.tensors.is_empty() {
            let reason = match names.left_out.is_empty() {
                true => "it holds no tensor",
                false => "it holds no tensor but those of an optimizer: --all converts them",
            };
            return refused(None, reason.to_owned());
        }
        if matches!(model.form, Form::TorchZip | Form::TorchLegacy) {
            names.texts.entry(FORMAT.to_owned()).or_insert_with(|| "pt".to_owned());
        }
        Ok(names)
    }
}

/// A way through the tree.
struct Walk {
    names: Names,
    /// How each name is reached, of a tensor or of a text: one that both had would be read as either.
    taken: HashMap<String, String>,
    keys: Vec<Key>,
    all: bool,
    at: Option<u64>,
}

impl Walk {
    fn node(&mut self, node: &Node) -> Result<(), String> {
        match node {
            Node::Tensor(tensor) => {
                self.at = Some(tensor.at);
                let name = self.name()?;
                self.names.tensors.push(Named { name, tensor: (**tensor).clone() });
            }
            Node::Mapping(mapping) if !self.all && is_optimizer(mapping) => {
                let name = joined(&self.keys);
                self.names.left_out.push(LeftOut { name, tensors: tensors_in(node) });
            }
            Node::Mapping(mapping) if self.keys.is_empty() || tensors_in(node) > 0 => {
                for (key, below) in mapping.items.iter().chain(&mapping.attributes) {
                    self.below(key.clone(), below)?;
                }
            }
            Node::List(items) if self.keys.is_empty() || tensors_in(node) > 0 => {
                for (i, below) in items.iter().enumerate() {
                    self.below(Key::Int(i as i128), below)?;
                }
            }
            literal => {
                let name = self.name()?;
                let text =
                    text::text(literal).map_err(|what| format!("{} {what}", subscripts(&self.keys)))?;
                self.names.texts.insert(name, text);
            }
        }
        Ok(())
    }

    fn below(&mut self, key: Key, node: &Node) -> Result<(), String> {
        self.keys.push(key);
        self.node(node)?;
        self.keys.pop();
        Ok(())
    }

    /// The name of what the keys lead to.
    fn name(&mut self) -> Result<String, String> {
        let name = if self.keys.is_empty() { WHOLE.to_owned() } else { joined(&self.keys) };
        let shown = subscripts(&self.keys);
        if name.is_empty() || name == METADATA || name.chars().any(char::is_control) {
            return Err(format!(
                "{shown} has a name that is empty, `{METADATA}`, or has a control character"
            ));
        }
        match self.taken.insert(name.clone(), shown.clone()) {
            None => Ok(name),
            Some(other) => {
                Err(format!("{other} and {shown} would both have the name `{}`", escape::name(&name)))
            }
        }
    }
}

/// Keys joined with dots.
fn joined(keys: &[Key]) -> String {
    keys.iter().map(Key::to_string).collect::<Vec<_>>().join(".")
}

/// Keys as Python would write them behind the object.
fn subscripts(keys: &[Key]) -> String {
    let each = keys.iter().map(|key| match key {
        Key::Text(text) => format!("['{}']", escape::name(text)),
        Key::Int(n) => format!("[{n}]"),
    });
    each.collect()
}

/// Whether a dict is what `state_dict` of an optimizer gives (`torch/optim/optimizer.py`).
fn is_optimizer(mapping: &Mapping) -> bool {
    let of = |name: &str| {
        mapping.items.iter().find(|(key, _)| matches!(key, Key::Text(text) if text == name)).map(|(_, v)| v)
    };
    let groups = |groups: &[Node]| groups.iter().all(|group| matches!(group, Node::Mapping(_)));
    mapping.items.len() == 2
        && matches!(of("state"), Some(Node::Mapping(_)))
        && matches!(of("param_groups"), Some(Node::List(list)) if groups(list))
}

/// How many tensors there are below.
fn tensors_in(node: &Node) -> usize {
    match node {
        Node::Tensor(_) => 1,
        Node::List(items) => items.iter().map(tensors_in).sum(),
        Node::Mapping(mapping) => {
            mapping.items.iter().chain(&mapping.attributes).map(|(_, node)| tensors_in(node)).sum()
        }
        _ => 0,
    }
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use super::*;
    use fickgate_engine::tensors::dtype::Dtype;

    fn tensor() -> Node {
        Node::Tensor(Box::new(Tensor {
            dtype: Dtype::F32,
            shape: vec![1],
            strides: vec![1],
            offset: 0,
            storage: 0,
            conjugated: false,
            negated: false,
            at: 0,
        }))
    }

    fn dict(items: Vec<(Key, Node)>) -> Node {
        Node::Mapping(Box::new(Mapping { items, attributes: Vec::new() }))
    }

    fn key(text: &str) -> Key {
        Key::Text(text.to_owned())
    }

    fn names(root: Node, all: bool) -> Result<Names, String> {
        let model = Model { form: Form::TorchZip, member: String::new(), root, storages: Vec::new() };
        Names::of(&model, all).map_err(|failure| match failure {
            Failure::Refused(refusal) => refusal.reason,
            Failure::Unreadable(error) => error.to_string(),
        })
    }

    #[test]
    fn keys_are_joined_and_literals_are_kept_whole() {
        let root = dict(vec![
            (key("epoch"), Node::Int(3)),
            (key("model"), dict(vec![(key("a.b"), tensor()), (key("note"), Node::Text("x".to_owned()))])),
            (key("list"), Node::List(vec![Node::None, tensor()])),
            (
                key("config"),
                dict(vec![(Key::Int(1), Node::List(vec![Node::Bool(true), Node::Float(f64::NAN)]))]),
            ),
        ]);
        let names = names(root, false).unwrap();
        let tensors: Vec<&str> = names.tensors.iter().map(|t| t.name.as_str()).collect();
        assert_eq!(tensors, ["model.a.b", "list.1"]);
        let texts: Vec<(&str, &str)> = names.texts.iter().map(|(k, v)| (k.as_str(), v.as_str())).collect();
        assert_eq!(
            texts,
            [
                ("config", r#"{"1": [true, NaN]}"#),
                ("epoch", "3"),
                ("format", "pt"),
                ("list.0", "null"),
                ("model.note", "x")
            ]
        );
    }

    #[test]
    fn a_name_that_two_values_would_have_is_refused() {
        let twice = |a: (Key, Node), b: (Key, Node)| names(dict(vec![a, b]), false).unwrap_err();
        let nested = (key("a"), dict(vec![(key("b"), tensor())]));
        assert_eq!(
            twice(nested, (key("a.b"), tensor())),
            "['a']['b'] and ['a.b'] would both have the name `a.b`"
        );
        assert_eq!(
            twice((Key::Int(1), tensor()), (key("1"), tensor())),
            "[1] and ['1'] would both have the name `1`"
        );
        let below = (key("x"), dict(vec![(Key::Int(1), tensor())]));
        assert_eq!(
            twice(below, (key("x.1"), Node::Text("a text".to_owned()))),
            "['x'][1] and ['x.1'] would both have the name `x.1`"
        );
        let literals = dict(vec![(Key::Int(1), Node::None), (key("1"), Node::None)]);
        assert!(twice((key("t"), tensor()), (key("x"), literals)).contains("`1`"));
    }

    #[test]
    fn names_that_the_format_does_not_take_are_refused() {
        for bad in ["", "__metadata__", "a\nb", "a\u{7f}", "\0"] {
            assert!(names(dict(vec![(key(bad), tensor())]), false).is_err(), "{bad:?}");
        }
    }

    #[test]
    fn an_optimizer_is_left_out_and_said_or_kept_on_demand() {
        let optimizer = || {
            dict(vec![
                (key("state"), dict(vec![(Key::Int(0), dict(vec![(key("exp_avg"), tensor())]))])),
                (key("param_groups"), Node::List(vec![dict(vec![(key("lr"), Node::Float(0.1))])])),
            ])
        };
        let both = || dict(vec![(key("w"), tensor()), (key("opt"), optimizer())]);
        let without = names(both(), false).unwrap();
        assert_eq!((without.tensors.len(), without.left_out[0].tensors), (1, 1));
        assert_eq!(without.left_out[0].name, "opt");
        let with = names(both(), true).unwrap();
        assert_eq!(with.tensors[1].name, "opt.state.0.exp_avg");
        assert_eq!(with.texts["opt.param_groups"], r#"[{"lr": 0.1}]"#);
        assert!(names(optimizer(), false).unwrap_err().contains("--all"));
    }
}
