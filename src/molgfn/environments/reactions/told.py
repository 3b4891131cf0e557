"""What was done on the way to a molecule, reaction by reaction, in words and pictures."""

from __future__ import annotations

from collections.abc import Sequence

from molgfn.chemistry.reactions.picture import route_svg
from molgfn.chemistry.reactions.route import Route
from molgfn.chemistry.reactions.step import Step
from molgfn.environments.build_steps import BuildStep
from molgfn.environments.reactions.nodes import CHOICE, CHOOSE, REACT, START, STOP, Action, Nodes


def told(nodes: Nodes, numbers: Sequence[int], actions: Sequence[Action]) -> list[BuildStep]:
    """One step for each action at each node of a trajectory; a reaction is drawn once its product is known."""
    library = nodes.library
    steps: list[BuildStep] = []
    reactions = 0
    for number, action in zip(numbers, actions, strict=True):
        here, (what, *rest) = nodes.nodes[number], action
        if what == STOP:
            steps.append(BuildStep("stops"))
        elif what == START:
            block = library.blocks[rest[0]].smiles
            steps.append(BuildStep(f"starts from {block}", route_svg(Route(block), library)))
        elif what == CHOOSE:
            product = here.products[rest[0]]
            words = f"of {len(here.products)} products takes {product}"
            steps.append(
                BuildStep(words, _drawn(nodes, here.molecule, here.slot, here.partners, product, reactions - 1))
            )
        else:
            slot, partners = what - REACT, tuple(rest)
            reaction = library.reactions[library.slots[slot][0]].name
            blocks = " and ".join(library.blocks[p].smiles for p in partners)
            after = nodes.nodes[nodes.follow(number, action)]
            drawn = "" if after.kind == CHOICE else nodes.table.smiles[after.molecule]
            picture = _drawn(nodes, here.molecule, slot, partners, drawn, reactions) if drawn else ""
            reactions += 1
            steps.append(BuildStep(f"{reaction} with {blocks}" if blocks else reaction, picture))
    return steps


def _drawn(nodes: Nodes, molecule: int, slot: int, partners: tuple[int, ...], product: str, before_it: int) -> str:
    """The reaction, which ``before_it`` others came before."""
    library, before = nodes.library, nodes.table.smiles[molecule]
    reaction, place = library.slots[slot]
    blocks = [library.blocks[p].smiles for p in partners]
    step = Step(reaction, (*blocks[:place], before, *blocks[place:]), product)
    return route_svg(Route(before, (step,)), library, begins="from the step before" if before_it else None)
