"""Judgements of pairs as a proxy learns them: different molecules, and which row prefers which."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Literal

import numpy as np

from molgfn.chemistry.files.left_out import LeftOut
from molgfn.chemistry.files.pairs import ANSWER, CHOSEN, REJECTED, JudgedPair, PairTable, read_pairs
from molgfn.chemistry.molecules import Molecule
from molgfn.chemistry.reading.identity import flat_smiles
from molgfn.paths import sha256
from molgfn.proxies.splits import Kind, Parts, at_random, require_parts, split


@dataclass(frozen=True)
class Judgements:
    """N judgements of M different molecules.

    Attributes:
        table: the file, what was read of it and what was left out.
        molecules: the M different ones, in the order of the file.
        chosen: index of the preferred one, int64 [N].
        rejected: of the other one, int64 [N].
        labels: probability that ``chosen`` is preferred, float64 [N], in [0, 1]; .5 for a tie.
        weights: > 0, float64 [N].
        sha256: of the file.
    """

    table: PairTable
    molecules: list[Molecule]
    chosen: np.ndarray
    rejected: np.ndarray
    labels: np.ndarray
    weights: np.ndarray
    sha256: str

    def __len__(self) -> int:
        return len(self.labels)

    @property
    def path(self) -> Path:
        """The file."""
        return self.table.path

    @property
    def ties(self) -> int:
        """How many prefer neither."""
        return int((self.labels == 0.5).sum())

    @property
    def left_out(self) -> list[LeftOut]:
        """Rows that do not count, by reason."""
        return list(self.table.left_out.values())

    @property
    def pair(self) -> np.ndarray:
        """Which different pair each judgement is of, whatever its order, int64 [N]."""
        both = np.sort(np.stack([self.chosen, self.rejected], 1), axis=1)
        return np.unique(both, axis=0, return_inverse=True)[1].reshape(-1)

    def summary(self) -> str:
        """What was read and what was left out, a few lines of text."""
        tied = f", {self.ties:,} of them ties (half for each)" if self.ties else ""
        repeated = len(self) - len(np.unique(self.pair))
        again = f", {repeated:,} of pairs that were judged before" if repeated else ""
        return f"{self.table.summary()}\n{len(self):,} judgements of {len(self.molecules):,} molecules{tied}{again}"

    def parts(self, *, kind: Kind, validation: float, test: float, seed: int) -> Parts:
        """Rows that train, stop and judge.

        ``random`` draws different pairs, all judgements of a pair together. ``scaffold`` splits molecules as ``split``
        does: a pair with a molecule of the test part is of the test part, one of the others with a molecule of the
        validation part of that, so that shares of pairs are larger than those of molecules.

        Raises:
            DataError: a part would have fewer than two pairs.
        """
        pair = self.pair
        if kind == "random":
            drawn = at_random(int(pair.max()) + 1, "pairs", validation=validation, test=test, seed=seed)
            rows = [np.flatnonzero(np.isin(pair, own)) for own in (drawn.train, drawn.validation, drawn.test)]
            return Parts(*rows)
        of = split(self.molecules, kind=kind, validation=validation, test=test, seed=seed)
        held, more = (np.isin(self.chosen, own) | np.isin(self.rejected, own) for own in (of.test, of.validation))
        parts = Parts(*map(np.flatnonzero, (~held & ~more, more & ~held, held)))
        why = " (pairs with a molecule of a held-out scaffold are held out)"
        require_parts(parts, f"{len(self)} pairs", validation=validation, test=test, why=why)
        return parts


def read_judgements(
    path: str | Path,
    *,
    chosen: str = CHOSEN,
    rejected: str = REJECTED,
    answer: str = ANSWER,
    weight: str | None = None,
    ties: Literal["half", "drop"] = "half",
    contradictory: Literal["keep", "drop"] = "keep",
) -> Judgements:
    """Read a table of judgements, such as ``molgfn compare-molecules`` writes.

    Molecules that differ only in stereo or isotopes are one molecule here, because a proxy sees neither; a pair of
    such is left out as one of the same molecule. Every row that is left out is counted by its reason.

    Args:
        path: ``.csv``, ``.tsv`` or ``.parquet``, also packed (``.gz``).
        chosen: column of the preferred molecules.
        rejected: column of the others.
        answer: column of the answers, where there is one of this name; see ``chemistry.files.pairs.read_pairs``.
        weight: column of weights; None: every row weighs 1.
        ties: "half": a tie is half a judgement for each; "drop": it is left out.
        contradictory: "keep": a pair that was judged both ways has votes for both, as the model has it; "drop": none
            of these rows counts.

    Raises:
        DataError: the file cannot be read, lacks a column, or no pair is left.
    """
    table = read_pairs(path, chosen=chosen, rejected=rejected, answer=answer, weight=weight)
    names: dict[str, str] = {}

    def key(molecule: Molecule) -> str:
        if molecule.smiles not in names:
            flat = "" if molecule.mol is None else flat_smiles(molecule.mol, isotopes=False)
            names[molecule.smiles] = flat or molecule.smiles
        return names[molecule.smiles]

    def known_by(pair: JudgedPair) -> tuple[str, str]:
        return key(pair.chosen), key(pair.rejected)

    table.settle(known_by, contradictory)
    if ties == "drop":
        for pair in table.pairs:
            if pair.label == 0.5:
                table.drop(pair.line, f"tie: {pair.chosen.smiles[:60]} and {pair.rejected.smiles[:60]}")
        table.keep([row for row, pair in enumerate(table.pairs) if pair.label != 0.5])
    table.require(f"{path}: no pair is left to learn from")
    place: dict[str, int] = {}
    molecules: list[Molecule] = []
    for pair in table.pairs:
        for molecule in (pair.chosen, pair.rejected):
            if key(molecule) not in place:
                place[key(molecule)] = len(molecules)
                molecules.append(molecule)
    both = np.array([[place[name] for name in known_by(pair)] for pair in table.pairs], dtype=np.int64)
    return Judgements(
        table,
        molecules,
        both[:, 0],
        both[:, 1],
        np.array([pair.label for pair in table.pairs]),
        np.array([pair.weight for pair in table.pairs]),
        sha256(Path(path)),
    )
