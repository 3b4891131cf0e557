"""tblite, where it is installed, and the units that it speaks."""

from __future__ import annotations

import os
from typing import Any

import numpy as np
from rdkit import Chem

from molgfn.errors import ConfigError

#: CODATA 2018
ELECTRONVOLTS_PER_HARTREE = 27.211386245988
KCAL_PER_HARTREE = 627.5094740631
BOHR_IN_ANGSTROM = 0.529177210903
_THREADS = "OMP_NUM_THREADS"


def calculator_class(oracle: str) -> Any:
    """tblite's ``Calculator``, with one thread (workers are many): its OpenMP reads their number when it is loaded.

    Raises:
        ConfigError: it is not installed; ``oracle`` is what needs it.
    """
    before = os.environ.get(_THREADS)
    os.environ[_THREADS] = "1"
    try:
        from tblite.interface import Calculator  # type: ignore[import-not-found]  # an optional extra
    except ImportError as error:
        install = "pip install -c constraints.txt '.[xtb]' (in the clone)"
        raise ConfigError(f"{oracle}: needs tblite ({error}): {install}") from None
    finally:
        if before is None:
            del os.environ[_THREADS]
        else:
            os.environ[_THREADS] = before
    return Calculator


def closed_shell(mol: Chem.Mol, smiles: str, what: str) -> tuple[np.ndarray, int]:
    """Atomic numbers [N] and charge of a molecule with its hydrogens.

    Raises:
        ValueError: it has unpaired electrons; ``what`` is computed for closed shells only.
    """
    numbers = np.array([atom.GetAtomicNum() for atom in mol.GetAtoms()])
    charge = Chem.GetFormalCharge(mol)
    unpaired = sum(atom.GetNumRadicalElectrons() for atom in mol.GetAtoms())
    if unpaired or (int(numbers.sum()) - charge) % 2:
        raise ValueError(f"{smiles}: has unpaired electrons; {what} is computed for closed shells only")
    return numbers, charge
