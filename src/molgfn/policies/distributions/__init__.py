"""Distributions over the legal actions of a batch of states, and what can be asked of them."""

from molgfn.policies.distributions.base import ActionDistribution, single
from molgfn.policies.distributions.capabilities import (
    Capability,
    HasDivergence,
    HasEntropy,
    HasKL,
    HasMeanGap,
    HasSampledKL,
    HasTable,
    HasTempering,
    require,
)
from molgfn.policies.distributions.categorical import ILLEGAL, Categorical, choose
from molgfn.policies.distributions.packing import Packing
from molgfn.policies.distributions.staged import Staged

__all__ = [
    "ILLEGAL",
    "ActionDistribution",
    "Capability",
    "Categorical",
    "HasDivergence",
    "HasEntropy",
    "HasKL",
    "HasMeanGap",
    "HasSampledKL",
    "HasTable",
    "HasTempering",
    "Packing",
    "Staged",
    "choose",
    "require",
    "single",
]
