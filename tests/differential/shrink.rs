//! Makes an input smaller that shows a disagreement.

use crate::compare::{Disagreement, compare};
use crate::oracle::{Answer, Oracle};

/// The smallest input that shows the same, as far as removing pieces gets.
pub fn shrunk(oracle: &mut Oracle, input: &[u8], disagreement: &Disagreement) -> Vec<u8> {
    let wanted = disagreement.kind();
    let mut best = input.to_vec();
    let mut piece = best.len();
    while piece > 0 {
        let candidates: Vec<Vec<u8>> = (0..best.len())
            .step_by(piece.div_ceil(2))
            .map(|at| [&best[..at], &best[(at + piece).min(best.len())..]].concat())
            .filter(|candidate| candidate.len() < best.len())
            .collect();
        let answers = oracle.ask(&candidates);
        let smaller = candidates.into_iter().zip(answers).find(|(candidate, answer)| match answer {
            Answer::Readings(theirs) => compare(candidate, theirs).iter().any(|d| d.kind() == wanted),
            Answer::Died => false,
        });
        match smaller {
            Some((candidate, _)) => {
                best = candidate;
                piece = piece.min(best.len());
            }
            None => piece /= 2,
        }
    }
    best
}
