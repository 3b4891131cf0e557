"""What is shown with the molecules of a file."""

from molgfn.comparing.material import read_material

FILE = """smiles,name,qed,qed_transformed,sa,also_none
CCO,CCO,0.4,0.4,1.5,
c1ccccc1,c1ccccc1,0.44,0.44,1,
CCN,CCN,0.3,0.3,2.5,
"""


def test_a_column_that_repeats_the_smiles_or_another_one_is_shown_only_where_it_is_asked_for(tmp_path):
    place = tmp_path / "a.csv"
    place.write_text(FILE)
    facts = {c.smiles: dict(c.facts) for c in read_material(place).candidates}
    assert facts["CCO"] == {"qed": "0.4", "sa": "1.5"}
    assert facts["c1ccccc1"] == {"qed": "0.44", "sa": "1"}
    asked = read_material(place, show=["name", "qed_transformed"]).candidates
    assert dict(asked[0].facts) == {"name": "CCO", "qed_transformed": "0.4"}
