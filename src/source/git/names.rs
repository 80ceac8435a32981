//! What names of revisions mean: branches as the remote has them, never a tag that is called like one.
//!
//! `git rev-parse main` takes the tag `main` before any branch, so that whoever may push a tag would choose
//! what a change is compared with. Here a name is a branch, of the remote first where it stands for a base,
//! local first where it stands for what is judged. A tag is written `refs/tags/NAME`.

use crate::source::git::command::{failure, line};
use crate::source::git::object::ObjectId;
use crate::source::git::repository::Repository;
use fickgate_engine::error::{Error, Result};

/// What a name stands for, which decides where it is looked for first.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Side {
    /// What a change is compared with, or whose policy judges: the remote's branch, then the local one.
    Base,
    /// What is judged: the local branch, then the remote's.
    Tip,
}

/// A revision, taken apart: `main~2` is `main` and `~2`.
fn split(text: &str) -> (&str, &str) {
    let at = text.find(['~', '^']).into_iter().chain(text.find("@{")).min();
    text.split_at(at.unwrap_or(text.len()))
}

/// Whether the name may be looked up as a branch: what no ref can be called is asked of nobody.
fn plain(name: &str) -> bool {
    !name.is_empty()
        && !name.starts_with(['-', '/', '.'])
        && !name.chars().any(|c| c.is_control() || " ~^:?*[\\".contains(c))
        && !name.contains("..")
}

impl Repository {
    /// The commit that a revision names; `None` where it names none.
    ///
    /// # Errors
    /// A name that means more than one commit, or a tag that is not written as one.
    pub(crate) fn resolve(&self, text: &str, side: Side) -> Result<Option<ObjectId>> {
        if let Some(id) = ObjectId::from_hex(text.as_bytes()).and_then(|id| self.commit_of_library(id)) {
            return Ok(Some(id));
        }
        match self.pinned(text, side)? {
            Some(expression) if expression == "HEAD" => self.head(),
            Some(expression) => self.commit(&expression),
            None => Ok(None),
        }
    }

    /// A revision with the name of an object in the place of the name it begins with.
    ///
    /// # Errors
    /// As of [`Repository::resolve`].
    pub(crate) fn pinned(&self, text: &str, side: Side) -> Result<Option<String>> {
        if ObjectId::from_hex(text.as_bytes()).is_some() {
            return Ok(Some(text.to_owned()));
        }
        let (name, rest) = split(text);
        if ObjectId::from_hex(name.as_bytes()).is_some() && plain(&rest.replace(['~', '^', '{', '}'], "x")) {
            return Ok(Some(text.to_owned()));
        }
        // `@{-1}` and `@{upstream}` go by what this clone did and is set to.
        if name.is_empty() && rest.starts_with("@{") && plain(&rest.replace(['{', '}'], "")) {
            return Ok(Some(text.to_owned()));
        }
        if name == "HEAD" || name == "@" {
            return Ok(Some(format!("HEAD{rest}")));
        }
        if !plain(name) || rest.chars().any(|c| c.is_control() || c == ':') {
            return Ok(None);
        }
        Ok(self.named(name, side)?.map(|id| format!("{id}{rest}")))
    }

    /// The object that a name without anything behind it stands for.
    fn named(&self, name: &str, side: Side) -> Result<Option<ObjectId>> {
        if name.starts_with("refs/") {
            return self.reference(name);
        }
        // FETCH_HEAD and its like are files of this clone.
        if name.ends_with("_HEAD") && name.bytes().all(|b| b.is_ascii_uppercase() || b == b'_') {
            return self.pseudo(name);
        }
        let remote = format!("refs/remotes/{}/{name}", self.remote()?);
        let (local, full) = (format!("refs/heads/{name}"), format!("refs/remotes/{name}"));
        let order = match side {
            Side::Base => [&remote, &local],
            Side::Tip => [&local, &remote],
        };
        let mut found = None;
        for candidate in order {
            if found.is_none() {
                found = self.reference(candidate)?.map(|id| (candidate.clone(), id));
            }
        }
        // `origin/main` may be a branch of the remote and a local one that is called so.
        let mut others = Vec::new();
        if let Some(id) = self.reference(&full)? {
            others.push((full, id));
        }
        let hex = name.len() >= 4 && name.len() < 40 && name.bytes().all(|b| b.is_ascii_hexdigit());
        if hex {
            others.extend(self.abbreviated(name)?.into_iter().map(|id| (format!("the object {id}"), id)));
        }
        for (what, id) in others {
            match &found {
                None => found = Some((what, id)),
                Some((_, known)) if *known == id => {}
                Some((one, _)) => {
                    let shown = name.escape_debug();
                    return Err(Error::new(format!(
                        "{shown} means {one} and {what}, which are not the same"
                    ))
                    .remedy(format!("write which: {one}")));
                }
            }
        }
        if found.is_none() && self.reference(&format!("refs/tags/{name}"))?.is_some() {
            let shown = name.escape_debug();
            return Err(Error::new(format!("{shown} is a tag, and names mean branches here"))
                .remedy(format!("write it as refs/tags/{shown}")));
        }
        Ok(found.map(|(_, id)| id))
    }

    /// The remote whose branches are meant: `origin`, or the only one there is.
    fn remote(&self) -> Result<String> {
        let listed = match &self.library {
            Some(library) => {
                let names = library.remotes().ok();
                names.iter().flatten().flatten().flatten().map(str::to_owned).collect()
            }
            None => {
                let out = self.git.lines(&["remote"])?.unwrap_or_default();
                String::from_utf8_lossy(&out).lines().map(str::to_owned).collect::<Vec<_>>()
            }
        };
        Ok(match listed.as_slice() {
            [one] => one.clone(),
            _ => "origin".to_owned(),
        })
    }

    /// What the ref of exactly this name points to.
    fn reference(&self, name: &str) -> Result<Option<ObjectId>> {
        if let Some(library) = &self.library {
            match library.find_reference(name).and_then(|r| r.resolve()) {
                Ok(found) => return Ok(found.target().and_then(ObjectId::from_git2)),
                Err(e) if e.code() == git2::ErrorCode::NotFound => return Ok(None),
                Err(e) if e.code() == git2::ErrorCode::InvalidSpec => return Ok(None),
                Err(_) => {}
            }
        }
        let Some(out) = self.git.lines(&["for-each-ref", "--format=%(objectname) %(refname)", name])? else {
            return Ok(None);
        };
        let exact = out.split(|b| *b == b'\n').find_map(|line| {
            let space = line.iter().position(|b| *b == b' ')?;
            let (id, rest) = line.split_at(space);
            (rest.get(1..)? == name.as_bytes()).then(|| ObjectId::from_hex(id))?
        });
        Ok(exact)
    }

    fn pseudo(&self, name: &str) -> Result<Option<ObjectId>> {
        let path = match &self.library {
            Some(library) => library.path().join(name),
            None => match self.git.ask(&["rev-parse", "--git-path", name])? {
                Some(answer) if answer.code == Some(0) => {
                    fickgate_engine::path::BlobPath::new(line(&answer.out)).to_path()
                }
                _ => return Ok(None),
            },
        };
        match path.is_file() {
            true => self.commit(name),
            false => Ok(None),
        }
    }

    /// The commit whose name begins so, if there is just one.
    fn abbreviated(&self, hex: &str) -> Result<Option<ObjectId>> {
        let Some(answer) = self.git.ask(&["rev-parse", &format!("--disambiguate={hex}")])? else {
            return Ok(None);
        };
        let mut commits = Vec::new();
        for id in answer.out.split(|b| *b == b'\n').filter_map(ObjectId::from_hex) {
            commits.extend(self.commit(&id.to_string())?);
        }
        commits.sort_unstable();
        commits.dedup();
        match commits.as_slice() {
            [] => Ok(None),
            [one] => Ok(Some(*one)),
            _ => Err(Error::new(format!("{hex} begins the names of {} commits", commits.len()))
                .remedy("write more digits")),
        }
    }

    /// The commit of an expression in which no name is left to be guessed.
    pub(crate) fn commit(&self, expression: &str) -> Result<Option<ObjectId>> {
        let asked = format!("{expression}^{{commit}}");
        match self.git.ask(&["rev-parse", "--verify", "-q", &asked])? {
            Some(a) if a.code == Some(0) => Ok(ObjectId::from_hex(line(&a.out))),
            Some(a) if a.code == Some(1) => Ok(None),
            // An object that is here and is no commit, or none of this name.
            Some(a) if a.err.contains("unknown revision") || a.err.contains("expected commit type") => {
                Ok(None)
            }
            Some(a) => Err(failure("git rev-parse", &a)),
            None => {
                let library = self.library.as_ref().ok_or_else(|| self.no_git(None))?;
                let found = library.revparse_single(expression).and_then(|o| o.peel_to_commit());
                Ok(found.ok().and_then(|c| ObjectId::from_git2(c.id())))
            }
        }
    }

    /// The commit of a full name, which means the same to everyone.
    fn commit_of_library(&self, id: ObjectId) -> Option<ObjectId> {
        self.library.as_ref()?.find_commit(id.to_git2()?).ok().map(|_| id)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_end_where_the_way_from_them_begins() {
        assert_eq!(split("main"), ("main", ""));
        assert_eq!(split("main~2^1"), ("main", "~2^1"));
        assert_eq!(split("main@{u}"), ("main", "@{u}"));
        assert_eq!(split("@{-1}"), ("", "@{-1}"));
        assert!(plain("feature/x") && !plain("-x") && !plain("a..b") && !plain(":/text") && !plain("a b"));
    }
}
