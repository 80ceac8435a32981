//! A line on the terminal while a run lasts.

use std::io::{IsTerminal as _, Write as _};
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Condvar, Mutex, PoisonError};
use std::time::Duration;

/// How long a run is silent. Most end before.
const PATIENCE: Duration = Duration::from_secs(1);
/// How often the line is drawn again.
const PACE: Duration = Duration::from_millis(200);

/// Counts what is done, and tells a person who waits.
#[derive(Debug, Default)]
pub struct Progress {
    shown: bool,
    done: AtomicUsize,
    ended: Mutex<bool>,
    wake: Condvar,
}

impl Progress {
    /// Shows a line where standard error is a terminal that can take one back.
    pub fn of_stderr(quiet: bool) -> Progress {
        let dumb = std::env::var_os("TERM").is_none_or(|t| t == "dumb") && cfg!(unix);
        Progress { shown: !quiet && !dumb && std::io::stderr().is_terminal(), ..Progress::default() }
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
                draw(&format!("\r{}\x1b[K", line(self.done.load(Ordering::Relaxed), total)));
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

fn line(done: usize, total: Option<usize>) -> String {
    match total {
        Some(total) => format!("fickgate: judged {done} of {total} files"),
        None => format!("fickgate: judged {done} files"),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_line_tells_the_total_where_it_is_known() {
        assert_eq!(line(3, Some(20)), "fickgate: judged 3 of 20 files");
        assert_eq!(line(3, None), "fickgate: judged 3 files");
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
