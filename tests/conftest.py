import os
import sys

os.environ.setdefault("OMP_NUM_THREADS", "1")
os.environ.setdefault("WANDB_MODE", "offline")

from pathlib import Path

import pooch
import pytest
import torch
from tests.extras import extra
from tests.optional_data import FOLDER, NO_DOWNLOAD, optional

#: files that oracles look for in their folder -> what they are called among the data for tests
FETCHED = {name: name for name in ("seh_proxy_weights.pkl.gz", "jnk3_forest.npz", "gsk3b_forest.npz", "drd2_svm.npz")}


@pytest.fixture(autouse=True, scope="session")
def _nothing_is_fetched(tmp_path_factory):
    """What would be fetched is there already, or missing for good."""
    folder = tmp_path_factory.mktemp("fetched")
    for name, source in FETCHED.items():
        if (FOLDER / source).is_file():
            (folder / name).symlink_to(FOLDER / source)
    retrieve = pooch.retrieve

    def local(url, known_hash, fname=None, path=None, **options):
        if url.startswith("http") and not (Path(path) / fname).is_file():
            raise OSError(NO_DOWNLOAD)
        return retrieve(url, known_hash, fname=fname, path=path, **options)

    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("MOLGFN_DATA", str(folder))
        patch.setattr(pooch, "retrieve", local)
        yield


@pytest.fixture(autouse=True)
def _modules_of_a_test_end_with_it(request):
    """A module that a test wrote and imported is not what the next test finds by the same name."""
    folder = str(request.getfixturevalue("tmp_path")) if "tmp_path" in request.fixturenames else None
    yield
    if folder is not None:
        for name, module in list(sys.modules.items()):
            if (getattr(module, "__file__", None) or "").startswith(folder):
                del sys.modules[name]


@pytest.fixture(scope="session")
def optional_data():
    """``optional_data(name)``: a file of the optional data; the test is skipped where it is absent."""
    return optional


@pytest.fixture(scope="session")
def needs_extra():
    """``needs_extra(extra, module)``: a module of an optional extra; the test is skipped where it is absent."""
    return extra


#: fixture -> the marker of whatever uses it
MARKED = {"optional_data": pytest.mark.optional_data, "needs_extra": pytest.mark.extras}


@pytest.hookimpl(tryfirst=True)  # before -m selects
def pytest_collection_modifyitems(items):
    for item in items:
        for fixture in MARKED.keys() & set(getattr(item, "fixturenames", ())):
            item.add_marker(MARKED[fixture])


@pytest.fixture(autouse=True)
def _fixed():
    """Seeded, single-threaded, and back to the default dtype."""
    torch.set_num_threads(1)
    torch.manual_seed(0)
    yield
    torch.set_default_dtype(torch.float32)
