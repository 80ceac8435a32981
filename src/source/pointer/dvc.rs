//! Outputs that DVC tracks: `.dvc` files and `dvc.lock` name them by path and MD5, the content lies in
//! a cache.
//!
//! Formats: <https://dvc.org/doc/user-guide/project-structure/dvc-files>,
//! <https://dvc.org/doc/user-guide/project-structure/internal-files>.

use std::path::{Component, Path, PathBuf};

use serde_json::Value;

use crate::source::pointer::Pointer;
use fickgate_engine::path::BlobPath;

/// The longest file that is read as one of DVC's, in bytes.
pub(in crate::source) const LONGEST: u64 = 4 << 20;

/// Whether DVC would read the file at this path, on a system that tells no case apart as well.
pub(in crate::source) fn is_dvc(path: &BlobPath) -> bool {
    let name = path.file_name().to_ascii_lowercase();
    name == b"dvc.lock" || (name.ends_with(b".dvc") && name.len() > 4)
}

fn is_lock(path: &BlobPath) -> bool {
    path.file_name().eq_ignore_ascii_case(b"dvc.lock")
}

/// Keys of an output that say nothing of where its content is.
const PLAIN: &[&str] = &[
    "path",
    "cache",
    "persist",
    "remote",
    "desc",
    "type",
    "labels",
    "meta",
    "metric",
    "plot",
    "push",
    "checkpoint",
    "hash",
    "size",
    "nfiles",
    "isexec",
    "annot",
];

/// The outputs that the file at `path` with this text names. What is not wholly understood stands for one: the file
/// that it goes by, unresolved.
pub(crate) fn outputs(path: &BlobPath, text: &[u8]) -> Vec<(BlobPath, Pointer)> {
    let value = std::str::from_utf8(text).ok().and_then(|t| serde_yaml::from_str::<Value>(t).ok());
    let read = value.and_then(|value| understood(path, &value));
    read.unwrap_or_else(|| vec![unclear(path)])
}

/// What a file of DVC stands for that was not understood.
pub(crate) fn unclear(path: &BlobPath) -> (BlobPath, Pointer) {
    let bytes = path.as_bytes();
    let stem =
        if is_lock(path) { bytes } else { bytes.get(..bytes.len().saturating_sub(4)).unwrap_or(bytes) };
    (BlobPath::new(stem), Pointer::Dvc { md5: String::new(), size: None, folded: false, folder: false })
}

fn understood(path: &BlobPath, value: &Value) -> Option<Vec<(BlobPath, Pointer)>> {
    let lock = is_lock(path);
    let base = path.to_path().parent().map(Path::to_owned).unwrap_or_default();
    let base = match value.get("wdir") {
        Some(folder) if !lock => base.join(folder.as_str()?),
        _ => base,
    };
    let mut found = Vec::new();
    if !lock {
        // A file of DVC is there for its outputs.
        // One that it imports from elsewhere may not have been fetched yet: then `dvc pull` does, unseen.
        let imported = value.get("deps").is_some();
        for out in value.get("outs")?.as_array()? {
            found.extend(output(&base, out, imported)?);
        }
        return Some(found);
    }
    // The stages stood at the top before version 2 of the file.
    let stages = value.get("stages").unwrap_or(value).as_object()?;
    for stage in stages.values().filter(|stage| !stage.is_string()) {
        for out in stage.as_object()?.get("outs").map_or(Some(&Vec::new()), Value::as_array)? {
            found.extend(output(&base, out, false)?);
        }
    }
    Some(found)
}

/// What one output stands for; `None` where that is not understood.
fn output(base: &Path, out: &Value, imported: bool) -> Option<Vec<(BlobPath, Pointer)>> {
    let keys = out.as_object()?;
    let path = inside(&base.join(out.get("path")?.as_str()?))?;
    let folded = out.get("hash").is_none();
    let size = |of: &Value| of.get("size").and_then(Value::as_u64);
    if let Some(files) = out.get("files") {
        let file = |entry: &Value| {
            let path = inside(&path.to_path().join(entry.get("relpath")?.as_str()?))?;
            let md5 = entry.get("md5")?.as_str()?.to_owned();
            Some((path, Pointer::Dvc { md5, size: size(entry), folded, folder: false }))
        };
        return files.as_array()?.iter().map(file).collect();
    }
    let Some(hash) = out.get("md5") else {
        // Outputs without a hash are in git (`cache: false`), or not there yet. Any other key may say where else
        // they are.
        let in_git = keys.get("cache") == Some(&Value::Bool(false)) && !imported;
        let plain = in_git && keys.keys().all(|key| PLAIN.contains(&key.as_str()));
        let unclear = Pointer::Dvc { md5: String::new(), size: None, folded, folder: false };
        return Some(if plain { Vec::new() } else { vec![(path, unclear)] });
    };
    let hash = hash.as_str().map_or_else(|| hash.to_string(), str::to_owned);
    let (md5, folder) = match hash.strip_suffix(".dir") {
        Some(md5) => (md5.to_owned(), true),
        None => (hash, false),
    };
    Some(vec![(path, Pointer::Dvc { md5, size: size(out), folded, folder })])
}

/// A path as it is called in the repository; `None` where it leads out of it.
fn inside(path: &Path) -> Option<BlobPath> {
    let path = plain(path);
    let out = |part| matches!(part, Component::ParentDir | Component::RootDir | Component::Prefix(_));
    (!path.components().any(out)).then(|| BlobPath::from_path(&path))
}

/// The files of a folder that DVC tracks, from the list that its cache keeps under the folder's hash.
pub(in crate::source) fn members(
    path: &BlobPath,
    list: &[u8],
    folded: bool,
) -> Option<Vec<(BlobPath, Pointer)>> {
    let list: Vec<Value> = serde_json::from_slice(list).ok()?;
    let member = |entry: &Value| {
        let relative = entry.get("relpath")?.as_str()?;
        let md5 = entry.get("md5")?.as_str()?.to_owned();
        let path = inside(&path.to_path().join(relative))?;
        Some((path, Pointer::Dvc { md5, size: None, folded, folder: false }))
    };
    list.iter().map(member).collect()
}

/// Where the cache of the project around `path` may keep an object.
pub(in crate::source) fn cached(root: &Path, path: &BlobPath, md5: &str) -> Vec<PathBuf> {
    let (Some(first), Some(rest)) = (md5.get(..2), md5.get(2..)) else { return Vec::new() };
    let plain = |b: u8| b.is_ascii_alphanumeric() || b == b'.';
    if md5.len() < 32 || !md5.bytes().all(plain) {
        return Vec::new();
    }
    let Some(project) = project(root, path) else { return Vec::new() };
    let cache = configured(&project).unwrap_or_else(|| project.join("cache"));
    // Since version 3, and before.
    vec![cache.join("files/md5").join(first).join(rest), cache.join(first).join(rest)]
}

/// The `.dvc` folder of the project that `path` belongs to.
fn project(root: &Path, path: &BlobPath) -> Option<PathBuf> {
    let path = path.to_path();
    let relative = path.ancestors().skip(1);
    relative
        .filter(|folder| !folder.is_absolute())
        .map(|folder| root.join(folder).join(".dvc"))
        .find(|dvc| dvc.is_dir())
}

/// `cache.dir` of the project's configuration.
fn configured(project: &Path) -> Option<PathBuf> {
    ["config.local", "config"].iter().find_map(|name| {
        let text = std::fs::read_to_string(project.join(name)).ok()?;
        let mut section = "";
        for line in text.lines().map(str::trim) {
            if let Some(head) = line.strip_prefix('[').and_then(|l| l.strip_suffix(']')) {
                section = head.trim_matches(['\'', '"']);
            } else if let Some((key, value)) = line.split_once('=')
                && section == "cache"
                && key.trim() == "dir"
            {
                return Some(project.join(value.trim()));
            }
        }
        None
    })
}

/// The path without `.` and `..`, as far as names alone tell.
fn plain(path: &Path) -> PathBuf {
    let mut plain = PathBuf::new();
    for component in path.components() {
        match component {
            Component::CurDir => {}
            Component::ParentDir if plain.file_name().is_some() => {
                plain.pop();
            }
            other => plain.push(other),
        }
    }
    plain
}

#[cfg(test)]
mod tests {
    use super::*;

    const MD5: &str = "a304afb96060aad90176268345e10355";

    fn named(path: &str, text: &str) -> Vec<(String, Pointer)> {
        let outputs = outputs(&BlobPath::new(path), text.as_bytes());
        outputs.into_iter().map(|(path, pointer)| (path.to_lossy().into_owned(), pointer)).collect()
    }

    #[test]
    fn dvc_files_name_their_outputs() {
        let text = format!(
            "outs:\n- md5: {MD5}\n  size: 7\n  hash: md5\n  path: x.pt\n- path: plain.txt\n  cache: false\n"
        );
        let file = Pointer::Dvc { md5: MD5.to_owned(), size: Some(7), folded: false, folder: false };
        assert_eq!(named("models/x.pt.dvc", &text), [("models/x.pt".to_owned(), file)]);
        let text =
            format!("wdir: ../data\nouts:\n- md5: {MD5}.dir\n  path: all\n  desc: [odd, {{fields: 1}}]\n");
        let folder = Pointer::Dvc { md5: MD5.to_owned(), size: None, folded: true, folder: true };
        assert_eq!(named("models/all.dvc", &text), [("data/all".to_owned(), folder)]);
    }

    #[test]
    fn locks_name_the_outputs_of_every_stage() {
        let text = format!(
            "schema: '2.0'\nstages:\n  train:\n    cmd: x\n    deps:\n    - path: d\n      md5: {MD5}\n    outs:\n    - path: out/m.pkl\n      hash: md5\n      md5: {MD5}\n      size: 1\n"
        );
        let got = named("sub/dvc.lock", &text);
        assert_eq!(got.len(), 1, "dependencies are no outputs");
        assert_eq!(got[0].0, "sub/out/m.pkl");
    }

    #[test]
    fn what_cannot_be_read_is_not_passed_over() {
        let got = named("models/x.pt.dvc", "outs: [");
        assert!(
            matches!(&got[..], [(path, Pointer::Dvc { md5, .. })] if path == "models/x.pt" && md5.is_empty())
        );
        assert!(cached(Path::new("/"), &BlobPath::new("x"), "../../../../../../../../etc/passwd").is_empty());
    }

    #[test]
    fn an_output_that_is_not_wholly_understood_stands_for_its_file() {
        let unclear = |text: &str, path: &str| {
            let got = named("m.pkl.dvc", text);
            let [(at, Pointer::Dvc { md5, .. })] = &got[..] else { panic!("{text}: {got:?}") };
            assert!(at == path && md5.is_empty(), "{text}: {got:?}");
        };
        for text in [
            "",
            "{}",
            "deps: []",
            "outs: 5",
            "outs:\n- 5",
            "outs:\n- {md5: x}",
            "outs:\n- {md5: x, path: /etc/m.pkl}",
            "outs:\n- {md5: x, path: ../m.pkl}",
            "outs:\n- <<: {md5: x}",
        ] {
            unclear(text, "m.pkl");
        }
        unclear("outs:\n- {path: x.pt, cloud: {s3: {etag: e}}}", "x.pt");
        unclear("outs:\n- {path: x.pt, etag: e}", "x.pt");
        // `dvc import-url --no-download`, whatever it says of its cache.
        unclear("deps:\n- {etag: e, path: https://example.org/x.pt}\nouts:\n- {path: x.pt}", "x.pt");
        unclear("deps:\n- {path: x, repo: {url: u}}\nouts:\n- {path: x.pt, cache: false}", "x.pt");
        unclear("outs:\n- {path: x.pt}", "x.pt");
        let files = format!("outs:\n- path: d\n  files:\n  - {{relpath: a/m.pkl, md5: {MD5}, size: 7}}\n");
        let got = named("d.dvc", &files);
        assert!(matches!(&got[..], [(path, Pointer::Dvc { size: Some(7), .. })] if path == "d/a/m.pkl"));
        assert!(named("x.dvc", "outs:\n- {path: metrics.json, cache: false}").is_empty(), "it is in git");
        assert!(named("dvc.lock", "schema: '2.0'\nstages: {}").is_empty());
        assert_eq!(named("dvc.lock", "schema: '2.0'\nstages: 7").len(), 1);
        assert_eq!(named("DVC.LOCK", "schema: '2.0'\nstages: 7").len(), 1);
        assert!(is_dvc(&BlobPath::new("a/m.pkl.DVC")) && is_dvc(&BlobPath::new("Dvc.lock")));
    }

    #[test]
    fn folders_list_their_files() {
        let list = format!(r#"[{{"md5": "{MD5}", "relpath": "a/b.pt"}}]"#);
        let got = members(&BlobPath::new("data"), list.as_bytes(), false).expect("a list");
        assert_eq!(got[0].0.as_bytes(), b"data/a/b.pt");
        assert!(members(&BlobPath::new("data"), b"{}", false).is_none());
    }
}
