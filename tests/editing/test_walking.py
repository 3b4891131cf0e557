"""Walks along leads: nothing changes where nothing should, edits have the distribution worked out by hand, k bounds
them, and what is left of a lead goes on.
"""

from collections import Counter

import pytest
import torch

from molgfn.chemistry.molecules import Molecule
from molgfn.editing.lead_walks import lead_walks
from molgfn.editing.rules import Masked, SeqEditor, Swapped
from molgfn.editing.walking import edit
from molgfn.environments.atoms import Atoms
from molgfn.environments.fragments import Fragments
from molgfn.environments.hypergrid import GridStates
from molgfn.environments.strings import Strings
from molgfn.environments.tokens.selfies_tokens import Selfies
from molgfn.errors import ConfigError
from molgfn.policies.graph import GraphTransformerPolicy
from molgfn.policies.sequence import GRUPolicy
from molgfn.policies.tabular import TabularPolicy
from molgfn.testing import golden_dag

VOCABULARY = [
    ["c1ccccc1", [0, 1, 2, 3]], ["CC", [0, 1]], ["C", [0]], ["CO", [0, 1]], ["C1CCNCC1", [0, 3]], ["CC(C)C", [0, 1]],
]  # fmt: skip
NOTHING = [SeqEditor(0.0, 0.0, 0.0), SeqEditor(1.0, 1.0, 5.0), Masked(0.0)]


def strings(mode, length=3, alphabet="AB"):
    environment = Strings(alphabet=alphabet, length=length, mode=mode)
    return random_table(environment)


def random_table(environment):
    policy = TabularPolicy(environment=environment, learned_backward=True).double()
    torch.manual_seed(0)
    with torch.no_grad():
        policy.forward_logits.normal_()
        policy.backward_logits.normal_()
    return policy


def fragments():
    environment = Fragments(vocabulary=VOCABULARY, max_fragments=5, max_atoms=18)
    torch.manual_seed(0)
    policy = GraphTransformerPolicy(environment=environment, learned_backward=False, width=16, layers=1, heads=2).eval()
    return policy, environment.states_of([Molecule.from_smiles(s) for s in ["CCc1ccccc1", "CC1CCNCC1", "CCCCO"]])


def atoms():
    environment = Atoms(max_atoms=9)
    torch.manual_seed(0)
    policy = GraphTransformerPolicy(environment=environment, learned_backward=False, width=16, layers=1, heads=2).eval()
    return policy, environment.states_of([Molecule.from_smiles(s) for s in ["Cc1ccccc1", "CC(C)=O", "C1CC2CC1N2"]])


def selfies():
    environment = Selfies(alphabet=["[C]", "[O]", "[N]", "[=C]", "[Ring1]", "[Branch1]"], max_length=6)
    torch.manual_seed(0)
    policy = GRUPolicy(environment=environment, learned_backward=False, width=16, layers=1).eval()
    return policy, environment.states_of([Molecule.from_smiles(s) for s in ["CCO", "CC=CN", "CCCC"]])


def any_slot():
    policy = strings("any_slot")
    return policy, policy.environment.states_of(["AAB", "BAB", "BBB"])


def prepended():
    policy = strings("prepend_append")
    return policy, policy.environment.states_of(["AAB", "BAB", "BBB"])


def golden():
    return golden_dag().policy, GridStates(torch.tensor([[2, 1], [1, 2], [2, 2]]))


MAKERS = [fragments, atoms, selfies, any_slot, prepended, golden]


def many(states, times):
    return states[torch.arange(len(states)).repeat_interleave(times)]


def draws(seed=0):
    return torch.Generator().manual_seed(seed)


@pytest.mark.parametrize("make", MAKERS)
@pytest.mark.parametrize("rule", NOTHING, ids=["delta=0", "lambda=1", "nothing masked"])
def test_a_rule_that_keeps_every_step_gives_the_lead_back(make, rule):
    policy, terminal = make()
    terminal = many(terminal, 6)
    made = edit(policy, lead_walks(policy, terminal, draws()), rule, 99, draws())
    assert list(policy.environment.keys(made.terminal)) == list(policy.environment.keys(terminal))
    assert made.edits.sum() == made.dropped.sum() == made.filled.sum() == 0
    assert not made.changed.any()


@pytest.mark.parametrize("make", MAKERS)
@pytest.mark.parametrize("rule", [SeqEditor(1.0, 0.0, 0.0), Masked(0.7), Swapped()], ids=["gfn", "masked", "swapped"])
@pytest.mark.parametrize("most", [1, 2])
def test_edits_are_no_more_than_allowed_and_states_are_terminal(make, rule, most):
    policy, terminal = make()
    environment = policy.environment
    terminal = many(terminal, 10)
    made = edit(policy, lead_walks(policy, terminal, draws()), rule, most, draws(1))
    assert made.edits.max() == most
    assert environment.stop_mask(made.terminal).all()
    known = [i for i, n in enumerate((made.edits + made.filled + made.dropped).tolist()) if n == 0]
    keys, own = list(environment.keys(made.terminal)), list(environment.keys(terminal))
    assert all(keys[i] == own[i] for i in known)
    assert (made.changed.sum(1) <= made.edits).all()
    assert not (made.changed & made.left_out).any()


@pytest.mark.parametrize("make", [fragments, atoms])
def test_children_are_molecules(make):
    policy, terminal = make()
    made = edit(policy, lead_walks(policy, many(terminal, 10), draws()), SeqEditor(1.0, 0.0, 0.0), 2, draws())
    assert all(molecule.valid for molecule in policy.environment.objects(made.terminal))


def by_hand(policy, walk, delta, mixing):
    """Probability of every terminal key of one walk, by adding up all that may happen, one state at a time."""
    environment = policy.environment
    out = Counter()

    def at(state, left, probability):
        legal = environment.forward_mask(state)[0]
        while left and not legal[left[0]]:
            left = left[1:]
        own = left[0] if left else environment.stop_action
        table = policy(state).forward.log_probs()[0].double().exp()
        if not legal[own]:
            shares = table
        elif table[own] < delta * table.max():
            shares = (1 - mixing) * table
            shares[own] += mixing
        else:
            shares = torch.zeros_like(table)
            shares[own] = 1.0
        for action, share in enumerate(shares.tolist()):
            if not share:
                continue
            after = environment.step(state, torch.tensor([action]))
            if action == environment.stop_action:
                out[environment.keys(state)[0]] += probability * share
            else:
                at(after, left[1:], probability * share)

    at(environment.initial(1), walk, 1.0)
    return out


@pytest.mark.parametrize(("delta", "mixing"), [(0.6, 0.0), (1.0, 0.3), (0.9, 0.5)])
def test_the_distribution_of_edits_of_strings_is_that_worked_out_by_hand(delta, mixing):
    policy = strings("append")
    lead = policy.environment.states_of(["ABA"])
    walks = lead_walks(policy, many(lead, 40_000), draws())
    made = edit(policy, walks, SeqEditor(delta, mixing, 0.0), 99, draws(3))
    found = Counter(policy.environment.keys(made.terminal))
    exact = by_hand(policy, walks.actions[0].tolist(), delta, mixing)
    assert sum(exact.values()) == pytest.approx(1)
    assert len(exact) > 1
    assert 0.5 * sum(abs(found[key] / 40_000 - exact[key]) for key in exact | found) < 0.01


@pytest.mark.parametrize(("delta", "mixing"), [(0.7, 0.0), (1.0, 0.3)])
def test_the_distribution_of_edits_on_the_golden_dag(delta, mixing):
    """Here steps may become illegal and are left out, and walks may stop early, as far as edits are left."""
    policy, lead = golden_dag().policy, GridStates(torch.tensor([[1, 1]]))
    walks = lead_walks(policy, many(lead, 40_000), draws())
    made = edit(policy, walks, SeqEditor(delta, mixing, 0.0), 99, draws(5))
    keys = list(policy.environment.keys(made.terminal))
    for walk in ([0, 1], [1, 0]):
        mine = (walks.actions == torch.tensor(walk)).all(1)
        found = Counter(key for key, yes in zip(keys, mine.tolist(), strict=True) if yes)
        exact, n = by_hand(policy, walk, delta, mixing), int(mine.sum())
        assert n > 3000
        assert 0.5 * sum(abs(found[key] / n - exact[key]) for key in exact | found) < 0.02


def test_the_orders_of_building_are_those_of_the_backward_policy():
    policy, lead = golden_dag().policy, GridStates(torch.tensor([[1, 1]]))
    walks = lead_walks(policy, many(lead, 40_000), draws())
    table = policy(lead, forward=False, backward=True).backward.log_probs().exp()[0].detach()
    assert (walks.actions[:, 1] == 0).double().mean() == pytest.approx(float(table[0]), abs=0.01)


def test_one_edit_falls_on_each_flagged_step_alike():
    """delta 1, lambda 0: every step that is not the likeliest is flagged; of three each is taken a third."""
    policy = strings("append")
    with torch.no_grad():
        policy.forward_logits.zero_()
        policy.forward_logits[:, 0] = 1.0  # A is likelier everywhere, so of BBB all are flagged
    share = float(torch.tensor([1.0, 0.0]).softmax(0)[0])
    walks = lead_walks(policy, many(policy.environment.states_of(["BBB"]), 30_000), draws())
    made = edit(policy, walks, SeqEditor(1.0, 0.0, 0.0), 1, draws(2))
    found = Counter(policy.environment.objects(made.terminal))
    assert set(found) == {"ABB", "BAB", "BBA", "BBB"}
    for text in ("ABB", "BAB", "BBA"):
        assert found[text] / 30_000 == pytest.approx(share / 3, abs=0.01)


def test_a_string_differs_in_as_many_places_as_there_were_edits():
    policy = strings("append", 5, "ABCD")
    texts = ["ABCDA", "DDDDD"] * 50
    made = edit(policy, lead_walks(policy, policy.environment.states_of(texts)), SeqEditor(1.0, 0.0, 0.0), 2, draws())
    children = policy.environment.objects(made.terminal)
    differ = [sum(a != b for a, b in zip(x, y, strict=True)) for x, y in zip(texts, children, strict=True)]
    assert differ == made.edits.tolist()
    assert max(differ) == 2


def test_a_swap_in_any_slot_changes_one_symbol_and_each_alike():
    policy = strings("any_slot", 2, "ABC")
    walks = lead_walks(policy, many(policy.environment.states_of(["AB"]), 20_000), draws())
    made = edit(policy, walks, Swapped(), 1, draws())
    found = Counter(policy.environment.objects(made.terminal))
    assert set(found) == {"BB", "CB", "AA", "AC"}
    assert all(count / 20_000 == pytest.approx(0.25, abs=0.015) for count in found.values())
    assert not made.dropped.any()
    assert not made.filled.any()


def test_a_swapped_fragment_keeps_all_others_of_the_tree():
    policy, terminal = fragments()
    terminal = many(terminal, 40)
    made = edit(policy, lead_walks(policy, terminal, draws()), Swapped(), 1, draws())
    whole = (made.dropped == 0) & (made.filled == 0) & (made.edits == 1) & made.changed.any(1)
    assert whole.sum() > 40
    for i in whole.nonzero().squeeze(1).tolist():
        before, after = (Counter(k for k in s.kinds[i].tolist() if k >= 0) for s in (terminal, made.terminal))
        assert sum((before - after).values()) <= 1
        assert sum((after - before).values()) <= 1


def test_a_branch_goes_on_at_another_point_where_its_own_is_not_there():
    """Both methyls stay when the middle becomes benzene, whichever of its points is taken by the join to the root."""
    environment = Fragments(vocabulary=[["C", [0]], ["CNC", [0, 2]], ["c1ccccc1", [2, 4]]], max_fragments=3)
    policy = GraphTransformerPolicy(environment=environment, learned_backward=False, width=16, layers=1, heads=2).eval()
    walks = lead_walks(policy, many(environment.states_of([Molecule.from_smiles("CCNCC")]), 300), draws())
    made = edit(policy, walks, Swapped(), 1, draws())
    two_sided = (made.terminal.kinds == 2).any(1)
    children = environment.objects(made.terminal[two_sided])
    assert "Cc1cccc(C)c1" in {molecule.smiles for molecule in children}
    assert two_sided.sum() > 60
    assert (made.dropped[two_sided] == 0).all()
    assert (made.dropped[~two_sided] > 0).any()  # a methyl in the middle has no second point


@pytest.mark.parametrize("make", [fragments, atoms, any_slot])
def test_steps_are_said_in_the_slots_of_the_finished_object(make):
    """Every step fills another slot, and they are all that the source had not."""
    policy, terminal = make()
    environment = policy.environment
    walks = lead_walks(policy, many(terminal, 5), draws())
    taken = environment.taken_slots(many(terminal, 5))
    for row in range(len(walks)):
        filled = [slot for slot in walks.fills[row].tolist() if slot >= 0]
        assert len(filled) == len(set(filled))
        assert sorted(filled) == taken[row].nonzero().squeeze(1).tolist()


@pytest.mark.parametrize(
    ("make", "says"),
    [
        (lambda: SeqEditor(delta=1.2), r"delta: should be in \[0, 1\], got 1.2"),
        (lambda: SeqEditor(mixing=-1.0), "mixing: should be in"),
        (lambda: SeqEditor(sigma=-0.1), "sigma: should be at least 0"),
        (lambda: Masked([0.2, 3.0]), r"fraction: should be in \[0, 1\], got 3.0"),
    ],
)
def test_numbers_out_of_range_are_refused(make, says):
    with pytest.raises(ConfigError, match=says):
        make()
