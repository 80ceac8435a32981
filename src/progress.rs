//! A line on the terminal while a run lasts.

use std::io::{self, IsTerminal as _, Write as _};
use std::sync::atomic::{AtomicU64, AtomicUsize, Ordering};
use std::sync::{Arc, Condvar, Mutex, PoisonError};
use std::time::Duration;

use fickgate_engine::content::{Content, ReadAt};
use fickgate_engine::escape;
use fickgate_engine::path::BlobPath;

/// How long a run is silent. Most end before.
const PATIENCE: Duration = Duration::from_secs(1);
/// How often the line is drawn again.
const PACE: Duration = Duration::from_millis(200);

/// The smallest file, in bytes, whose reading is followed.
const LARGE: u64 = 16 << 20;

/// Counts what is done, and tells a person who waits.
#[derive(Debug, Default)]
pub struct Progress {
    shown: bool,
    done: AtomicUsize,
    large: Arc<Large>,
    ended: Mutex<bool>,
    wake: Condvar,
}

impl Progress {
    /// Shows a line where standard error is a terminal that can take one back.
    pub fn of_stderr(quiet: bool) -> Progress {
        let dumb = std::env::var_os("TERM").is_none_or(|t| t == "dumb") && cfg!(unix);
        Progress { shown: !quiet && !dumb && std::io::stderr().is_terminal(), ..Progress::default() }
    }

    /// The same content, whose reading is counted where it is large and somebody may be waiting.
    pub fn watch(&self, path: &BlobPath, content: &Content) -> Option<Content> {
        if !self.shown || content.len() < LARGE {
            return None;
        }
        let name = escape::terminal_bytes(path.as_bytes()).into_owned();
        *self.large.last.lock().unwrap_or_else(PoisonError::into_inner) = Some((name, content.len()));
        Some(Content::new(Watched { content: content.clone(), large: Arc::clone(&self.large) }))
    }

    /// One more is done.
    pub fn step(&self) {
        self.done.fetch_add(1, Ordering::Relaxed);
    }

    /// Does `work` and, where it lasts, says how many of `total` are done. A total that is not known is
    /// `None`.
    pub fn during<T>(&self, total: Option<usize>, work: impl FnOnce() -> T) -> T {
        if !self.shown {
            return work();
        }
        std::thread::scope(|scope| {
            scope.spawn(|| self.show(total));
            let _end = End(self);
            work()
        })
    }

    fn show(&self, total: Option<usize>) {
        let mut drawn = false;
        let mut ended = self.ended.lock().unwrap_or_else(PoisonError::into_inner);
        while !*ended {
            let wait = if drawn { PACE } else { PATIENCE };
            let (guard, waited) = self.wake.wait_timeout(ended, wait).unwrap_or_else(PoisonError::into_inner);
            ended = guard;
            if !*ended && waited.timed_out() {
                draw(&format!("\r{}\x1b[K", line(self.done.load(Ordering::Relaxed), total, &self.large)));
                drawn = true;
            }
        }
        if drawn {
            draw("\r\x1b[K");
        }
    }
}

/// Ends the line however the work ended.
struct End<'p>(&'p Progress);

impl Drop for End<'_> {
    fn drop(&mut self) {
        *self.0.ended.lock().unwrap_or_else(PoisonError::into_inner) = true;
        self.0.wake.notify_all();
    }
}

/// A terminal that went away is no reason to stop.
fn draw(text: &str) {
    let mut stderr = std::io::stderr().lock();
    let _ = stderr.write_all(text.as_bytes()).and_then(|()| stderr.flush());
}

fn line(done: usize, total: Option<usize>, large: &Large) -> String {
    let of = total.map(|total| format!(" of {total}")).unwrap_or_default();
    let read = large.read.load(Ordering::Relaxed);
    let last = large.last.lock().unwrap_or_else(PoisonError::into_inner).clone();
    let large = last.map(|(name, length)| {
        format!("; {} read of large files, the last one {name} of {}", size(read), size(length))
    });
    format!("fickgate: judged {done}{of} files{}", large.unwrap_or_default())
}

/// Bytes as people say them.
fn size(bytes: u64) -> String {
    match bytes {
        0..1_000_000_000 => format!("{} MB", bytes / 1_000_000),
        _ => format!("{:.1} GB", bytes as f64 / 1e9),
    }
}

/// What is known of large files.
#[derive(Debug, Default)]
struct Large {
    read: AtomicU64,
    last: Mutex<Option<(String, u64)>>,
}

/// Content that counts what is read of it.
struct Watched {
    content: Content,
    large: Arc<Large>,
}

impl ReadAt for Watched {
    fn len(&self) -> u64 {
        self.content.len()
    }
    fn read_at(&self, offset: u64, buf: &mut [u8]) -> io::Result<usize> {
        let done = self.content.read_at(offset, buf)?;
        self.large.read.fetch_add(done as u64, Ordering::Relaxed);
        Ok(done)
    }
    fn changed(&self) -> io::Result<bool> {
        self.content.changed()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_line_tells_the_total_where_it_is_known() {
        let large = Large::default();
        assert_eq!(line(3, Some(20), &large), "fickgate: judged 3 of 20 files");
        assert_eq!(line(3, None, &large), "fickgate: judged 3 files");
    }

    #[test]
    fn what_is_read_of_large_files_is_counted_where_somebody_waits() {
        let (path, content) = (BlobPath::new("m.pt"), Content::from_bytes(vec![7; LARGE as usize]));
        assert!(Progress::default().watch(&path, &content).is_none());
        let progress = Progress { shown: true, ..Progress::default() };
        assert!(progress.watch(&path, &content.slice(0..10)).is_none());
        let watched = progress.watch(&path, &content).unwrap();
        assert_eq!(watched.read_range(LARGE - 4, 10).unwrap(), [7; 4]);
        watched.read_range(0, 2_000_000).unwrap();
        let told = line(0, Some(1), &progress.large);
        assert!(told.ends_with("; 2 MB read of large files, the last one m.pt of 16 MB"), "{told}");
    }

    #[test]
    fn work_that_panics_ends_the_line_too() {
        let progress = Progress { shown: true, ..Progress::default() };
        let caught = std::panic::catch_unwind(std::panic::AssertUnwindSafe(|| {
            progress.during(None, || -> () { std::panic::resume_unwind(Box::new(())) })
        }));
        assert!(caught.is_err());
    }
}
