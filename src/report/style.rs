//! How a report for people looks.

use std::io::IsTerminal;
use std::time::Duration;

use crate::cli::Color;

/// How a report for people looks. Machine-readable formats ignore it.
#[derive(Clone, Debug)]
pub struct Style {
    /// Whether to colour with ANSI escape codes.
    pub color: bool,
    /// Whether to draw with more than ASCII.
    pub unicode: bool,
    /// Columns; longer decompiled lines are trimmed around their mark.
    pub width: usize,
    /// Columns at which sentences are broken between words. Files and pipes get each in one line.
    pub wrap: Option<usize>,
    /// Findings only, no summary.
    pub quiet: bool,
    /// From 1 on, notes and every skipped file.
    pub verbose: u8,
    /// How long the run took, where that is to be said.
    pub elapsed: Option<Duration>,
}

impl Default for Style {
    /// Plain ASCII, 120 columns: what a file or a log gets.
    fn default() -> Self {
        Style {
            color: false,
            unicode: false,
            width: 120,
            wrap: None,
            quiet: false,
            verbose: 0,
            elapsed: None,
        }
    }
}

impl Style {
    /// The style of standard output: its terminal, NO_COLOR, CLICOLOR, CLICOLOR_FORCE, FORCE_COLOR,
    /// COLUMNS, the locale, and what the command line says.
    pub fn of_stdout(color: Color, quiet: bool, verbose: u8) -> Style {
        let stdout = std::io::stdout();
        let terminal = stdout.is_terminal();
        let color = match color {
            Color::Always => true,
            Color::Never => false,
            Color::Auto => {
                let set = |name: &str| std::env::var_os(name).is_some_and(|v| !v.is_empty() && v != "0");
                anstream::AutoStream::choice(&stdout) != anstream::ColorChoice::Never
                    || set("FORCE_COLOR") && std::env::var_os("NO_COLOR").is_none_or(|v| v.is_empty())
            }
        };
        let columns = std::env::var("COLUMNS").ok().and_then(|c| c.parse().ok()).filter(|c| *c > 0);
        let width = columns
            .or_else(|| {
                let size = if terminal { terminal_size::terminal_size() } else { None };
                size.map(|(terminal_size::Width(w), _)| usize::from(w))
            })
            .unwrap_or(Style::default().width);
        // Narrower than this, a snippet shows nothing.
        let width = width.clamp(40, 400);
        let wrap = (terminal || columns.is_some()).then_some(width);
        Style { color, unicode: terminal && is_utf8_locale(), width, wrap, quiet, verbose, elapsed: None }
    }
}

/// The first of these variables that is set decides, as in POSIX. Windows terminals draw Unicode where
/// they are the new ones.
fn is_utf8_locale() -> bool {
    if cfg!(windows) {
        return std::env::var_os("WT_SESSION").is_some();
    }
    ["LC_ALL", "LC_CTYPE", "LANG"]
        .into_iter()
        .find_map(|name| std::env::var(name).ok().filter(|v| !v.is_empty()))
        .is_some_and(|v| {
            let v = v.to_ascii_lowercase();
            v.contains("utf-8") || v.contains("utf8")
        })
}
