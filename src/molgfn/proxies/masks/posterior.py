"""The posterior over masks by trajectory balance: GFlowOut."""

from __future__ import annotations

import copy
import math
from collections.abc import Callable
from dataclasses import dataclass, field

import torch
from torch import Tensor, nn

from molgfn.errors import TrainingError
from molgfn.proxies.classes.lesson import log_bernoulli
from molgfn.proxies.masks.network import MaskedNetwork, Trail
from molgfn.proxies.masks.samplers import BernoulliMasks, LayerwiseMasks, MaskSampler
from molgfn.proxies.masks.settings import MaskSettings

#: molecules of which q(z) reads the likelihood in a step, at most
MOST_ROWS = 1024
#: gradient steps between looks at the validation part
EVERY = 50
#: hidden units of log Z(x, y)
HIDDEN_LOG_Z = 16


@dataclass(frozen=True)
class Evidence:
    """Molecules that a posterior over masks is trained on.

    Attributes:
        embedding: what the masked layers get of each, float32 [N, 2 width].
        labels: standardised, or labels of two classes, 0 or 1; float32 [N].
        noise: standard deviation of the likelihood N(y; f(x, z), noise^2), standardised; None: of two classes, whose
            likelihood is that of a Bernoulli variable with the log odds f(x, z).
    """

    embedding: Tensor
    labels: Tensor
    noise: float | None

    def __len__(self) -> int:
        return len(self.labels)

    def take(self, rows: Tensor) -> Evidence:
        """Those of these rows."""
        return Evidence(self.embedding[rows], self.labels[rows], self.noise)

    def log_likelihood(self, predictions: Tensor) -> Tensor:
        """log N(y; f, noise^2), or log Bernoulli(y; sigmoid(f)), of predictions [..., N], of each."""
        if self.noise is None:
            return log_bernoulli(predictions, self.labels)
        return -0.5 * ((predictions - self.labels) / self.noise) ** 2 - math.log(self.noise * math.sqrt(2 * math.pi))


@dataclass
class MaskPosterior:
    """What was trained.

    Attributes:
        q: q(z), or q(z | x, y).
        at_test: what masks are drawn from where no label is known: q(z), or p(z | x).
        log_z: a number [], or a network of [x, y], float [N, 2 width + 1] to [N, 1].
        losses: mean squared residual of trajectory balance of each step.
        validation: (step, mean log of the mean likelihood over masks) on the validation part, where it was looked at.
    """

    q: LayerwiseMasks
    at_test: MaskSampler
    log_z: nn.Parameter | nn.Module
    losses: list[float] = field(default_factory=list)
    validation: list[tuple[int, float]] = field(default_factory=list)


def train_unconditional(
    network: MaskedNetwork,
    evidence: Evidence,
    settings: MaskSettings,
    seed: int = 0,
    on_step: Callable[[int, float], None] = lambda step, loss: None,
) -> MaskPosterior:
    """q(z) by trajectory balance: log Z + log q(z) = beta sum_i log p(y_i | x_i, z) + log p(z), p(z) of ``rate``.

    Of more than 1,024 molecules as many are drawn anew in each step and their sum is scaled up: it is an unbiased
    number, and the squared residual is linear in it but for its variance, so the gradient is unbiased, too.

    Args:
        network: trained; its weights stay.
        evidence: the training part.
        settings: how.
        seed: of parameters and draws.
        on_step: called after each step with its number (from 1) and loss.

    Raises:
        TrainingError: the loss is not finite.
    """
    prior = BernoulliMasks(network.sizes, settings.rate)
    q = LayerwiseMasks(network.sizes, settings.rate, activations=None, label=False, seed=seed)
    log_z = nn.Parameter(torch.zeros(()))
    groups = [*_groups(q, settings), {"params": [log_z], "lr": settings.lr_log_z, "weight_decay": 0.0}]
    optimizer = torch.optim.AdamW(groups)
    random = torch.Generator().manual_seed(seed)
    nothing = evidence.embedding.new_zeros(1, evidence.embedding.shape[1])
    losses = []
    for step in range(1, settings.steps + 1):
        count = min(len(evidence), MOST_ROWS)
        some = evidence if count == len(evidence) else evidence.take(_rows(len(evidence), count, random))
        uniforms = torch.rand(settings.draws, 1, sum(network.sizes), generator=random)
        masks = _tempered(q, network, nothing, uniforms, settings)
        with torch.no_grad():
            likelihood = some.log_likelihood(network.walk(some.embedding, masks)).sum(1) * (len(evidence) / count)
            trail = Trail([masks.new_zeros(1, 1)] * len(network.sizes), likelihood)  # neither of them reads it
            target = settings.beta * likelihood + prior.log_prob(network, masks, trail)[:, 0]
        log_q = q.log_prob(network, masks, trail)[:, 0]
        if step == 1:
            log_z.data.copy_((target - log_q).mean())
        loss = (log_z + log_q - target).square().mean()
        losses.append(_stepped(optimizer, loss, step))
        on_step(step, losses[-1])
    return MaskPosterior(q.eval().requires_grad_(False), q, log_z, losses)


def train_conditional(
    network: MaskedNetwork,
    evidence: Evidence,
    settings: MaskSettings,
    seed: int = 0,
    on_step: Callable[[int, float], None] = lambda step, loss: None,
    *,
    held: Evidence | None = None,
    learn_prior: bool = True,
) -> MaskPosterior:
    """q(z | x, y) by trajectory balance, log Z(x, y) + log q(z | x, y) = beta log p(y | x, z) + log p(z | x), and
    p(z | x) by maximum likelihood on masks that q draws.

    p(z | x) starts as the prior of ``rate``. It is what is left at test time, where there is no y; of its steps that is
    kept, the start included, at which the mean likelihood over masks is largest on ``held``.

    Args:
        network: trained; its weights stay.
        evidence: the training part.
        settings: how.
        seed: of parameters and draws.
        on_step: called after each step with its number (from 1) and loss.
        held: the validation part; None: p(z | x) of the last step is kept.
        learn_prior: train p(z | x); otherwise it stays the prior of ``rate``, and q is the posterior under that.

    Raises:
        TrainingError: the loss is not finite.
    """
    reads = {"activations": network.activation_sizes}
    q = LayerwiseMasks(network.sizes, settings.rate, **reads, label=True, seed=seed)
    p = LayerwiseMasks(network.sizes, settings.rate, **reads, label=False, seed=seed + 1)
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(seed + 2)
        log_z = nn.Sequential(
            nn.Linear(evidence.embedding.shape[1] + 1, HIDDEN_LOG_Z), nn.LeakyReLU(), nn.Linear(HIDDEN_LOG_Z, 1)
        )
    fast = {"params": [*log_z.parameters()], "lr": 10 * settings.lr, "weight_decay": 0.0}
    optimizer = torch.optim.AdamW([*_groups(q, settings), fast])
    follower = torch.optim.AdamW(_groups(p, settings))
    random = torch.Generator().manual_seed(seed)
    posterior = MaskPosterior(q, p, log_z)
    best = -math.inf
    kept = copy.deepcopy(p.state_dict())
    for step in range(1, settings.steps + 1):
        if held is not None and (step - 1) % EVERY == 0:
            best, kept = _looked_at(posterior, network, held, settings, seed, step - 1, best, kept)
        some = evidence.take(_rows(len(evidence), min(settings.batch, len(evidence)), random))
        uniforms = torch.rand(settings.draws, len(some), sum(network.sizes), generator=random)
        masks = _tempered(q, network, some.embedding, uniforms, settings, label=some.labels)
        trail = network.trail(some.embedding, masks)
        with torch.no_grad():
            log_p = p.log_prob(network, masks, trail)
            target = settings.beta * some.log_likelihood(trail.predictions) + log_p
        log_q = q.log_prob(network, masks, trail, label=some.labels)
        own = log_z(torch.cat([some.embedding, some.labels[:, None]], 1))[:, 0]
        loss = (own + log_q - target).square().mean()
        posterior.losses.append(_stepped(optimizer, loss, step))
        if learn_prior:
            half = settings.draws // 2  # those that q drew as it is
            plain = Trail([a[half:] if a.dim() > 2 else a for a in trail.activations], trail.predictions[half:])
            _stepped(follower, -p.log_prob(network, masks[half:], plain).mean(), step)
        on_step(step, posterior.losses[-1])
    if held is not None:
        _, kept = _looked_at(posterior, network, held, settings, seed, settings.steps, best, kept)
        p.load_state_dict(kept)
    for module in (q, p, log_z):
        module.eval().requires_grad_(False)
    return posterior


def log_marginal(network: MaskedNetwork, sampler: MaskSampler, evidence: Evidence, uniforms: Tensor) -> Tensor:
    """log of the mean over masks of p(y | x, z), of each molecule, [N]; ``uniforms`` [S, 1, n] draw the masks."""
    masks = sampler.draw(network, evidence.embedding, uniforms)
    likelihood = evidence.log_likelihood(network.walk(evidence.embedding, masks))
    return torch.logsumexp(likelihood, 0) - math.log(len(uniforms))


def _looked_at(
    posterior: MaskPosterior,
    network: MaskedNetwork,
    held: Evidence,
    settings: MaskSettings,
    seed: int,
    step: int,
    best: float,
    kept: dict[str, Tensor],
) -> tuple[float, dict[str, Tensor]]:
    """Best mean likelihood of the validation part so far, and the weights of p(z | x) that had it."""
    same = torch.Generator().manual_seed(seed)  # the same numbers each time, so that looks can be compared
    uniforms = torch.rand(settings.samples, 1, sum(network.sizes), generator=same)
    with torch.no_grad():
        value = float(log_marginal(network, posterior.at_test, held, uniforms).mean())
    posterior.validation.append((step, value))
    if value > best:
        return value, copy.deepcopy(posterior.at_test.state_dict())
    return best, kept


def _groups(sampler: LayerwiseMasks, settings: MaskSettings) -> list[dict[str, object]]:
    """Weights decay, biases (where the prior's log odds are) do not."""
    weights = [p for p in sampler.parameters() if p.dim() > 1]
    biases = [p for p in sampler.parameters() if p.dim() == 1]
    return [
        {"params": weights, "lr": settings.lr, "weight_decay": settings.weight_decay},
        {"params": biases, "lr": settings.lr, "weight_decay": 0.0},
    ]


def _rows(count: int, some: int, random: torch.Generator) -> Tensor:
    return torch.randperm(count, generator=random)[:some]


def _tempered(
    q: LayerwiseMasks,
    network: MaskedNetwork,
    embedding: Tensor,
    uniforms: Tensor,
    settings: MaskSettings,
    label: Tensor | None = None,
) -> Tensor:
    """Masks of which the first half were drawn with the temperature."""
    half = len(uniforms) // 2
    first = q.draw(network, embedding, uniforms[:half], label=label, temperature=settings.temperature)
    return torch.cat([first, q.draw(network, embedding, uniforms[half:], label=label)])


def _stepped(optimizer: torch.optim.Optimizer, loss: Tensor, step: int) -> float:
    value = float(loss.detach())
    if not math.isfinite(value):
        raise TrainingError(f"masks, step {step}: the loss is not finite; try a lower lr or beta")
    optimizer.zero_grad()
    loss.backward()
    optimizer.step()
    return value
