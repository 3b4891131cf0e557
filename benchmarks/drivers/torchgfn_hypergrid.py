"""torchgfn on the hypergrid, as in its own example; keeping the log-probabilities of the rollout is slower."""

import task

given = task.arguments()

import torch  # noqa: E402
from gfn.estimators import DiscretePolicyEstimator  # noqa: E402
from gfn.gflownet import TBGFlowNet  # noqa: E402
from gfn.gym import HyperGrid  # noqa: E402
from gfn.preprocessors import KHotPreprocessor  # noqa: E402
from gfn.samplers import Sampler  # noqa: E402
from gfn.utils.modules import MLP, DiscreteUniform  # noqa: E402

torch.set_num_threads(given.threads)
torch.manual_seed(given.seed)
environment = HyperGrid(
    ndim=task.DIMENSIONS,
    height=task.SIDE,
    reward_fn_str="original",
    reward_fn_kwargs=dict(zip(("R0", "R1", "R2"), task.REWARD, strict=True)),
    device="cpu",
)
one_hot = KHotPreprocessor(height=environment.height, ndim=environment.ndim)
network = MLP(
    input_dim=one_hot.output_dim,
    output_dim=environment.n_actions,
    hidden_dim=task.HIDDEN,
    n_hidden_layers=task.LAYERS,
)
forward = DiscretePolicyEstimator(network, environment.n_actions, preprocessor=one_hot)
backward = DiscretePolicyEstimator(
    DiscreteUniform(output_dim=environment.n_actions - 1),
    environment.n_actions,
    preprocessor=one_hot,
    is_backward=True,
)
model = TBGFlowNet(pf=forward, pb=backward, init_logZ=0.0)
optimizer = torch.optim.Adam(model.pf_pb_parameters(), lr=task.GRID_RATE)
optimizer.add_param_group({"params": model.logz_parameters(), "lr": task.LOG_Z_RATE})
sampler = Sampler(estimator=forward)
meter = task.Meter(given.warm, given.iterations)
for _ in range(given.warm + given.iterations):
    trajectories = sampler.sample_trajectories(environment, n=task.GRID_BATCH, save_logprobs=False)
    optimizer.zero_grad()
    loss = model.loss_from_trajectories(environment, trajectories, recalculate_all_logprobs=False)
    loss.backward()
    optimizer.step()
    meter.done(task.GRID_BATCH, int(trajectories.terminating_idx.sum()))
meter.report("torchgfn", "torch")
