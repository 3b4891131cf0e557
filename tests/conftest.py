import os

os.environ.setdefault("OMP_NUM_THREADS", "1")
os.environ.setdefault("WANDB_MODE", "offline")

from pathlib import Path

import pooch
import pytest
import torch

DATA = Path(__file__).parents[2] / "shared" / "data"
#: files that oracles look for in their folder -> what they are called among the data for tests
FETCHED = {name: name for name in ("seh_proxy_weights.pkl.gz", "jnk3_forest.npz", "gsk3b_forest.npz", "drd2_svm.npz")}


@pytest.fixture(autouse=True, scope="session")
def _nothing_is_fetched(tmp_path_factory):
    """What would be fetched is there already, or missing for good."""
    folder = tmp_path_factory.mktemp("fetched")
    for name, source in FETCHED.items():
        if (DATA / source).is_file():
            (folder / name).symlink_to(DATA / source)
    retrieve = pooch.retrieve

    def local(url, known_hash, fname=None, path=None, **options):
        if url.startswith("http") and not (Path(path) / fname).is_file():
            raise OSError("tests fetch nothing")
        return retrieve(url, known_hash, fname=fname, path=path, **options)

    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("MOLGFN_DATA", str(folder))
        patch.setattr(pooch, "retrieve", local)
        yield


@pytest.fixture(autouse=True)
def _fixed():
    """Seeded, single-threaded, and back to the default dtype."""
    torch.set_num_threads(1)
    torch.manual_seed(0)
    yield
    torch.set_default_dtype(torch.float32)
