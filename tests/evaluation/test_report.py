"""The report: complete, self-contained, escaped, and readable without half of its inputs."""

import base64
import hashlib
import json
import re
from dataclasses import replace
from html.parser import HTMLParser

import numpy as np
import pandas as pd
import pytest

import molgfn
from molgfn.environments.hypergrid import HyperGrid
from molgfn.environments.strings import Strings
from molgfn.errors import DataError
from molgfn.evaluation.evaluator import Evaluation, evaluate_policy, evaluate_samples
from molgfn.evaluation.files import write_evaluation, write_samples
from molgfn.evaluation.metrics.base import Reading, TerminalProbabilities
from molgfn.evaluation.report.curves import read_panels
from molgfn.evaluation.report.figures import Curve, _edges, curves_svg, drawing, histogram_svg, running_mean
from molgfn.evaluation.report.galleries import Gallery
from molgfn.evaluation.report.page import write_report
from molgfn.evaluation.report.summary import facts, limits, number, property_name
from molgfn.evaluation.settings import EvaluationSettings
from molgfn.evaluation.trajectories_shown import ShownStep, ShownTrajectory
from molgfn.objects.dag import DAG
from molgfn.objects.molecule import MOLECULE
from molgfn.oracles.properties.qed import QED
from molgfn.oracles.properties.sa import SA
from molgfn.oracles.properties.weight import Weight
from molgfn.oracles.synthetic.hypergrid import HyperGrid as GridOracle
from molgfn.oracles.synthetic.string_modes import StringModes
from molgfn.policies.tabular import TabularPolicy
from molgfn.rewards.base import ScoredProperty
from molgfn.rewards.power import Power
from molgfn.rewards.transforms import Linear, Step
from molgfn.rewards.weighted_mean import Component, WeightedMean

SMILES = ["CCO", "c1ccccc1", "CC(=O)Oc1ccccc1C(=O)O", "C1CCNCC1", "CCN(CC)CC", "Cc1ccncc1", "CC(C)O", "OCC", "("]
VALUES = [0.1, 0.9, 0.8, 0.7, 0.3, 0.6, 0.2, 0.1, np.nan]
EVIL = "<script>alert('x')</script> & \"name\""


def make_run(folder, samples, *, name=EVIL, smiles=SMILES, values=VALUES):
    rng = np.random.default_rng(0)
    s = samples(smiles, values, components={"<b>qed</b>": np.array(values)}, log_weight=rng.normal(size=len(smiles)))
    terminal = TerminalProbabilities("samples", rng.normal(size=12), np.full(12, 0.9), rng.normal(size=12), 16)
    s = replace(s, terminal=terminal)
    settings = EvaluationSettings()
    metrics = settings.metrics()
    readings = evaluate_samples(s, metrics)
    readings["exact/tv"] = Reading.missing("Fragments: <too many> trees to list")
    source = {"kind": "policy", "seed": 0, "samples": len(s)}
    steps = [ShownStep("adds <b>", "<svg viewBox='0 0 9 9'><path d='M1 1'/></svg>", p, 7) for p in (0.25, 0.004)]
    way = ShownTrajectory("c1ccccc1", float(np.log(0.001)), 16, [*steps, ShownStep("stops", "", 1.0, 1)])
    evaluation = Evaluation(
        source, s, readings, metrics, settings.plain(), {"bad <smiles>": 1}, oracle={"raw": 9}, trajectories=[way]
    )
    write_evaluation(evaluation, folder / "evaluation")
    write_samples(samples(SMILES[::-1], [0.1] * len(SMILES)), folder / "evaluation" / "untrained.csv")
    (folder / "config.yaml").write_text(
        f"name: {json.dumps(name)}\nseed: 3\n"
        "objective:\n  _target_: molgfn.objectives.balance.trajectory_balance.TrajectoryBalance\n"
        "oracle: {_target_: molgfn.oracles.properties.qed.QED}\n"
        "logger:\n  api_key: hunter2\n  note: '</pre><img src=x>'\n"
    )
    lines = ["epoch,step,train/loss/tb,train/log_z,train/reward/mean,train/odd/thing"]
    lines += [f"0,{i},{10.0 / (i + 1)},{i / 10},," for i in range(80)] + ["0,79,,,0.5,1.0"]
    (folder / "metrics.csv").write_text("\n".join(lines) + "\n")
    return folder


class Page(HTMLParser):
    """Collects tags, and checks that they are closed in order."""

    VOID = frozenset(
        {"meta", "link", "br", "img", "input", "path", "rect", "use", "circle", "ellipse", "line", "polygon", "hr"}
    )

    def __init__(self, text: str) -> None:
        super().__init__()
        self.scripts: list[str] = []
        self.tags: list[tuple[str, dict]] = []
        self.open: list[str] = []
        self.text: list[str] = []
        self.feed(text)

    def handle_starttag(self, tag, attrs):
        self.tags.append((tag, dict(attrs)))
        if tag not in self.VOID:
            self.open.append(tag)

    def handle_startendtag(self, tag, attrs):
        self.tags.append((tag, dict(attrs)))

    def handle_endtag(self, tag):
        if tag not in self.VOID:
            assert self.open.pop() == tag

    def handle_data(self, data):
        (self.scripts if self.open and self.open[-1] in {"script", "style"} else self.text).append(data)


@pytest.fixture(scope="module")
def page(tmp_path_factory, samples):
    return write_report(make_run(tmp_path_factory.mktemp("run"), samples)).read_text()


def test_nothing_is_loaded_from_elsewhere(page):
    for tag, attributes in Page(page).tags:
        assert tag not in {"link", "iframe", "img", "object", "embed"}
        for name in ("src", "srcset", "data", "action", "xlink:href"):
            assert name not in attributes
        if "href" in attributes and tag != "a":
            assert attributes["href"].startswith(("#", "data:"))
    assert not re.search(r"url\((?!#)", page)
    assert "@import" not in page
    assert "default-src 'none'" in page, "and a browser would not load it"


def test_only_the_scripts_of_this_package_run(page):
    *_, script = Page(page).scripts
    digest = base64.b64encode(hashlib.sha256(script.encode()).digest()).decode()
    assert f"script-src 'sha256-{digest}'" in page
    kinds = [attributes.get("type") for tag, attributes in Page(page).tags if tag == "script"]
    assert kinds == ["application/json", None]
    assert not re.search(r"\son[a-z]+=", page), "no handlers in attributes"


def test_the_table_has_every_different_molecule_and_nothing_of_it_ends_the_script(page):
    data = json.loads(next(text for text in Page(page).scripts if text.startswith("{")))
    assert len(data["keys"]) == 7
    assert data["keys"][0] == "c1ccccc1"
    assert [column["name"] for column in data["columns"]][:3] == ["value", "log_reward", "weight"]
    assert len(data["svg"]) == len(data["structures"]) == len(data["map"]["x"]) == 7
    assert data["structures"][0]["atoms"] == "C C C C C C"
    assert sum(data["structures"][0]["bonds"][2::3]) == 9, "three double bonds"


def test_how_the_best_was_built_is_shown_step_by_step(page):
    text = " ".join(Page(page).text)
    assert "most probable of 16 trajectories" in text
    assert "adds <b>" in text
    assert "0.25" in text
    assert "of 7 choices" in text
    assert "the only choice" in text
    assert "log P_F −6.908 in 3 steps" in text


def test_the_page_says_how_to_make_it_again(page):
    text = " ".join(Page(page).text)
    assert "molgfn evaluate" in text
    assert "-n 1000 --seed 0" in text
    assert f"molgfn {molgfn.__version__}" in text
    assert "torch 2." in text
    assert "rdkit 20" in text


def test_what_comes_from_a_run_is_escaped(page):
    assert "<script>alert" not in page
    assert "&lt;script&gt;alert" in page
    assert "<b>qed" not in page
    assert "<img" not in page
    assert "<too many>" not in page
    assert "bad &lt;smiles&gt;" in page


def test_tags_close_in_order(page):
    assert Page(page).open == []


def test_ids_are_unique(page):
    ids = re.findall(r'\bid="([^"]*)"', page)
    assert len(ids) == len(set(ids))


def test_secrets_of_the_config_are_hidden(page):
    assert "hunter2" not in page
    assert "api_key: (hidden)" in page


def test_every_part_is_there(page):
    text = " ".join(Page(page).text)
    for heading in (
        *("Best molecules", "Most diverse good molecules", "Distributions", "Training", "Metrics"),
        *(
            "What this run cannot say",
            "Samples without a value",
            "config.yaml",
            "References",
            "How the best were built",
        ),
        *("All molecules", "Chemical space", "Oracle calls", "How to make it again"),
    ):
        assert heading in text
    assert "untrained 0.1" in text
    assert "Fragments: <too many> trees to list" in text
    assert "novelty, snn, fragment_similarity, scaffold_similarity, kl_score, fcd: no reference file was given" in text
    assert "standard error is 0.9" in text
    assert "arXiv" in text
    assert "TrajectoryBalance" in text


def test_molecules_are_drawn_best_first_and_once(page):
    smiles = re.findall(r'class="key" title="([^"]*)"', page)
    best, diverse = smiles[:7], smiles[7:]
    assert best[0] == "c1ccccc1"
    assert len(set(best)) == len(best) == 7
    assert sorted(diverse) == sorted(best), "with seven molecules all are good"


def test_figures_follow_the_theme(page):
    svg = re.search(r"<figcaption>Loss</figcaption>(<svg.*?</svg>)", page, flags=re.DOTALL).group(1)
    assert "var(--c1)" in svg
    assert "#01020" not in svg


@pytest.mark.parametrize(("value", "objects"), [(0.5, "the sampler drew and the held-out ones."), (None, "drew.")])
def test_what_the_correlation_covers(value, objects):
    metrics = {"exact/tv": {"value": None, "note": "too many"}, "heldout/pearson/N=4": {"value": value, "note": "few"}}
    first = limits({"metrics": metrics}, {}, MOLECULE)[0]
    assert first.endswith(objects)


def test_an_evaluation_without_a_run_still_reports(tmp_path, samples):
    run = make_run(tmp_path, samples)
    for name in ("config.yaml", "metrics.csv", "evaluation/untrained.csv"):
        (run / name).unlink()
    page = write_report(run, name="only samples", output=tmp_path / "out" / "page.html").read_text()
    assert "only samples" in page
    assert "Training" not in " ".join(Page(page).text)


def test_a_report_says_what_was_scored_in_which_units_and_draws_nothing_that_is_constant(tmp_path, samples):
    parts = {"efficiency": np.array([0.3, 0.4, 0.2]), "poses": np.ones(3)}
    affinity = ScoredProperty("vina", "kcal/mol", "minimise")
    s = samples(["CCO", "CCN", "CCC"], [-5.0, -6.0, -7.0], components=parts, scored=affinity)
    write_evaluation(Evaluation({}, s, {}, [], {}), tmp_path / "evaluation")
    text = " ".join(Page(write_report(tmp_path).read_text()).text)
    assert "the number: vina (kcal/mol), where less is better." in text
    assert "vina (kcal/mol), of which the reward is made" in text
    assert "efficiency" in text
    titles = [t for t in Page((tmp_path / "evaluation" / "report.html").read_text()).text if t.strip() == "poses"]
    assert titles == []


def test_a_grid_reports_without_molecules(tmp_path):
    environment = HyperGrid(dimensions=2, side=6)
    evaluation = evaluate_policy(
        environment,
        TabularPolicy(environment=environment),
        Power(oracle=GridOracle(dimensions=2, side=6)),
        EvaluationSettings(samples=100, log_pt_objects=10, log_pt_samples=2),
    )
    write_evaluation(evaluation, tmp_path / "evaluation")
    text = " ".join(Page(write_report(tmp_path, name="grid").read_text()).text)
    assert "Exact total variation" in text
    assert "Samples, first two coordinates" in text
    assert "Best molecules" not in text


def test_strings_report_without_molecules_and_without_a_map(tmp_path):
    environment = Strings(alphabet="AB", length=4)
    evaluation = evaluate_policy(
        environment,
        TabularPolicy(environment=environment),
        Power(oracle=StringModes(alphabet="AB", length=4)),
        EvaluationSettings(samples=100, log_pt_objects=10, log_pt_samples=2),
    )
    assert evaluation.values()["exact/tv"] < 1
    assert np.allclose(
        evaluation.samples.terminal.log_p, -np.log(16)
    )  # a policy of equal logits is uniform over strings
    write_evaluation(evaluation, tmp_path / "evaluation")
    text = " ".join(Page(write_report(tmp_path, name="strings").read_text()).text)
    assert "Exact total variation" in text
    assert "Value" in text
    assert "coordinates" not in text
    assert "Best molecules" not in text
    assert "Whether a molecule" not in text


def test_unscored_molecules_report(tmp_path, samples):
    s = samples(SMILES)
    settings = EvaluationSettings()
    readings = evaluate_samples(s, settings.metrics())
    source = {"kind": "file", "file": "some.smi", "samples": len(s)}
    write_evaluation(Evaluation(source, s, readings, settings.metrics(), settings.plain()), tmp_path)
    text = " ".join(Page(write_report(tmp_path, evaluation=tmp_path, name="file").read_text()).text)
    assert "nothing was scored" in text
    assert "a file has no policy" in text


def test_a_folder_without_an_evaluation_is_refused(tmp_path):
    with pytest.raises(DataError, match="no evaluation to report on"):
        write_report(tmp_path)
    (tmp_path / "evaluation").mkdir()
    (tmp_path / "evaluation" / "metrics.json").write_text("{}")
    (tmp_path / "evaluation" / "samples.csv").write_text("smiles\nCC\n")
    with pytest.raises(DataError, match="lacks"):
        write_report(tmp_path)


def test_a_broken_config_is_named(tmp_path, samples):
    run = make_run(tmp_path, samples)
    (run / "config.yaml").write_text("a: [1\n")
    with pytest.raises(DataError, match=r"config\.yaml"):
        write_report(run)


def test_panels_sort_logged_names(tmp_path):
    path = tmp_path / "metrics.csv"
    names = "step,epoch,train/loss/tb,train/log_z,reward/mean,log_reward/q10,log_reward/q90,found/unique"
    names += ",found/trajectories,found/hits/value>=0.8,found/modes/value>=0.8/tanimoto<0.7,oracle/unique,lr/log_z"
    path.write_text(f"{names}\n0,0,1,2,,,,,,,,,\n1,0,3,,1,2,5,7,8,9,9,4,0.1\n")
    named, other = read_panels(path)
    assert [(p.title, [c.label for c in p.curves]) for p in named] == [
        ("Loss", ["loss/tb"]),
        ("log Z", ["log_z"]),
        ("Different good ones so far", ["found/hits/value>=0.8"]),
        ("Modes so far", ["found/modes/value>=0.8/tanimoto<0.7"]),
        ("Different objects so far", ["unique", "trajectories"]),
        ("Mean reward", ["reward/mean"]),
        ("Quantiles of log R", ["q10", "q90"]),
    ]
    assert [p.title for p in other] == ["oracle", "lr"]
    assert named[0].curves[0].y.tolist() == [1, 3]
    assert named[1].curves[0].x.tolist() == [0]


def test_panels_of_an_optimisation_go_by_its_rounds(tmp_path):
    (tmp_path / "metrics.csv").write_text("round,calls,best,train/loss/tb\n1,8,.5,\n2,16,.7,3\n3,24,.8,2\n")
    named, other = read_panels(tmp_path / "metrics.csv")
    assert [(p.title, [c.label for c in p.curves]) for p in [*named, *other]] == [
        ("Loss", ["loss/tb"]),
        ("calls", ["calls"]),
        ("best", ["best"]),
    ]
    assert named[0].curves[0].x.tolist() == [2, 3]


def test_facts_name_what_it_was_made_with():
    config = {"environment": {"_target_": "/my lab/ring.py:Painted"}, "oracle": {"_target_": "my_lab.rings.Rings"}}
    source = {"samples": 64, "condition": {"beta": 4.0, "goal": 0.25}}
    assert facts({"source": source}, config, []) == [
        ("environment", "Painted"),
        ("oracle", "Rings"),
        ("condition", "beta = 4, goal = 0.250"),
        ("samples", "64"),
    ]


def test_a_table_without_steps_is_refused(tmp_path):
    (tmp_path / "metrics.csv").write_text("a,b\n1,2\n")
    with pytest.raises(DataError, match="step"):
        read_panels(tmp_path / "metrics.csv")


def test_running_mean_keeps_constants_and_length():
    assert running_mean(np.full(200, 3.0)).tolist() == [3.0] * 200
    assert running_mean(np.arange(100.0))[50] == 50.0
    assert running_mean(np.array([1.0, 2.0])).tolist() == [1.5, 1.5]


@pytest.mark.parametrize(("y", "markers"), [([0.5], 1), ([0.5, np.nan], 1), ([0.5, 0.6], 0), ([np.nan], 0)])
def test_a_curve_of_one_point_has_a_marker(y, markers):
    svg = curves_svg([Curve("a", np.arange(float(len(y))), np.array(y))], title="t")
    assert len(re.findall(r"<use [^>]*var\(--c1\)", svg)) == markers


def test_long_names_in_a_legend_leave_room_for_the_curves(recwarn):
    """A legend wider than the figure made the layout narrow the axes, down to nothing."""
    x = np.arange(50.0)
    few = ["modes/value>=0.8/tanimoto<0.7", "modes/value>=0.85/tanimoto<0.7"]
    many = [f"active_nearest_similarity/{i}" for i in range(7)]

    def width(names: list[str]) -> float:
        """Of the curve, in points."""
        svg = curves_svg([Curve(name, x, x + i) for i, name in enumerate(names)], title="t")
        line = max(re.findall(r'<path d="(M[^"]*)" clip-path', svg), key=len)
        at = [float(number) for number in re.findall(r"[ML] ([\d.]+)", line)]
        return max(at) - min(at)

    alone = width(["a"])
    assert all(width(names) > 0.9 * alone for names in (few, many, ["a" * 90, "b" * 80]))
    assert not recwarn.list
    assert curves_svg([Curve(name, x, x) for name in many], title="t").count("stroke-dasharray") == 2 * 3


def test_pictures_that_do_not_follow_the_theme_lie_on_white_paper():
    molecule, dag = (drawing(kind.icon(kind.parse([key])[0])) for kind, key in ((MOLECULE, "CCO"), (DAG, "2: 0>1")))
    assert 'class="chart"' in molecule
    assert 'class="chart paper"' in dag


def test_figures_of_odd_data():
    assert "<svg" in histogram_svg({"a": (np.array([np.nan]), np.ones(1))}, title="t", x_label="x")
    assert "<svg" in histogram_svg({"a": (np.array([1.0, 1.0]), np.ones(2))}, title="t", x_label="x")
    svg = curves_svg(
        [Curve("a & <b>", np.arange(3.0), np.zeros(3)), Curve("c", np.arange(2.0), np.ones(2))], title="<t>"
    )
    assert "<title>&lt;t&gt;</title>" in svg
    assert "a &amp; &lt;b&gt;" in svg


def test_bins_of_whole_numbers_hold_equally_many_of_them():
    for values in (np.arange(0.0, 20), np.arange(3.0, 120), np.array([1.0, 5000.0] * 10 + [7.0]), np.full(3, 4.0)):
        edges = _edges(values, 30)
        widths = np.diff(edges)
        assert np.all(widths == widths[0])
        assert widths[0] == round(widths[0])
        assert edges[0] % 1 == 0.5
        assert len(edges) <= 62
        assert edges[0] < values.min()
        assert edges[-1] > values.max()


def test_ticks_of_shares_are_not_rounded():
    shares = np.repeat(np.arange(40.0), 1)
    svg = histogram_svg({"a": (shares, np.ones(40))}, title="t", x_label="x")
    assert "0.5 %" in svg or "2.5 %" in svg


def test_captions_name_every_component_but_not_what_a_transform_made_of_it(samples, tmp_path):
    parts = {name: np.array([0.1 * i, 0.2]) for i, name in enumerate(("a", "b", "c", "d", "e", "sixth_one"))}
    parts["sixth_one_transformed"] = np.array([0.9, 0.8])
    write_samples(samples(["CCO", "CCN"], [0.5, 0.4], components=parts), tmp_path / "samples.csv")
    table = pd.read_csv(tmp_path / "samples.csv")
    table["alert_names"] = ["acyl halide", None]
    first, second = Gallery.of(table, MOLECULE).pictures([0, 1])
    assert all(f"{name} " in first.detail for name in ("a", "b", "c", "d", "e", "sixth one"))
    assert "transformed" not in first.detail
    assert first.detail.endswith("alert names: acyl halide")
    assert "alert" not in second.detail


def test_a_mean_is_called_what_it_is_a_mean_of():
    mean = WeightedMean(
        components={
            "qed": Component(oracle=QED()),
            "sa": Component(oracle=SA(), transform=Linear(low=10, high=1)),
            "size": Component(oracle=Weight(), transform=Step(low=100, high=500), filter=True),
        }
    )
    assert mean.title == "geometric mean of qed and sa, filtered by size"
    assert Power(oracle=mean).scored.title == mean.title
    assert property_name({"property": {"name": "weighted_mean", "title": mean.title}}) == mean.title


@pytest.mark.parametrize(
    ("value", "text"),
    [(None, "–"), (0, "0"), (1234, "1,234"), (0.12345, "0.123"), (-2.5, "−2.500"), (1e-7, "1e-07"), (12.345, "12.3")],
)
def test_numbers_for_reading(value, text):
    assert number(value) == text


def test_diverse_picks_start_with_the_best_and_spread(samples, tmp_path):
    s = samples(["CCCCO", "CCCCCO", "CCCCCCO", "c1ccncc1"], [0.9, 0.8, 0.7, 0.1])
    write_samples(s, tmp_path / "samples.csv")
    gallery = Gallery.of(pd.read_csv(tmp_path / "samples.csv"), MOLECULE)
    assert gallery.diverse(2) == [0, 3]
    assert gallery.mean_similarity([0, 3]) < gallery.mean_similarity([0, 1])


def test_a_component_that_is_a_descriptor_is_drawn_once_with_the_reference(samples, tmp_path):
    weights = np.array([46.069, 45.085, 44.097])
    s = samples(["CCO", "CCN", "CCC"], [0.5, 0.4, 0.3], components={"weight": weights, "rings": np.array([5.0, 6, 7])})
    s = replace(s, reference=frozenset({"CCCl"}), reference_sample=samples(["CCCl", "CCBr"]))
    write_evaluation(Evaluation({}, s, {}, [], {}), tmp_path / "evaluation")
    page = write_report(tmp_path).read_text()
    titles = re.findall(r"<figcaption>([^<]*)</figcaption>", page)
    assert titles.count("Molecular weight (g/mol)") == 1
    assert "weight" not in titles
    assert "rings" in titles, "somebody's own rings, which are not RDKit's, stay as they were given"
    assert "Rings" not in titles
    (svg,) = re.findall(r"<figcaption>Molecular weight \(g/mol\)</figcaption>(.*?)</figure>", page, flags=re.DOTALL)
    assert ">reference<" in svg
