"""Products of matrices, and of anything that index notation can write."""

import math
from string import ascii_letters

import numpy as np

from tinynet.autograd import Function
from tinynet.kernels.matmul import matmul as product
from tinynet.ops.common import attach_sign, tensor_of, unbroadcast
from tinynet.tensor import attach


class Matmul(Function):
    """y = a b; da = dy bᵀ, db = aᵀ dy. Saves a and b.

    Shapes: a (..., M, K), b (..., K, N), y (..., M, N), where the stacks of matrices (...) broadcast. A 1-d
    `a` is a row and a 1-d `b` a column; their axis is missing in y.
    """

    @staticmethod
    def forward(ctx, a, b):
        ctx.save(a, b)
        ctx.missing = (-2,) * (a.ndim == 1) + (-1,) * (b.ndim == 1)
        return product(_row(a), _column(b)).squeeze(ctx.missing)           # (..., M, N)

    @staticmethod
    def backward(ctx, dy):
        a, b = ctx.saved
        rows, columns = _row(a), _column(b)
        dy = np.expand_dims(dy, ctx.missing)                   # (..., M, N)
        da = db = None
        if ctx.needs[0]:
            da = unbroadcast(product(dy, columns.mT), rows.shape).reshape(a.shape)
        if ctx.needs[1]:
            if columns.ndim == 2:                              # one product, not a stack of them to be summed
                m = math.prod(rows.shape[:-1])
                rows, dy = rows.reshape(m, rows.shape[-1]), dy.reshape(m, dy.shape[-1])
            db = unbroadcast(product(rows.mT, dy), columns.shape).reshape(b.shape)
        return da, db


def _row(a):
    return a[None, :] if a.ndim == 1 else a


def _column(b):
    return b[:, None] if b.ndim == 1 else b


class Einsum(Function):
    """y = Σ Π x over the subscripts that `output` lacks; dx = the einsum of dy and the other operands.

    A subscript that only one operand has, and that was summed, gets its gradient repeated. A repeated subscript, that
    is a diagonal, leaves zeros off the diagonal. Saves all x.
    """

    @staticmethod
    def forward(ctx, terms, output, sizes, *xs):
        ctx.terms, ctx.output, ctx.sizes = terms, output, sizes
        ctx.save(*xs)
        y = _contract(terms, _full(terms, sizes, xs), output)
        return y.copy() if len(xs) == 1 else y                 # alone, it may be a view

    @staticmethod
    def backward(ctx, dy):
        xs = _full(ctx.terms, ctx.sizes, ctx.saved)
        return tuple(
            unbroadcast(_einsum_gradient(ctx, i, dy, xs), x.shape) if ctx.needs[i] else None
            for i, x in enumerate(ctx.saved))


def _full(terms, sizes, xs):
    """The operands with axes of length 1 broadcast to what their subscripts stand for."""
    return [np.broadcast_to(x, [sizes[c] for c in term]) for term, x in zip(terms, xs)]


def _einsum_gradient(ctx, i, dy, xs):
    term = ctx.terms[i]
    terms = [ctx.output, *ctx.terms[:i], *ctx.terms[i + 1:]]
    once = "".join(dict.fromkeys(term))
    known = "".join(c for c in once if any(c in other for other in terms))
    dx = _contract(terms, [dy, *xs[:i], *xs[i + 1:]], known)
    dx = dx[tuple(slice(None) if c in known else None for c in once)]
    dx = np.broadcast_to(dx, [ctx.sizes[c] for c in once])
    if once == term:
        return dx
    around = np.zeros([ctx.sizes[c] for c in term], dy.dtype)
    np.einsum(f"{term}->{once}", around)[...] = dx             # a view of the diagonal
    return around


def _contract(terms, arrays, output):
    """Einstein's sum, two operands at a time from the left."""
    term, y = terms[0], arrays[0]
    for i in range(1, len(terms)):
        term, y = _pair(term, y, terms[i], arrays[i], output + "".join(terms[i + 1:]))
    return np.einsum(f"{term}->{output}", y)


def _pair(a_term, a, b_term, b, wanted):
    """Two operands as one stack of matrix products: (batch, rows, inner) @ (batch, inner, columns)."""
    a_term, a = _without_needless(a_term, a, b_term + wanted)
    b_term, b = _without_needless(b_term, b, a_term + wanted)
    batch = [c for c in a_term if c in b_term and c in wanted]
    inner = [c for c in a_term if c in b_term and c not in wanted]
    rows, columns = [c for c in a_term if c not in b_term], [c for c in b_term if c not in a_term]
    left, right = _grouped(a_term, a, batch, rows, inner), _grouped(b_term, b, batch, inner, columns)
    y = product(left, right) if inner else left * right        # (batch, rows, columns)
    sizes = dict(zip(a_term + b_term, a.shape + b.shape))
    term = "".join(batch + rows + columns)
    return term, y.reshape([sizes[c] for c in term])


def _without_needless(term, x, wanted):
    """Take diagonals, and sum over subscripts that appear in no other operand and not in the result."""
    rest = "".join(c for c in dict.fromkeys(term) if c in wanted)
    return (rest, x) if rest == term else (rest, np.einsum(f"{term}->{rest}", x))


def _grouped(term, x, *groups):
    x = x.transpose([term.index(c) for group in groups for c in group])
    sizes = iter(x.shape)
    return x.reshape([math.prod(next(sizes) for _ in group) for group in groups])


# Functions that users call ----------------------------------------------------------------------------------


@attach("matmul")
def matmul(input, other):
    """input @ other, (..., M, K), (..., K, P) -> (..., M, P): stacks broadcast, 1-d tensors are vectors."""
    a, b = _operands("matmul", input, other)
    if not a.ndim or not b.ndim:
        raise ValueError(f"matmul: expected at least 1 dimension each, got {a.shape} @ {b.shape}")
    if a.shape[-1] != b.shape[-2 if b.ndim > 1 else 0]:
        raise ValueError(f"matmul: expected inner sizes to match, got {a.shape} @ {b.shape}")
    if any(n != m and 1 not in (n, m) for n, m in zip(a.shape[-3::-1], b.shape[-3::-1])):
        raise ValueError(f"matmul: expected stacks that broadcast, got {a.shape} @ {b.shape}")
    return Matmul.apply(a, b)


attach_sign("matmul", matmul, "rmatmul")


@attach("mm")
def mm(input, mat2):
    """The product of two matrices, (M, K) and (K, P) -> (M, P)."""
    return _ranked("mm", input, mat2, 2)


@attach("bmm")
def bmm(input, mat2):
    """The products of two equally long stacks of matrices, (N, M, K) and (N, K, P) -> (N, M, P)."""
    if len(input) != len(mat2):
        raise ValueError(f"bmm: expected stacks of the same length, got {input.shape} and {mat2.shape}")
    return _ranked("bmm", input, mat2, 3)


@attach("dot")
def dot(input, tensor):
    """The inner product of two vectors, (K,) and (K,) -> ()."""
    return _ranked("dot", input, tensor, 1)


def _ranked(name, a, b, ndim):
    if a.ndim != ndim or b.ndim != ndim:
        raise ValueError(f"{name}: expected two {ndim}-d tensors, got shapes {a.shape} and {b.shape}")
    return matmul(a, b)


def _operands(name, *xs):
    xs = [tensor_of(x) for x in xs]
    if len({x.dtype for x in xs}) > 1 or xs[0].dtype.kind == "b":
        found = " and ".join(str(x.dtype) for x in xs)
        raise TypeError(f"{name}: expected operands of one numeric dtype, got {found}")
    return xs


def einsum(equation, *operands):
    """Sum of products in index notation: einsum("nmk,nkp->nmp", x, y), (N, M, K) and (N, K, P) -> (N, M, P).

    Without an arrow, the subscripts that occur once, sorted, are the output's. "..." stands for axes that
    broadcast; a subscript twice in one term takes its diagonal. ValueError for an equation that does not fit.
    """
    if not isinstance(equation, str):
        found = type(equation).__name__
        raise TypeError(f"einsum: expected an equation such as 'ij,jk->ik' first, got {found}")
    if len(operands) == 1 and isinstance(operands[0], (tuple, list)):
        operands = operands[0]
    xs = _operands("einsum", *operands) if operands else []
    terms, output = _parse(equation, [x.shape for x in xs])
    return Einsum.apply(terms, output, _sizes(equation, terms, xs), *xs)


def _parse(equation, shapes):
    """The subscripts of each operand and of the output, with letters of their own in place of the dots."""
    inputs, arrow, output = equation.replace(" ", "").partition("->")
    terms = inputs.split(",")
    if len(terms) != len(shapes):
        raise ValueError(f"einsum: expected {len(terms)} operands for {equation!r}, got {len(shapes)}")
    ranks = [len(shape) - len(term) + 3 for term, shape in zip(terms, shapes) if "..." in term]
    unused = "".join(c for c in ascii_letters if c not in equation)
    dots = unused[:max(ranks, default=0)]
    for i, (term, shape) in enumerate(zip(terms, shapes)):
        hidden = len(shape) - len(term) + 3
        terms[i] = term.replace("...", dots[len(dots) - hidden:]) if hidden >= 0 else term
        if len(terms[i]) != len(shape) or not set(terms[i]) <= set(ascii_letters):
            raise ValueError(f"einsum: expected subscripts for shape {shape} in {equation!r}, got {term!r}")
    every = "".join(terms)
    if not arrow:
        return terms, dots + "".join(sorted(c for c in every if every.count(c) == 1 and c not in dots))
    output = output.replace("...", dots)
    if len(set(output)) != len(output) or not set(output) <= set(every):
        raise ValueError(f"einsum: expected output subscripts that inputs have, each once, got {equation!r}")
    return terms, output


def _sizes(equation, terms, xs):
    sizes = {}
    for term, x in zip(terms, xs):
        for c, n in zip(term, x.shape):
            if sizes.setdefault(c, n) == 1:
                sizes[c] = n
            elif n not in (1, sizes[c]):
                shapes = ", ".join(str(x.shape) for x in xs)
                raise ValueError(f"einsum: expected one size for {c!r} in {equation!r}, "
                                 f"got {sizes[c]} and {n} in shapes {shapes}")
    return sizes
