"""Conformations of molecules: their torsions set one after the other, the rest of the geometry held rigid."""

from __future__ import annotations

import copy
from collections.abc import Mapping
from dataclasses import replace
from typing import Annotated, Any, ClassVar, Literal

import numpy as np
import torch
from pydantic import Field
from torch import Tensor

from molgfn.chemistry.conformers.frame import Frame
from molgfn.chemistry.conformers.metric import Metric, log_volume
from molgfn.chemistry.conformers.rotors import HydrogenRotors
from molgfn.environments.conformers.reading import frames_of, given_molecules
from molgfn.environments.conformers.shown import DESCRIPTORS, HARMONICS, FrameGraphs, TorsionBatch, graphs_of
from molgfn.environments.conformers.states import TURN, OneTorsion, TorsionStates, wrapped
from molgfn.environments.real_actions import RealActions, Space, action, split
from molgfn.errors import DataError
from molgfn.objects.base import ObjectKind
from molgfn.objects.conformation import CONFORMATION, Conformations
from molgfn.paths import InputFile


class Conformers(RealActions):
    """The torsions of M molecules, each set once; when all of a molecule's are, the exit.

    Choice k < D sets torsion k to an angle, choice D stops; with ``order="fixed"`` the torsions come in their kept
    order, so that each conformation has one trajectory and log P_T is known exactly; with "any" the policy chooses
    which comes next, and a conformation of d torsions has d! trajectories. The reference measure of a step, and of
    finished objects, is d phi in radians over one period. Backward, the angle is a point mass.

    The molecule is drawn evenly at the source and never changes: with several, the policy and log Z are functions of
    it (``condition`` tells molecules apart). What remains of a molecule is its seed geometry, one conformer by ETKDGv3
    and MMFF94 (``chemistry.conformers``), which is made once, kept in the checkpoint, and never changed.

    Molecules that cannot be used (invalid, without torsions or with too many, of several pieces, not embedded) are
    left out, counted with their reasons in ``left_out``, and the first of each reason is said.

    Args:
        smiles: of a molecule, or a list; a checkpoint keeps their seed geometries here. None, and no ``file``: CCCCO.
        file: of further molecules.
        hydrogen_rotors: rotors of hydrogens alone that turn, too: none; polar: of N, O and S; all: methyl as well.
        symmetric: a rotor with equal branches (CF3, phenyl) turns over the angle after which it repeats.
        order: see above.
        most_torsions: of a molecule; those with more are left out.
        per_molecule: how many neighbouring trajectories of a batch are of the same molecule, which objectives that
            compare trajectories (vargrad) need with several molecules.
        metric: the volume that R is a density over: none: d phi alone, as published samplers have it; unit, mass: the
            volume element of torsion space (``chemistry.conformers.metric``).
        seed: of the seed geometries.

    Raises:
        ConfigError: nothing of what is given can be used.

    Reference:
        Volokhova et al. 2024, Digital Discovery 3, 1038, arXiv 2310.14782; Lahlou et al. 2023, arXiv 2301.12594.
    """

    kind: ClassVar[ObjectKind] = CONFORMATION
    encoding: ClassVar[str] = "conformation"
    space: ClassVar[Space] = "circle"
    bounds = None

    def __init__(
        self,
        *,
        smiles: str | list[str | dict[str, Any]] | None = None,
        file: InputFile | None = None,
        hydrogen_rotors: HydrogenRotors = "none",
        symmetric: bool = True,
        order: Literal["fixed", "any"] = "fixed",
        most_torsions: Annotated[int, Field(ge=1)] = 8,
        per_molecule: Annotated[int, Field(ge=1)] = 1,
        metric: Metric = "none",
        seed: Annotated[int, Field(ge=0)] = 0,
    ) -> None:
        self.order: Literal["fixed", "any"] = order
        self.metric: Metric = metric
        self.settings: dict[str, Any] = {
            "hydrogen_rotors": hydrogen_rotors,
            "symmetric": symmetric,
            "most": most_torsions,
            "seed": seed,
        }
        frames, self.left_out = frames_of(given_molecules(smiles, file), **self.settings)
        self.conditional = len(frames) > 1
        self.condition_size = DESCRIPTORS if self.conditional else 0
        self.per_condition = per_molecule if self.conditional else 1
        self._take(frames)

    def _take(self, frames: list[Frame]) -> None:
        self.frames = tuple(frames)
        self._graphs: dict[torch.device, FrameGraphs] = {torch.device("cpu"): graphs_of(frames)}
        self._place = {frame.name: number for number, frame in enumerate(frames)}
        self.torsions = self.n_coordinates = max(frame.torsions for frame in frames)
        self.n_choices = self.torsions + 1
        self.n_backward_choices = self.torsions
        self.stop_choice = self.torsions
        self.max_steps = self.torsions + 1

    def of_molecules(self, smiles: list[str]) -> Conformers:
        """The same environment with other molecules, which a policy that was trained here can be asked for, too.

        Raises:
            ConfigError: none of them can be used.
        """
        frames, left_out = frames_of(given_molecules(smiles, None), **self.settings)
        known = {frame.smiles: frame for frame in self.frames}
        new = copy.copy(self)
        new.left_out = left_out
        new._take([known.get(frame.smiles, frame) for frame in frames])  # a seed geometry is reused
        return new

    def graphs(self, device: torch.device) -> FrameGraphs:
        """The molecules on a device; copied when first asked for."""
        found = self._graphs.get(device)
        if found is None:
            with torch.inference_mode(False):
                found = self._graphs[device] = self._graphs[torch.device("cpu")].to(device)
        return found

    # ------------------------------------------------------------------ states

    def initial(self, n: int, device: torch.device | str = "cpu") -> TorsionStates:
        return self._source(torch.zeros(n, dtype=torch.int64, device=device))

    def draw_initial(
        self, n: int, generator: torch.Generator | None = None, device: torch.device | str = "cpu"
    ) -> TorsionStates:
        each = self.per_condition
        drawn = torch.randint(len(self.frames), (-(-n // each),), generator=generator, device=device)
        return self._source(drawn.repeat_interleave(each)[:n])

    def _source(self, molecule: Tensor) -> TorsionStates:
        shape = len(molecule), self.torsions
        angle = torch.zeros(shape, dtype=torch.float64, device=molecule.device)
        return TorsionStates(molecule, angle, torch.zeros(shape, dtype=torch.bool, device=molecule.device))

    def there(self, states: TorsionStates) -> Tensor:
        """bool [B, D]: the molecule has that torsion."""
        return self.graphs(states.device).rotor_there[states.molecule]

    def period(self, states: TorsionStates) -> Tensor:
        """float64 [B, D], radians; 0 where a molecule has fewer torsions."""
        return self.graphs(states.device).period[states.molecule]

    def step(self, states: TorsionStates, actions: Tensor) -> TorsionStates:
        choice, move = split(actions)
        at = self._chosen(choice)
        angle = torch.where(at, wrapped(move, self.period(states)), states.angle)
        return replace(states, angle=angle, done=states.done | at)

    def undo(self, states: TorsionStates, backward_actions: Tensor) -> TorsionStates:
        at = self._chosen(split(backward_actions)[0])
        return replace(states, angle=states.angle.masked_fill(at, 0.0), done=states.done & ~at)

    def _chosen(self, choice: Tensor) -> Tensor:
        """bool [B, D], the torsion that is named; none for stop."""
        return choice[:, None] == torch.arange(self.torsions, device=choice.device)

    def choice_mask(self, states: TorsionStates) -> Tensor:
        open_ = self.there(states) & ~states.done
        if self.order == "fixed":
            open_ = open_ & (open_.cumsum(1) == 1)
        return torch.cat([open_, self.stop_mask(states)[:, None]], 1)

    def stop_mask(self, states: TorsionStates) -> Tensor:
        return (states.done | ~self.there(states)).all(1)

    def backward_choice_mask(self, states: TorsionStates) -> Tensor:
        if self.order == "any":
            return states.done
        return states.done & (states.done.flip(1).cumsum(1).flip(1) == 1)  # the last that was set

    def chart(self, states: TorsionStates) -> OneTorsion:
        return OneTorsion(self.period(states), True)

    def backward_chart(self, states: TorsionStates) -> OneTorsion:
        return OneTorsion(self.period(states), False)

    def backward_action(self, states: TorsionStates, actions: Tensor, next_states: TorsionStates) -> Tensor:
        choice, move = split(actions)
        return action(choice.clamp(max=self.torsions - 1), torch.zeros_like(move))

    def forward_action(self, states: TorsionStates, backward_actions: Tensor, previous: TorsionStates) -> Tensor:
        choice = split(backward_actions)[0]
        return action(choice, torch.where(self._chosen(choice), states.angle, 0.0))

    def is_initial(self, states: TorsionStates) -> Tensor:
        return ~states.done.any(1)

    # ------------------------------------------------------------------ what is read of them

    def encode(self, states: TorsionStates) -> TorsionBatch:
        graphs = self.graphs(states.device)
        period = graphs.period[states.molecule]
        turn = (states.angle * TURN / torch.where(period > 0, period, TURN))[..., None]
        waves = torch.cat([f(turn * k) for k in HARMONICS for f in (torch.sin, torch.cos)], -1)
        waves = torch.where(states.done[..., None], waves, 0.0).to(torch.get_default_dtype())
        return TorsionBatch(states.molecule, waves, states.done, graphs)

    def condition(self, states: TorsionStates) -> Tensor | None:
        return self.graphs(states.device).descriptors[states.molecule] if self.conditional else None

    # ------------------------------------------------------------------ objects

    def objects(self, states: TorsionStates) -> Conformations:
        return Conformations(self.frames, states.molecule.cpu().numpy(), states.angle.cpu().numpy())

    def states_of(self, objects: Conformations) -> TorsionStates:
        if strange := [frame.smiles for frame, _, _ in objects.by_frame() if frame.name not in self._place]:
            raise DataError(f"{strange[0]}: no molecule of this environment, or another seed geometry of it")
        source = self._source(torch.tensor([self._place[one.frame.name] for one in objects], dtype=torch.int64))
        there, d = self.there(source), objects.angles.shape[1]
        angle = torch.zeros_like(source.angle)
        angle[:, : min(d, self.torsions)] = torch.from_numpy(objects.angles)[:, : self.torsions]
        return replace(source, angle=wrapped(torch.where(there, angle, 0.0), self.period(source)), done=there)

    def log_symmetry(self, states: TorsionStates, objects: Conformations) -> Tensor:
        out = np.zeros(len(objects))
        if self.metric != "none":
            for frame, rows, angles in objects.by_frame():
                out[rows] = -log_volume(frame, angles, metric=self.metric)
        return torch.from_numpy(out)

    def portable(self) -> dict[str, Any]:
        kept: list[Mapping[str, Any]] = [frame.plain() for frame in self.frames]
        return {"smiles": kept, "file": None}
