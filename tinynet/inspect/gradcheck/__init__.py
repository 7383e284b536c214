"""Proof of gradients. `tinynet.gradcheck` checks one function; `tinynet gradcheck` proves all operators.

    differences.py   central differences: what happens when an input really moves
    conduct.py       what else a right backward does: any order of memory, twice, without writing into its inputs
    check.py         both together: `gradcheck`
    cases/           the cases: every differentiable operator and layer, with its options
    prove.py         the cases, each against differences and against PyTorch
"""

from tinynet.inspect.gradcheck.check import analytic_gradients, compare, gradcheck
from tinynet.inspect.gradcheck.conduct import GradientError
from tinynet.inspect.gradcheck.differences import TOLERANCE, Comparison, distinct

__all__ = ["TOLERANCE", "Comparison", "GradientError", "analytic_gradients", "compare", "distinct", "gradcheck"]
