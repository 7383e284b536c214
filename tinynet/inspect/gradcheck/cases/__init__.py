"""The cases of `tinynet gradcheck`: every differentiable operator and layer, one module per family.

To add a case, write one line in the module of its family; `case.py` explains the line. A test fails if an operator of
the engine has no case here.
"""

from tinynet.inspect.gradcheck.cases import (                                  # noqa: F401  (imported for their cases)
    activation, arithmetic, attention, conv, indexing, layers, loss, matmul, norm, order, pointwise, pool, recurrent,
    reduce, resize, shape)
from tinynet.inspect.gradcheck.cases.case import CASES, Case

__all__ = ["CASES", "Case"]
