"""A natural-gradient step inside a trust region (TRPO) as an optimizer."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from typing import Any

import torch
from torch import Tensor
from torch.nn.attention import SDPBackend, sdpa_kernel

from molgfn.ranks import ALONE, Ranks


class TrustRegionOptimizer(torch.optim.Optimizer):
    """Trust-region policy optimisation: the step of steepest descent of a loss under a bound on a divergence.

    With g the gradient of the loss and H the Hessian of the divergence at the present parameters, where it is 0, the
    step is ``-sqrt(2 max_divergence / s^T g) s`` with ``H s = g`` from conjugate gradients; it is shortened until the
    loss has fallen and the divergence, the very functional that H comes from, is within the bound. Where no length
    does, or anything is not finite, the parameters are put back bit for bit.

    Args:
        params: what moves.
        max_divergence: bound on the divergence, > 0.
        cg_iterations: of the conjugate gradients.
        damping: added to the diagonal of H, >= 0.
        backtracks: shorter steps tried.
        shrink: factor from one try to the next, in (0, 1).
        ranks: the processes of the run. Loss and divergence are the means over them of what the closures give, and so
            are gradient and curvature: all take the same step, and try the same lengths.

    Attributes:
        report: of the last step: ``accepted`` (0 or 1), ``divergence``, ``improvement`` (of the loss), ``backtracks``.
        finite: whether loss and gradient of the last step were finite.

    Reference: Schulman et al. 2015, arXiv 1502.05477, appendix C; used by arXiv 2408.05885 (RL-T).
    """

    def __init__(
        self,
        params: Iterable[Tensor],
        *,
        max_divergence: float = 0.01,
        cg_iterations: int = 10,
        damping: float = 0.0,
        backtracks: int = 20,
        shrink: float = 0.5,
        ranks: Ranks = ALONE,
    ) -> None:
        if max_divergence <= 0 or not 0 < shrink < 1 or damping < 0 or cg_iterations < 1 or backtracks < 0:
            raise ValueError("max_divergence > 0, 0 < shrink < 1, damping >= 0, cg_iterations >= 1, backtracks >= 0")
        defaults = {
            "max_divergence": max_divergence,
            "cg_iterations": cg_iterations,
            "damping": damping,
            "backtracks": backtracks,
            "shrink": shrink,
        }
        super().__init__(params, defaults)
        self.ranks = ranks
        self.report: dict[str, float] = {}
        self.finite = True

    def step(self, closure: Callable[[], tuple[Tensor, Tensor]]) -> Tensor:  # type: ignore[override]
        """One step.

        Args:
            closure: gives (loss, divergence) under the present parameters, with gradient; called again for every
                length.

        Returns:
            The loss before the step.
        """
        settings = self.param_groups[0]
        parameters = [p for g in self.param_groups for p in g["params"] if p.requires_grad]
        self.report = {"accepted": 0.0, "divergence": 0.0, "improvement": 0.0, "backtracks": 0.0}
        with sdpa_kernel(SDPBackend.MATH):  # fused attention has no second derivative; all losses by the same kernel
            with torch.enable_grad():
                before, full = self._full_step(closure, parameters, settings)
            if full is not None:
                self._search(closure, parameters, full, before, settings)
        return before

    def _full_step(
        self, closure: Callable[[], tuple[Tensor, Tensor]], parameters: list[Tensor], settings: dict[str, Any]
    ) -> tuple[Tensor, Tensor | None]:
        """The loss, and the step to the edge of the region by the quadratic model; None where there is no such step."""
        loss, divergence = closure()
        before, _ = self._means(loss, divergence)
        self.finite = bool(before.isfinite())
        if not loss.requires_grad or not divergence.requires_grad:
            return before, None
        mine = _flat(torch.autograd.grad(loss, parameters, allow_unused=True, retain_graph=True), parameters)
        gradient = self._mean(mine)
        slope = _flat(
            torch.autograd.grad(divergence, parameters, create_graph=True, allow_unused=True),
            parameters,
        )
        self.finite = self.finite and bool(gradient.isfinite().all())
        if not self.finite or not gradient.any() or not slope.requires_grad:
            return before, None

        def curvature(vector: Tensor) -> Tensor:
            product = torch.autograd.grad(torch.dot(slope, vector), parameters, retain_graph=True, allow_unused=True)
            return self._mean(_flat(product, parameters)) + settings["damping"] * vector

        direction = conjugate_gradients(curvature, gradient, settings["cg_iterations"])
        along = torch.dot(direction, gradient)  # = direction^T H direction
        if not torch.isfinite(along) or along <= 0:
            return before, None
        return before, -torch.sqrt(2 * settings["max_divergence"] / along) * direction

    def _mean(self, mine: Tensor) -> Tensor:
        """Over the ranks, without gradient."""
        return mine.detach() if self.ranks.size == 1 else self.ranks.sum(mine) / self.ranks.size

    def _means(self, loss: Tensor, divergence: Tensor) -> tuple[Tensor, Tensor]:
        both = self._mean(torch.stack([loss, divergence]))
        return both[0], both[1]

    @torch.no_grad()
    def _search(
        self,
        closure: Callable[[], tuple[Tensor, Tensor]],
        parameters: list[Tensor],
        full: Tensor,
        before: Tensor,
        settings: dict[str, Any],
    ) -> None:
        """The longest of the shortened steps that is good enough, or none."""
        saved = [p.clone() for p in parameters]
        accepted = False
        try:
            for tries in range(settings["backtracks"] + 1):
                _move(parameters, saved, full * settings["shrink"] ** tries)
                self.report["backtracks"] = float(tries)
                loss, reached = self._means(*closure())
                if torch.isfinite(loss) and loss < before and reached <= settings["max_divergence"]:
                    self.report |= {"divergence": float(reached), "improvement": float(before - loss), "accepted": 1.0}
                    accepted = True
                    break
        finally:  # an error in the closure leaves nothing half done, either
            if not accepted:
                for p, old in zip(parameters, saved, strict=True):
                    p.copy_(old)


def conjugate_gradients(
    product: Callable[[Tensor], Tensor], right: Tensor, iterations: int, tolerance: float = 1e-10
) -> Tensor:
    """s with H s = ``right`` for a positive (semi-)definite H given by ``product(v) = H v``; [n] -> [n].

    Stops where the squared residual falls below ``tolerance`` times that of ``right``, or the curvature is not
    positive. Residuals are orthogonal to all earlier ones, which rounding undoes and which is restored in every
    iteration: without it, products that differ in the last digit (one process or several) end in steps that differ in
    the third.

    Reference: Paige 1980, Linear Algebra Appl. 34, 235 (Lanczos vectors lose orthogonality as Ritz values converge).
    """
    solution = torch.zeros_like(right)
    residual, direction = right.clone(), right.clone()
    square = torch.dot(residual, residual)
    end = tolerance * square
    earlier = right.new_empty(iterations, len(right))  # of length 1; iterations are few
    for k in range(iterations):
        image = product(direction)
        bend = torch.dot(direction, image)
        if not torch.isfinite(bend) or bend <= 0:
            break
        length = square / bend
        solution = solution + length * direction
        earlier[k] = residual / square.sqrt()
        basis = earlier[: k + 1]
        residual = residual - length * image
        for _ in range(2):  # the second pass takes what the first left by rounding (Kahan: twice is enough)
            residual = residual - basis.T @ (basis @ residual)
        after = torch.dot(residual, residual)
        if after <= end:
            break
        direction = residual + (after / square) * direction
        square = after
    return solution


def _flat(tensors: Iterable[Tensor | None], like: list[Tensor]) -> Tensor:
    return torch.cat(
        [torch.zeros_like(p).flatten() if t is None else t.flatten() for t, p in zip(tensors, like, strict=True)]
    )


def _move(parameters: list[Tensor], start: list[Tensor], step: Tensor) -> None:
    pieces = step.split([p.numel() for p in parameters])
    for p, old, piece in zip(parameters, start, pieces, strict=True):
        p.copy_(old + piece.view_as(old))
