"""Molecules: ``chemistry.Molecule``, known by their canonical SMILES."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any, ClassVar

from molgfn.chemistry.descriptors import LABELS
from molgfn.chemistry.molecules import Molecule, mols_of
from molgfn.chemistry.molecules import parse as parse_smiles
from molgfn.objects.capabilities import HasDescriptors, HasFingerprints, HasPictures

if TYPE_CHECKING:
    import numpy as np
    from PIL import Image


class MoleculeKind(HasPictures, HasFingerprints, HasDescriptors):
    """A batch is a list of ``chemistry.Molecule``; one with a problem has no structure, and no key that can be read."""

    name: ClassVar[str] = "molecule"
    key_column: ClassVar[str] = "smiles"
    formats: ClassVar[tuple[str, ...]] = (".smi", ".sdf")
    bare_formats: ClassVar[tuple[str, ...]] = (".smi",)
    countless: ClassVar[bool] = True
    caveat: ClassVar[str] = (
        "Whether a molecule has the property in reality: values are those of the oracle, not measurements."
    )
    descriptors: ClassVar[dict[str, str]] = LABELS

    def keys(self, objects: Sequence[Molecule]) -> list[str]:
        return [m.smiles if m.valid else f"invalid: {m.problem}" for m in objects]

    def parse(self, keys: Sequence[str]) -> list[Molecule]:
        return parse_smiles(keys)

    def problems(self, objects: Sequence[Molecule]) -> list[str | None]:
        return [molecule.problem for molecule in objects]

    def columns(self, objects: Sequence[Molecule]) -> dict[str, list[Any]]:
        return {"smiles": [molecule.smiles for molecule in objects]}

    def write(self, objects: Sequence[Molecule], path: Path, columns: Mapping[str, Sequence[Any]]) -> None:
        """Lines of SMILES (.smi), or 2D structures with the columns as tags (.sdf)."""
        smiles = [molecule.smiles for molecule in objects]
        if path.suffix == ".smi":
            path.write_text("".join(f"{text}\n" for text in smiles), encoding="utf-8")
            return
        from molgfn.chemistry.files.writing import write_sdf

        write_sdf(mols_of(objects), smiles, path, columns)

    def svg(self, thing: Molecule, size: tuple[int, int] = (260, 190)) -> str:
        from molgfn.chemistry.drawing import molecule_svg

        return molecule_svg(mols_of([thing])[0], size)

    def icon(self, thing: Molecule) -> str:
        from molgfn.chemistry.compact_drawing import compact_svg

        return compact_svg(mols_of([thing])[0])

    def growth(self, objects: Sequence[Molecule]) -> list[tuple[str, str]]:
        """In one layout, new atoms and bonds marked."""
        from molgfn.chemistry.growth_drawing import draw_growth

        return [(step.svg, step.words) for step in draw_growth(mols_of(objects))]

    def sheet(self, objects: Sequence[Molecule], captions: Sequence[str]) -> bytes:
        from molgfn.chemistry.drawing import grid_png

        return grid_png(mols_of(objects), captions)

    def image(self, thing: Molecule) -> Image.Image:
        from molgfn.chemistry.drawing import molecule_image

        return molecule_image(mols_of([thing])[0])

    def fingerprints(self, objects: Sequence[Molecule]) -> np.ndarray:
        """Morgan fingerprints, radius 2, 2048 bits."""
        from molgfn.chemistry.fingerprints import morgan

        return morgan(objects)

    def describe(self, objects: Sequence[Molecule]) -> dict[str, np.ndarray]:
        """Weight, logP, TPSA, size, rings and rotors, as RDKit computes them."""
        from molgfn.chemistry.descriptors import describe

        return describe(objects)


#: the only one
MOLECULE = MoleculeKind()
