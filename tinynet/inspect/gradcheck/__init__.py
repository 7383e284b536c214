"""Checking gradients. `tinynet.gradcheck` checks one function; the command `tinynet gradcheck` checks all operators.

    differences.py   central differences: the change of the outputs when an input really changes
    conduct.py       other rules for a backward: any order of memory, twice, without writing into its inputs
    check.py         `gradcheck`, which checks both
    cases/           the cases: every differentiable operator and layer, with its options
    prove.py         checks the cases against differences and against PyTorch
"""

from tinynet.inspect.gradcheck.check import analytic_gradients, compare, gradcheck
from tinynet.inspect.gradcheck.conduct import GradientError
from tinynet.inspect.gradcheck.differences import TOLERANCE, Comparison, distinct

__all__ = ["TOLERANCE", "Comparison", "GradientError", "analytic_gradients", "compare", "distinct", "gradcheck"]
