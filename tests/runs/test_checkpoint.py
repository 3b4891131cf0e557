"""A checkpoint alone is enough to sample, and nothing in a hostile one runs."""

import os
import pickle
import zipfile

import pytest
import torch

from molgfn.environments.hypergrid import HyperGrid
from molgfn.errors import CheckpointError
from molgfn.policies.mlp import MLPPolicy
from molgfn.runs.checkpoint import find, load, read

CONFIG = {
    "environment": {"_target_": "molgfn.environments.hypergrid.HyperGrid", "dimensions": 2, "side": 4},
    "policy": {"_target_": "molgfn.policies.mlp.MLPPolicy", "hidden": 8},
    "backward": {"_target_": "molgfn.objectives.backward.joint.Joint"},
}
HOSTILE = [
    "os.system",
    "subprocess.Popen",
    "torch.hub.load",
    "torch.load",
    "builtins.eval",
    "molgfn.cli.main.main",
    "molgfn.config.importlib.import_module",
]


@pytest.fixture
def policy() -> MLPPolicy:
    torch.manual_seed(0)
    return MLPPolicy(environment=HyperGrid(dimensions=2, side=4), learned_backward=True, hidden=8)


def content(policy, **changes) -> dict:
    weights = {f"policy.{k}": v for k, v in policy.state_dict().items()}
    out = {"state_dict": weights, "molgfn": {"version": "0", "config": CONFIG, "iteration": 7}, "global_step": 14}
    return {k: v for k, v in {**out, **changes}.items() if v is not None}


def save(path, what):
    torch.save(what, path)
    return path


def test_load_gives_back_environment_policy_config_and_iteration(tmp_path, policy):
    loaded = load(save(tmp_path / "a.ckpt", content(policy)))
    assert loaded.config == CONFIG
    assert loaded.iteration == 7
    assert isinstance(loaded.environment, HyperGrid)
    assert loaded.environment.side == 4
    assert loaded.policy.learned_backward
    assert not loaded.policy.training
    states = loaded.environment.initial(3)
    torch.testing.assert_close(loaded.policy(states).forward.log_probs(), policy(states).forward.log_probs())


def test_find_takes_the_last_checkpoint_of_a_run_folder(tmp_path, policy):
    (tmp_path / "checkpoints").mkdir()
    older = save(tmp_path / "checkpoints" / "older.ckpt", content(policy))
    newer = save(tmp_path / "checkpoints" / "newer.ckpt", content(policy))
    os.utime(older, (1, 1))
    assert find(tmp_path) == newer
    last = save(tmp_path / "checkpoints" / "last.ckpt", content(policy))
    os.utime(last, (0, 0))
    assert find(tmp_path) == last
    assert find(older) == older
    assert load(tmp_path).path == last


def test_find_takes_the_latest_run_of_a_folder_of_runs(tmp_path, policy):
    for name, when in (("a", 5), ("b", 9), ("c", 3)):
        (tmp_path / name / "checkpoints").mkdir(parents=True)
        os.utime(save(tmp_path / name / "checkpoints" / "last.ckpt", content(policy)), (when, when))
    assert find(tmp_path) == tmp_path / "b" / "checkpoints" / "last.ckpt"


def test_places_without_a_checkpoint(tmp_path):
    with pytest.raises(CheckpointError, match="no such file"):
        find(tmp_path / "gone.ckpt")
    with pytest.raises(CheckpointError, match="no checkpoint"):
        find(tmp_path)
    with pytest.raises(CheckpointError, match="no such file"):
        read(tmp_path / "gone.ckpt")


@pytest.mark.parametrize("size", [0, 10, 500, -10])
def test_a_truncated_file(tmp_path, policy, size):
    whole = save(tmp_path / "a.ckpt", content(policy)).read_bytes()
    (tmp_path / "cut.ckpt").write_bytes(whole[:size])
    with pytest.raises(CheckpointError, match=r"cut\.ckpt: not a checkpoint"):
        load(tmp_path / "cut.ckpt")


def test_files_that_are_something_else(tmp_path):
    (tmp_path / "text.ckpt").write_text("CCO\n")
    with pytest.raises(CheckpointError, match="not a checkpoint"):
        load(tmp_path / "text.ckpt")
    with zipfile.ZipFile(tmp_path / "zip.ckpt", "w") as archive:
        archive.writestr("a.txt", "a")
    with pytest.raises(CheckpointError, match="not a checkpoint"):
        load(tmp_path / "zip.ckpt")
    for other in ([1, 2], {"state_dict": {}}, {"molgfn": {"version": "0"}}, {"molgfn": 3}):
        with pytest.raises(CheckpointError, match="molgfn"):
            load(save(tmp_path / "other.ckpt", other))


class Touch:
    """Unpickled by an ordinary reader, it makes a file."""

    def __init__(self, path):
        self.path = path

    def __reduce__(self):
        return os.system, (f"touch {self.path}",)


def test_code_in_a_pickle_is_not_run(tmp_path, policy):
    mark = tmp_path / "mark"
    hostile = content(policy, extra=Touch(mark))
    path = save(tmp_path / "a.ckpt", hostile)
    with pytest.raises(CheckpointError, match=r"holds code \(`posix\.system`\)"):
        load(path)
    for legacy in (tmp_path / "legacy.ckpt", tmp_path / "plain.ckpt"):
        if legacy.stem == "legacy":
            torch.save(hostile, legacy, _use_new_zipfile_serialization=False)
        else:
            legacy.write_bytes(pickle.dumps(Touch(mark)))
        with pytest.raises(CheckpointError, match="not a checkpoint"):
            load(legacy)
    assert not mark.exists()
    torch.load(path, weights_only=False)  # the trap itself works
    assert mark.exists()


@pytest.mark.parametrize("target", HOSTILE)
@pytest.mark.parametrize("key", ["environment", "policy", "backward"])
def test_hostile_targets_are_refused(tmp_path, policy, target, key):
    mark = tmp_path / "mark"
    config = {**CONFIG, key: {"_target_": target, "command": f"touch {mark}", "args": f"touch {mark}"}}
    with pytest.raises(CheckpointError, match=f"{key}: "):
        load(save(tmp_path / "a.ckpt", content(policy, molgfn={"config": config})))
    assert not mark.exists()


@pytest.mark.parametrize("target", HOSTILE)
def test_hostile_targets_deeper_down_are_refused(tmp_path, policy, target):
    config = {**CONFIG, "environment": {**CONFIG["environment"], "side": {"_target_": target}}}
    with pytest.raises(CheckpointError, match=r"environment\.side: "):
        load(save(tmp_path / "a.ckpt", content(policy, molgfn={"config": config})))


def test_the_rest_of_the_config_is_not_touched(tmp_path, policy):
    config = {
        **CONFIG,
        "logger": {"_target_": "os.system", "command": "false"},
        "oracle": {"_target_": "no.such.Oracle"},
    }
    assert load(save(tmp_path / "a.ckpt", content(policy, molgfn={"config": config}))).config == config


def test_classes_of_other_packages_need_trust(tmp_path, policy, monkeypatch):
    (tmp_path / "my_grid.py").write_text(
        "from molgfn.environments.hypergrid import HyperGrid\nclass MyGrid(HyperGrid):\n    pass\n"
    )
    monkeypatch.syspath_prepend(str(tmp_path))
    config = {**CONFIG, "environment": {"_target_": "my_grid.MyGrid", "side": 4}}
    path = save(tmp_path / "a.ckpt", content(policy, molgfn={"config": config}))
    with pytest.raises(CheckpointError, match="is not accepted from a checkpoint"):
        load(path)
    assert type(load(path, trust=("my_grid.",)).environment).__name__ == "MyGrid"


def test_configs_that_cannot_be_built(tmp_path, policy):
    with pytest.raises(CheckpointError, match="no `policy` and no `backward`"):
        load(save(tmp_path / "a.ckpt", content(policy, molgfn={"config": {"environment": CONFIG["environment"]}})))
    config = {**CONFIG, "policy": {**CONFIG["policy"], "hiden": 3}}
    with pytest.raises(CheckpointError, match="did you mean `hidden`"):
        load(save(tmp_path / "a.ckpt", content(policy, molgfn={"config": config})))
    with pytest.raises(CheckpointError, match="whole number"):
        load(save(tmp_path / "a.ckpt", content(policy, molgfn={"config": CONFIG, "iteration": "x"})))


def test_weights_that_do_not_fit(tmp_path, policy):
    weights = content(policy)["state_dict"]
    name, tensor = next((k, v) for k, v in weights.items() if v.dim() == 2)
    wrong = {
        "is missing": {k: v for k, v in weights.items() if k != name},
        "has no place": {**weights, "policy.extra": torch.zeros(1)},
        rf"should be \[{tensor.shape[0]}, {tensor.shape[1]}\], is \[1\]": {**weights, name: torch.zeros(1)},
        "is str": {**weights, name: "x"},
    }
    for message, state in wrong.items():
        with pytest.raises(CheckpointError, match=message):
            load(save(tmp_path / "a.ckpt", content(policy, state_dict=state)))
    with pytest.raises(CheckpointError, match="holds no weights"):
        load(save(tmp_path / "a.ckpt", content(policy, state_dict=None)))
