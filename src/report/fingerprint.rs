//! What makes a finding the same finding in the next run.

use std::collections::HashMap;
use std::fmt::Write as _;

use sha2::{Digest, Sha256};

use crate::outcome::ReadFailure;
use fickgate_engine::finding::Finding;

/// Fingerprints of one run. They rest on rule, member and import, and on which of several alike it
/// is; never on an offset, which moves when the file is saved again.
#[derive(Default)]
pub(super) struct Fingerprints {
    seen: HashMap<(Vec<u8>, String), u64>,
}

impl Fingerprints {
    /// The fingerprint of a finding in its file: it survives a rename.
    pub(super) fn in_file(&mut self, finding: &Finding) -> String {
        let hash = digest(&[
            finding.rule.id().as_bytes(),
            finding.member.as_bytes(),
            finding.import.as_deref().unwrap_or_default().as_bytes(),
        ]);
        let count = self.seen.entry((finding.path.as_bytes().to_vec(), hash.clone())).or_default();
        *count += 1;
        format!("{hash}:{count}")
    }

    /// The fingerprint of a finding in the repository.
    pub(super) fn in_repository(&mut self, finding: &Finding) -> String {
        let in_file = self.in_file(finding);
        digest(&[finding.path.as_bytes(), in_file.as_bytes()])
    }

    /// The fingerprint of what a line of the policy takes out of judgement.
    pub(super) fn of_reason(reason: &str) -> String {
        digest(&[reason.as_bytes(), b"not-judged"])
    }

    /// The fingerprint of a file that could not be read, in the repository.
    pub(super) fn of_failure(failure: &ReadFailure) -> String {
        digest(&[failure.path.as_bytes(), b"could-not-read"])
    }
}

/// The first half of a SHA-256 over the parts, each behind its length, in hexadecimal.
fn digest(parts: &[&[u8]]) -> String {
    let mut hash = Sha256::new();
    for part in parts {
        hash.update((part.len() as u64).to_le_bytes());
        hash.update(part);
    }
    let mut text = String::with_capacity(32);
    for byte in hash.finalize().iter().take(16) {
        let _ = write!(text, "{byte:02x}");
    }
    text
}
