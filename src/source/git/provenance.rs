//! Which repository a run is over, and at which commit: for reports that travel.

use crate::source::git::command::Git;

/// A repository and the commit that is checked out.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Provenance {
    /// Where `origin` is, as a URI without a user and a password.
    pub repository: String,
    /// The commit of HEAD, in hexadecimal.
    pub revision: Option<String>,
    /// The branch that is checked out.
    pub branch: Option<String>,
}

/// Of the repository that the current folder lies in; `None` where it has no remote that others know.
pub fn provenance() -> Option<Provenance> {
    let git = Git::here();
    let line = |args: &[&str]| {
        let answer = git.ask(args).ok()??;
        let text = String::from_utf8(answer.out).ok()?;
        let text = text.trim_end_matches(['\r', '\n']).to_owned();
        (answer.code == Some(0) && !text.is_empty()).then_some(text)
    };
    Some(Provenance {
        repository: uri(&line(&["config", "--get", "remote.origin.url"])?)?,
        revision: line(&["rev-parse", "--verify", "--quiet", "HEAD"]),
        branch: line(&["symbolic-ref", "--quiet", "--short", "HEAD"]),
    })
}

/// A remote's address without what identifies a person. `None` for folders of this machine.
fn uri(address: &str) -> Option<String> {
    let plain = address.bytes().all(|b| b.is_ascii_graphic() && !b"\"<>\\^`{|}".contains(&b));
    if !plain {
        return None;
    }
    let (scheme, rest) = match address.split_once("://") {
        Some((scheme @ ("https" | "http" | "ssh" | "git"), rest)) => (scheme, rest),
        Some(_) => return None,
        // As ssh's tools write it: user@host:path.
        None => ("ssh", address),
    };
    let (host, path) = match scheme == "ssh" && !address.contains("://") {
        true => rest.split_once(':').filter(|(host, _)| host.len() > 1 && !host.contains('/'))?,
        false => rest.split_once('/')?,
    };
    let host = host.rsplit('@').next().filter(|host| !host.is_empty())?;
    Some(format!("{scheme}://{host}/{}", path.trim_start_matches('/')))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_address_is_told_without_who_uses_it() {
        for (address, told) in [
            ("https://user:secret@example.org/a/b.git", Some("https://example.org/a/b.git")),
            ("https://example.org/a/b", Some("https://example.org/a/b")),
            ("git@example.org:a/b.git", Some("ssh://example.org/a/b.git")),
            ("ssh://git@example.org:2222/a/b", Some("ssh://example.org:2222/a/b")),
            ("/srv/repositories/a", None),
            ("../a", None),
            ("C:\\a", None),
            ("file:///srv/a", None),
            ("https://example.org/a b", None),
        ] {
            assert_eq!(uri(address).as_deref(), told, "{address}");
        }
    }
}
