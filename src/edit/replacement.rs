//! A file that is replaced as a whole, or not at all.

use std::fs::Permissions;
use std::io::{self, Write as _};
use std::path::Path;

/// For everybody to read, as an editor would make a file.
pub(super) const READ: u32 = 0o644;
/// For everybody to run.
pub(super) const RUN: u32 = 0o755;

/// Writes a file under another name beside it, and gives it its own when it is whole.
///
/// # Errors
/// The folder cannot be written to; then the file is as it was.
pub(super) fn write(path: &Path, text: &str, permissions: Option<Permissions>) -> io::Result<()> {
    let folder = path.parent().filter(|p| !p.as_os_str().is_empty()).unwrap_or(Path::new("."));
    let mut file = tempfile::Builder::new().prefix(".fickgate").tempfile_in(folder)?;
    file.write_all(text.as_bytes())?;
    if let Some(permissions) = permissions {
        file.as_file().set_permissions(permissions)?;
    }
    file.persist(path)?;
    Ok(())
}

/// The permissions of a new file, where a system has such.
#[cfg(unix)]
pub(super) fn mode(mode: u32) -> Option<Permissions> {
    use std::os::unix::fs::PermissionsExt as _;
    Some(Permissions::from_mode(mode))
}

#[cfg(not(unix))]
pub(super) fn mode(_: u32) -> Option<Permissions> {
    None
}
