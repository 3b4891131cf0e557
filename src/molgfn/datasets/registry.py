"""The sets of molecules that can be named instead of a file, and where each comes from."""

from __future__ import annotations

import difflib
import hashlib
import os
import shutil
import tempfile
from dataclasses import dataclass
from pathlib import Path
from typing import Literal

from molgfn.downloads import FOLDER_VARIABLE, Download, Published, fetch
from molgfn.errors import DataError


@dataclass(frozen=True, kw_only=True)
class ByHand(Published):
    """A file of which no sha256 is published, so that it is not fetched: the user puts it there.

    Attributes:
        md5: that its makers publish; it is checked whenever the file is looked up.
    """

    md5: str


@dataclass(frozen=True)
class Dataset:
    """One set.

    Attributes:
        name: what it is called on the command line and in configs.
        entries: how many molecules (or fragments) the file lists, valid or not.
        file: what is fetched; several sets may share one.
        member: the file inside, where ``file`` is an archive; it is read in place.
        kind: "molecules", or "fragments": a vocabulary of the fragment environment.
        part: which part of what ``file`` holds, where several sets share it.
    """

    name: str
    entries: int
    file: Download | ByHand
    member: str | None = None
    kind: Literal["molecules", "fragments"] = "molecules"
    part: str = ""

    @property
    def what(self) -> str:
        """What it holds, in a few words."""
        return self.part or self.file.what

    def get(self, path: str | Path | None = None, *, progress: bool = False) -> Path:
        """The file, fetched where that is possible and it is not here yet.

        Args:
            path: a file that the user has already. Its md5 is checked where that is all that is published.
            progress: show a bar.

        Raises:
            DataError: it is not there and cannot be fetched, or it is another file; says what to put where.
        """
        if isinstance(self.file, Download):
            return fetch(self.file, path=path, progress=progress)
        found = self.file.place if path is None else Path(path)
        if not found.is_file():
            raise DataError(
                f"{self.name}: {found}: there is no such file. Only an md5 is published of {self.file.what}, so it is "
                f"not fetched: download {self.file.url} ({self.file.size / 1e6:.1f} MB, md5 {self.file.md5}) and put "
                f"it at {self.file.place}; {FOLDER_VARIABLE} names another folder"
            )
        self._require_same(found)
        return found

    def adopt(self, path: str | Path) -> Path:
        """Check a file that the user has, and copy it to where the set is looked for; returns that place.

        Raises:
            DataError: it cannot be read or copied, or it is another file.
        """
        self._require_same(Path(path))
        place = self.file.place
        try:
            place.parent.mkdir(parents=True, exist_ok=True)
            with tempfile.TemporaryDirectory(dir=place.parent, prefix=".molgfn-") as aside:
                # moved there whole, so that an interrupted copy is never taken for the file
                os.replace(shutil.copyfile(path, Path(aside) / place.name), place)
        except OSError as error:
            raise DataError(f"{self.name}: cannot copy {path} to {place} ({error.strerror or error})") from error
        return place

    def _require_same(self, path: Path) -> None:
        """Raise ``DataError`` unless the file has the published digest."""
        kind, wanted = ("md5", self.file.md5) if isinstance(self.file, ByHand) else ("sha256", self.file.sha256)
        try:
            with path.open("rb") as content:
                found = hashlib.file_digest(content, lambda: hashlib.new(kind, usedforsecurity=False)).hexdigest()
        except OSError as error:
            raise DataError(f"{self.name}: {path}: cannot be read ({error.strerror or error})") from error
        if found != wanted:
            raise DataError(f"{self.name}: {path}: has {kind} {found}, but {self.file.url} has {wanted}")


_MOL_OPT = "https://raw.githubusercontent.com/wenhao-gao/mol_opt/2da631be85af8d10a2bb43f2de76a03171166190"
_GFN_ORG = "https://raw.githubusercontent.com/GFNOrg/gflownet/3ba65d243bb2e4fe77b3b93dc5f1634fd3ea5ea6"
_PYPI = "https://files.pythonhosted.org/packages"
_FIGSHARE = "https://ndownloader.figshare.com/files"
_MOSES = Download(
    name="molsets-0.3.1-py3-none-any.whl",
    url=f"{_PYPI}/ca/04/335f23e9ae95ca381ac7c3f335303dbbeb0f8a604d167891cf60c9360178/molsets-0.3.1-py3-none-any.whl",
    sha256="7f4450e3ebecebe79c3a2a55950c93daddee071120daf64a163d03481e811d34",
    size=51_584_291,
    what="MOSES: training, test and scaffold test sets, clean leads of ZINC",
    source="Polykovskiy et al. 2020, doi:10.3389/fphar.2020.565644",
    licence="MIT",
)
_GUACAMOL = "Brown et al. 2019, doi:10.1021/acs.jcim.8b00839, after ChEMBL 24"


def _guacamol(split: str, number: int, md5: str, size: int) -> ByHand:
    return ByHand(
        name=f"guacamol_v1_{split}.smiles",
        url=f"{_FIGSHARE}/{number}",
        md5=md5,
        size=size,
        what=f"GuacaMol: {split} set, drug-like molecules of ChEMBL 24",
        source=_GUACAMOL,
        licence="CC BY-SA 3.0 (ChEMBL)",
    )


_ALL = [
    Dataset(
        "zinc250k",
        249_455,
        Download(
            name="zinc250k.tar.gz",
            url=f"{_MOL_OPT}/data/zinc.txt.gz",  # a packed tar, whatever its name says
            sha256="cf1f05bfed0c334a38aa26f27e4a5016dd09f5e225b86dcad490bb5f203fb099",
            size=3_010_609,
            what="ZINC250k: drug-like molecules of ZINC",
            source="Gómez-Bombarelli et al. 2018, doi:10.1021/acscentsci.7b00572; file of wenhao-gao/mol_opt",
            licence="MIT",
        ),
        member="zinc.txt",
    ),
    Dataset(
        "qm9",
        132_040,
        Download(
            name="qm9_smiles.csv",
            url=f"{_MOL_OPT}/main/pasithea/datasets/0SelectedSMILES_QM9.txt",
            sha256="49a1d3adb6daf3ba81e9c08afb4b071cfafc6cce942addf81fa51abdf07772fe",
            size=2_940_158,
            what="QM9: molecules of up to nine heavy atoms C, N, O, F",
            source="Ramakrishnan et al. 2014, doi:10.1038/sdata.2014.22; file of wenhao-gao/mol_opt",
            licence="MIT",
        ),
    ),
    Dataset("moses", 1_584_663, _MOSES, member="moses/dataset/data/train.csv.gz", part="MOSES: training set"),
    Dataset("moses_test", 176_074, _MOSES, member="moses/dataset/data/test.csv.gz", part="MOSES: test set"),
    Dataset(
        "moses_scaffolds",
        176_225,
        _MOSES,
        member="moses/dataset/data/test_scaffolds.csv.gz",
        part="MOSES: test set of scaffolds that are not in the training set",
    ),
    Dataset("guacamol", 1_273_104, _guacamol("train", 13612760, "05ad85d871958a05c02ab51a4fde8530", 61_841_218)),
    Dataset("guacamol_valid", 79_568, _guacamol("valid", 13612766, "e53db4bff7dc4784123ae6df72e3b1f0", 3_859_125)),
    Dataset("guacamol_test", 238_706, _guacamol("test", 13612757, "677b757ccec4809febd83850b43e1616", 11_590_126)),
    Dataset(
        "seh_chembl",
        2_858,
        Download(
            name="seh_chembl.csv",
            url=f"{_GFN_ORG}/mols/data/seh/seh_chembl.csv",
            sha256="f25b2365bdcbfafcf6acaf39c260689e65d2108055207a67b64a58412661000b",
            size=1_678_655,
            what="measured inhibitors of soluble epoxide hydrolase",
            source="ChEMBL; file of GFNOrg/gflownet",
            licence="CC BY-SA 3.0 (ChEMBL)",
        ),
    ),
    Dataset(
        "bengio2021",
        72,
        Download(
            name="blocks_PDB_105.json",
            url=f"{_GFN_ORG}/mols/data/blocks_PDB_105.json",
            sha256="0fcc09130c2e03046ecf3ccc6cb5f903abdb912a541b3f9f2d4578ab01453b88",
            size=4_885,
            what="the fragments of the sEH task, from ligands of the PDB",
            source="Bengio et al. 2021, arXiv 2106.04399; file of GFNOrg/gflownet",
            licence="MIT",
        ),
        kind="fragments",
    ),
]
#: by name
DATASETS: dict[str, Dataset] = {dataset.name: dataset for dataset in _ALL}


def dataset(name: str, kind: Literal["molecules", "fragments"] | None = None) -> Dataset:
    """The set of that name.

    Args:
        name: one of ``DATASETS``.
        kind: what it must hold; None for either.

    Raises:
        DataError: there is none; names the nearest.
    """
    names = [n for n, d in DATASETS.items() if kind in (None, d.kind)]
    if name in names:
        return DATASETS[name]
    if name in DATASETS:
        raise DataError(f"{name}: holds {DATASETS[name].kind}, not {kind}; there is {', '.join(names)}")
    near = difflib.get_close_matches(name, names, 1)
    hint = f"did you mean `{near[0]}`?" if near else f"there is {', '.join(names)}"
    raise DataError(f"{name}: no such file, and no data set of that name; {hint}")
