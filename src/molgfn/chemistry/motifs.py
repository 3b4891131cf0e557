"""Groups of atoms that medicinal chemists would not make: unstable, reactive, or an accident of joining fragments.

A short list for telling how natural a set of molecules is, not a filter against toxicity (see the oracle ``alerts``).
Most are rare in sets of drug-like molecules, none is unknown there.

Reference: Hann et al., "Strategic pooling of compounds for high-throughput screening", J. Chem. Inf. Comput. Sci.
1999, 39, 897 (reactive groups); Bruns and Watson, "Rules for identifying potentially reactive or promiscuous
compounds", J. Med. Chem. 2012, 55, 9763.
"""

from __future__ import annotations

from functools import cache

from rdkit import Chem

#: name -> SMARTS; a bond in a ring is never one of them unless the pattern says so
MOTIFS = {
    "N-N": "[#7;+0]-;!@[#7;+0]",
    "N-O": "[#7;+0]-;!@[#8;+0]",
    "O-O": "[#8]-[#8]",
    "S-S": "[#16;X2]-;!@[#16]",
    "N-S below sulfonyl": "[#7]-;!@[#16;X2,X3]",
    "O-S below sulfonyl": "[#8]-;!@[#16;X2]",
    "N-halogen": "[#7]-[F,Cl,Br,I]",
    "O-halogen": "[#8]-[F,Cl,Br,I]",
    "S-halogen": "[#16]-[F,Cl,Br,I]",
    "N-C-O": "[#7;+0]-;!@[CX4;!R]-;!@[#8]",
    "N-C-N": "[#7;+0]-;!@[CX4;!R]-;!@[#7;+0]",
    "N-C-halogen": "[NX3;+0]-;!@[CX4]-[F,Cl,Br,I]",
    "hemiketal or hemiaminal": "[OX2H]-[CX4]-[#7,$([#8;H0])]",
    "geminal diol": "[OX2H]-[CX4]-[OX2H]",
    "enol": "[OX2H]-[#6;X3]=[#6;X3]",
    "aldehyde": "[CX3H1](=O)-[#6]",
    "acyl halide": "[CX3](=O)-[F,Cl,Br,I]",
    "anhydride": "[CX3](=O)-;!@[OX2]-;!@[CX3]=O",
    "isocyanate": "[NX2]=C=[O,S]",
    "thiol": "[#6]-[SX2H]",
    "hydrogen on S=O": "[#16;!H0]=O",
    "cumulene": "[#6]=[#6]=[#6]",
}


@cache
def _patterns() -> dict[str, Chem.Mol]:
    return {name: Chem.MolFromSmarts(smarts) for name, smarts in MOTIFS.items()}


def unusual_motifs(mol: Chem.Mol) -> list[str]:
    """Names of the motifs that a sanitised molecule holds, in the order of ``MOTIFS``."""
    return [name for name, pattern in _patterns().items() if mol.HasSubstructMatch(pattern)]
