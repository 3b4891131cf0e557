"""The information of a Gaussian process."""

from __future__ import annotations

from pathlib import Path
from typing import ClassVar

from pydantic import PositiveFloat

from molgfn.information.covariance import gaussian_process
from molgfn.information.gaussian import GaussianInformation
from molgfn.information.kernels import RBF, Kernel
from molgfn.information.pools import Pool
from molgfn.oracles.sets.information import SetInformation


class GPInformation(SetInformation):
    """1/2 log det(I + K_BB / noise), K the posterior covariance of a Gaussian process.

    Args:
        pool: the members, those of the environment.
        kernel: of the prior; None for RBF().
        noise: variance of the noise of a measurement.
        labelled: what has been measured; None for nothing.

    Raises:
        ConfigError: the kernel does not read such members, or the labelled set has other features.
        DataError: a kernel that is not positive definite; the member is named.

    Reference: Srinivas et al. 2010, arXiv 0912.3995; Malik et al. 2023, arXiv 2306.15058.
    """

    name: ClassVar[str] = "gp_information"

    def __init__(
        self, *, pool: Pool, kernel: Kernel | None = None, noise: PositiveFloat = 0.1, labelled: Pool | None = None
    ) -> None:
        super().__init__(pool=pool)
        self.kernel, self.noise, self.labelled = kernel or RBF(), noise, labelled
        self.prepare()

    @property
    def files(self) -> tuple[Path, ...]:
        own = () if (path := getattr(self.kernel, "path", None)) is None else (path,)
        return (*self.pool.files, *own, *(() if self.labelled is None else self.labelled.files))

    def make(self) -> GaussianInformation:
        known = None if self.labelled is None else self.labelled.members
        covariance = gaussian_process(self.kernel, self.pool.members, known, self.noise)
        return GaussianInformation(covariance, self.noise, self.pool.members.names)
