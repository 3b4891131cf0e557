"""Write a library as a folder: library.yaml, blocks.csv, and the file of its reactions."""

from __future__ import annotations

import csv
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field, replace
from pathlib import Path

import yaml
from rdkit import Chem

from molgfn.chemistry.files.left_out import LeftOut, described
from molgfn.chemistry.molecules import Molecule
from molgfn.chemistry.reactions.assembling import blocks_of, reactions_of
from molgfn.chemistry.reactions.block import Block
from molgfn.chemistry.reactions.files.blocks import read_blocks
from molgfn.chemistry.reactions.files.entries import BlockEntry, Problems, ReactionEntry
from molgfn.chemistry.reactions.files.templates import read_templates
from molgfn.chemistry.reactions.matching import Queries
from molgfn.chemistry.reactions.reaction import Reaction, Template
from molgfn.chemistry.standardise import Standardisation
from molgfn.errors import DataError

_OFTEN = 500


@dataclass
class Built:
    """What became of the entries of a catalogue.

    Attributes:
        entries: how many there were.
        blocks: those that are in the library.
        reactions: number of its reactions.
        broken: what is wrong with the templates that were left out.
        left_out: reason -> the other blocks.
    """

    entries: int = 0
    blocks: list[Block] = field(default_factory=list)
    reactions: int = 0
    broken: list[str] = field(default_factory=list)
    left_out: dict[str, LeftOut] = field(default_factory=dict)

    def drop(self, entry: BlockEntry, reason: str, detail: str) -> None:
        """Count an entry that is left out."""
        line = int(entry.place.rsplit(" ", 1)[-1])
        self.left_out.setdefault(reason, LeftOut(reason)).add(line, detail)

    def summary(self) -> str:
        """One line for the whole, and one for each reason."""
        priced = sum(block.price is not None for block in self.blocks)
        first = f"{len(self.blocks):,} of {self.entries:,} blocks kept, {priced:,} priced; {self.reactions} reactions"
        templates = [f"  template left out: {words}" for words in self.broken]
        return "\n".join([first, *described(self.left_out), *templates])


def build_library(
    folder: Path,
    *,
    blocks: Path,
    reactions: Path,
    prices: Path | None = None,
    skip_broken: bool = False,
    rules: Standardisation,
    unused: bool = False,
    about: Mapping[str, str] | None = None,
    progress: Callable[[int], None] | None = None,
) -> Built:
    """Write what can be used of a catalogue and a list of templates.

    Args:
        folder: to write to; made where it is not there.
        blocks: as of ``read_blocks``.
        reactions: as of ``read_templates``.
        prices: as of ``read_blocks``.
        skip_broken: leave broken templates out; else one is an error.
        rules: what is done to each block.
        unused: keep blocks that fit no slot.
        about: keys of ``library.yaml``.
        progress: called with the number of entries done, now and then.

    Raises:
        DataError: a file cannot be read, a template is broken, or no block is left.
    """
    problems = Problems()
    known = reactions_of(read_templates(reactions), problems, named=False)
    if not skip_broken:
        problems.refuse(str(reactions))
    if not known:
        raise DataError(f"{reactions}: no reaction")
    templates = [Template(reaction.smarts) for reaction, _ in known]
    queries = Queries(
        [query for template in templates for query in template.queries],
        [reaction.without for (reaction, _), template in zip(known, templates, strict=True) for _ in template.queries],
    )
    built = Built(reactions=len(known), broken=[str(problem) for problem in problems.worst()])
    kept: dict[str, Block] = {}
    ids: set[str] = set()
    for entry in read_blocks(blocks, prices=prices):
        built.entries += 1
        if progress is not None and built.entries % _OFTEN == 0:
            progress(built.entries)
        if (block := _block(entry, rules, built)) is None:
            continue
        if block.smiles in kept:
            built.drop(entry, "duplicate", entry.text)
            before = kept[block.smiles].price
            if block.price is not None and (before is None or block.price < before):
                kept[block.smiles] = replace(kept[block.smiles], price=block.price)
        elif not unused and not queries.of_one(Chem.MolFromSmiles(block.smiles)).any():
            built.drop(entry, "fits no slot", entry.text)
        elif block.id in ids:
            built.drop(entry, "duplicate id", block.id)
        else:
            kept[block.smiles] = block
            ids.add(block.id)
    built.blocks = list(kept.values())
    if not built.blocks:
        raise DataError(f"{blocks}: no block is left\n{built.summary()}")
    _write(folder, built.blocks, known, about or {})
    return built


def _block(entry: BlockEntry, rules: Standardisation, built: Built) -> Block | None:
    molecule = Molecule.failed(entry.problem) if entry.problem else rules(Molecule.from_smiles(entry.text))
    if molecule.problem is not None:
        reason, _, detail = molecule.problem.partition(": ")
        built.drop(entry, reason, detail)
        return None
    wrong = Problems()
    found = blocks_of([replace(entry, text=molecule.smiles, id=entry.id or str(built.entries))], wrong)
    for problem in wrong.worst():
        built.drop(entry, problem.kind, problem.text)
    return found[0] if found and not wrong.worst() else None


def _write(
    folder: Path, blocks: list[Block], known: list[tuple[Reaction, ReactionEntry]], about: Mapping[str, str]
) -> None:
    folder.mkdir(parents=True, exist_ok=True)
    content = {"name": folder.name, **about, "inversion_exact": None, "blocks": "blocks.csv"}
    content["reactions"] = "reactions.yaml"
    (folder / "library.yaml").write_text(yaml.safe_dump(content, sort_keys=False), encoding="utf-8")
    with (folder / "blocks.csv").open("w", newline="", encoding="utf-8") as file:
        writer = csv.writer(file, lineterminator="\n")
        writer.writerow(["smiles", "id", "price"])
        writer.writerows([b.smiles, b.id, "" if b.price is None else repr(b.price)] for b in blocks)
    entries = [
        {
            "name": reaction.name,
            "family": reaction.family,
            "yield": reaction.yield_,
            "smarts": reaction.smarts,
            **({"without": list(reaction.without)} if reaction.without else {}),
            **({"examples": [f"{'.'.join(left)}>>{right}" for left, right in e.examples]} if e.examples else {}),
        }
        for reaction, e in known
    ]
    (folder / "reactions.yaml").write_text(yaml.safe_dump(entries, sort_keys=False, width=10_000), encoding="utf-8")
