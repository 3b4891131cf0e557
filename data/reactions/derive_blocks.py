"""Derive the blocks of the library `textbook` from molecules inside the rdkit package; prints blocks.csv.

    python data/reactions/derive_blocks.py > data/reactions/textbook/blocks.csv

Molecules are cut by the library's own reactions, run backwards; the pieces, and small molecules as they are, are
counted. Where a reaction needs a group that no piece has (an azide, say), frequent pieces get it by an exchange of
groups. What a supplier would not sell is left out by the rules below; of each slot the most frequent stay.
"""

from __future__ import annotations

import csv
import random
import sys
from collections import Counter
from pathlib import Path

from rdkit import Chem, RDConfig
from rdkit.Chem import rdChemReactions

from molgfn.chemistry.molecules import Molecule
from molgfn.chemistry.motifs import unusual_motifs
from molgfn.chemistry.reactions.assembling import reactions_of
from molgfn.chemistry.reactions.files.entries import Problems
from molgfn.chemistry.reactions.files.templates import read_templates
from molgfn.chemistry.reactions.matching import Queries
from molgfn.chemistry.reactions.reaction import Template
from molgfn.chemistry.standardise import Standardisation

#: molecules that are cut, most heavy atoms of a block, blocks of a slot
CUT, LARGEST, OF_A_SLOT = 1500, 17, 16
#: motifs that are groups a reaction needs
WANTED_MOTIFS = {"aldehyde", "isocyanate", "thiol", "S-halogen"}
#: a piece with the left group is sold with the right one, too
EXCHANGES = [
    "[c:1]-[Br]>>[c:1]-B(O)O",
    "[c:1]-[Br]>>[c:1]-C#C",
    "[CH2:1]-[Br]>>[CH2:1]-N=[N+]=[N-]",
    "[c:2]-[CH2:1]-[Br]>>[c:2]-[CH2:1]-S",
    "[c:1]-[NH2:2]>>[c:1]-[N:2]=C=O",
    "[c,$([C;R]):1]-C(=O)-[OH]>>[*:1]-C(=S)N",
    "[c:1]-C(=O)-[OH]>>[c:1]-C(=O)CBr",
    "[c,$([C;R]):1]-C(=O)-[OH]>>[*:1]-C(=O)OC",
    "[c,$([C;R]):1]-C(=O)-[OH]>>[*:1]-C(=O)OCC",
    "[CX4:1]-[OH:2]>>[CX4:1]-[O:2]C(=O)C=C",
    "[NX3;H1;R;$(N(-[CX4])-[CX4]):1].[NX3;H1;R;$(N(-[CX4])-[CX4]):2]>>[N:1].[N:2]C(=O)OC(C)(C)C",
    "[NX3;H2;$(N-[CX4]):1]>>[N:1]C(=O)OC(C)(C)C",
    "[c:1]-[NH2]>>[c:1]-[N+](=O)[O-]",
    "[c:1](:[cH:2])-[$([N+](=O)[O-]):3]>>[c:1](:[c:2]-F)-[*:3]",
    "[cH:1](:[c:2]:[c:3]:[c:4]-[$([N+](=O)[O-]):5])>>[c:1](-F)(:[c:2]:[c:3]:[c:4]-[*:5])",
    "[cH:1]:[c:2]-[NH2:3]>>[c:1](-N):[c:2]-[NH2:3]",
]
GROUPS = {
    "acid": "[CX3](=O)-[OX2H1]",
    "ester": "[CX3](=O)-[OX2]-[#6]",
    "amine": "[NX3;H1,H2;$(N-[#6]);!$(N-C=[O,N,S]);!$(N-S=O)]",
    "hydroxyl": "[OX2H1;!$(O-C=O);!$(O-B)]-[#6]",
    "thiol": "[SX2H1]",
    "aryl bromide": "c-[Br]",
    "boronic acid": "[BX3]",
    "alkyne": "C#[CH]",
    "nitro": "[N+](=O)[O-]",
    "thioamide": "C(=S)N",
    "azole": "[nX3H1]",
}
ELECTROPHILES = {
    "aldehyde": "[CX3H1]=O",
    "ketone": "[#6;!$(C-[Br])]-[CX3](=O)-[#6;!$(C-[Br])]",
    "isocyanate": "N=C=O",
    "sulfonyl chloride": "S(=O)(=O)Cl",
    "alkyl bromide": "[CX4]-[Br]",
    "azide": "[N-]=[N+]",
    "acrylic": "[CH2]=[CH]-C=O",
    "2-chloroazine": "[Cl]-c:n",
    "fluoronitroarene": "F-[c;$(c:c-[N+](=O)[O-]),$(c:c:c:c-[N+](=O)[O-])]",
}
NOT_SOLD = [
    "[!#6;!#7;!#8;!#9;!#16;!#17;!#35;!#5]",
    "[CX4]-[F,Cl,I;!$(F-C-F)]",
    "[CX4;!H2]-[Br]",
    "[CX3]-[Br,Cl,I]",
    "c-[I]",
    "[CX3;!$(C-C=O);!$(C=C-C=O)]=[CX3,CX2]",
    "[CX3;!$(C(=N)N)]=[NX2;!$(N=C=O)]",
    "C(=N)-[N,O,S]",
    "[N;+0]=[N;+0]",
    "[#6;a]=O",
    "non",
    "O-C-C#N",
    "[BX3]-c:n",
    "[CX2]-[c;r5]:n",
    "[#6]=[S;!$(S=C-[NH2])]",
    "[#7,#8,#16]-[CX4]-[#7,#8,#16,#35]",
    "[N,O]-C(=O)-C(=O)",
    "C#N.C#N",
    "[N+;!$([N+](=O)[O-]);!$([N+]=[N-])]",
    "[NX3;H2]-C=O",
    "[#16;X3,X2]-[#7,#8;!a]",
    "[OX2]-[SX4]",
    "[SX4]-[OH]",
    "[CX4H2,CX4H3]-[CX4H2]-[CX4H2]-[CX4H2]-[CX4H2]",
    "[CX3](=O)-[CX4]-[CX3]=O",
    "[CX3](=O)-[CX3]=O",
    "[CX3](=O)-[#7,#8]-[CX3]=O",
    "[r3;!C]",
    "[r4;!C]",
    "[r8,r9,r10,r11,r12]",
    "N-C(=O)-N",
    "S-C#N",
    "O-C(F)F.[OH,$(C=CC(=O)O)]",
    "C=CC(=O)OC(F)F",
    "[nH]1nnnc1",
    "C=C-C(=S)",
    "N-C(=S)-[CX4;!R]",
    "[#16;r5]:n:c:c:n",
    "[#7]-[#7;!a]",
    "[#7]-[#8;!a;!$([O-])]",
    "C(=O)-S",
    "O=[#6]1~[#6]~[#6](=O)~[#6]~[#6]~1",
]


def compiled(patterns: list[str]) -> list[Chem.Mol]:
    """One query per SMARTS."""
    return [Chem.MolFromSmarts(text) for text in patterns]


GROUP_QUERIES, ELECTROPHILE_QUERIES = compiled(list(GROUPS.values())), compiled(list(ELECTROPHILES.values()))
NOT_SOLD_QUERIES = compiled(NOT_SOLD)


def sold(mol: Chem.Mol) -> bool:
    """Whether a molecule looks like one that a supplier of blocks sells."""
    most = LARGEST if mol.HasSubstructMatch(Chem.MolFromSmarts("OC(C)(C)C")) else 13
    if not 4 <= mol.GetNumHeavyAtoms() <= most or Chem.GetFormalCharge(mol):
        return False
    if any(atom.GetNumRadicalElectrons() or atom.GetIsotope() for atom in mol.GetAtoms()):
        return False
    if set(unusual_motifs(mol)) - WANTED_MOTIFS or any(mol.HasSubstructMatch(q) for q in NOT_SOLD_QUERIES):
        return False
    groups = [len(mol.GetSubstructMatches(q)) for q in GROUP_QUERIES]
    electrophiles = sum(len(mol.GetSubstructMatches(q)) for q in ELECTROPHILE_QUERIES)
    named = dict(zip(GROUPS, groups, strict=True))
    nucleophiles = (
        named["azole"]
        + named["boronic acid"]
        + named["amine"]
        + named["hydroxyl"]
        + named["thiol"]
        + named["acid"]
        + named["thioamide"]
    )
    if electrophiles > 1 or (electrophiles and nucleophiles) or named["boronic acid"] + named["aryl bromide"] > 1:
        return False
    return 1 <= sum(groups) + electrophiles <= 2


def molecules() -> list[str]:
    """Canonical SMILES of the sets, stereo marks and salts taken off, shuffled."""
    data = Path(RDConfig.RDDataDir)
    texts = [line.split()[0] for line in (data / "NCI" / "first_5K.smi").read_text().splitlines()]
    with (data / "Pains" / "test_data" / "wehi_mols.csv").open(newline="") as file:
        texts += [row[0] for row in csv.reader(file)]
    rules = Standardisation(charges="neutralise", stereo="remove", isotopes="remove")
    read = [rules(Molecule.from_smiles(text)) for text in texts]
    different = sorted({molecule.smiles for molecule in read if molecule.valid})
    random.Random(0).shuffle(different)
    return different


class Everything:
    """Holds every SMILES."""

    def __contains__(self, smiles: object) -> bool:
        return True


def pieces(texts: list[str], templates: list[Template]) -> Counter[str]:
    """How many molecules give a piece that is sold, by any template run backwards once; and those sold as they are."""
    found: Counter[str] = Counter()
    for text in texts:
        mol = Chem.MolFromSmiles(text)
        here = {text} | {s for t in templates for names in t.precursors(mol, [Everything()] * t.slots) for s in names}
        found.update(s for s in here if sold(Chem.MolFromSmiles(s)))
    return found


def exchanged(found: Counter[str]) -> Counter[str]:
    """``found``, and what exchanges of groups, one after the other, make of the most frequent."""
    every = Counter(found)
    for smarts in EXCHANGES:
        left, right = smarts.split(">>")
        grouped = f"({left})>>({right})" if "." in left else smarts
        reaction = rdChemReactions.ReactionFromSmarts(grouped)
        for smiles, count in every.most_common(1500):
            for (mol,) in reaction.RunReactants((Chem.MolFromSmiles(smiles),)):
                made = Molecule.from_mol(mol)
                if made.mol is not None and sold(made.mol):
                    every[made.smiles] = max(every[made.smiles], count)
    return every


def chosen(every: Counter[str], queries: Queries) -> list[str]:
    """The most frequent of each slot, the smaller ones first among equals."""
    ranked = sorted(every, key=lambda s: (-every[s], len(s), s))
    mols = {smiles: Chem.MolFromSmiles(smiles) for smiles in ranked}
    keep: set[str] = set()
    for fits in queries.of(ranked):
        keep.update([ranked[i] for i in fits.nonzero()[0][:OF_A_SLOT]])
    return sorted(keep, key=lambda s: (mols[s].GetNumHeavyAtoms(), s))


def main() -> None:
    """Write the table."""
    known = read_templates(Path(__file__).parent / "textbook" / "reactions.yaml")
    reactions = reactions_of(known, Problems())
    templates = [Template(reaction.smarts) for reaction, _ in reactions]
    queries = Queries(
        [query for template in templates for query in template.queries],
        [
            reaction.without
            for (reaction, _), template in zip(reactions, templates, strict=True)
            for _ in template.queries
        ],
    )
    blocks = chosen(exchanged(pieces(molecules()[:CUT], templates)), queries)
    writer = csv.writer(sys.stdout, lineterminator="\n")
    writer.writerow(["smiles", "id", "price"])
    writer.writerows([smiles, f"T{number:03d}", ""] for number, smiles in enumerate(blocks, start=1))


if __name__ == "__main__":
    main()
