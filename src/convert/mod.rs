//! `fickgate convert`: a file whose only content is tensors, written as safetensors. No pickle is executed.

mod header;
mod names;
mod output;
mod text;

use std::collections::HashMap;
use std::io::{self, Write as _};
use std::path::Path;

use fickgate_engine::content::Content;
use fickgate_engine::error::{Error, Result};
use fickgate_engine::limits::Limits;
use fickgate_engine::path::BlobPath;
use fickgate_engine::rule::Level;
use fickgate_engine::tensors::gather::gather;
use fickgate_engine::tensors::model::Model;
use fickgate_engine::tensors::open;
use fickgate_engine::tensors::refusal::{Failure, Refusal};
use fickgate_engine::{escape, finding::Finding};

use crate::cli::ConvertArgs;
use crate::source::Source;
use crate::{explain, gate, layers};
use header::Header;
use names::{LeftOut, Names};
use output::Destination;

/// Bytes that views and shared storages may add without being held against the size of what is there, and how often
/// each byte of it may be written beyond that.
const FREE: u64 = 64 << 20;
const TIMES: u64 = 16;
/// Bytes that are written at once.
const BUFFER: usize = 1 << 20;
/// Names that are listed in a line.
const LISTED: usize = 5;

/// What came of it.
pub enum Converted {
    /// A file was written; what there is to say of it, a line each.
    Written(Vec<String>),
    /// The file is more than tensors and literals, or not whole.
    Refused(Vec<String>),
    /// The gate does not let the file pass.
    Found(Vec<Finding>),
}

/// Converts a file.
pub fn convert(args: &ConvertArgs) -> Result<Converted> {
    let (content, named, member) = explain::open(&args.model)?;
    if member.is_some() {
        let error = Error::new("a member of a file is not converted by itself");
        return Err(error.remedy("name the file, or take the member out of it first"));
    }
    let model_file = named.to_path();
    let destination = Destination::new(&model_file, args.output.as_deref(), args.force)?;
    let source = Source::here()?;
    let path = judged_path(&source, &model_file).unwrap_or(named);
    let limits = Limits::default();
    let unreadable = |error: io::Error| Error::new(format!("cannot read {}: {error}", shown(&path)));

    let policy = layers::policy_for(&args.policy, Some(&source))?;
    let (_, findings) =
        gate::judge_content(&content, &path, &policy, &policy.usage(), &limits).map_err(unreadable)?;
    if findings.iter().any(|finding| finding.level >= Level::Error) {
        return Ok(Converted::Found(findings));
    }

    let read = || -> std::result::Result<(Model, Names, Header), Failure> {
        let model = open::read(&content, &limits)?;
        let names = Names::of(&model, args.all)?;
        within_reason(&model, &names)?;
        let header = Header::of(&model, &names)?;
        Ok((model, names, header))
    };
    let (model, names, header) = match read() {
        Ok(read) => read,
        Err(Failure::Unreadable(error)) => return Err(unreadable(error)),
        Err(Failure::Refused(refusal)) => return Ok(Converted::Refused(lines_of(&refusal, &path))),
    };
    let bytes = write(&content, &model, &names, &header, destination.clone(), &path)?;
    Ok(Converted::Written(said(&names, &destination, bytes)))
}

/// The path by which the policy knows the file: from the root of the repository.
fn judged_path(source: &Source, file: &Path) -> Option<BlobPath> {
    let root = source.root()?.canonicalize().ok()?;
    let folder = file.parent().filter(|folder| !folder.as_os_str().is_empty()).unwrap_or(Path::new("."));
    let full = folder.canonicalize().ok()?.join(file.file_name()?);
    full.strip_prefix(&root).ok().map(BlobPath::from_path)
}

fn shown(path: &BlobPath) -> String {
    escape::terminal_bytes(path.as_bytes()).into_owned()
}

/// A view can make much of few bytes, and each of many tensors over one storage is written out.
fn within_reason(model: &Model, names: &Names) -> std::result::Result<(), Failure> {
    let there = model.storages.iter().fold(0u64, |n, storage| n.saturating_add(storage.content.len()));
    let most = there.saturating_mul(TIMES).saturating_add(FREE);
    let wanted = names.tensors.iter().filter_map(|t| t.tensor.bytes()).fold(0u64, u64::saturating_add);
    if wanted <= most {
        return Ok(());
    }
    Err(Failure::Refused(Refusal {
        member: model.member.clone(),
        offset: None,
        reason: format!(
            "its views and shared storages, each written out, are {wanted} bytes made of {there}: more than \
             {TIMES} times as many"
        ),
    }))
}

/// Writes the file and gives its size.
fn write(
    content: &Content,
    model: &Model,
    names: &Names,
    header: &Header,
    destination: Destination,
    path: &BlobPath,
) -> Result<u64> {
    let mut failure = None;
    let written = destination.write(&mut |file| {
        let mut out = io::BufWriter::with_capacity(BUFFER, file);
        out.write_all(&header.bytes)?;
        for index in &header.order {
            let Some(named) = names.tensors.get(*index) else { continue };
            let Some(storage) = model.storages.get(named.tensor.storage) else { continue };
            let mut stopped = None;
            let gathered = gather(&named.tensor, storage, &mut |piece| {
                out.write_all(piece).map_err(|error| {
                    let kind = error.kind();
                    stopped = Some(error);
                    kind.into()
                })
            });
            if let Some(error) = stopped {
                return Err(error);
            }
            if let Err(error) = gathered {
                failure = Some(error.to_string());
                return Err(io::ErrorKind::Other.into());
            }
        }
        out.flush()?;
        match content.changed() {
            Ok(false) => Ok(()),
            Ok(true) => {
                failure = Some("it changed while it was read; convert it again".to_owned());
                Err(io::ErrorKind::Other.into())
            }
            Err(error) => {
                failure = Some(error.to_string());
                Err(io::ErrorKind::Other.into())
            }
        }
    });
    match (written, failure) {
        (Ok(bytes), _) => Ok(bytes),
        (Err(_), Some(message)) => Err(Error::new(format!("cannot read {}: {message}", shown(path)))),
        (Err(error), None) => Err(error),
    }
}

/// A refusal, as it is printed.
fn lines_of(refusal: &Refusal, path: &BlobPath) -> Vec<String> {
    let mut place = shown(path);
    if !refusal.member.is_empty() {
        place = format!("{place}!{}", refusal.member);
    }
    if let Some(offset) = refusal.offset {
        place = format!("{place}:{offset}");
    }
    let file = shown(path);
    vec![
        format!("{place}: not converted: {}", refusal.reason),
        format!(
            "help: `fickgate explain {file}` shows what is in it; what holds tensors and literals alone is converted, \
             such as torch.save(model.state_dict(), ...)"
        ),
    ]
}

/// What there is to say of a file that was written.
fn said(names: &Names, destination: &Destination, bytes: u64) -> Vec<String> {
    let count = |n: usize, what: &str| format!("{n} {what}{}", if n == 1 { "" } else { "s" });
    let mut lines =
        vec![format!("{}: {}, {bytes} bytes", destination.shown(), count(names.tensors.len(), "tensor"),)];
    let mut lying: HashMap<usize, usize> = HashMap::new();
    names.tensors.iter().for_each(|named| *lying.entry(named.tensor.storage).or_default() += 1);
    let shared: Vec<usize> = lying.into_values().filter(|n| *n > 1).collect();
    if !shared.is_empty() {
        lines.push(format!(
            "note: {} lie in {}; each is written out on its own, and they share nothing any more",
            count(shared.iter().sum(), "tensor"),
            count(shared.len(), "shared storage")
        ));
    }
    let kept: Vec<&String> = names.texts.keys().filter(|name| *name != names::FORMAT).collect();
    if !kept.is_empty() {
        let mut listed: Vec<String> = kept.iter().take(LISTED).map(|name| escape::name(name)).collect();
        if kept.len() > LISTED {
            listed.push(format!("and {} more", kept.len() - LISTED));
        }
        lines.push(format!("note: kept as text in the metadata: {}", listed.join(", ")));
    }
    for LeftOut { name, tensors } in &names.left_out {
        let name = if name.is_empty() { "the file".to_owned() } else { escape::name(name) };
        lines.push(format!(
            "note: left out the state of an optimizer, {name} ({}); --all keeps it",
            count(*tensors, "tensor")
        ));
    }
    lines
}

/// Whether there is nothing but tensors and literals in some content, so that the command takes it.
pub fn takes(content: &Content, limits: &Limits) -> bool {
    open::read(content, limits).is_ok()
}
