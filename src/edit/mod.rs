//! What writes a policy or a hook: `fickgate allow` and `fickgate init`.

pub mod allow;
pub mod init;
pub mod install;
mod refused;
mod replacement;
mod yaml;
