"""`torch.linalg`, as far as tinynet has it: norms."""

from math import inf

from tinynet.ops.products import norm as _norm
from tinynet.ops.matmul import matmul    # noqa: F401


def vector_norm(x, ord=2, dim=None, keepdim=False, *, dtype=None):
    """(Σ |x|^ord)^(1/ord) over `dim`, one or several axes, by default all."""
    return _norm(x, ord, tuple(range(x.ndim)) if dim is None else dim, keepdim, dtype=dtype)


def norm(A, ord=None, dim=None, keepdim=False, *, dtype=None):
    """The norm of a vector, along one axis or of all elements; along two axes that of a matrix.

    `ord` of a matrix is "fro", 1 or -1 (the largest or smallest sum of a column) or inf or -inf (of a row). ValueError
    for the norms that need singular values: 2, -2 and "nuc".
    """
    given = tuple(range(A.ndim)) if dim is None and ord is not None else dim
    if not isinstance(given, (tuple, list)) or len(given) == 1 or ord is None:
        return vector_norm(A, 2 if ord is None else ord, dim, keepdim, dtype=dtype)
    if len(given) != 2 or ord not in ("fro", 1, -1, inf, -inf):
        raise ValueError(f'norm: expected ord None, "fro", 1, -1, inf or -inf for a matrix, got {ord!r}')
    if ord == "fro":
        return vector_norm(A, 2, dim, keepdim, dtype=dtype)
    first, second = (d % A.ndim for d in given)
    summed, over = (first, second) if abs(ord) == 1 else (second, first)
    sums = abs(A if dtype is None else A.to(dtype)).sum(summed, keepdim=True)
    extreme = sums.amax(over, keepdim=True) if ord > 0 else sums.amin(over, keepdim=True)
    return extreme if keepdim else extreme.squeeze((first, second))
