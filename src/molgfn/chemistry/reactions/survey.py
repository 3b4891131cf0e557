"""What a library can do: partners of each slot, products of each reaction, and how well templates run backwards."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field

import numpy as np

from molgfn.chemistry.reactions.library import ReactionLibrary

#: draws of partners until a reaction counts as one that gives no product
_TRIES = 50


@dataclass
class ReactionSurvey:
    """What was found of one reaction.

    Attributes:
        partners: number of blocks that fit each slot.
        combinations: product of these numbers.
        drawn: combinations that were drawn.
        empty: of these without a product.
        several: of these with several products.
        products: products that were taken apart again, one of each drawn combination.
        recovered: of these, whose reactants were found.
        missed: one that was not: reactants and product, as a reaction SMILES.
    """

    partners: tuple[int, ...]
    combinations: int
    drawn: int = 0
    empty: int = 0
    several: int = 0
    products: int = 0
    recovered: int = 0
    missed: str | None = None


@dataclass
class Survey:
    """What was found of a library.

    Attributes:
        reactions: of each reaction, by index.
    """

    reactions: list[ReactionSurvey] = field(default_factory=list)

    def total(self, name: str) -> int:
        """Sum over the reactions of one of their numbers."""
        return sum(getattr(reaction, name) for reaction in self.reactions)


def survey(
    library: ReactionLibrary, *, samples: int = 1000, seed: int = 0, progress: Callable[[int], None] | None = None
) -> Survey:
    """Run reactions on blocks drawn at random, and take a product of each apart again.

    Reactions that have partners in all slots take turns, so that every template is looked at; blocks are drawn
    uniformly from those that fit, and of several products one. A product is recovered where its very reactants, in
    their slots, are among its precursors.

    Args:
        library: to look at.
        samples: number of products to take apart, in all.
        seed: of the draws.
        progress: called with the number of products done, now and then.
    """
    draws = np.random.default_rng(seed)
    fitting: dict[int, list[np.ndarray]] = {}
    for s, (r, _) in enumerate(library.slots):
        fitting.setdefault(r, []).append(np.flatnonzero(library.block_fits[s]))
    found = Survey()
    for r in range(len(library.reactions)):
        counts = tuple(len(blocks) for blocks in fitting[r])
        found.reactions.append(ReactionSurvey(counts, int(np.prod(counts, dtype=object))))
    # those that give something, so that what gives nothing is tried long enough
    able = [
        r for r, one in enumerate(found.reactions) if one.combinations and _first(library, r, fitting[r], one, draws)
    ]
    done = found.total("products")
    while able and done < samples:
        for r in able:
            done += _draw(library, r, fitting[r], found.reactions[r], draws)
            if progress is not None and done % 20 == 0:
                progress(done)
            if done == samples:
                break
    return found


def _first(
    library: ReactionLibrary, r: int, fitting: list[np.ndarray], found: ReactionSurvey, draws: np.random.Generator
) -> bool:
    """Run a reaction until it gives a product; whether it did."""
    return any(_draw(library, r, fitting, found, draws) for _ in range(_TRIES))


def _draw(
    library: ReactionLibrary, r: int, fitting: list[np.ndarray], found: ReactionSurvey, draws: np.random.Generator
) -> bool:
    """Run a reaction once; whether it gave a product, which then was taken apart."""
    reactants = tuple(library.blocks[int(draws.choice(blocks))].smiles for blocks in fitting)
    products = library.products(r, reactants)
    found.drawn += 1
    if not products:
        found.empty += 1
        return False
    found.several += len(products) > 1
    product = products[int(draws.integers(len(products)))]
    found.products += 1
    if any(step.reaction == r and step.reactants == reactants for step in library.precursors(product)):
        found.recovered += 1
    elif found.missed is None:
        found.missed = f"{'.'.join(reactants)}>>{product}"
    return True
