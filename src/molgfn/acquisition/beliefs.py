"""What a model says of all candidates of a round at once: the joint that a selector chooses a batch by."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from molgfn.chemistry.molecules import Molecule, mols_of
from molgfn.information.base import Information
from molgfn.information.classes import ClassInformation
from molgfn.information.covariance import OfPredictions
from molgfn.information.gaussian import GaussianInformation
from molgfn.information.members import Members, count_features

#: numbers that the counts of a molecule are folded to, for networks
FEATURES = 256
#: radius of the environments that are counted
RADIUS = 2


@dataclass(frozen=True, eq=False)
class Belief:
    """Of n candidates.

    Attributes:
        members: the candidates with features for networks.
        values: of the acquisition, more is better, float64 [n].
        information: what measuring several of them would tell of the model.
    """

    members: Members
    values: np.ndarray
    information: Information

    def __len__(self) -> int:
        return len(self.members)

    def among(self, rows: np.ndarray) -> Belief:
        """Of some of the candidates, in the order of ``rows``."""
        return Belief(self.members.take(rows), self.values[rows], self.information.among(rows))


def candidates_of(molecules: list[Molecule]) -> Members:
    """Different molecules as members."""
    features = count_features(mols_of(molecules), RADIUS, FEATURES)
    return Members([m.smiles for m in molecules], features, molecules)


def of_predictions(
    members: Members, values: np.ndarray, predictions: np.ndarray, noise: float, scale: float = 1.0
) -> Belief:
    """The belief of S posterior members (an ensemble, masks) that predict numbers.

    Args:
        members: n candidates.
        values: of the acquisition, float64 [n].
        predictions: float64 [S, n].
        noise: variance of the noise of a measurement, in units of the predictions, more than 0.
        scale: what deviations are multiplied by so that they are right on average.
    """
    return Belief(members, values, GaussianInformation(OfPredictions(predictions, scale), noise, members.names))


def of_probabilities(members: Members, probabilities: np.ndarray, values: np.ndarray | None = None) -> Belief:
    """The belief of S posterior members (an ensemble, masks) of a classifier, whose batches are chosen by BatchBALD.

    Args:
        members: n candidates.
        probabilities: of label 1, float64 [S, n], as the ``members`` of a proxy of labels are; or of classes [S, n, C].
        values: of the acquisition, float64 [n]; None: what each candidate tells by itself (BALD).

    Raises:
        DataError: no probabilities; the member is named.
    """
    information = ClassInformation(probabilities, members.names)
    return Belief(members, information.alone() if values is None else values, information)
