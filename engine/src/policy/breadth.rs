//! How broad an `allow` may be.

use crate::policy::pattern::{Names, Pattern};
use crate::policy::{builtin, stdlib};

impl Pattern {
    /// Whether an `allow` may say this. The error says why not, without a full stop.
    ///
    /// A pattern lets in what nobody looked at: whatever the module itself imports. So it is for
    /// packages that no list judges name by name.
    pub fn check_allow(&self) -> Result<(), String> {
        let top = self.module.split('.').next().unwrap_or(&self.module);
        match &self.names {
            Names::One(_) => Ok(()),
            Names::Below => Err("`**` is for `deny`; `allow` takes one segment, `module.*`".to_owned()),
            Names::Segment if self.module.split('.').any(|s| s.starts_with("__")) => {
                Err(format!("`*` may not stand for the names of `{}`", self.module))
            }
            Names::Segment if stdlib::contains(top) => {
                Err(format!("`*` may not stand for names of the standard library (`{top}`)"))
            }
            Names::Segment if builtin::judges(top) => Err(format!(
                "`*` may not stand for names of `{top}`, which the built-in list judges one by one"
            )),
            Names::Segment => Ok(()),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_star_is_for_modules_that_no_list_judges() {
        let check = |text: &str| Pattern::parse(text).unwrap_or_else(|e| panic!("{text}: {e}")).check_allow();
        assert!(check("ours.models.*").is_ok());
        for bad in ["os.*", "__main__.*", "ours.__init__.*", "ours.**", "builtins.*", "numpy.core.*"] {
            assert!(check(bad).is_err(), "{bad}");
        }
    }
}
