"""Several trained policies as one, combined at inference by how likely each of them is to reach a state."""

from molgfn.policies.composed.policy import Composition
from molgfn.policies.composed.reach import Member, ReachTable
from molgfn.policies.composed.rules import RULES, Rule, make_rule, parse_rule

__all__ = ["RULES", "Composition", "Member", "ReachTable", "Rule", "make_rule", "parse_rule"]
