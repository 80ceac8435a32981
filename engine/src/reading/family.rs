//! What a file's name promises. It makes the reading stricter and never laxer: what a file *is* its
//! content decides.

/// Who writes files under such a name.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Family {
    /// One family of loaders: content in none of its forms is not vouched for.
    Loader,
    /// Pickles, by convention.
    Pickle,
    /// Pickles among much else: raw weights, point clouds, tables, protobuf.
    Shared,
    /// Another type of file, in which nobody expects a pickle.
    Foreign,
    /// Nothing.
    Plain,
}

/// Extensions that `torch.save`, `joblib.dump`, `numpy.save` and their like give to their files.
const LOADER: &[&str] = &["pt", "pth", "ptl", "joblib", "jbl", "npy", "npz", "pdparams", "pdopt", "pt2"];

const PICKLE: &[&str] =
    &["pkl", "pickle", "p", "pk", "pck", "pcl", "pckl", "pkl2", "pkl3", "dill", "cloudpickle", "cpkl"];

const SHARED: &[&str] = &[
    "bin", "ckpt", "model", "mdl", "dat", "data", "sav", "th", "torch", "jit", "mar", "nemo", "ptc", "pyobj",
    "distcp",
];

/// Types that have a well-known writer which never writes a pickle.
const FOREIGN: &[&str] = &[
    // Pictures, sound, film, fonts, documents.
    "png",
    "jpg",
    "jpeg",
    "gif",
    "bmp",
    "webp",
    "ico",
    "tif",
    "tiff",
    "svg",
    "mp3",
    "wav",
    "flac",
    "ogg",
    "mp4",
    "mov",
    "avi",
    "mkv",
    "webm",
    "ttf",
    "otf",
    "woff",
    "woff2",
    "pdf",
    "rtf",
    // Source and markup.
    "py",
    "pyi",
    "pyx",
    "c",
    "h",
    "cc",
    "cpp",
    "hpp",
    "cu",
    "rs",
    "go",
    "java",
    "kt",
    "swift",
    "js",
    "mjs",
    "ts",
    "jsx",
    "tsx",
    "css",
    "html",
    "htm",
    "xml",
    "md",
    "rst",
    "tex",
    "sh",
    "bash",
    "zsh",
    "fish",
    "bat",
    "cmd",
    "ps1",
    "rb",
    "php",
    "pl",
    "lua",
    "jl",
    "scala",
    "sql",
    "ipynb",
    "json",
    "jsonl",
    "yaml",
    "yml",
    "toml",
    "ini",
    "cfg",
    "csv",
    "tsv",
    "lock",
    "proto",
    // Models that are not pickles.
    "safetensors",
    "gguf",
    "ggml",
    "onnx",
    "tflite",
    "h5",
    "hdf5",
    "keras",
    "pb",
    "parquet",
    "arrow",
    "feather",
];

const CODECS: &[&str] = &["gz", "gzip", "bz2", "xz", "lzma", "lz", "lz4", "zst", "zstd", "z", "zlib"];

impl Family {
    /// The family of a file name.
    pub fn of(name: &str) -> Family {
        let extension = extension(name);
        let holds = |list: &[&str]| list.contains(&extension.as_str());
        match () {
            () if holds(LOADER) => Family::Loader,
            () if holds(PICKLE) => Family::Pickle,
            () if holds(SHARED) => Family::Shared,
            () if holds(FOREIGN) => Family::Foreign,
            () => Family::Plain,
        }
    }

    /// Whether pickles are usual under the name.
    pub fn of_models(self) -> bool {
        matches!(self, Family::Loader | Family::Pickle | Family::Shared)
    }
}

/// The lower-cased extension of the last part of a path, without blanks around it.
pub fn extension(name: &str) -> String {
    let last = name.rsplit(['/', '\\']).next().unwrap_or(name);
    let end = last.rsplit_once('.').map_or("", |(_, end)| end);
    end.trim().to_ascii_lowercase()
}

/// Extensions by which alone content is read in a way of its own, whatever it begins like: a database of `dbm.dumb` and
/// its directory, configuration, a row of archives, a model of Keras.
const READ_BY_NAME: &[&str] = &["dat", "dir", "json", "distcp", "keras"];

/// Whether content that is called `name` is read in a way in which it is not read under its `other` name.
pub fn reads_more(name: &str, other: &str) -> bool {
    let own = extension(name);
    READ_BY_NAME.contains(&own.as_str()) && extension(other) != own
}

/// The name without the extension of a codec: what is inside `model.pkl.gz` is `model.pkl`.
pub fn unpacked(name: &str) -> &str {
    match name.rsplit_once('.') {
        Some((stem, end)) if CODECS.contains(&end.trim().to_ascii_lowercase().as_str()) => stem,
        _ => name,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_promise() {
        assert_eq!(Family::of("a/b.PKL "), Family::Pickle);
        assert_eq!(Family::of("a.pth/weights"), Family::Plain);
        assert_eq!(Family::of("model.npy"), Family::Loader);
        assert_eq!(Family::of("cat.jpeg"), Family::Foreign);
        assert_eq!(Family::of(unpacked("model.pkl.gz")), Family::Pickle);
        assert_eq!(unpacked("gz"), "gz");
    }
}
