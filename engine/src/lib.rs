//! What loading a pickle-bearing file would import and call, and what a policy says of it.
//!
//! ```text
//! bytes -> reading -> stream -> machine -> Facts -> Policy -> Finding
//! ```
//!
//! [`scan()`] is a pure function of bytes: it takes every reading that some loader would take of them and gives
//! [`Facts`], without a policy, a repository or a file system. [`judge()`] is a pure function of facts and a
//! [`Policy`], and gives [`Finding`]s. Nothing is ever unpickled, imported or run.
//!
//! ```
//! use fickgate_engine::{BlobPath, Content, Date, Layer, Limits, Policy, PolicyFile, Rule, judge, scan};
//!
//! # fn main() -> Result<(), Box<dyn std::error::Error>> {
//! // A pickle that would call `os.system("echo")`, and the path that it has in its repository.
//! let bytes = b"cos\nsystem\n(S'echo'\ntR.";
//! let path = BlobPath::new("models/ranker.pkl");
//! let facts = scan(&Content::from_bytes(&bytes[..]), &path, &Limits::default())?;
//! assert_eq!(facts.streams[0].imports[0].dotted(), "os.system");
//!
//! // The built-in list, and on top of it what the repository says.
//! let text = b"allow:\n  - {import: ours.models.Ranker, reason: reviewed}\n";
//! let own = PolicyFile::parse(text, ".fickgate.yaml", Layer::Repository)?;
//! let policy = Policy::new([own], Date::today());
//!
//! let findings = judge(&facts, &path, None, &policy, &policy.usage());
//! for finding in &findings {
//!     println!("{}: {}[{}]: {}", path.to_lossy(), finding.level.as_str(), finding.rule, finding.message);
//! }
//! assert_eq!(findings[0].rule, Rule::ImportNotAllowed);
//! # Ok(())
//! # }
//! ```
//!
//! # Bounds
//!
//! Everything in the bytes, the path and the policy may be hostile. Memory and time are spent against [`Limits`];
//! a limit that is hit is a finding of the rule `resource-limit`, never a pass. An `Err` of [`scan()`] says that
//! the content could not be *read*; what is wrong *in* it is among the facts.
//!
//! # What is stable
//!
//! The names at the root of this crate and the modules listed below. What this manual does not list is for fickgate
//! itself, and changes with any version. A [`Rule`]'s id never changes its meaning.
//!
//! # Dependencies
//!
//! `bzip2`, `flate2`, `lz4_flex`, `lzma-rust2` and `ruzstd` decompress what loaders decompress, `memchr` finds bytes,
//! `tempfile` takes what does not fit into memory, `granit-parser` reads the YAML of policies, `globset` matches paths,
//! and `strsim` finds the name that was meant.

pub mod content;
pub mod error;
pub mod facts;
pub mod finding;
pub mod judge;
pub mod limits;
pub mod path;
pub mod policy;
pub mod rule;

#[doc(hidden)]
pub mod escape;
pub(crate) mod loader;
#[doc(hidden)]
pub mod pickle;
mod reading;
#[doc(hidden)]
pub mod snippets;
#[doc(hidden)]
pub mod tensors;
mod words;

#[doc(hidden)]
pub use reading::family::reads_more;
#[doc(hidden)]
pub use reading::scan;

pub use content::Content;
pub use error::Error;
pub use facts::Facts;
pub use finding::Finding;
pub use judge::judge;
pub use limits::Limits;
pub use path::BlobPath;
pub use policy::file::PolicyFile;
pub use policy::{Date, Layer, Policy};
pub use reading::scan::scan;
pub use rule::{Level, Rule};
