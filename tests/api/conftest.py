"""Small runs, trained once for a file of tests."""

import pytest
import yaml

import molgfn

GRID = """
defaults: [train, override environment: hypergrid, override oracle: hypergrid, override policy: mlp, _self_]
name: grid
environment: {side: 4}
policy: {hidden: 8, layers: 1}
data: {batch_size: 8}
trainer: {iterations: 3, log_every: 1, accelerator: cpu, threads: 1, progress: none}
logger: {wandb: "off"}
evaluation: {samples: 40, batch: 40, log_pt_objects: 4, log_pt_samples: 2}
"""
MOLECULES = """
defaults: [train, _self_]
name: molecules
environment:
  vocabulary: [[c1ccccc1, [0, 3], 1], [CO, [0], 1], [C, [0], 1], [C1CCNCC1, [0, 3], 1]]
  max_fragments: 3
policy: {width: 8, layers: 1, heads: 2}
data: {batch_size: 8}
trainer: {iterations: 2, accelerator: cpu, threads: 1, progress: none}
logger: {wandb: "off"}
evaluation: {samples: 30, batch: 30, log_pt_objects: 4, log_pt_samples: 2}
"""


def trained(folder, text):
    path = folder / f"{yaml.safe_load(text)['name']}.yaml"
    path.write_text(f"{text}output: {folder / 'runs'}\n")
    return molgfn.train(path)


@pytest.fixture(scope="module")
def grid(tmp_path_factory):
    return trained(tmp_path_factory.mktemp("grid"), GRID)


@pytest.fixture(scope="module")
def molecules(tmp_path_factory):
    return trained(tmp_path_factory.mktemp("molecules"), MOLECULES)
