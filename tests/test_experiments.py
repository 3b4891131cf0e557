"""Every shipped experiment trains for one step, through the command line's own composition."""

import atexit
import json
import re
from functools import cache
from pathlib import Path
from tempfile import TemporaryDirectory

import pytest
import rdkit.RDConfig
from tests.extras import extra
from tests.optional_data import optional, or_skip
from tests.small_runs import small_proxy

from molgfn.composing.compose import checked
from molgfn.experiment import train
from molgfn.study.plan import read_study
from molgfn.study.preparing import overrides_of

FOLDER = Path(__file__).parents[1] / "experiments"
#: those of `molgfn optimise` are tried in tests/optimise
EXPERIMENTS = sorted(
    p
    for p in FOLDER.rglob("*.yaml")
    if not (p.name.endswith(".study.yaml") or p.parent.name == "optimise" or "\n  - optimise\n" in p.read_text())
)
STUDIES = sorted(FOLDER.rglob("*.study.yaml"))
ONE_STEP = [
    "trainer.iterations=1",
    "trainer.threads=1",
    "trainer.log_every=1",
    "trainer.progress=none",
    "logger.wandb=off",
    "data.batch_size=4",
]
#: a setting's number
NUMBER = re.compile(r"=-?[\d.]+(e-?\d+)?(?= |$)")

#: 10,000 molecules that rdkit carries
MOLECULES = Path(rdkit.RDConfig.RDDataDir) / "Pains" / "test_data" / "wehi_mols.csv"


def marks(path, settings=""):
    """Those of an experiment that needs more than the repository; ``settings`` are a study's overrides of it."""
    weights = any(f"oracle={name}" in settings.split() for name in ("jnk3", "gsk3b", "drd2"))
    tables = path.parent.name == "strings" and path.stem != "bits"
    seh = path.parent.name in {"seh", "docking"} or path.stem == "seh" or path.stem.startswith("seh_")
    optional_data = weights or tables or seh
    extras = path.parent.name == "docking"
    return [pytest.mark.optional_data] * optional_data + [pytest.mark.extras] * extras


@cache
def proxy():
    """Weights of a small proxy, in a folder that goes with the process."""
    folder = TemporaryDirectory()
    atexit.register(folder.cleanup)
    return small_proxy(Path(folder.name))


def given(path):
    """What an experiment leaves to the user or fetches, from the data for tests; skips where it is not there."""
    if path.parent.name == "seh" or (path.parent.name == "conditions" and path.stem.startswith("seh_")):
        entries = json.loads(optional("fragments_bengio2021_72.json").read_text())
        blocks = [[f["smiles"], f["attachment_atoms"]] for f in entries]
        return ["environment.vocabulary=" + json.dumps(blocks)]
    if path.parent.name == "docking":
        extra("docking", "vina")
        return [
            f"oracle.receptor={optional('seh_4jnc_receptor.pdbqt')}",
            "scoring.disk_cache=false",
            "scoring.workers=1",
        ]
    if path.parent.name == "pretraining":
        own = ["environment.vocabulary=rdkit", "trainer.init_from=null"]
        return own + (
            [f"data.sources.offline.molecules={MOLECULES}", "data.sources.offline.limit=50"]
            if path.stem in {"pretrain", "agfn"}
            else []
        )
    if path.parent.name == "self_play":
        if path.stem == "exact":
            return [f"data.sources.self_play.molecules={path.with_name('data.smi')}"]
        molecules = [f"data.sources.self_play.molecules={MOLECULES}", "data.sources.self_play.limit=50"]
        return ["environment.vocabulary=rdkit", "trainer.init_from=null", *molecules]
    if (path.parent.name, path.stem) == ("preferences", "pretrain"):
        return [f"data.sources.offline.molecules={MOLECULES}", "data.sources.offline.limit=50"]
    if (path.parent.name, path.stem) == ("atoms", "gap"):
        return [f"oracle.weights={proxy()}"]
    if (path.parent.name, path.stem) == ("atoms", "prior"):
        return [f"data.sources.offline.molecules={path.with_name('qm9_heldout.smi')}"]
    if path.parent.name == "strings":
        tables = {"qm9": "qm9_strings_5x11.csv.gz", "tfbind10": "tfbind10-exact-v0-all.pkl.gz"}
        return [f"oracle.path={optional(tables[path.stem])}"] if path.stem in tables else []
    if path.parent.name == "sequences":
        molecules = [f"data.sources.offline.molecules={MOLECULES}", "data.sources.offline.limit=50"]
        return {"prior": molecules, "finetune": ["trainer.init_from=null"]}.get(path.stem, [])
    return []


@cache
def preferences():
    """A folder with what the commands of the study of preferences leave in `runs/preferences`, smaller."""
    folder = TemporaryDirectory()
    atexit.register(folder.cleanup)
    path = FOLDER / "preferences" / "pretrain.yaml"
    run = train(checked(str(path), [*ONE_STEP, f"output={folder.name}", *given(path)]))
    Path(folder.name, "good").mkdir()
    for name in ("qed_sa", "celecoxib_rediscovery"):
        for calls in (512, 1024):
            Path(folder.name, "good", f"{name}-{calls}.smi").write_text("CCc1ccccc1\nCCc1ccncc1\nCc1ccccc1\n")
    for name in ("pretrained", "weak"):
        Path(folder.name, f"{name}.ckpt").write_bytes(run.checkpoint.read_bytes())
    return folder.name


def trained(path, overrides):
    """One step of it; skips where a file is missing that would have to be fetched."""
    with or_skip():
        return train(checked(str(path), [*overrides, *given(path)]))


def test_there_are_experiments():
    assert any(path.name == "quickstart.yaml" for path in EXPERIMENTS)


@pytest.mark.parametrize("path", [pytest.param(p, marks=marks(p), id=f"{p.parent.name}/{p.stem}") for p in EXPERIMENTS])
def test_one_step(path, tmp_path):
    run = trained(path, [*ONE_STEP, f"output={tmp_path}"])
    assert run.iteration == 1
    assert run.checkpoint.is_file()
    assert (run.folder / "metrics.csv").read_text().count("\n") == 2


def test_the_study_of_preferences_names_what_it_reads_alike_everywhere():
    """Else its results would be known on one machine alone."""
    study = FOLDER / "preferences" / "rejected.study.yaml"
    assert "oc.env" not in study.read_text(encoding="utf-8")
    plan = read_study(study)
    words = [word for task in plan.all_tasks for row in plan.rows for word in overrides_of(plan, task, row)]
    files = {word.partition("=")[2] for word in words if word.endswith((".smi", ".ckpt"))}
    assert len(files) == 6
    assert all(file.startswith("runs/preferences/") for file in files)


def tried():
    """(study, task, row): each row on the first task, each task with the first row; one of what differs in numbers."""
    kinds = {}
    for study in STUDIES:
        plan = read_study(study)
        first, *others = plan.all_tasks
        for task, row in [*((first, row) for row in plan.rows), *((task, plan.rows[0]) for task in others)]:
            experiment = (study.parent / task.experiment).resolve()
            words = sorted([*task.set.split(), *row.set.split(), *row.tasks.get(task.name, "").split()])
            kinds.setdefault((experiment, NUMBER.sub("=", " ".join(words))), (study, task, row))
    return kinds.values()


@pytest.mark.parametrize(
    ("study", "task", "row"),
    [
        pytest.param(p, task, row, id="/".join(filter(None, [p.stem, task.name, row.name])), marks=marks(p, row.set))
        for p, task, row in tried()
    ],
)
def test_one_step_of_every_kind_of_row(study, task, row, tmp_path):
    own = overrides_of(read_study(study), task, row)
    if study.parent.name == "preferences":
        own = [word.replace("=runs/preferences/", f"={preferences()}/") for word in own]
    run = trained(study.parent / task.experiment, [*own, *ONE_STEP, f"output={tmp_path}", "trainer.exact_every=null"])
    assert run.iteration == 1
    assert run.checkpoint.is_file()
