"""What is known as plain data, for a checkpoint, and back."""

from __future__ import annotations

from typing import Any

import numpy as np
import torch

from molgfn.acquisition.known import Known
from molgfn.objects.base import ObjectKind
from molgfn.rewards.base import Scores
from molgfn.serving.measurements import Measurements


def plain_known(known: Known) -> dict[str, Any]:
    """Lists, numbers, texts and tensors."""
    scores = known.scores
    return {
        "keys": list(known.keys),
        "worth": torch.from_numpy(known.worth.copy()),
        "rounds": torch.from_numpy(known.rounds.copy()),
        "sources": list(known.sources),
        "scores": None if scores is None else _plain_scores(scores),
    }


def whole_known(state: dict[str, Any], kind: ObjectKind) -> Known:
    """What ``plain_known`` gave, with its objects."""
    known = Known(kind)
    if state["scores"] is not None:
        rounds = state["rounds"].numpy()
        keys = list(state["keys"])
        known.add(kind.parse(keys), keys, state["worth"].numpy(), 0, state["sources"], _scores(state["scores"]))
        known.rounds = np.array(rounds)
    return known


def _plain_scores(scores: Scores) -> dict[str, Any]:
    measured = scores.measurements
    return {
        "log_reward": scores.log_reward,
        "value": scores.value,
        "components": dict(scores.components),
        "problems": list(scores.problems),
        "measured": None if measured is None else [dict(measured.values), list(measured.problems)],
    }


def _scores(state: dict[str, Any]) -> Scores:
    measured = state["measured"]
    return Scores(
        state["log_reward"],
        state["value"],
        state["components"],
        state["problems"],
        None if measured is None else Measurements(*measured),
    )
