"""Small libraries of reactions: one that has everything that makes counting hard, and one of three reactants."""

from __future__ import annotations

from molgfn.chemistry.reactions.block import Block
from molgfn.chemistry.reactions.library import About, ReactionLibrary
from molgfn.chemistry.reactions.reaction import Reaction, Template

#: a diamine with two different ends, an ester whose acid is a block too, an acid with an amine, a symmetric diamine
BLOCKS = ("CC(N)CN", "CC(=O)O", "COC(=O)C1CC1", "O=C(O)C1CC1", "Nc1ccc(Br)cc1", "NCCN", "NCC(=O)O")
REACTIONS = {
    "amide coupling": "[#6:1][C:2](=[O:3])[OH].[NH2:4][#6:5]>>[#6:1][C:2](=[O:3])[NH:4][#6:5]",
    "ester hydrolysis": "[#6:1][C:2](=[O:3])[O:4][CH3]>>[#6:1][C:2](=[O:3])[OH:4]",
    "halogen exchange": "[c:1][Br]>>[c:1][Cl]",
    "arylation": "[c:1][Br].[NH2:2][CH2:3]>>[c:1][NH:2][CH2:3]",
}
#: an alkyne, an aldehyde and a secondary amine
THREE = {
    "A3 coupling": "[CH:1]#[C:2].[CH1:3](=O)[#6:4].[NH:5]([CX4:6])[CX4:7]>>[C:1](#[C:2])[C:3]([#6:4])[N:5]([*:6])[*:7]"
}
THREE_BLOCKS = ("C#CC", "O=CC1CC1", "CNC", "C#CCNC", "O=Cc1ccccc1")


def library(
    blocks: tuple[str, ...] = BLOCKS, reactions: dict[str, str] = REACTIONS, *, exact: bool | None = True
) -> ReactionLibrary:
    """Prices are 1, 2, 3 ..., yields .5."""
    made = [
        Reaction(i, name, name.split()[0], 0.5, smarts, Template(smarts).slots)
        for i, (name, smarts) in enumerate(reactions.items())
    ]
    priced = [Block(smiles, f"b{i}", float(i + 1)) for i, smiles in enumerate(blocks)]
    return ReactionLibrary(priced, made, About(name="small", inversion_exact=exact))
