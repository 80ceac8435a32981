//! Where a converted file goes: whole or not at all, and never where nobody meant it to go.

use std::fs::{self, File};
use std::io;
use std::path::{Path, PathBuf};

use fickgate_engine::error::{Error, Result};
use fickgate_engine::escape;

use crate::report;

/// The extension of the format.
const EXTENSION: &str = ".safetensors";

/// Where the file goes.
#[derive(Clone, Debug)]
pub struct Destination {
    path: PathBuf,
    force: bool,
}

impl Destination {
    /// The file that was named, or one beside the model.
    ///
    /// # Errors
    ///
    /// Where it is there already and `force` does not say otherwise, where it is the model itself, where it is no
    /// file, and where a link of the working tree is on the way.
    pub fn new(model: &Path, output: Option<&Path>, force: bool) -> Result<Destination> {
        let path = match output {
            Some(path) => path.to_owned(),
            None if model == Path::new("-") => {
                return Err(Error::new("no name for what is written").remedy("name it: -o OUT.safetensors"));
            }
            None => {
                let mut name = stem(model).into_os_string();
                name.push(EXTENSION);
                PathBuf::from(name)
            }
        };
        let destination = Destination { path, force };
        let shown = destination.shown();
        let unusable = |what: &str| Error::new(format!("cannot write {shown}: {what}"));
        report::refuse_links(&destination.path).map_err(|error| unusable(&error.to_string()))?;
        if let Ok(there) = fs::symlink_metadata(&destination.path) {
            let same = || Some(destination.path.canonicalize().ok()? == model.canonicalize().ok()?);
            if same().unwrap_or(false) {
                return Err(
                    unusable("it is the model itself").remedy("name another file: -o OUT.safetensors")
                );
            }
            if there.is_dir() {
                return Err(unusable("it is a folder").remedy("name a file in it"));
            }
            if !force {
                return Err(unusable("it is there already").remedy("--force replaces it"));
            }
        }
        Ok(destination)
    }

    /// Its path, safe to print.
    pub fn shown(&self) -> String {
        escape::terminal(&self.path.to_string_lossy()).into_owned()
    }

    /// Has `write` fill a temporary file beside it, gives that its name, and says how many bytes it has. A link of
    /// that name is replaced, and not followed.
    pub fn write(&self, write: &mut dyn FnMut(&mut File) -> io::Result<()>) -> Result<u64> {
        let failed = |error: io::Error| {
            Error::new(format!("cannot write {}: {error}", self.shown()))
                .remedy("name a file in a folder that exists, can be written to, and has room")
        };
        let folder = self.path.parent().filter(|p| !p.as_os_str().is_empty()).unwrap_or(Path::new("."));
        let mut builder = tempfile::Builder::new();
        builder.prefix(".fickgate");
        let mut file = permitted(&mut builder).tempfile_in(folder).map_err(failed)?;
        write(file.as_file_mut()).map_err(failed)?;
        let bytes = file.as_file().metadata().map_err(failed)?.len();
        let named = match self.force {
            true => file.persist(&self.path),
            false => file.persist_noclobber(&self.path),
        };
        match named {
            Ok(_) => Ok(bytes),
            Err(error) if error.error.kind() == io::ErrorKind::AlreadyExists => {
                Err(Error::new(format!("cannot write {}: it is there by now", self.shown()))
                    .remedy("--force replaces it"))
            }
            Err(error) => Err(failed(error.error)),
        }
    }
}

/// A new file has the permissions that any has, less what the umask takes.
#[cfg(unix)]
fn permitted<'b, 'p, 's>(builder: &'b mut tempfile::Builder<'p, 's>) -> &'b mut tempfile::Builder<'p, 's> {
    use std::os::unix::fs::PermissionsExt as _;
    builder.permissions(fs::Permissions::from_mode(0o666))
}

#[cfg(not(unix))]
fn permitted<'b, 'p, 's>(builder: &'b mut tempfile::Builder<'p, 's>) -> &'b mut tempfile::Builder<'p, 's> {
    builder
}

/// Extensions that give way to the one of the format; any other stays before it.
const EXTENSIONS: &[&str] = &["bin", "ckpt", "npy", "npz", "pickle", "pkl", "pt", "pth", "th"];

/// The name of a file without what says that it is a model.
fn stem(file: &Path) -> PathBuf {
    let extension = file.extension().map(|e| e.to_string_lossy().to_ascii_lowercase());
    match extension.is_some_and(|e| EXTENSIONS.contains(&e.as_str())) {
        true => file.with_extension(""),
        false => file.to_owned(),
    }
}
