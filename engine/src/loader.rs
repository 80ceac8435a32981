//! The loader whose rules a stream is read by.

use crate::words::words;

words! {
    /// The loader whose rules a stream was read by.
    #[derive(Default)]
    Loader {
        /// `pickle.load`.
        #[default]
        Pickle = "pickle",
        /// `joblib.load`: raw array bytes lie between the opcodes.
        Joblib = "joblib",
        /// `joblib.load` before joblib 1.2, which knows no padding before an array's bytes.
        JoblibUnpadded = "joblib-unpadded",
        /// `pickle.load` of a joblib file, which takes an array's bytes for opcodes.
        JoblibPlain = "joblib-plain",
        /// `torch.load`: persistent ids name storages of the archive.
        Torch = "torch",
        /// torch's C++ unpickler, for the `.pkl` members of a TorchScript archive.
        TorchScript = "torchscript",
    }
}

impl Loader {
    /// Whether raw array bytes are stepped over.
    pub fn is_joblib(self) -> bool {
        matches!(self, Loader::Joblib | Loader::JoblibUnpadded)
    }

    /// Whether bytes of arrays are run as opcodes, by an unpickler that knows no persistent ids and no buffers.
    pub fn runs_data(self) -> bool {
        matches!(self, Loader::JoblibPlain | Loader::JoblibUnpadded)
    }
}
