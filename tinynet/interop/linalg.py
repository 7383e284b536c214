"""`torch.linalg`, as far as tinynet has it: norms."""

from tinynet.ops.products import norm as _norm
from tinynet.ops.matmul import matmul    # noqa: F401


def vector_norm(x, ord=2, dim=None, keepdim=False, *, dtype=None):
    """(Σ |x|^ord)^(1/ord) over `dim`, one or several axes, by default all."""
    return _norm(x, ord, tuple(range(x.ndim)) if dim is None else dim, keepdim, dtype=dtype)


def norm(A, ord=None, dim=None, keepdim=False, *, dtype=None):
    """The norm of a vector: of all elements, or with `vector_norm`'s `ord` along one axis; "fro" is that of a matrix.

    ValueError for the other norms of a matrix, which need singular values or sums of rows.
    """
    axes = 1 if isinstance(dim, int) else A.ndim if dim is None else len(dim)
    if axes > 1 and ord not in (None, "fro"):
        raise ValueError(f'norm: expected ord None or "fro" for a matrix, got {ord!r}')
    return vector_norm(A, 2 if ord in (None, "fro") else ord, dim, keepdim, dtype=dtype)
