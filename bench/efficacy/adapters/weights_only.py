"""torch: `torch.load(weights_only=True)` on what torch.save writes. It calls only what is on its own list of imports.

Loading is real here, in a child of the bench with limits and in an empty folder; payloads are harmless.
"""

import os
import pickle
import resource
import sys
import tempfile

import serve

sys.path.remove(sys.path[0])
import torch  # noqa: E402

os.chdir(tempfile.mkdtemp())
resource.setrlimit(resource.RLIMIT_NOFILE, (64, 64))
resource.setrlimit(resource.RLIMIT_FSIZE, (0, 0))
torch.set_num_threads(1)


def judge(path, form):
    try:
        torch.load(path, map_location="cpu", weights_only=True)
    except pickle.UnpicklingError as error:
        return "refused", str(error).split("\n")[0]
    except RuntimeError as error:
        # TorchScript archives are refused in so many words.
        return ("refused" if "weights_only" in str(error) else "error"), error
    return "passed", ""


serve.serve(judge, ("torch", "torch-legacy"))
