"""The part of `torch.linalg` that tinynet has: norms and singular values."""

from math import inf

from tinynet.ops.algebra import svdvals
from tinynet.ops.products import norm as _norm
from tinynet.ops.matmul import matmul    # noqa: F401


def vector_norm(x, ord=2, dim=None, keepdim=False, *, dtype=None):
    """(Σ |x|^ord)^(1/ord) over `dim`, one or several axes, by default all."""
    return _norm(x, ord, tuple(range(x.ndim)) if dim is None else dim, keepdim, dtype=dtype)


def matrix_norm(A, ord="fro", dim=(-2, -1), keepdim=False, *, dtype=None):
    """The norm of matrices, along the two axes `dim`.

    `ord` is "fro"; 1 or -1, the largest or smallest sum of a column; inf or -inf, of a row; 2 or -2, the largest or
    smallest singular value; "nuc", their sum. ValueError for others.
    """
    if len(dim) != 2 or ord not in ("fro", "nuc", 1, -1, 2, -2, inf, -inf):
        raise ValueError(f'matrix_norm: expected two axes and ord "fro", "nuc", 1, -1, 2, -2, inf or -inf, '
                         f"got {dim} and {ord!r}")
    if ord == "fro":
        return vector_norm(A, 2, dim, keepdim, dtype=dtype)
    x = (A if dtype is None else A.to(dtype)).movedim(dim, (-2, -1))
    values = svdvals(x) if ord in ("nuc", 2, -2) else abs(x).sum(-2 if abs(ord) == 1 else -1)
    y = values.sum(-1) if ord == "nuc" else values.amax(-1) if ord > 0 else values.amin(-1)
    if not keepdim:
        return y
    return y.reshape([1 if i in (dim[0] % A.ndim, dim[1] % A.ndim) else n for i, n in enumerate(A.shape)])


def norm(A, ord=None, dim=None, keepdim=False, *, dtype=None):
    """`vector_norm` along one axis or, without `ord`, of all elements; along two axes `matrix_norm`."""
    axes = tuple(range(A.ndim)) if dim is None else dim
    if ord is None or isinstance(axes, int) or len(axes) < 2:
        return vector_norm(A, 2 if ord is None else ord, dim, keepdim, dtype=dtype)
    return matrix_norm(A, ord, axes, keepdim, dtype=dtype)
