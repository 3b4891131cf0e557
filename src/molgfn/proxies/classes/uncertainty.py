"""How sure a classifier is of a label, and how far its posterior members disagree."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from scipy.special import entr


@dataclass(frozen=True)
class LabelUncertainty:
    """Of n molecules, float64 [n] each.

    Attributes:
        probability: of label 1, the mean over the posterior members.
        std: standard deviation over the members (ddof 1); 0 of one member.
        entropy: of the label, in nats, 0 to log 2: H(mean over members).
        mutual_information: of the label and the posterior member, in nats, 0 to the entropy: what a measurement would
            tell (BALD), as the entropy less the mean entropy that the members state.

    Reference: Houlsby et al., "Bayesian active learning for classification and preference learning", 2011, arXiv
        1112.5745, equation 2.
    """

    probability: np.ndarray
    std: np.ndarray
    entropy: np.ndarray
    mutual_information: np.ndarray


def of_members(members: np.ndarray) -> LabelUncertainty:
    """From the probability of label 1 that each of S members states for each of n molecules, float64 [S, n]."""
    mean = members.mean(0)
    entropy = binary_entropy(mean)
    spread = members.std(0, ddof=1) if len(members) > 1 else np.zeros_like(mean)
    # the difference of two equal numbers may be a little below 0
    told = np.maximum(entropy - binary_entropy(members).mean(0), 0.0)
    return LabelUncertainty(mean, spread, entropy, told)


def binary_entropy(probability: np.ndarray) -> np.ndarray:
    """Of labels that are 1 with these probabilities, in nats."""
    return entr(probability) + entr(1 - probability)
