//! Ultralytics' models: what training makes of the architecture that a model keeps in `yaml`.
//!
//! `parse_model` (nn/tasks.py) evaluates the text `activation`, looks layers up by name among torch's, torchvision's
//! and its own module's globals and calls them, and until 8.0.53 evaluated the text of their arguments. So every
//! text there is a layer that is listed, or a word that says nothing but itself to all of these.

use crate::pickle::known::view::{Build, View};
use crate::pickle::stream::reader::Cursor;
use crate::pickle::stream::text::Text;
use crate::pickle::values::value::{Tag, Value};

/// How many values an architecture has at most; the largest that is known has 1,200.
const VALUES: usize = 1 << 14;

/// Layers that build from numbers and open nothing: `TorchVision`, which fetches weights, is none of them.
const LAYERS: &[&str] = &[
    "A2C2f",
    "AAttn",
    "ADown",
    "AGLU",
    "AIFI",
    "AConv",
    "Bottleneck",
    "BottleneckCSP",
    "C1",
    "C2",
    "C2PSA",
    "C2f",
    "C2fAttn",
    "C2fCIB",
    "C2fPSA",
    "C3",
    "C3Ghost",
    "C3SPP",
    "C3TR",
    "C3k2",
    "C3x",
    "CBAM",
    "CBFuse",
    "CBLinear",
    "ChannelAttention",
    "Classify",
    "Concat",
    "Conv",
    "Conv2",
    "Contract",
    "ConvTranspose",
    "CrossConv",
    "DWConv",
    "DWConvTranspose2d",
    "Depth",
    "Detect",
    "ELAN1",
    "Expand",
    "Focus",
    "GhostBottleneck",
    "GhostConv",
    "HGBlock",
    "HGStem",
    "ImagePoolingAttn",
    "Index",
    "LightConv",
    "OBB",
    "OBB26",
    "PSA",
    "Pose",
    "Pose26",
    "RTDETRDecoder",
    "RepC3",
    "RepConv",
    "RepNCSPELAN4",
    "ResNetLayer",
    "SCDown",
    "SPP",
    "SPPELAN",
    "SPPF",
    "Segment",
    "Segment26",
    "SemanticSegment",
    "Silence",
    "SpatialAttention",
    "WorldDetect",
    "YOLOEDetect",
    "YOLOESegment",
    "YOLOESegment26",
    "nn.BatchNorm2d",
    "nn.Conv2d",
    "nn.ConvTranspose2d",
    "nn.Identity",
    "nn.MaxPool2d",
    "nn.Upsample",
    "nn.ZeroPad2d",
    "v10Detect",
];

/// Arguments of layers: constants, modes, and names of numbers that stand elsewhere in the architecture.
const WORDS: &[&str] = &[
    "False",
    "None",
    "True",
    "anchors",
    "bicubic",
    "bilinear",
    "ch",
    "kpt_shape",
    "nc",
    "ndim",
    "ne",
    "nearest",
    "nm",
    "npr",
    "reg_max",
];

/// Classes of `torch.nn` that are activations.
const ACTIVATIONS: &[&str] = &[
    "CELU",
    "ELU",
    "GELU",
    "GLU",
    "Hardshrink",
    "Hardsigmoid",
    "Hardswish",
    "Hardtanh",
    "Identity",
    "LeakyReLU",
    "LogSigmoid",
    "Mish",
    "PReLU",
    "RReLU",
    "ReLU",
    "ReLU6",
    "SELU",
    "SiLU",
    "Sigmoid",
    "Softplus",
    "Softshrink",
    "Softsign",
    "Tanh",
    "Tanhshrink",
];

/// Encoders of text that Ultralytics knows by name; any other name would be looked for among files.
const ENCODERS: &[&str] = &[
    "clip:ViT-B/32",
    "mobileclip2:b",
    "mobileclip:b",
    "mobileclip:blt",
    "mobileclip:s0",
    "mobileclip:s1",
    "mobileclip:s2",
];

/// A model's state: its `yaml` names layers that are listed, and an activation with literal arguments.
pub fn model<C: Cursor>(view: &View<'_, C>, build: &Build) -> Result<(), String> {
    let Some(items) = view.items(build.state) else {
        return Err("its attributes cannot be followed, and training evaluates text of one".to_owned());
    };
    for (key, value) in items {
        match view.word(*key).as_deref() {
            Some("yaml") => architecture(view, *value)?,
            Some("text_model") => encoder(view, *value)?,
            _ => {}
        }
    }
    Ok(())
}

fn architecture<C: Cursor>(view: &View<'_, C>, yaml: Value) -> Result<(), String> {
    let Some(items) = view.items(yaml) else {
        return Err(
            "its architecture `yaml` is no dict that can be read, and training evaluates it".to_owned()
        );
    };
    for (key, value) in items {
        match view.word(*key).as_deref() {
            Some("activation" | "act") => activation(view, *value)?,
            Some("text_model") => encoder(view, *value)?,
            // A path that tells the size of the model by its name, and a letter that does.
            Some("yaml_file" | "scale") if value.is(Tag::Text) => {}
            _ => words(view, *value)?,
        }
    }
    Ok(())
}

/// Every text below a value is a layer or a word.
fn words<C: Cursor>(view: &View<'_, C>, value: Value) -> Result<(), String> {
    let unread = || {
        Err("its architecture `yaml` has a value that cannot be read, and training evaluates it".to_owned())
    };
    let mut work = vec![value];
    let mut seen = 0;
    while let Some(value) = work.pop() {
        seen += 1;
        if seen > VALUES {
            return unread();
        }
        match value.tag() {
            Tag::None | Tag::Bool | Tag::Int | Tag::BigInt | Tag::Float => {}
            Tag::Text => {
                let word = view.word(value);
                let known = |word: &str| LAYERS.contains(&word) || WORDS.contains(&word);
                if !word.as_deref().is_some_and(known) {
                    let shown = word.unwrap_or_default();
                    return Err(format!(
                        "its architecture `yaml` says {shown:?}, which is no layer that is known"
                    ));
                }
            }
            Tag::Tuple => work.extend(view.heap.tuples.items(value)),
            Tag::List => match view.list(value) {
                Some(items) => work.extend(items),
                None => return unread(),
            },
            // The sizes of `scales`; nothing is looked up by their names but they themselves.
            Tag::Dict => match view.items(value) {
                Some(items) => work.extend(items.iter().map(|(_, value)| *value)),
                None => return unread(),
            },
            _ => return unread(),
        }
    }
    Ok(())
}

fn activation<C: Cursor>(view: &View<'_, C>, value: Value) -> Result<(), String> {
    let text = view.word(value);
    if value.is(Tag::None) || text.as_deref().is_some_and(is_activation) {
        return Ok(());
    }
    let shown = text.unwrap_or_default();
    Err(format!(
        "its activation {shown:?} is evaluated by training, and is no class of torch.nn with literal arguments"
    ))
}

fn encoder<C: Cursor>(view: &View<'_, C>, value: Value) -> Result<(), String> {
    let known = |v| matches!(view.text(v, 64), Some(Text::Str(name)) if ENCODERS.contains(&name.as_str()));
    if value.is(Tag::None) || known(value) {
        return Ok(());
    }
    Err("its text_model is no encoder that is known, and names a file to load".to_owned())
}

/// `nn.SiLU()`, `torch.nn.LeakyReLU(0.1, inplace=True)`.
fn is_activation(text: &str) -> bool {
    let literal = |s: &str| {
        let digits = s.strip_prefix('-').unwrap_or(s);
        let number = !digits.is_empty()
            && digits.len() <= 12
            && digits.bytes().all(|b| b.is_ascii_digit() || b == b'.');
        number || matches!(s, "True" | "False" | "None")
    };
    let argument = |s: &str| match s.trim().split_once('=') {
        Some((name, value)) => {
            name.trim().bytes().all(|b| b.is_ascii_lowercase() || b == b'_') && literal(value.trim())
        }
        None => literal(s.trim()),
    };
    let text = text.trim().strip_prefix("torch.").unwrap_or(text.trim());
    let call = text
        .strip_prefix("nn.")
        .and_then(|rest| rest.strip_suffix(')'))
        .and_then(|rest| rest.split_once('('));
    call.is_some_and(|(name, args)| {
        ACTIVATIONS.contains(&name) && (args.trim().is_empty() || args.split(',').all(argument))
    })
}

#[cfg(test)]
mod tests {
    use super::is_activation;

    #[test]
    fn activations() {
        for fine in ["nn.SiLU()", "torch.nn.LeakyReLU(0.1)", "nn.LeakyReLU(negative_slope=0.1, inplace=True)"]
        {
            assert!(is_activation(fine), "{fine}");
        }
        let odd = [
            "",
            "nn.SiLU",
            "nn.Module()",
            "nn.SiLU()()",
            "nn.SiLU(exit())",
            "nn.SiLU(a=b)",
            "os.system('true')",
        ];
        for odd in odd {
            assert!(!is_activation(odd), "{odd}");
        }
    }
}
