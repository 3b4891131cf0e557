"""Shapes of molecules: one of each (``one_shape``), and all that its torsions allow (``frame``)."""

from molgfn.chemistry.conformers.one_shape import MAX_STEPS as MAX_STEPS
from molgfn.chemistry.conformers.one_shape import ConformerError as ConformerError
from molgfn.chemistry.conformers.one_shape import conformer as conformer
from molgfn.chemistry.conformers.one_shape import molecule_seed as molecule_seed
