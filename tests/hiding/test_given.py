"""Given molecules in runs that hide objects: hidden ones are left out and counted; what cannot be is refused."""

import pytest
from tests.hiding.test_runs import DATA, node, run

from molgfn.environments.fragments import Fragments
from molgfn.errors import ConfigError, DataError
from molgfn.experiment import assemble
from molgfn.hiding.by_hash import HiddenByHash
from molgfn.hiding.by_size import HiddenBySize
from molgfn.trajectories.sources.offline import OfflineMolecules
from molgfn.trajectories.sources.preferences.given_pairs import PreferencePairs

VOCABULARY = [["C", [0]], ["CC", [0, 1]], ["CCC", [0, 2]], ["CCO", [0, 1]]]
SIZE = node("hiding.by_size.HiddenBySize", above=4)


@pytest.fixture
def environment():
    return Fragments(vocabulary=VOCABULARY, max_fragments=4)


@pytest.fixture
def file(tmp_path):
    path = tmp_path / "given.smi"
    path.write_text("CCCC\nCCCCCO\nCCO\nCCCCC\nCCN\nCC\n")
    return str(path)


@pytest.fixture
def table(tmp_path):
    path = tmp_path / "pairs.csv"
    path.write_text("chosen,rejected\nCCCC,CCO\nCCCCCO,CC\nCC,CCCCC\nCCO,CC\n")
    return str(path)


def of_molecules(source, objective="tb", hidden=SIZE, **settings):
    """A run on molecules of up to four fragments with a source of data=``source``, ``settings`` in it."""
    config = run(objective, data=source, hidden=hidden)
    given = next(name for name in DATA[source]["sources"] if name != "policy")
    config["data"]["sources"][given] |= settings
    return {
        **config,
        "environment": node("environments.fragments.Fragments", vocabulary=VOCABULARY, max_fragments=4),
        "oracle": node("oracles.properties.qed.QED"),
        "policy": node("policies.graph.GraphTransformerPolicy", width=16, layers=1, heads=2),
    }


def test_molecules_that_are_hidden_are_left_out_and_counted(environment, file):
    offline = OfflineMolecules(molecules=file)
    offline.hidden = HiddenBySize(above=4)
    offline.prepare(environment)
    assert [m.smiles for m in offline.objects] == ["CCCC", "CCO", "CC"]
    assert {reason: out.lines for reason, out in offline.report.left_out.items()} == {
        "hidden": [2, 4],
        "outside the environment": [5],
    }
    assert (offline.report.kept, offline.report.left_out["hidden"].example) == (3, "CCCCCO")
    assert len(offline._terminal) == 3
    assert environment.kind.keys(environment.objects(offline._terminal)) == ["CCCC", "CCO", "CC"]


def test_nothing_is_left_where_all_are_hidden(environment, file):
    offline = OfflineMolecules(molecules=file)
    offline.hidden = HiddenBySize(above=1)
    with pytest.raises(DataError, match=r"can build no molecule that is not hidden\n(?s:.*)hidden"):
        offline.prepare(environment)


def test_pairs_with_a_molecule_that_is_hidden_are_left_out(environment, table):
    pairs = PreferencePairs(pairs=table)
    pairs.hidden = HiddenBySize(above=4)
    pairs.prepare(environment)
    assert [(p.chosen.smiles, p.rejected.smiles) for p in pairs.report.pairs] == [("CCCC", "CCO"), ("CCO", "CC")]
    assert pairs.report.left_out["hidden"].lines == [3, 4]


@pytest.mark.parametrize(
    ("source", "objective", "settings"),
    [
        ("offline", "tb", {"molecules": "file"}),
        ("offline", "mle", {"molecules": "file", "share": 1.0}),
        ("preferences_offline", "dpo", {"molecules": "file"}),
        ("preferences", "dpo", {"pairs": "table"}),
    ],
)
def test_a_run_sees_nothing_hidden(source, objective, settings, file, table):
    places = {"file": file, "table": table}
    e = assemble(of_molecules(source, objective, **{k: places.get(v, v) for k, v in settings.items()}))
    data = e.data()
    data.setup("fit")
    given = 0
    for batch in data.train_dataloader():
        heavy = [m.mol.GetNumHeavyAtoms() for m in e.environment.objects(batch.trajectories.terminal)]
        assert len(heavy) == 16
        assert max(heavy) <= 4
        given += sum(key in {"CCCC", "CCO", "CC"} for key in batch.trajectories.keys)
    assert given >= 8


def test_which_are_hidden_is_what_the_rule_says_of_drawn_ones(environment, file):
    rule = HiddenByHash(share=0.5, salt=5)
    offline = OfflineMolecules(molecules=file)
    offline.hidden = rule
    offline.prepare(environment)
    shown = [m.smiles for m in offline.objects]
    all_of_them = ["CCCC", "CCCCCO", "CCO", "CCCCC", "CC"]
    assert shown == [key for key, out in zip(all_of_them, rule.of_given(None, all_of_them), strict=True) if not out]
    assert 0 < len(shown) < 5


def test_what_cannot_be_left_out_is_refused(file):
    length = node("hiding.by_length.HiddenByLength", above=2)
    with pytest.raises(ConfigError, match=r"data\.sources\.offline gives molecules, and HiddenByLength tells .* steps"):
        assemble(of_molecules("offline", hidden=length, molecules=file))
    with pytest.raises(ConfigError, match=r"ways to the molecules of data\.sources\.offline may lead through hidden"):
        assemble(of_molecules("offline", "fldb", molecules=file))
    with pytest.raises(ConfigError, match=r"data\.sources\.\w+ may lead to hidden objects; .* or give molecules"):
        assemble(of_molecules("preferences_steps", "dpo_steps", molecules=file))
