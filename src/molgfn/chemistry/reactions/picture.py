"""Pictures of routes: a row for each step, reactants, an arrow with the reaction's name, and the product; SVG."""

from __future__ import annotations

import textwrap
from html import escape

from rdkit import Chem

from molgfn.chemistry.drawing import molecule_svg
from molgfn.chemistry.reactions.library import ReactionLibrary
from molgfn.chemistry.reactions.route import Route

#: pixels: a molecule, the arrow, the line of text below a molecule, the plus sign
_CELL, _ARROW, _TEXT, _PLUS = (190, 140), 170, 22, 24
_LETTERS = 26


def route_svg(route: Route, library: ReactionLibrary, *, begins: str | None = None) -> str:
    """A route as one SVG document.

    Below each block stand its id and price, below what a step has made the number of that step.

    Args:
        route: of the library.
        library: whose names and prices are shown.
        begins: what stands below the molecule that it begins with; None: what is known of it as a block.
    """
    width, height = _CELL
    if not route.steps:
        return _document(_molecule(route.block, 0, 0, _block_words(route.block, library)), width, height + _TEXT)
    parts: list[str] = []
    widest = 0
    for number, (step, present) in enumerate(zip(route.steps, route.molecules(), strict=False)):
        y, x, told = number * (height + _TEXT), 0, False
        for place, smiles in enumerate(step.reactants):
            if place:
                parts.append(_words(x + _PLUS // 2, y + height // 2, "+", size=18))
                x += _PLUS
            made = (begins if number == 0 else f"from step {number}") if smiles == present and not told else None
            told = told or made is not None
            parts.append(_molecule(smiles, x, y, _block_words(smiles, library) if made is None else made))
            x += width
        parts.append(_arrow(x, y + height // 2, library.reactions[step.reaction].name))
        x += _ARROW
        last = number == route.n_steps - 1
        parts.append(_molecule(step.product, x, y, "product" if last else f"step {number + 1}"))
        widest = max(widest, x + width)
    return _document("".join(parts), widest, route.n_steps * (height + _TEXT))


def _block_words(smiles: str, library: ReactionLibrary) -> str:
    index = library.block_index(smiles)
    if index is None:
        return "not in stock"
    block = library.blocks[index]
    unit = f" {library.about.price_unit}" if library.about.price_unit else ""
    return block.id if block.price is None else f"{block.id}, {block.price:.3g}{unit}"


def _document(content: str, width: int, height: int) -> str:
    return (
        f'<svg xmlns="http://www.w3.org/2000/svg" width="{width}" height="{height}" viewBox="0 0 {width} {height}">'
        f'<rect width="{width}" height="{height}" fill="white"/>{content}</svg>'
    )


def _molecule(smiles: str, x: int, y: int, words: str) -> str:
    width, height = _CELL
    drawn = molecule_svg(Chem.MolFromSmiles(smiles), _CELL)
    inside = drawn[drawn.index("<svg") + len("<svg") :]  # without the XML declaration, which may stand only once
    return f'<svg x="{x}" y="{y}"{inside}' + _words(x + width // 2, y + height + _TEXT // 2, words)


def _arrow(x: int, y: int, name: str) -> str:
    lines = textwrap.wrap(name, _LETTERS)
    above = "".join(
        _words(x + _ARROW // 2, y - 10 - 14 * (len(lines) - 1 - place), line) for place, line in enumerate(lines)
    )
    end = x + _ARROW - 14
    line = f'<line x1="{x + 10}" y1="{y}" x2="{end}" y2="{y}" stroke="black" stroke-width="1.5"/>'
    head = f'<path d="M {end} {y - 4} L {end + 8} {y} L {end} {y + 4} Z" fill="black"/>'
    return above + line + head


def _words(x: int, y: int, text: str, size: int = 12) -> str:
    return (
        f'<text x="{x}" y="{y}" font-family="sans-serif" font-size="{size}" text-anchor="middle" '
        f'dominant-baseline="middle" fill="#333">{escape(text)}</text>'
    )
