//! The loader whose rules a stream is read by.

use crate::words::words;

words! {
    /// The loader whose rules a stream was read by.
    #[derive(Default)]
    Reading {
        /// `pickle.load`.
        #[default]
        Pickle = "pickle",
        /// `joblib.load`: raw array bytes lie between the opcodes.
        Joblib = "joblib",
        /// `torch.load`: persistent ids name storages of the archive.
        Torch = "torch",
        /// torch's C++ unpickler, for the `.pkl` members of a TorchScript archive.
        TorchScript = "torchscript",
    }
}
