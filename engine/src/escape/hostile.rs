//! Text for tests that tries to speak to every sink. The gate's tests include it too.

use super::is_hostile;

/// Text that tries to speak to every sink.
pub const HOSTILE: &[&str] = &[
    "100%,x:y",
    "%0A::error::pwned",
    "a\n::error file=x::pwned",
    "a\r\n##[error]pwned",
    "\r::stop-commands::x",
    "::error::pwned",
    " \u{a0}\u{3000}::error::pwned",
    ":",
    "##[error]pwned",
    "####[group]x",
    "ends with ##",
    "\x1b[31mred\x1b]0;title\x07",
    "\u{9b}31m c1",
    "user\u{202e}gpj.exe",
    "\u{2066}isolate\u{2069}",
    "zero\u{200b}width\u{feff}",
    "tag\u{e0041}\u{e007f}",
    "line\u{2028}sep\u{2029}\u{85}x",
    "`code` ``x`` ```",
    "a|b|c",
    "<img src=x onerror=alert(1)> &amp; <!-- -->",
    "[link](http://example.org) ![i](x) <http://example.org>",
    "http://example.org www.example.org me@example.org @team #1",
    "</pre></details><script>",
    "\"quotes' \\ back",
    "\u{fdd0}:1:1",
    "nul\0 tab\t vt\x0b ff\x0c del\x7f",
];

/// Whether a GitHub runner would find a command in a log with this text.
pub fn runner_obeys(log: &str) -> bool {
    log.split(['\n', '\r']).any(|line| {
        let trimmed = line.trim_start_matches(|c: char| c.is_whitespace() || is_hostile(c));
        line.contains("##[") || trimmed.strip_prefix("::").is_some_and(|rest| rest.contains("::"))
    })
}
