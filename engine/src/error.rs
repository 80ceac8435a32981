//! Tool errors: what kept fickgate from doing its job. Exit code 2, each with a remedy.
//!
//! A problem of the *content* is a finding instead, see [`crate::finding`].

use std::fmt;

/// What happened, where, and what to do next.
#[derive(Debug)]
pub struct Error {
    message: String,
    remedy: Option<String>,
    excerpt: Vec<String>,
}

impl Error {
    /// An error with its message: lower case, no full stop, text from outside escaped.
    pub fn new(message: impl Into<String>) -> Self {
        Error { message: message.into(), remedy: None, excerpt: Vec::new() }
    }

    /// Adds what the user can do about it, preferably a command.
    #[must_use]
    pub fn remedy(mut self, remedy: impl Into<String>) -> Self {
        self.remedy = Some(remedy.into());
        self
    }

    /// Adds the lines of the file it is about, ready to print: text from outside escaped.
    #[must_use]
    pub fn excerpt(mut self, lines: impl IntoIterator<Item = String>) -> Self {
        self.excerpt = lines.into_iter().collect();
        self
    }

    /// What happened.
    pub fn message(&self) -> &str {
        &self.message
    }

    /// What to do about it.
    pub fn help(&self) -> Option<&str> {
        self.remedy.as_deref()
    }

    /// Lines of the file it is about, with a marker below the place. Empty where it is about no file.
    pub fn lines(&self) -> &[String] {
        &self.excerpt
    }
}

impl fmt::Display for Error {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.message)
    }
}

impl std::error::Error for Error {}

/// Results that end in exit code 2 when they fail.
pub type Result<T> = std::result::Result<T, Error>;
