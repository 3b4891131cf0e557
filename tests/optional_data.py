"""Large data for tests that are no part of the project: the one place that knows where they lie.

``MOLGFN_TEST_DATA`` names the folder; by default it is ``shared/data`` beside the checkout. A test asks for the fixture
``optional_data`` (which marks it ``optional_data``) and is skipped where its file is absent.
"""

import os
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from molgfn.errors import DataError

#: absolute, because a test may work in another folder
FOLDER = Path(os.environ.get("MOLGFN_TEST_DATA") or Path(__file__).parents[2] / "shared" / "data").resolve()
#: what a download says in a test
NO_DOWNLOAD = "tests fetch nothing"


def optional(name: str) -> Path:
    """The file of this name; skips the test where it is not there."""
    path = FOLDER / name
    if not path.exists():
        pytest.skip(f"no {name} in {FOLDER}: set MOLGFN_TEST_DATA to the folder with the optional test data")
    return path


@contextmanager
def or_skip() -> Iterator[None]:
    """Skip where something inside needs a file that would have to be fetched."""
    try:
        yield
    except DataError as error:
        if NO_DOWNLOAD in str(error):
            pytest.skip(f"not among the optional test data (MOLGFN_TEST_DATA): {str(error)[:120]}")
        raise
