"""Contract tests, for the classes of this package and for your own: each raises ``ContractError`` saying what is wrong.

from molgfn.testing import check_environment, check_objective, check_oracle

def test_my_oracle():
    check_oracle(MyOracle())
"""

from molgfn.testing.condition import check_condition
from molgfn.testing.environment import check_environment
from molgfn.testing.golden import GoldenDag, golden_dag
from molgfn.testing.objective import check_objective
from molgfn.testing.objects import check_kind
from molgfn.testing.oracle import MOLECULES, check_oracle
from molgfn.testing.policy import check_policy

__all__ = [
    "MOLECULES",
    "GoldenDag",
    "check_condition",
    "check_environment",
    "check_kind",
    "check_objective",
    "check_oracle",
    "check_policy",
    "golden_dag",
]
