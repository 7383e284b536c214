"""Products of vectors and matrices, each derived from `matmul`."""

import numpy as np

from tinynet import dtypes
from tinynet.autograd import Function
from tinynet.ops import reduce
from tinynet.ops.common import require_floating
from tinynet.ops.matmul import bmm, dot, einsum, matmul, mm
from tinynet.ops.products import norm
from tinynet.ops.shape import reshape, transpose, unsqueeze
from tinynet.tensor import attach


@attach("outer", "ger")
def outer(input, vec2):
    """The products of all pairs: (M,), (N,) -> (M, N)."""
    return unsqueeze(input, 1) * vec2


@attach("mv")
def mv(input, vec):
    """A matrix times a vector: (M, K), (K,) -> (M,)."""
    return matmul(input, vec)


@attach("inner")
def inner(input, other):
    """Σ over the last axis of both: (..., K), (P, K) -> (..., P)."""
    if not input.ndim or not other.ndim:
        return input * other
    return matmul(input, other.t() if other.ndim < 3 else other.mT)


@attach("vdot")
def vdot(input, other):
    """The inner product of two vectors: (K,), (K,) -> ()."""
    return dot(input, other)


def tensordot(a, b, dims=2):
    """Σ over axes of both: the last of `a` with the first of `b` if `dims` is a number, else those that it lists.

    (M, K), (K, N) -> (M, N) for 1.
    """
    ours, theirs = (range(a.ndim - dims, a.ndim), range(dims)) if isinstance(dims, int) else dims
    ours, theirs = [i % a.ndim for i in ours], [i % b.ndim for i in theirs]
    letters = iter("abcdefghijklmnopqrstuvwxyz")
    left = [next(letters) for _ in range(a.ndim)]
    right = [left[ours[theirs.index(i)]] if i in theirs else next(letters) for i in range(b.ndim)]
    output = [c for i, c in enumerate(left) if i not in ours] + [c for i, c in enumerate(right) if i not in theirs]
    return einsum(f"{''.join(left)},{''.join(right)}->{''.join(output)}", a, b)


@attach("kron")
def kron(input, other):
    """The Kronecker product of two matrices: (M, N), (P, Q) -> (M P, N Q)."""
    (m, n), (p, q) = input.shape, other.shape
    return reshape(reshape(input, m, 1, n, 1) * reshape(other, 1, p, 1, q), m * p, n * q)


@attach("addmm")
def addmm(input, mat1, mat2, *, beta=1, alpha=1):
    """beta · input + alpha · mat1 @ mat2: (M, K), (K, N) -> (M, N); `input` broadcasts."""
    return _added(input, mm(mat1, mat2), beta, alpha)


@attach("addmv")
def addmv(input, mat, vec, *, beta=1, alpha=1):
    """beta · input + alpha · mat @ vec: (M, K), (K,) -> (M,); `input` broadcasts."""
    return _added(input, mv(mat, vec), beta, alpha)


@attach("baddbmm")
def baddbmm(input, batch1, batch2, *, beta=1, alpha=1):
    """beta · input + alpha · batch1 @ batch2: (N, M, K), (N, K, P) -> (N, M, P); `input` broadcasts."""
    return _added(input, bmm(batch1, batch2), beta, alpha)


@attach("addbmm")
def addbmm(input, batch1, batch2, *, beta=1, alpha=1):
    """beta · input + alpha · Σ_n batch1 @ batch2: (N, M, K), (N, K, P) -> (M, P); `input` broadcasts."""
    return _added(input, reduce.sum(bmm(batch1, batch2), 0), beta, alpha)


@attach("addr")
def addr(input, vec1, vec2, *, beta=1, alpha=1):
    """beta · input + alpha · vec1 vec2ᵀ: (M,), (N,) -> (M, N); `input` broadcasts."""
    return _added(input, outer(vec1, vec2), beta, alpha)


def _added(input, product, beta, alpha):
    """beta · input + alpha · product; where beta is 0, NaN in `input` does not matter, as in PyTorch."""
    if not dtypes.is_floating(product.dtype):          # as PyTorch, which turns both into the type of the tensors
        beta, alpha = (product.dtype.type(number).item() for number in (beta, alpha))
    product = product if alpha == 1 else product * alpha
    if beta == 0:
        return product
    return (input if beta == 1 else input * beta) + product


def cdist(x1, x2, p=2.0, compute_mode=None):
    """The `p`-norms of all differences of rows: (..., M, K), (..., N, K) -> (..., M, N).

    `compute_mode` chooses PyTorch's way to compute it and has no effect on the result.
    """
    return norm(unsqueeze(x1, -2) - unsqueeze(x2, -3), p, -1)


@attach("matrix_power")
def matrix_power(input, n):
    """The product of `n` copies of a square matrix, (..., N, N); n = 0 gives the identity. ValueError for n < 0."""
    if n < 0:
        raise ValueError(f"matrix_power: expected n of 0 or more, got {n}")
    if n == 0:
        from tinynet.creation import eye
        return eye(input.shape[-1], dtype=input.dtype).expand(input.shape)
    result = input
    for _ in range(n - 1):
        result = matmul(result, input)
    return result


class SingularValues(Function):
    """s of A = U diag(s) Vᵀ, from large to small, for matrices (..., M, N); dA = U diag(ds) Vᵀ."""

    @staticmethod
    def forward(ctx, x):
        u, s, vt = np.linalg.svd(x, full_matrices=False)
        ctx.save(u, vt)
        return s

    @staticmethod
    def backward(ctx, ds):
        u, vt = ctx.saved
        return (u * ds[..., None, :]) @ vt


def svdvals(A):
    """The singular values of matrices, from large to small: (..., M, N) -> (..., min(M, N)).

    ValueError for fewer axes than two, TypeError for whole numbers.
    """
    require_floating("svdvals", A)
    if A.ndim < 2:
        raise ValueError(f"svdvals: expected matrices (..., M, N), got shape {A.shape}")
    return SingularValues.apply(A)


@attach("adjoint")
def adjoint(input):
    """Matrices transposed: (..., M, N) -> (..., N, M). A view."""
    return transpose(input, -2, -1)


def cross(input, other, dim=-1):
    """The vector product of 3-vectors along `dim`."""
    return input.roll(-1, dim) * other.roll(-2, dim) - input.roll(-2, dim) * other.roll(-1, dim)


attach("cross")(cross)


def block_diag(*tensors):
    """The matrices along the diagonal of a larger one: (M, N), (P, Q) -> (M + P, N + Q). Vectors are rows."""
    from tinynet.ops.joining import cat
    tensors = [x if x.ndim == 2 else x.reshape(1, x.numel()) for x in tensors]
    width = sum(x.shape[1] for x in tensors)
    rows, start = [], 0
    for x in tensors:
        left, right = x.new_zeros(x.shape[0], start), x.new_zeros(x.shape[0], width - start - x.shape[1])
        rows.append(cat([left, x, right], 1))
        start += x.shape[1]
    return cat(rows, 0)
