"""Masks, products and ways back are those that RDKit finds by trying everything."""

import itertools

import torch
from rdkit import Chem
from rdkit.Chem import AllChem
from tests.environments.reactions.spaces import Listed, small

from molgfn.environments.reactions.nodes import CHOOSE, REACT, START


def brute_products(smarts, reactants):
    """Canonical SMILES of all sane products."""
    found = set()
    for outcome in AllChem.ReactionFromSmarts(smarts).RunReactants([Chem.MolFromSmiles(s) for s in reactants]):
        if Chem.SanitizeMol(outcome[0], catchErrors=True) == 0:
            found.add(Chem.CanonSmiles(Chem.MolToSmiles(outcome[0])))
    return sorted(found)


def brute_steps(environment, smiles):
    """(slot, partner blocks, products) of everything that RDKit can run on a molecule."""
    library, found = environment.library, {}
    for slot, (r, place) in enumerate(library.slots):
        reaction = library.reactions[r]
        for partners in itertools.product(range(len(library.blocks)), repeat=reaction.slots - 1):
            blocks = [library.blocks[p].smiles for p in partners]
            if products := brute_products(reaction.smarts, [*blocks[:place], smiles, *blocks[place:]]):
                found[slot, partners] = products
    return found


def test_masks_and_products_are_those_of_rdkit():
    environment = small(max_reactions=2)
    listed = Listed(environment)
    seen = set()
    for row in range(len(listed.graph)):
        states = listed.graph.states[row : row + 1]
        kind, steps, smiles, *_ = environment.keys(states)[0]
        if kind != 1 or steps == environment.max_reactions:
            continue
        seen.add(smiles)
        expected = brute_steps(environment, smiles)
        _, actions = environment.legal_actions(states)
        found = {}
        for action in actions.tolist():
            what, *rest = action
            reaction = environment.library.reactions[environment.library.slots[what - REACT][0]]
            after = environment.step(states, torch.tensor([action]))
            assert environment.legal_actions(after)[1][:, 0].ne(START).all()
            choices = environment.legal_actions(after)[1]
            choices = choices[choices[:, 0] == CHOOSE]
            ends = [environment.step(after, c[None]) for c in choices] or [after]
            found[what - REACT, tuple(rest[: reaction.slots - 1])] = sorted(
                environment.objects(e)[0].smiles for e in ends
            )
        assert found == expected
    assert len(seen) > 20


def test_ways_back_are_the_steps_forward():
    """Of every state, as many edges come in along the list as backward actions lead out."""
    listed = Listed(small(max_reactions=3))
    into = torch.bincount(listed.graph.target, minlength=len(listed.graph))
    assert torch.equal(into, listed.environment.n_backward(listed.graph.states))
