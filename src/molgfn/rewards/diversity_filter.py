"""A diversity filter: what has been found often enough is worth nothing any more."""

from __future__ import annotations

import functools
from collections.abc import Callable, Sequence
from typing import Annotated, Any, ClassVar, Literal

import numpy as np
from pydantic import Field
from rdkit import Chem
from rdkit.Chem.Scaffolds import MurckoScaffold

from molgfn.chemistry.fingerprints import fingerprints, tanimoto
from molgfn.chemistry.molecules import Molecule
from molgfn.chemistry.scaffolds import murcko
from molgfn.objects.base import ObjectKind
from molgfn.objects.molecule import MoleculeKind
from molgfn.ranks import ALONE, Ranks

Kind = Literal["murcko", "topological", "similar", "smiles"]


class DiversityFilter:
    """Blocks molecules whose scaffold has filled its bucket, or that were found before (conventions of REINVENT 4).

    Only molecules that score at least ``min_score`` fill buckets and are blocked; a blocked one gets the least reward.
    The reward then changes as training goes on, so that there is no fixed distribution to sample from:
    it helps a search, and invalidates exact comparisons. Evaluation scores without it.

    Within a batch the reward is one function of the molecule: the filter judges each molecule once, however often and
    in whatever place it occurs. Only what the sampler finishes takes a place, one for each molecule; a state on the way
    and a given molecule are judged as if they were finished now and take none.

    The processes of a run call together and have one filter: each judges what all have drawn, in the order of the
    ranks, as one process would.

    Args:
        kind: what a bucket stands for: "murcko" (identical Bemis-Murcko scaffold), "topological" (identical generic
            scaffold: elements and bond orders left out), "similar" (nearest scaffold with a bucket, by Tanimoto
            similarity of Morgan fingerprints) or "smiles" (no buckets: only molecules that were found before).
        bucket_size: molecules that one bucket takes.
        min_score: least desirability that counts.
        min_similarity: for "similar": from which on a scaffold belongs to another's bucket.

    Reference:
        Blaschke et al., "Memory-assisted reinforcement learning for diverse molecular de novo design",
        J. Cheminformatics 12, 68 (2020), doi:10.1186/s13321-020-00473-0; REINVENT 4, doi:10.1186/s13321-024-00812-5.
    """

    #: objects that have scaffolds
    judges: ClassVar[type[ObjectKind]] = MoleculeKind

    def __init__(
        self,
        *,
        kind: Kind = "murcko",
        bucket_size: Annotated[int, Field(ge=1)] = 25,
        min_score: Annotated[float, Field(ge=0)] = 0.4,
        min_similarity: Annotated[float, Field(gt=0, le=1)] = 0.4,
    ) -> None:
        self.kind, self.bucket_size, self.min_score, self.min_similarity = kind, bucket_size, min_score, min_similarity
        self._found: set[str] = set()
        self._judged: dict[str, bool] = {}  # the verdicts of the present batch
        self._buckets: dict[str, int] = {}
        self._bits: list[np.ndarray] = []  # one row per bucket, for "similar"

    def __call__(
        self,
        molecules: Sequence[Molecule],
        keys: Sequence[str],
        desirability: np.ndarray,
        *,
        finished: bool = True,
        further: bool = False,
        ranks: Ranks = ALONE,
    ) -> np.ndarray:
        """Whether each molecule is blocked, bool [B]; in order, since each that is finished may fill a bucket.

        Args:
            molecules: [B].
            keys: canonical SMILES, [B]; equal ones have one verdict.
            desirability: float64 [B], NaN without a value.
            finished: they are what the sampler finished, and take their places.
            further: they belong to the batch of the call before, whose verdicts hold.
            ranks: the processes that share the filter.
        """
        if not further:
            self._judged = {}
        good = np.flatnonzero(desirability >= self.min_score).tolist()
        if ranks.size == 1:
            scaffolds = [functools.partial(self._scaffold, molecules[row]) for row in good]
            verdicts = [self._judge(keys[row], of, finished) for row, of in zip(good, scaffolds, strict=True)]
        else:
            verdicts = self._together([molecules[row] for row in good], [keys[row] for row in good], finished, ranks)
        blocked = np.zeros(len(keys), dtype=bool)
        blocked[good] = verdicts
        return blocked

    def _together(self, molecules: Sequence[Molecule], keys: Sequence[str], finished: bool, ranks: Ranks) -> list[bool]:
        """The verdicts on molecules of this rank, given when those of the ranks before it are."""
        own = [
            (key, None if key in self._found else self._scaffold(molecule))
            for key, molecule in zip(keys, molecules, strict=True)
        ]
        verdicts = [
            [self._judge(key, functools.partial(_as_it_is, scaffold), finished) for key, scaffold in theirs]
            for theirs in ranks.gather(own)
        ]
        return verdicts[ranks.rank]

    def _judge(self, key: str, scaffold: Callable[[], str], finished: bool) -> bool:
        """Whether a molecule that scores enough is blocked; it takes its place where it is finished and new."""
        new = key not in self._found
        if key not in self._judged:
            self._judged[key] = not new or self._full(scaffold())
        if finished and new:
            self._found.add(key)
            if not self._judged[key]:
                self._fill(scaffold())
        return self._judged[key]

    def _full(self, scaffold: str) -> bool:
        """Whether the bucket of a scaffold has no place left."""
        return self.kind != "smiles" and self._buckets.get(self._bucket(scaffold)[0], 0) >= self.bucket_size

    def _fill(self, scaffold: str) -> None:
        """Take a place in the bucket of a scaffold, which is made where there is none."""
        if self.kind == "smiles":
            return
        name, bits = self._bucket(scaffold)
        if name not in self._buckets and bits is not None:
            self._bits.append(bits)
        self._buckets[name] = self._buckets.get(name, 0) + 1

    def _scaffold(self, molecule: Molecule) -> str:
        """What a bucket would be called that is made for a molecule."""
        if self.kind == "smiles":
            return ""
        name = murcko(molecule)
        if self.kind == "topological" and name:
            name = Chem.MolToSmiles(MurckoScaffold.MakeScaffoldGeneric(Chem.MolFromSmiles(name)))
        return name

    def _bucket(self, scaffold: str) -> tuple[str, np.ndarray | None]:
        """The name of the bucket of a scaffold, and the bits of the scaffold where they were looked at."""
        if self.kind != "similar" or scaffold in self._buckets:
            return scaffold, None
        bits = fingerprints([Chem.MolFromSmiles(scaffold)])
        if self._bits:
            similarity = tanimoto(bits, np.concatenate(self._bits))[0]
            if similarity.max() >= self.min_similarity:
                return list(self._buckets)[int(similarity.argmax())], bits
        return scaffold, bits

    def state_dict(self) -> dict[str, Any]:
        """Plain data."""
        return {"kind": self.kind, "found": sorted(self._found), "buckets": list(self._buckets.items())}

    def load_state_dict(self, state: dict[str, Any]) -> None:
        self._found, self._judged = set(state["found"]), {}
        self._buckets = {name: count for name, count in state["buckets"]}
        if self.kind == "similar":
            self._bits = [fingerprints([Chem.MolFromSmiles(name)]) for name in self._buckets]


def _as_it_is(scaffold: str | None) -> str:
    return scaffold or ""
