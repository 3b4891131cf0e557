"""The kinds that come with the package, by the words that people type for them."""

from __future__ import annotations

from typing import Literal

from molgfn.objects.base import ObjectKind
from molgfn.objects.conformation import CONFORMATION
from molgfn.objects.dag import DAG
from molgfn.objects.grid import GRID
from molgfn.objects.molecule import MOLECULE
from molgfn.objects.point import POINT
from molgfn.objects.set import SET
from molgfn.objects.string import STRING

#: the names, for configs
KindName = Literal["molecule", "string", "grid", "dag", "point", "set", "conformation"]
#: name -> kind
NAMED: dict[str, ObjectKind] = {kind.name: kind for kind in (MOLECULE, STRING, GRID, DAG, POINT, SET, CONFORMATION)}
