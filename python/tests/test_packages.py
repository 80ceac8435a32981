"""What packages write of honest objects loads under protection, to equal objects; what runs code does not."""

import subprocess
import sys

import pytest

WAYS = {
    "pandas": (
        "import pandas\n"
        "frame = pandas.DataFrame({'a': [1, 2], 'b': ['x', None], 'c': pandas.to_datetime(['2020-01-01'] * 2)})\n"
        "frame = frame.set_index('a').astype({'b': 'category'})\n"
        "frame.to_pickle('m.pkl'); frame.to_pickle('m.pkl.gz')\n",
        "pandas.testing.assert_frame_equal(pandas.read_pickle('m.pkl'), frame)\n"
        "pandas.testing.assert_frame_equal(pandas.read_pickle('m.pkl.gz'), frame)\n",
    ),
    "joblib": (
        "import joblib, numpy\n"
        "value = {'a': numpy.arange(100_000), 'b': [numpy.float32(1)]}\n"
        "joblib.dump(value, 'm.joblib'); joblib.dump(value, 'z.joblib', compress=3)\n",
        "assert all((joblib.load(name)['a'] == value['a']).all() for name in ('m.joblib', 'z.joblib'))\n",
    ),
    "numpy": (
        "import numpy\n"
        "numpy.save('o.npy', numpy.array([{'a': 1}, None], dtype=object)); numpy.savez('z.npz', a=numpy.arange(3))\n",
        "assert numpy.load('o.npy', allow_pickle=True)[0] == {'a': 1}\n"
        "assert numpy.load('z.npz')['a'].tolist() == [0, 1, 2]\n",
    ),
    "dill": (
        "import collections, dill\nvalue = collections.OrderedDict(a=[1, 2.5, 'x', {3}])\ndata = dill.dumps(value)\n"
        "code = dill.dumps(lambda: 1)\n",
        "assert dill.loads(data) == value\nrefused(dill.loads, code)\n",
    ),
    "cloudpickle": (
        "import cloudpickle, collections\nvalue = collections.Counter('aab')\ndata = cloudpickle.dumps(value)\n"
        "code = cloudpickle.dumps(lambda: 1)\n",
        "assert cloudpickle.loads(data) == value\nrefused(cloudpickle.loads, code)\n",
    ),
    "torch": (
        "import torch\nvalue = {'w': torch.arange(6.).reshape(2, 3).t(), 'step': 3}\ntorch.save(value, 'm.pt')\n"
        "torch.save(value, 'old.pt', _use_new_zipfile_serialization=False)\n",
        "for name in ('m.pt', 'old.pt'):\n"
        "    for only in (True, False):\n"
        "        assert torch.equal(torch.load(name, weights_only=only)['w'], value['w'])\n",
    ),
}
REFUSED = """
def refused(load, data):
    try:
        load(data)
    except fickgate.UnsafePickle:
        return
    raise AssertionError('it was loaded')
"""


@pytest.mark.parametrize("package", WAYS)
@pytest.mark.parametrize("early", [True, False])
def test_honest_objects_load_to_equal_ones(package, early, tmp_path):
    pytest.importorskip(package)
    before, after = WAYS[package]
    first, then = (before, "fickgate.protect(policy=())\n") if early else ("fickgate.protect(policy=())\n", before)
    code = f"import fickgate\n{REFUSED}{first}{then}{after}"
    done = subprocess.run([sys.executable, "-W", "ignore", "-c", code], capture_output=True, text=True, cwd=tmp_path)
    assert done.returncode == 0, done.stderr[-3000:]
