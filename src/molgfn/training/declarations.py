"""What the parts of a run declare about themselves, checked before it starts."""

from __future__ import annotations

from molgfn.errors import ContractError
from molgfn.objectives.backward import base as backward_base
from molgfn.objectives.backward.base import BackwardPolicyTraining
from molgfn.objectives.base import Objective, unknown_words
from molgfn.policies.base import Policy


def misdeclared(objective: Objective, backward: BackwardPolicyTraining, policy: Policy) -> list[str]:
    """What the parts say of themselves and what cannot be, one line each: nobody would act on it."""
    problems = [f"objective: {type(objective).__name__}.{text}" for text in unknown_words(objective)]
    problems += [f"backward: {type(backward).__name__}.{text}" for text in backward_base.unknown_words(backward)]
    try:
        policy.parameter_groups()
    except ContractError as error:
        problems.append(f"policy: {error}")
    return problems
