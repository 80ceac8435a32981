//! Which files of a repository are its policy.

use crate::error::{Error, Result};
use crate::policy::file::PolicyFile;
use crate::policy::{FILES, Layer, MISNAMED};

/// The repository's policy. `read` gives the content of a file by its path from the repository's root, `None` where
/// there is no such file.
///
/// # Errors
/// Two policy files, one under a name that is not read, one that is no policy, and what `read` could not read.
pub fn policy(read: &dyn Fn(&str) -> Result<Option<Vec<u8>>>) -> Result<Option<PolicyFile>> {
    let mut found = Vec::new();
    for name in FILES {
        found.extend(read(name)?.map(|bytes| (name, bytes)));
    }
    if found.len() > 1 {
        let [one, other] = FILES;
        return Err(Error::new(format!("there are two policy files: {one} and {other}"))
            .remedy(format!("move everything into {one} and remove {other}")));
    }
    if found.is_empty() {
        for name in MISNAMED {
            if read(name)?.is_some() {
                return Err(Error::new(format!("{name} is not read, and looks like a policy"))
                    .remedy(format!("name it {}", FILES[0])));
            }
        }
    }
    found.first().map(|(name, bytes)| PolicyFile::parse(bytes, name, Layer::Repository)).transpose()
}
