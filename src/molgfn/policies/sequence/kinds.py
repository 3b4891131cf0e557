"""The sequence policies that come with the package."""

from __future__ import annotations

from typing import Annotated

from pydantic import Field

from molgfn.environments.base import Environment
from molgfn.networks.sequences import CausalTransformer, Recurrent
from molgfn.policies.base import BackwardRule, LogZStart
from molgfn.policies.hypernetwork import Head
from molgfn.policies.logit_scale import ScaleLogits
from molgfn.policies.sequence.policy import SequencePolicy


class GRUPolicy(SequencePolicy):
    """Gated recurrent units, as the SMILES priors of REINVENT have them.

    Args:
        embedding: size of the embedding of a token.
        width: hidden units of each layer.
        layers: layers.
        share_trunk: see ``SequencePolicy``.
        own_losses: see ``SequencePolicy``.
        scale_logits: "learned": P_F's logits are multiplied by a number of the condition (see ``LogitScale``).
        head: "hypernetwork": the weights of P_F's head depend on the condition (see ``Hypernetwork``).
        initial_log_z: where log Z starts; None, "importance" or "mean": where the first batch puts it (see
            ``Policy``).

    Reference: sizes of Kim et al. 2024 (Genetic-guided GFlowNets), arXiv 2402.05961, whose code has two layers.
    """

    def __init__(
        self,
        *,
        environment: Environment,
        learned_backward: bool = False,
        backward_rule: BackwardRule = "uniform",
        embedding: Annotated[int, Field(ge=1)] = 128,
        width: Annotated[int, Field(ge=1)] = 512,
        layers: Annotated[int, Field(ge=1)] = 2,
        share_trunk: bool | None = None,
        own_losses: frozenset[str] = frozenset(),
        scale_logits: ScaleLogits = None,
        head: Head = None,
        initial_log_z: LogZStart = None,
    ) -> None:
        super().__init__(
            environment=environment,
            trunk=lambda places: Recurrent(inputs=embedding, width=width, layers=layers),
            learned_backward=learned_backward,
            backward_rule=backward_rule,
            share_trunk=share_trunk,
            own_losses=own_losses,
            scale_logits=scale_logits,
            head=head,
            initial_log_z=initial_log_z,
        )


class TransformerPolicy(SequencePolicy):
    """A small causal transformer; keys and values are kept along a rollout.

    Args:
        width: size of all hidden states; a multiple of ``heads``.
        layers: layers of the trunk.
        heads: attention heads.
        expansion: hidden size of the feed-forward blocks over ``width``.
        share_trunk: see ``SequencePolicy``.
        own_losses: see ``SequencePolicy``.
        scale_logits: "learned": P_F's logits are multiplied by a number of the condition (see ``LogitScale``).
        head: "hypernetwork": the weights of P_F's head depend on the condition (see ``Hypernetwork``).
        initial_log_z: where log Z starts; None, "importance" or "mean": where the first batch puts it (see
            ``Policy``).
    """

    def __init__(
        self,
        *,
        environment: Environment,
        learned_backward: bool = False,
        backward_rule: BackwardRule = "uniform",
        width: Annotated[int, Field(ge=8)] = 256,
        layers: Annotated[int, Field(ge=1)] = 4,
        heads: Annotated[int, Field(ge=1)] = 8,
        expansion: Annotated[int, Field(ge=1)] = 4,
        share_trunk: bool | None = None,
        own_losses: frozenset[str] = frozenset(),
        scale_logits: ScaleLogits = None,
        head: Head = None,
        initial_log_z: LogZStart = None,
    ) -> None:
        super().__init__(
            environment=environment,
            trunk=lambda places: CausalTransformer(
                width=width, layers=layers, heads=heads, expansion=expansion, places=places
            ),
            learned_backward=learned_backward,
            backward_rule=backward_rule,
            share_trunk=share_trunk,
            own_losses=own_losses,
            scale_logits=scale_logits,
            head=head,
            initial_log_z=initial_log_z,
        )
