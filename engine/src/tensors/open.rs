//! Content to a model: which layout it has, and that it has nothing else.

use crate::content::Content;
use crate::limits::Limits;
use crate::tensors::model::Model;
use crate::tensors::refusal::{Failure, refused};
use crate::tensors::{archive, legacy, numpy, torch};

/// Reads content whose only content is tensors and literals: what `torch.save` writes in either layout, array files
/// of numpy and archives of them. Nothing is executed, and no tensor is read.
///
/// # Errors
///
/// [`Failure::Refused`] where there is more in it, or less; [`Failure::Unreadable`] where it could not be read.
pub fn read(content: &Content, limits: &Limits) -> Result<Model, Failure> {
    if let Some(parts) = archive::open(content, limits)? {
        if let Some(model) = torch::read(&parts, limits)? {
            return Ok(model);
        }
        return match numpy::read_archive(&parts, limits)? {
            Some(model) => Ok(model),
            None => refused("", None, "a zip that neither torch.save nor numpy.savez writes"),
        };
    }
    if let Some(model) = numpy::read(content, limits)? {
        return Ok(model);
    }
    match legacy::read(content, limits)? {
        Some(model) => Ok(model),
        None => refused("", 0, "neither a file of torch.save nor one of numpy.save or numpy.savez"),
    }
}
