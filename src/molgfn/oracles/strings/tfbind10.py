"""TFBind10: measured binding of a transcription factor to DNA of length 10."""

from __future__ import annotations

from typing import ClassVar

from molgfn.oracles.strings.listed import ListedStrings


class TFBind10(ListedStrings):
    """Relative binding free energy of the transcription factor PHO4 to a DNA string of length 10; more is better.

    The usual reward is R = (1 / (1 + exp(-3 y)))^3 (arXiv 2305.07170).

    Args:
        path: the table of all 1,048,576 strings: a CSV file with a head and the columns string and value, or a pickle
            of ``{"x": [N, 10] integers 0 to 3 for A, C, G, T, "y": [N, 1]}``; it may end in ``.gz``.

    Raises:
        ConfigError: no path.
        DataError: the table cannot be read, or does not list all strings.

    Reference:
        Le et al., PNAS 115 (2018) E3702, doi:10.1073/pnas.1715888115; Trabucco et al., Design-Bench, arXiv 2202.08450.
    """

    name: ClassVar[str] = "tfbind10"
    task: ClassVar[str] = "tfbind10"
    source: ClassVar[str] = "Le et al. 2018, doi:10.1073/pnas.1715888115, as in Design-Bench, arXiv 2202.08450"
