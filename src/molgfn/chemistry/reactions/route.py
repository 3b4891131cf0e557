"""A route: how a molecule is made of blocks, one reaction after the other."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from molgfn.chemistry.reactions.library import ReactionLibrary
from molgfn.chemistry.reactions.step import Step


def step_cost(before: float, partners: Sequence[float], share: float) -> float:
    """c(x_k) = (c(x_{k-1}) + sum of the prices of the partners) / yield: what is lost in a step was paid for.

    Reference:
        Gaiński et al. 2025 (SCENT), arXiv 2506.19865.
    """
    return math.fsum([before, *partners]) / share


@dataclass(frozen=True, slots=True)
class Route:
    """A linear route: a block, and steps each of which turns the molecule before into the next one.

    All other reactants are blocks of the library.

    Attributes:
        block: canonical SMILES of the first one.
        steps: in the order in which they are run; empty for a block as it is bought.
    """

    block: str
    steps: tuple[Step, ...] = ()

    @property
    def product(self) -> str:
        """Canonical SMILES of the finished molecule."""
        return self.steps[-1].product if self.steps else self.block

    @property
    def n_steps(self) -> int:
        """Number of reactions."""
        return len(self.steps)

    def molecules(self) -> tuple[str, ...]:
        """The first block, and the product of every step."""
        return (self.block, *(step.product for step in self.steps))

    def partners(self, step: int) -> tuple[str, ...]:
        """The reactants of a step but the molecule that the steps before have made, in the order of their slots.

        Raises:
            ValueError: that molecule is no reactant of the step.
        """
        present, reactants = self.molecules()[step], list(self.steps[step].reactants)
        if present not in reactants:
            raise ValueError(f"step {step + 1}: {present} is none of its reactants ({', '.join(reactants)})")
        reactants.remove(present)
        return tuple(reactants)

    def problem(self, library: ReactionLibrary) -> str | None:
        """Why the route cannot be run with the blocks and reactions of a library; None where it can.

        Every reaction is run again, in RDKit.
        """
        bought = [self.block]
        for number, step in enumerate(self.steps):
            try:
                bought += self.partners(number)
            except ValueError as error:
                return str(error)
            if not 0 <= step.reaction < len(library.reactions):
                return f"step {number + 1}: the library has no reaction {step.reaction}"
            try:
                made = library.products(step.reaction, step.reactants)
            except ValueError as error:
                return f"step {number + 1}: {error}"
            if step.product not in made:
                name = library.reactions[step.reaction].name
                return f"step {number + 1}: {name} gives {' or '.join(made) or 'nothing'}, not {step.product}"
        missing = [smiles for smiles in bought if library.block_index(smiles) is None]
        return f"{missing[0]} is no block of the library" if missing else None

    def replay(self, library: ReactionLibrary) -> bool:
        """Whether every step, run again in RDKit, gives its product, and everything else is a block of the library."""
        return self.problem(library) is None

    def cost(
        self, library: ReactionLibrary, *, unknown_price: float | None = None, unknown_yield: float = 1.0
    ) -> float:
        """What the molecule costs, in the unit of the library's prices.

        c(x_0) is the price of the first block; ``step_cost`` says what a step adds.

        Args:
            library: with prices and yields.
            unknown_price: of a block that has none; None refuses it.
            unknown_yield: of a reaction that has none, in (0, 1].

        Raises:
            ValueError: a block has no price, or is none of the library's.
        """

        def price(smiles: str) -> float:
            index = library.block_index(smiles)
            if index is None:
                raise ValueError(f"{smiles} is no block of the library {library.about.name}")
            found = library.blocks[index].price
            if found is None:
                found = unknown_price
            if found is None:
                raise ValueError(f"block {library.blocks[index].id} ({smiles}) of {library.about.name} has no price")
            return found

        total = price(self.block)
        for number, step in enumerate(self.steps):
            share = library.reactions[step.reaction].yield_
            prices = [price(smiles) for smiles in self.partners(number)]
            total = step_cost(total, prices, unknown_yield if share is None else share)
        return total

    def text(self, library: ReactionLibrary) -> str:
        """The route in one line: block, then each step as ``--[reaction + partners]--> product``."""
        line = self.block
        for number, step in enumerate(self.steps):
            inside = " + ".join([library.reactions[step.reaction].name, *self.partners(number)])
            line += f" --[{inside}]--> {step.product}"
        return line

    def record(self, library: ReactionLibrary) -> dict[str, Any]:
        """The route as JSON has it, with names, prices, yields and the SMARTS of its reactions."""

        def bought(smiles: str) -> dict[str, Any]:
            index = library.block_index(smiles)
            known = None if index is None else library.blocks[index]
            return {"smiles": smiles, "block": known and known.id, "price": known and known.price}

        return {
            "product": self.product,
            "n_steps": self.n_steps,
            "block": bought(self.block),
            "steps": [
                {
                    "reaction": library.reactions[step.reaction].name,
                    "family": library.reactions[step.reaction].family,
                    "yield": library.reactions[step.reaction].yield_,
                    "smarts": library.reactions[step.reaction].smarts,
                    "reactants": [bought(smiles) for smiles in step.reactants],
                    "product": step.product,
                }
                for step in self.steps
            ],
        }

    @classmethod
    def from_record(cls, content: Mapping[str, Any], library: ReactionLibrary) -> Route:
        """What ``record`` gave; a reaction is known by its SMARTS.

        Raises:
            ValueError: the library has not that reaction, or it is no record of a route.
        """
        known = {reaction.smarts: reaction.index for reaction in library.reactions}
        try:
            steps = []
            for step in content["steps"]:
                if step["smarts"] not in known:
                    raise ValueError(f"{library.about.name} has no reaction {step['smarts']}")
                reactants = tuple(str(entry["smiles"]) for entry in step["reactants"])
                steps.append(Step(known[step["smarts"]], reactants, str(step["product"])))
            return cls(str(content["block"]["smiles"]), tuple(steps))
        except (KeyError, TypeError) as error:
            raise ValueError(f"no record of a route: {error!r}") from error
