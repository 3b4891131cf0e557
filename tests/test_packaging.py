"""What is built and installed: the wheel carries all that a run needs, and warnings of our own fail tests."""

import subprocess
import sys
import tarfile
import tomllib
import warnings
import zipfile
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[1]
#: Python 3.11 knows filters from 3.11.4 on
SAFELY = {"filter": "data"} if hasattr(tarfile, "data_filter") else {}


def carried() -> dict[str, str]:
    """Folder of the checkout -> where the wheel has it, as the build is told."""
    build = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))["tool"]["hatch"]["build"]
    wheel = build["targets"]["wheel"]
    assert sorted(wheel["only-include"]) == sorted(wheel["sources"])
    return wheel["sources"]


def wanted() -> set[str]:
    """Every file of the checkout that belongs into the wheel, by its name there."""
    names = set()
    for here, there in carried().items():
        for path in (ROOT / here).rglob("*"):
            if path.is_file() and "__pycache__" not in path.parts and path.name != ".keep":
                names.add(f"{there}/{path.relative_to(ROOT / here).as_posix()}")
    return names


def build(what: str, source: Path, folder: Path) -> Path:
    command = [sys.executable, "-m", "build", f"--{what}", "--no-isolation", "--outdir", str(folder), str(source)]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stdout + done.stderr
    (result,) = folder.glob("*.whl" if what == "wheel" else "*.tar.gz")
    return result


@pytest.fixture(scope="module")
def wheel(tmp_path_factory) -> Path:
    """Built from the sdist, so that this, too, is complete."""
    folder = tmp_path_factory.mktemp("dist")
    archive = build("sdist", ROOT, folder)
    with tarfile.open(archive) as tar:
        tar.extractall(folder, **SAFELY)
    (unpacked,) = (p for p in folder.iterdir() if p.is_dir())
    return build("wheel", unpacked, folder)


def test_every_folder_that_a_run_reads_is_carried():
    """Data that ship, and that the build is not told of, would be missing only where molgfn is installed."""
    folders = {p.parent.relative_to(ROOT).as_posix() for p in (ROOT / "data").rglob("*.*") if p.suffix != ".py"}
    assert folders > {"data/fragments"}
    told = tuple(f"{folder}/" for folder in carried())
    assert [f for f in sorted(folders - {"data"}) if not f"{f}/".startswith(told)] == []


@pytest.mark.slow
def test_the_wheel_carries_what_a_run_needs(wheel):
    with zipfile.ZipFile(wheel) as archive:
        inside = {n for n in archive.namelist() if ".dist-info/" not in n}
        metadata = next(archive.read(n).decode() for n in archive.namelist() if n.endswith("/METADATA"))
        licences = [n for n in archive.namelist() if n.endswith("/licenses/LICENSE")]
        scripts = next(archive.read(n).decode() for n in archive.namelist() if n.endswith("/entry_points.txt"))
    assert inside == wanted()
    assert {f"molgfn/{name}" for name in ("configs/train.yaml", "experiments/quickstart.yaml", "py.typed")} <= inside
    assert {f"molgfn/data/{name}" for name in ("fragments/rdkit.txt", "reactions/textbook/blocks.csv")} <= inside
    assert {f"molgfn/comparing/templates/compare.{kind}" for kind in ("css", "html.j2", "js")} <= inside
    assert any(n.endswith(".j2") for n in inside)
    assert "Requires-Python: <3.14,>=3.11" in metadata
    assert "molgfn = molgfn.cli.main:main" in scripts
    assert licences


@pytest.mark.slow
def test_the_wheel_alone_checks_a_run(wheel, tmp_path):
    """Imported from the unpacked wheel, away from the checkout, the shipped experiment passes its check."""
    with zipfile.ZipFile(wheel) as archive:
        archive.extractall(tmp_path / "site")
    code = (
        f"import sys; sys.path.insert(0, {str(tmp_path / 'site')!r})\n"
        "import molgfn\n"
        f"assert molgfn.__file__.startswith({str(tmp_path)!r}), molgfn.__file__\n"
        "from molgfn.cli.main import main\n"
        "from molgfn.comparing.page import page\n"
        "served = page(name='mine.smi', total=2, answers='a.csv', command='train')\n"
        "assert 'ArrowLeft' in served.html and 'mine.smi' in served.html\n"
        "main(['train', 'quickstart', '--check'])\n"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, cwd=tmp_path, check=False)
    assert done.returncode == 0, done.stderr
    assert "name: quickstart" in done.stdout


@pytest.mark.parametrize("module", ["molgfn", "molgfn.training.module"])
def test_a_warning_of_our_own_is_an_error(module):
    with pytest.raises(UserWarning, match="look"):
        warnings.warn_explicit("look", UserWarning, "file.py", 1, module=module)


@pytest.mark.parametrize("module", ["torch.nn.modules", "molgfn_plugin", "my.molgfn"])
def test_a_warning_of_others_is_a_warning(module):
    with warnings.catch_warnings(record=True) as caught:  # keeps the filters, unlike pytest.warns
        warnings.warn_explicit("look", UserWarning, "file.py", 1, module=module)
    assert [str(w.message) for w in caught] == ["look"]
