"""Policies of sets of members of a pool."""

from molgfn.policies.sets.policy import PoolPolicy as PoolPolicy
