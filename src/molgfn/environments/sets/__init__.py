"""Sets of members of a pool."""

from molgfn.environments.sets.environment import Sets as Sets
