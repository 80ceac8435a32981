//! Literals as the texts that the metadata of a safetensors file takes: a text as it is, anything else as JSON in the
//! dialect of Python's `json`, which has `NaN` and `Infinity`.

use std::collections::HashSet;
use std::fmt::Write as _;

use fickgate_engine::escape;
use fickgate_engine::tensors::model::Node;

/// The text of a literal.
///
/// # Errors
///
/// With what is wrong, in words, where two keys of a dict would become one.
pub fn text(node: &Node) -> Result<String, String> {
    if let Node::Text(text) = node {
        return Ok(text.clone());
    }
    let mut out = String::new();
    json(node, &mut out)?;
    Ok(out)
}

fn json(node: &Node, out: &mut String) -> Result<(), String> {
    match node {
        Node::Tensor(_) => return Err("holds a tensor".to_owned()),
        Node::None => out.push_str("null"),
        Node::Bool(value) => out.push_str(if *value { "true" } else { "false" }),
        Node::Int(n) => drop(write!(out, "{n}")),
        Node::Float(n) if n.is_nan() => out.push_str("NaN"),
        Node::Float(n) if n.is_infinite() => out.push_str(if *n > 0.0 { "Infinity" } else { "-Infinity" }),
        Node::Float(n) => out.push_str(&quoted(n)),
        Node::Text(text) => out.push_str(&quoted(text)),
        Node::List(items) => {
            out.push('[');
            for (i, item) in items.iter().enumerate() {
                out.push_str(if i == 0 { "" } else { ", " });
                json(item, out)?;
            }
            out.push(']');
        }
        Node::Mapping(mapping) => {
            let mut keys = HashSet::new();
            out.push('{');
            for (i, (key, value)) in mapping.items.iter().chain(&mapping.attributes).enumerate() {
                let key = key.to_string();
                out.push_str(if i == 0 { "" } else { ", " });
                let _ = write!(out, "{}: ", quoted(&key));
                json(value, out)?;
                if let Some(twin) = keys.replace(key) {
                    return Err(format!("has two keys that are `{}` as text", escape::name(&twin)));
                }
            }
            out.push('}');
        }
    }
    Ok(())
}

/// As JSON. Texts and finite numbers always have a form.
fn quoted(value: &impl serde::Serialize) -> String {
    serde_json::to_string(value).unwrap_or_default()
}
