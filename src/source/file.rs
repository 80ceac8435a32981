//! Opening files on disk.

use std::fs::File;
use std::io;
use std::path::Path;

/// Opens a file that is expected to be regular, without waiting should it be a FIFO after all.
pub(super) fn open(path: &Path, follow: bool) -> io::Result<File> {
    let mut options = File::options();
    options.read(true);
    #[cfg(unix)]
    {
        let flags = if follow { libc::O_NONBLOCK } else { libc::O_NONBLOCK | libc::O_NOFOLLOW };
        std::os::unix::fs::OpenOptionsExt::custom_flags(&mut options, flags);
    }
    #[cfg(not(unix))]
    let _ = follow;
    options.open(path)
}
