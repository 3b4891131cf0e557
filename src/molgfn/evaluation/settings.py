"""What a run's evaluation measures, and on how many samples."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Annotated

from pydantic import Field, NonNegativeInt, PositiveInt

from molgfn.datasets.reading import unfit
from molgfn.datasets.registry import DATASETS
from molgfn.environments.base import Environment
from molgfn.evaluation.metrics.base import Metric
from molgfn.evaluation.metrics.correlation import Correlation, HeldoutCorrelation
from molgfn.evaluation.metrics.diversity.internal_diversity import InternalDiversity
from molgfn.evaluation.metrics.diversity.modes import Circles, Modes
from molgfn.evaluation.metrics.diversity.scaffolds import Scaffolds
from molgfn.evaluation.metrics.diversity.uniqueness import Uniqueness
from molgfn.evaluation.metrics.diversity.vendi import Vendi
from molgfn.evaluation.metrics.edge_marginals import EdgeMarginals
from molgfn.evaluation.metrics.elbo import ELBO
from molgfn.evaluation.metrics.molecules.alerts import AlertsPassRate
from molgfn.evaluation.metrics.molecules.synthetic_accessibility import SyntheticAccessibility
from molgfn.evaluation.metrics.properties import Properties
from molgfn.evaluation.metrics.reference.chemnet_distance import ChemNetDistance
from molgfn.evaluation.metrics.reference.fragment_similarity import FragmentSimilarity
from molgfn.evaluation.metrics.reference.kl_score import KLScore
from molgfn.evaluation.metrics.reference.nearest_neighbour import NearestNeighbour
from molgfn.evaluation.metrics.reference.novelty import Novelty
from molgfn.evaluation.metrics.reference.scaffold_similarity import ScaffoldSimilarity
from molgfn.evaluation.metrics.reward import MeanReward
from molgfn.evaluation.metrics.several_objectives.metric import SeveralObjectives
from molgfn.evaluation.metrics.target.eubo import EUBO
from molgfn.evaluation.metrics.target.flow_consistency import FlowConsistency
from molgfn.evaluation.metrics.target.importance_weighted import ImportanceWeightedBound
from molgfn.evaluation.metrics.target.total_variation_bound import TotalVariationBound
from molgfn.evaluation.metrics.top_k import TopK
from molgfn.evaluation.metrics.torsions import Torsions
from molgfn.evaluation.metrics.unusual_motifs import UnusualMotifs
from molgfn.evaluation.metrics.validity import Validity
from molgfn.paths import NamedInput


class EvaluationSettings:
    """How many samples, which thresholds, and which further metrics.

    Args:
        samples: objects drawn from the policy.
        batch: objects drawn at once.
        top_k: numbers k of best objects to average over.
        thresholds: values of the property from which a molecule counts as good (modes and scaffolds): at least that,
            or at most that where the oracle is to be minimised.
        tanimoto: similarity from which two molecules belong to one mode.
        reference: file of molecules to measure novelty against, to compare with (nearest neighbours, fragments,
            scaffolds, GuacaMol's KL score, and with the extra ``fcd`` the Fréchet ChemNet distance) and to draw
            property distributions from; None for none.
        reference_sample: molecules of the reference, drawn at random, that everything but novelty is measured on.
        log_pt_objects: sampled objects whose log P_T(x) is estimated, for the correlation with log R(x); 0 for none.
        log_pt_samples: backward trajectories per such object.
        shown_trajectories: best samples for which the report shows how they were built, step by step with the
            probability of each: the most probable of ``log_pt_samples`` backward trajectories; 0 for none. None: 6.
        heldout: file of molecules (or the name of a set) whose log P_T(x) is compared with log R(x), too; what the
            environment cannot build is left out and said. None for none.
        exact_limit: most states that are listed to compare the exact P_T with R/Z; 0 for never.
        conditions: of a policy that was trained under a condition, how many conditions spread over what it was trained
            on are measured beside the reference; 0 for none. None: 5 of a single number, else up to 15.
        condition_samples: objects drawn under each of them; None: 128.
        condition_log_pt_objects: of these, how many whose log P_T(x) is estimated; 0 for none. None: 16, or
            ``log_pt_objects`` where that is less.
        focus_cosine: an object is in focus of a goal where the cosine between its desirabilities and the goal's
            direction is at least this; None: as the reward has it, else .98.
        extra: further metrics, such as your own classes.
    """

    def __init__(
        self,
        *,
        samples: PositiveInt = 1000,
        batch: PositiveInt = 256,
        top_k: Sequence[PositiveInt] = (1, 10, 100),
        thresholds: Sequence[float] = (0.7, 0.8),
        tanimoto: Annotated[float, Field(gt=0, le=1)] = 0.7,
        reference: NamedInput | None = None,
        reference_sample: PositiveInt = 5000,
        log_pt_objects: NonNegativeInt = 128,
        log_pt_samples: Annotated[int, Field(ge=2)] = 16,
        shown_trajectories: NonNegativeInt | None = None,
        heldout: NamedInput | None = None,
        exact_limit: NonNegativeInt = 100_000,
        conditions: NonNegativeInt | None = None,
        condition_samples: PositiveInt | None = None,
        condition_log_pt_objects: NonNegativeInt | None = None,
        focus_cosine: Annotated[float, Field(gt=0, lt=1)] | None = None,
        extra: Sequence[Metric] = (),
    ) -> None:
        self.samples = samples
        self.batch = batch
        self.top_k = tuple(top_k)
        self.thresholds = tuple(thresholds)
        self.tanimoto = tanimoto
        self.reference = reference
        self.reference_sample = reference_sample
        self.log_pt_objects = log_pt_objects
        self.log_pt_samples = log_pt_samples
        self.shown_trajectories = shown_trajectories
        self.heldout = heldout
        self.exact_limit = exact_limit
        self.conditions = conditions
        self.condition_samples = condition_samples
        self.condition_log_pt_objects = condition_log_pt_objects
        self.focus_cosine = focus_cosine
        self.extra = tuple(extra)

    def metrics(self) -> list[Metric]:
        """The standard metrics with these settings, then the further ones."""
        return [
            Validity(),
            Uniqueness(),
            Novelty(),
            MeanReward(),
            SeveralObjectives(),
            TopK(k=self.top_k),
            Modes(thresholds=self.thresholds, cut=self.tanimoto),
            Circles(),
            Scaffolds(thresholds=self.thresholds),
            InternalDiversity(),
            Vendi(),
            UnusualMotifs(),
            AlertsPassRate(),
            SyntheticAccessibility(),
            NearestNeighbour(),
            FragmentSimilarity(),
            ScaffoldSimilarity(),
            KLScore(),
            ChemNetDistance(),
            ELBO(),
            Torsions(),
            ImportanceWeightedBound(),
            TotalVariationBound(),
            EUBO(),
            Correlation(),
            HeldoutCorrelation(),
            FlowConsistency(),
            Properties(),
            EdgeMarginals(),
            *self.extra,
        ]

    def misfits(self, environment: Environment) -> list[str]:
        """What is wrong with the files named here for a run in ``environment``, one line each."""
        problems = []
        for name, file in (("reference", self.reference), ("heldout", self.heldout)):
            if file is None:
                continue
            if reason := unfit(environment.kind, type(environment).__name__):
                problems.append(f"evaluation.{name}: {reason}")
            elif file not in DATASETS and not Path(file).is_file():
                problems.append(f"evaluation.{name}: {file}: no such file, and no set of `molgfn data list`")
        return problems

    def plain(self) -> dict[str, object]:
        """What was asked for, for the record."""
        return {name: value for name, value in vars(self).items() if name != "extra"}
