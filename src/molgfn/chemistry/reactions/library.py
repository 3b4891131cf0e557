"""A reaction library: blocks, reactions, which fits where, what they give, and what a molecule can be made from."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from functools import cached_property, lru_cache
from typing import Any

import numpy as np
from rdkit import Chem

from molgfn.chemistry.reactions.block import Block
from molgfn.chemistry.reactions.kept_fits import fits_of
from molgfn.chemistry.reactions.matching import Queries
from molgfn.chemistry.reactions.reaction import Reaction, Template, molecule
from molgfn.chemistry.reactions.step import Step
from molgfn.chemistry.reactions.weighing.kind import kind, mark, near
from molgfn.chemistry.reactions.weighing.one_step import OneStep, Sides

#: answers about molecules that a library remembers
_REMEMBERED = 200_000
#: pairs of a slot and a block that fits it, up to which all products of one reaction are weighed (2 s)
_MOST_WEIGHED = 50_000
#: templates that are run backwards without asking first whether they match, which running them finds as fast
_FEW = 16


@dataclass(frozen=True, kw_only=True)
class About:
    """What a library says of itself.

    Attributes:
        name: short, as in file names.
        title: in words.
        source: where it is from, with a citation.
        licence: under which it may be used.
        price_unit: what a block's price counts, such as ``USD per gram``; empty where there are none.
        inversion_exact: whether running the templates backwards finds all reactants of every product, as the authors
            of the library, or a check of it, found; None where nobody looked.
    """

    name: str
    title: str = ""
    source: str = ""
    licence: str = ""
    price_unit: str = ""
    inversion_exact: bool | None = None


class ReactionLibrary:
    """Blocks and reactions that fit each other; immutable.

    Args:
        blocks: different molecules, at least one.
        reactions: by index, at least one.
        about: what is said of it.
        block_fits: ``bool [S, n_blocks]`` where it is known already; None: it is found here.

    Attributes:
        slots: (reaction, slot of it) of each of the S slots.
        block_fits: ``bool [S, n_blocks]``: which block can fill which slot.

    Raises:
        ValueError: nothing in it, or a template that RDKit cannot read.
    """

    def __init__(
        self,
        blocks: Sequence[Block],
        reactions: Sequence[Reaction],
        about: About,
        *,
        block_fits: np.ndarray | None = None,
    ) -> None:
        if not blocks or not reactions:
            raise ValueError(f"library {about.name}: it has no {'reaction' if blocks else 'block'}")
        self.blocks, self.reactions, self.about = tuple(blocks), tuple(reactions), about
        self._templates = [Template(reaction.smarts) for reaction in self.reactions]
        self.slots = tuple((r, k) for r, template in enumerate(self._templates) for k in range(template.slots))
        self._queries = Queries(
            [template.queries[k] for template in self._templates for k in range(template.slots)],
            [self.reactions[r].without for r, _ in self.slots],
        )
        self._product_queries = Queries([template.product_query for template in self._templates])
        if block_fits is None:
            block_fits = fits_of(self.blocks, self.reactions, self._queries)
        self.block_fits = block_fits
        self._block_of = {block.smiles: i for i, block in enumerate(self.blocks)}
        # caches of this library: those of a class would keep every library alive
        self.fits = lru_cache(_REMEMBERED)(self._fits)
        self._spoils = lru_cache(_REMEMBERED)(lambda smiles: self._queries.spoiled(self.molecule(smiles)))
        self._first = dict((r, s) for s, (r, k) in enumerate(self.slots) if k == 0)
        self.products = lru_cache(_REMEMBERED)(self._products)
        self.proposals = lru_cache(_REMEMBERED)(self._proposals)
        self.precursors = lru_cache(_REMEMBERED)(self._precursors)

    def __reduce__(self) -> tuple[Any, ...]:
        return _again, (self.blocks, self.reactions, self.about, self.block_fits)

    def __repr__(self) -> str:
        return f"ReactionLibrary({self.about.name}: {len(self.blocks)} blocks, {len(self.reactions)} reactions)"

    @property
    def inversion_exact(self) -> bool | None:
        """See ``About``."""
        return self.about.inversion_exact

    def molecule(self, smiles: str) -> Chem.Mol:
        """The molecule of a SMILES, kept for a while and not to be changed.

        Raises:
            ValueError: RDKit cannot read it.
        """
        return molecule(smiles)

    def block_index(self, smiles: str) -> int | None:
        """The block that a canonical SMILES is; None where it is none."""
        return self._block_of.get(smiles)

    def _fits(self, smiles: str) -> np.ndarray:
        """Which slots a molecule can fill, ``bool [S]``, not to be written to.

        Args:
            smiles: canonical, of one molecule.

        Raises:
            ValueError: RDKit cannot read it.
        """
        block = self.block_index(smiles)
        if block is None:
            return self._queries.of_one(self.molecule(smiles), smiles)
        row = self.block_fits[:, block].copy()
        row.flags.writeable = False
        return row

    def _products(self, reaction: int, reactants: tuple[str, ...]) -> tuple[str, ...]:
        """What a reaction makes of reactants: different sanitised canonical SMILES, sorted; empty where it fails.

        Of a template with several products the first counts; a product of several fragments is none. Where a reactant
        has a group that the reaction is ``without``, it fails.

        Args:
            reaction: index.
            reactants: SMILES, one per slot.

        Raises:
            ValueError: another number of reactants than slots, or RDKit cannot read one.
        """
        template = self._templates[reaction]
        if len(reactants) != template.slots:
            raise ValueError(f"{self.reactions[reaction].name}: takes {template.slots} reactants, not {len(reactants)}")
        if self.reactions[reaction].without and any(
            self._spoils(smiles)[self._first[reaction]] for smiles in reactants
        ):
            return ()
        return template.products([self.molecule(smiles) for smiles in reactants])

    def _precursors(self, smiles: str) -> tuple[Step, ...]:
        """Every step that gives a molecule and in which at most one reactant is no block, sorted.

        Templates are run backwards, and each proposal forwards again: where ``inversion_exact``, these are all.

        Args:
            smiles: canonical.

        Raises:
            ValueError: RDKit cannot read it.
        """
        return tuple(step for step in self.proposals(smiles) if smiles in self.products(step.reaction, step.reactants))

    def _proposals(self, smiles: str, reactions: int = 3) -> tuple[Step, ...]:
        """What ``precursors`` are sought among: templates run backwards, not yet run forwards again.

        Args:
            smiles: canonical.
            reactions: of the route to the molecule, at least 1. Of fewer than three only proposals are made that may
                be the last step of such a route, which are found faster: of one, all reactants are blocks; of two, one
                may be what weighs as much as a product of blocks.
        """
        mol = self.molecule(smiles)
        unknown, may_be = int(reactions > 1), self.one_step.may_be if reactions == 2 else None
        tried = range(len(self.reactions)) if reactions > 1 else self.one_step.reactions(mark(mol))
        if len(tried) > _FEW:
            matches = self._product_queries.of_one(mol, smiles)
            tried = [r for r in tried if matches[r]]
        return tuple(
            Step(r, reactants, smiles)
            for r in tried
            for reactants in self._templates[r].precursors(
                mol, self._fillings[r], self._kinds[r], unknown=unknown, may_be=may_be
            )
        )

    @cached_property
    def one_step(self) -> OneStep:
        """What one reaction of blocks can give, by weight."""
        fitting: list[list[Sequence[int]]] = [[] for _ in self.reactions]
        for row, (r, _) in zip(self.block_fits, self.slots, strict=True):
            fitting[r].append(np.flatnonzero(row).tolist())
        if self.block_fits.sum() > _MOST_WEIGHED:
            return OneStep([], [None] * len(self.reactions))
        sides = [Sides(t.queries, t.product, fits) for t, fits in zip(self._templates, fitting, strict=True)]
        return OneStep([self.molecule(block.smiles) for block in self.blocks], sides)

    @cached_property
    def _fillings(self) -> list[list[_Filling]]:
        """Of each slot of each reaction the blocks that fit it."""
        found: list[list[_Filling]] = [[] for _ in self.reactions]
        for row, (r, _) in zip(self.block_fits, self.slots, strict=True):
            found[r].append(_Filling(self._block_of, row))
        return found

    @cached_property
    def _kinds(self) -> list[list[frozenset[int]]]:
        """Of the blocks that fit each slot of each reaction."""
        of_block = np.array([near(kind(self.molecule(block.smiles))) for block in self.blocks])
        return [[frozenset(of_block[f.fits].ravel().tolist()) for f in slots] for slots in self._fillings]

    def prices(self) -> np.ndarray:
        """Of all blocks, ``float64 [n_blocks]``; NaN where it is not known."""
        return np.array([np.nan if block.price is None else block.price for block in self.blocks])

    def part(self, blocks: Sequence[int], reactions: Sequence[int], name: str | None = None) -> ReactionLibrary:
        """A library of some of the blocks and reactions, by their indices, in that order."""
        return ReactionLibrary(
            [self.blocks[i] for i in blocks],
            [replace(self.reactions[r], index=new) for new, r in enumerate(reactions)],
            replace(self.about, name=name or f"{self.about.name}, a part"),
        )

    def plain(self) -> Mapping[str, Any]:
        """All that is in it as str, int, float and None, for checkpoints; ``from_plain`` reads it back."""
        return {
            "about": {name: getattr(self.about, name) for name in About.__dataclass_fields__},
            "blocks": [[block.smiles, block.id, block.price] for block in self.blocks],
            "reactions": [
                [r.name, r.family, r.yield_, r.smarts, *filter(None, [list(r.without)])] for r in self.reactions
            ],
        }

    @classmethod
    def from_plain(cls, content: Mapping[str, Any]) -> ReactionLibrary:
        """What ``plain`` gave."""
        reactions = [
            Reaction(i, name, family, yield_, smarts, Template(smarts).slots, tuple(*without))
            for i, (name, family, yield_, smarts, *without) in enumerate(content["reactions"])
        ]
        return cls([Block(*entry) for entry in content["blocks"]], reactions, About(**content["about"]))


class _Filling:
    """The blocks that fit a slot, by canonical SMILES."""

    def __init__(self, block_of: Mapping[str, int], fits: np.ndarray) -> None:
        self.block_of, self.fits = block_of, fits

    def __contains__(self, smiles: object) -> bool:
        block = self.block_of.get(smiles)  # type: ignore[arg-type]
        return block is not None and bool(self.fits[block])


def _again(
    blocks: tuple[Block, ...], reactions: tuple[Reaction, ...], about: About, block_fits: np.ndarray
) -> ReactionLibrary:
    return ReactionLibrary(blocks, reactions, about, block_fits=block_fits)
