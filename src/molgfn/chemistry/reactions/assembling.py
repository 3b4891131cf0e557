"""From the entries of files to a checked library; everything that is wrong is named with its place."""

from __future__ import annotations

import math
import re
from collections.abc import Sequence

from molgfn.chemistry.molecules import Molecule
from molgfn.chemistry.reactions.block import Block
from molgfn.chemistry.reactions.files.entries import BlockEntry, Entries, Problems, ReactionEntry
from molgfn.chemistry.reactions.library import ReactionLibrary
from molgfn.chemistry.reactions.matching import group_query
from molgfn.chemistry.reactions.reaction import MOST_SLOTS, Reaction, Template, sides

_MAP = re.compile(r":(\d+)\]")


def assemble(entries: Entries, problems: Problems) -> tuple[ReactionLibrary, list[ReactionEntry]] | None:
    """Parse and check all entries.

    Args:
        entries: as the files have them.
        problems: what is wrong is added to it: first of the blocks, then of the reactions, in their order.

    Returns:
        The library of the entries that are whole, and the entry of each of its reactions; None where no block, or no
        reaction, is.
    """
    blocks = blocks_of(entries.blocks, problems)
    known = reactions_of(entries.reactions, problems, named=entries.named)
    if not blocks:
        problems.broken(entries.where, "empty", "no block can be used, so no molecule could be started")
    if not known:
        problems.broken(entries.where, "empty", "no reaction can be used")
    if not blocks or not known:
        return None
    return ReactionLibrary(blocks, [reaction for reaction, _ in known], entries.about), [entry for _, entry in known]


def blocks_of(entries: Sequence[BlockEntry], problems: Problems) -> list[Block]:
    """The blocks that can be used; their number is their id where they have none."""
    blocks: list[Block] = []
    seen: dict[str, str] = {}
    ids: dict[str, str] = {}
    priced = any(entry.price for entry in entries)
    for number, entry in enumerate(entries, start=1):
        place = entry.place
        if entry.problem is not None:
            problems.broken(place, "no block", entry.problem)
            continue
        molecule = Molecule.from_smiles(entry.text)
        identity, smiles = entry.id or str(number), molecule.smiles
        if molecule.problem is not None:
            problems.broken(place, "no molecule", molecule.problem)
        elif "." in smiles:
            problems.broken(place, "several molecules", f"{smiles}: a block is one molecule; leave the salt out")
        elif smiles in seen:
            problems.broken(place, "duplicate block", f"{entry.text} is the same molecule as at {seen[smiles]}")
        elif identity in ids:
            problems.broken(place, "duplicate id", f"{identity} is the id of {ids[identity]}, too")
        else:
            price = _price(entry, problems)
            if price is None and priced and not entry.price:
                problems.note(place, "missing price", f"{entry.text} has none, though others have")
            seen[smiles], ids[identity] = place, place
            blocks.append(Block(smiles, identity, price))
    return blocks


def _price(entry: BlockEntry, problems: Problems) -> float | None:
    if not entry.price:
        return None
    number = _number(entry.price.replace("$", "").strip())
    if number is None or not 0 < number < math.inf:
        problems.broken(entry.place, "no price", f"{entry.price!r} should be a number above 0, or nothing")
        return None
    return number


def _number(text: str) -> float | None:
    try:
        return float(text)
    except ValueError:
        return None


def reactions_of(
    entries: Sequence[ReactionEntry], problems: Problems, *, named: bool = True
) -> list[tuple[Reaction, ReactionEntry]]:
    """The reactions that can be used, each with its entry.

    Args:
        entries: as the file has them.
        problems: what is wrong is added to it.
        named: the same name twice is wrong; else such names get a number.
    """
    reactions: list[tuple[Reaction, ReactionEntry]] = []
    names: dict[str, str] = {}
    seen: dict[str, str] = {}
    for number, entry in enumerate(entries, start=1):
        place, smarts = entry.place, "".join(entry.smarts.split())
        if entry.problem is not None:
            problems.broken(place, "no reaction", entry.problem)
            continue
        before = len(problems.worst())
        slots = _slots(smarts, place, problems)
        yield_ = _yield(entry, problems)
        _check_groups(entry, problems)
        name = entry.name or f"reaction {number}"
        if name in names and named:
            problems.broken(place, "duplicate name", f"{name!r} is the name of {names[name]}, too")
        if smarts in seen:
            problems.broken(place, "duplicate reaction", f"is the same SMARTS as at {seen[smarts]}")
        if len(problems.worst()) > before or slots is None:
            continue
        name = _different(name, names)
        names[name], seen[smarts] = place, place
        reactions.append(
            (Reaction(len(reactions), name, entry.family or name, yield_, smarts, slots, entry.without), entry)
        )
    return reactions


def _slots(smarts: str, place: str, problems: Problems) -> int | None:
    """Number of reactants of a SMARTS that can be used; else None, and what is wrong with it."""
    try:
        reactants, agents, products = sides(smarts)
        template = Template(smarts)
    except ValueError as error:
        problems.broken(place, "no reaction", f"{smarts[:120]}: {error}")
        return None
    if not 1 <= template.slots <= MOST_SLOTS:
        problems.broken(place, "reactants", f"it has {template.slots}, and 1 to {MOST_SLOTS} are possible")
    _check_maps(reactants, agents, products, place, problems)
    if agents:
        problems.note(place, "agents", f"{agents[:80]} takes no slot and counts as a reagent that is at hand")
    if template.others:
        problems.note(place, "by-products", f"of {template.others + 1} products the first one counts")
    if not template.invertible:
        problems.note(place, "no inversion", "RDKit cannot read the template from right to left")
    return template.slots


def _check_groups(entry: ReactionEntry, problems: Problems) -> None:
    for smarts in entry.without:
        try:
            group_query(smarts)
        except ValueError as error:
            problems.broken(entry.place, "no group", f"without: {error}")


def _check_maps(reactants: str, agents: str, products: str, place: str, problems: Problems) -> None:
    before, aside, after = (_maps(text) for text in (reactants, agents, products))
    for side, numbers in (("reactants", before), ("products", after)):
        if twice := sorted({n for n in numbers if numbers.count(n) > 1}):
            problems.broken(place, "atom maps", f"{_listed(twice)} occurs twice among the {side}")
    new = set(after) - set(before)
    if unknown := sorted(new - set(aside)):
        problems.note(place, "atom maps", f"{_listed(unknown)} of the product is in no reactant: made of nothing")
    if given := sorted(new & set(aside)):
        problems.note(place, "atom maps", f"{_listed(given)} of the product comes from the agents, in every product")
    if lost := sorted(set(before) - set(after)):
        problems.note(place, "atom maps", f"{_listed(lost)} of the reactants is in no product: those atoms leave")


def _maps(side: str) -> list[int]:
    return [int(number) for number in _MAP.findall(side)]


def _listed(numbers: Sequence[int]) -> str:
    return ", ".join(f":{number}" for number in numbers)


def _yield(entry: ReactionEntry, problems: Problems) -> float | None:
    if not entry.yield_:
        return None
    number = _number(entry.yield_)
    if number is None or not 0 < number <= 1:
        problems.broken(entry.place, "no yield", f"{entry.yield_!r} should be a share in (0, 1], or nothing")
        return None
    return number


def _different(name: str, names: dict[str, str]) -> str:
    number, found = 2, name
    while found in names:
        found, number = f"{name} ({number})", number + 1
    return found


def example_problem(library: ReactionLibrary, reaction: int, reactants: Sequence[str], product: str) -> str | None:
    """What is wrong with an example of a reaction; None where its product is what the template gives, and nothing else.

    Args:
        library: with the reaction.
        reaction: its index.
        reactants: SMILES, one per slot.
        product: SMILES.
    """
    *given, wanted = [Molecule.from_smiles(text) for text in (*reactants, product)]
    if bad := [molecule.problem for molecule in (*given, wanted) if molecule.problem]:
        return f"cannot be read ({bad[0]})"
    names = tuple(molecule.smiles for molecule in given)
    if len(given) != library.reactions[reaction].slots:
        return f"{len(given)} reactants for {library.reactions[reaction].slots} slots"
    made = library.products(reaction, names)
    return None if made == (wanted.smiles,) else f"gives {' or '.join(made) or 'nothing'}, not {wanted.smiles}"
