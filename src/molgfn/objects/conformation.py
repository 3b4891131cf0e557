"""Conformations: shapes of molecules that differ in their torsions, known by molecule, seed geometry and angles."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any, ClassVar

import numpy as np

from molgfn.errors import DataError
from molgfn.objects.capabilities import HasDescriptors, HasPictures

if TYPE_CHECKING:
    from rdkit import Chem

    from molgfn.chemistry.conformers.frame import Frame


@dataclass(frozen=True, eq=False)
class Conformation:
    """One shape: a frame, and its torsions in radians, float64 [D], reduced."""

    frame: Frame
    angles: np.ndarray

    @property
    def mol(self) -> Chem.Mol:
        """With hydrogens and positions."""
        return self.frame.mols(self.angles[None])[0]


@dataclass(frozen=True, eq=False)
class Conformations:
    """A batch of B shapes of one or several molecules.

    Attributes:
        frames: the molecules that there are, F.
        which: int64 [B], the frame of each, in [0, F).
        angles: radians, float64 [B, D] of the most torsions D; those beyond a molecule's own have no meaning.
    """

    frames: tuple[Frame, ...]
    which: np.ndarray
    angles: np.ndarray

    def __len__(self) -> int:
        return len(self.which)

    def __getitem__(self, row: int) -> Conformation:
        frame = self.frames[self.which[row]]
        return Conformation(frame, self.angles[row, : frame.torsions])

    def __iter__(self) -> Iterator[Conformation]:
        return (self[row] for row in range(len(self)))

    def by_frame(self) -> Iterator[tuple[Frame, np.ndarray, np.ndarray]]:
        """(frame, rows int64 [n], angles [n, D] of its own torsions) of each frame that has shapes here."""
        for number, frame in enumerate(self.frames):
            rows = np.flatnonzero(self.which == number)
            if len(rows):
                yield frame, rows, self.angles[rows, : frame.torsions]

    @classmethod
    def of(cls, shapes: Sequence[Conformation]) -> Conformations:
        """The batch of single shapes."""
        frames = {shape.frame.name: shape.frame for shape in shapes}
        place = {name: number for number, name in enumerate(frames)}
        angles = np.zeros((len(shapes), max((frame.torsions for frame in frames.values()), default=0)))
        for row, shape in enumerate(shapes):
            angles[row, : shape.frame.torsions] = shape.angles
        which = np.array([place[shape.frame.name] for shape in shapes], dtype=np.int64)
        return cls(tuple(frames.values()), which, angles)


class ConformationKind(HasPictures, HasDescriptors):
    """A batch is ``Conformations``; a key has the frame's name and the torsions in radians:

    ``"CCCCO 0,none,reduced 98ee897d: 1.0471975 -2.5"``.
    """

    name: ClassVar[str] = "conformation"
    key_column: ClassVar[str] = "conformation"
    formats: ClassVar[tuple[str, ...]] = (".sdf",)
    countless: ClassVar[bool] = True
    caveat: ClassVar[str] = (
        "Whether a molecule has these shapes in reality: torsions alone were varied, with the energy of the oracle."
    )
    descriptors: ClassVar[dict[str, str]] = {"radius_of_gyration": "radius of gyration (Å)"}

    def keys(self, objects: Conformations) -> list[str]:
        names = [frame.name for frame in objects.frames]
        sizes = [frame.torsions for frame in objects.frames]
        pairs = zip(objects.which.tolist(), objects.angles.tolist(), strict=True)
        return [f"{names[i]}: {' '.join(map(repr, row[: sizes[i]]))}" for i, row in pairs]

    def parse(self, keys: Sequence[str]) -> Conformations:
        from molgfn.chemistry.conformers.frame import frame_named

        shapes = []
        for key in keys:
            name, _, numbers = str(key).rpartition(": ")
            frame = frame_named(name)
            try:
                angles = np.array([float(word) for word in numbers.split()])
            except ValueError:
                angles = np.zeros(0)
            if len(angles) != frame.torsions or not np.isfinite(angles).all():
                raise DataError(f"`{key}` is no conformation: {frame.smiles} takes {frame.torsions} angles in radians")
            shapes.append(Conformation(frame, angles))
        return Conformations.of(shapes)

    def take(self, objects: Conformations, rows: Sequence[int]) -> Conformations:
        chosen = np.asarray(rows, dtype=np.int64)
        return Conformations(objects.frames, objects.which[chosen], objects.angles[chosen])

    def cat(self, batches: Sequence[Conformations]) -> Conformations:
        frames = {frame.name: frame for batch in batches for frame in batch.frames}
        place = {name: number for number, name in enumerate(frames)}
        most = max((batch.angles.shape[1] for batch in batches), default=0)
        which = [
            np.array([place[frame.name] for frame in batch.frames], dtype=np.int64)[batch.which] for batch in batches
        ]
        angles = [np.pad(batch.angles, ((0, 0), (0, most - batch.angles.shape[1]))) for batch in batches]
        return Conformations(tuple(frames.values()), np.concatenate(which), np.concatenate(angles))

    def columns(self, objects: Conformations) -> dict[str, list[Any]]:
        """Key, SMILES, and the torsions in degrees."""
        shapes = list(objects)
        most = max((shape.frame.torsions for shape in shapes), default=0)
        degrees = [np.degrees(shape.angles).tolist() for shape in shapes]
        torsions = {f"torsion_{k + 1}": [row[k] if k < len(row) else None for row in degrees] for k in range(most)}
        return {"conformation": self.keys(objects), "smiles": [shape.frame.smiles for shape in shapes], **torsions}

    def write(self, objects: Conformations, path: Path, columns: Mapping[str, Sequence[Any]]) -> None:
        """3D structures with all hydrogens, one after the other, with the columns as tags (.sdf)."""
        from molgfn.chemistry.files.writing import write_sdf

        shapes = list(objects)
        own = {name: cells for name, cells in self.columns(objects).items() if name.startswith("torsion_")}
        write_sdf([shape.mol for shape in shapes], [shape.frame.smiles for shape in shapes], path, {**own, **columns})

    def describe(self, objects: Conformations) -> dict[str, np.ndarray]:
        """Radius of gyration, each atom alike."""
        out = np.zeros(len(objects))
        for frame, rows, angles in objects.by_frame():
            positions = frame.positions(angles)
            out[rows] = np.sqrt(((positions - positions.mean(1, keepdims=True)) ** 2).sum(-1).mean(-1))
        return {"radius_of_gyration": out}

    def svg(self, thing: Conformation, size: tuple[int, int] = (260, 190)) -> str:
        """Seen so that it is widest."""
        from molgfn.chemistry.conformers.drawing import shape_svg

        return shape_svg(thing.mol, size)

    def sheet(self, objects: Conformations, captions: Sequence[str]) -> bytes:
        from molgfn.chemistry.conformers.drawing import shapes_png

        return shapes_png([shape.mol for shape in objects], captions)


#: the only one
CONFORMATION = ConformationKind()
