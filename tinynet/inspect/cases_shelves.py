"""The cases of the shelves of tensor operators: elementary functions, sorting, scattering, products, parts.

As in `cases.py`, each runs on tinynet and on PyTorch alike.
"""

import numpy as np

from tinynet.inspect.cases import case, integers, mask, positive


def inside(low, high, *shape):
    return lambda rng: rng.uniform(low, high, shape)


# Elementary -----------------------------------------------------------------------------------------------------

for _name in "log1p log2 log10 reciprocal rsqrt".split():
    case(_name, lambda lib, x, name=_name: getattr(lib, name)(x), positive(2, 3))
for _name in "expm1 exp2 erf erfc tan sinh cosh asinh atan square floor ceil trunc round frac".split():
    case(_name, lambda lib, x, name=_name: getattr(lib, name)(x), (2, 3))
for _name in "asin acos atanh".split():
    case(_name, lambda lib, x, name=_name: getattr(lib, name)(x), inside(-0.9, 0.9, 2, 3))
case("acosh", lambda lib, x: x.acosh(), inside(1.2, 3, 2, 3))
case("logit", lambda lib, x: x.logit(0.1), inside(0.2, 0.8, 2, 3))
case("nan_to_num", lambda lib, x, m: x.masked_fill(m, float("nan")).nan_to_num(1.0), (2, 3), mask(2, 3))

# Two and three operands -------------------------------------------------------------------------------------------

case("fmod", lambda lib, x, y: lib.fmod(x, y), inside(2.2, 2.8, 2, 3), np.array([1.0, -1.0, 2.0]))
case("atan2", lambda lib, x, y: lib.atan2(x, y), positive(2, 3), positive(3))
case("hypot", lambda lib, x, y: lib.hypot(x, y), positive(2, 3), positive(3))
case("logaddexp", lambda lib, x, y: lib.logaddexp(x, y), (2, 3), (3,))
case("addcmul", lambda lib, x, y, z: lib.addcmul(x, y, z, value=0.5), (2, 3), (3,), (2, 1))
case("addcdiv", lambda lib, x, y, z: x.addcdiv(y, z, value=-2), (2, 3), (3,), positive(2, 1))
case("lerp", lambda lib, x, y, w: lib.lerp(x, y, w), (2, 3), (3,), (2, 3))
case("rsub", lambda lib, x, y: lib.rsub(x, y, alpha=2), (2, 3), (3,))
case("clamp_min", lambda lib, x: x.clamp_min(0.1), (3, 5))
case("clamp_max", lambda lib, x: x.clamp_max(0.1), (3, 5))
case("dist", lambda lib, x, y: lib.dist(x, y, 3), (2, 3), (3,))

# Products and norms ---------------------------------------------------------------------------------------------

case("prod", lambda lib, x: x.prod(), (2, 3))
case("prod dim", lambda lib, x: x.prod(1, keepdim=True), (2, 3, 4))
case("prod with zeros", lambda lib, x: x.prod(0), np.array([[0.0, 1.0, 0.0], [2.0, 0.0, 0.0], [3.0, 4.0, 5.0]]))
case("cumprod", lambda lib, x: x.cumprod(1), (2, 4))
case("cumprod with zeros", lambda lib, x: x.cumprod(0), np.array([[0.0, 1.0, 0.0], [2.0, 0.0, 0.0], [3.0, 4.0, 5.0]]))
for _p in (1, 1.5, 2, 3, float("inf"), -1):
    case(f"norm {_p}", lambda lib, x, p=_p: lib.norm(x, p, 1), positive(3, 4))
case("norm of all", lambda lib, x: x.norm(), (2, 3))
case("norm of two axes", lambda lib, x: x.norm(dim=(0, 2), keepdim=True), (2, 3, 4))
case("norm at 0", lambda lib, x: (x * 0).norm(dim=1), (2, 3))
case("var_mean", lambda lib, x: lib.stack(lib.var_mean(x, 1)), (2, 4))
case("std_mean", lambda lib, x: lib.stack(lib.std_mean(x, 1, correction=0)), (2, 4))
case("nansum", lambda lib, x, m: lib.nansum(x.masked_fill(m, float("nan")), 1), (3, 4), mask(3, 4))
case("trace", lambda lib, x: x.trace(), (3, 4))
case("diff", lambda lib, x: x.diff(dim=1), (2, 5))
case("aminmax", lambda lib, x: lib.stack(list(lib.aminmax(x, dim=1))), (3, 4))

# Order ------------------------------------------------------------------------------------------------------------

case("sort", lambda lib, x: x.sort(1).values * lib.arange(4), (3, 4))
case("sort descending", lambda lib, x: lib.sort(x, 0, descending=True)[0] * lib.arange(4), (3, 4))
case("topk", lambda lib, x: x.topk(2).values, (3, 4))
case("topk smallest", lambda lib, x: x.topk(2, 0, largest=False).values, (3, 4))
case("median", lambda lib, x: x.median(), (3, 4))
case("median dim", lambda lib, x: x.median(1, keepdim=True).values, (3, 4))
case("kthvalue", lambda lib, x: x.kthvalue(2, 1).values, (3, 4))

# Places -----------------------------------------------------------------------------------------------------------

case("scatter_add", lambda lib, x, i, s: x.scatter_add(1, i, s), (3, 4), integers(4, 2, 3), (2, 3))
case("scatter", lambda lib, x, i, s: x.scatter(0, i, s), (3, 4), np.array([[0, 1, 2, 0], [2, 0, 1, 1]]), (2, 4))
case("scatter value", lambda lib, x, i: x.scatter(1, i, 0.5), (3, 4), integers(4, 3, 2))
case("index_add", lambda lib, x, i, s: x.index_add(0, i, s, alpha=2), (3, 4), np.array([0, 2, 0]), (3, 4))
case("index_copy", lambda lib, x, i, s: x.index_copy(1, i, s), (3, 4), np.array([2, 0]), (3, 2))
case("index_fill", lambda lib, x, i: x.index_fill(1, i, -1.0), (3, 4), np.array([0, 2]))
case("index_put_", lambda lib, x, i, v: (x * 1).index_put_((i,), v, accumulate=True), (4, 3), np.array([1, 1]), (2, 3))
case("masked_select", lambda lib, x, m: x.masked_select(m), (3, 4), np.eye(3, 4) > 0)
case("masked_scatter", lambda lib, x, m, s: x.masked_scatter(m, s), (3, 4), mask(3, 4), (12,))
case("take", lambda lib, x, i: x.take(i), (3, 4), integers(12, 2, 3))
case("take_along_dim", lambda lib, x, i: lib.take_along_dim(x, i, 1), (3, 4), integers(4, 3, 2))
case("index_select", lambda lib, x, i: x.index_select(1, i), (3, 4), np.array([2, 0, 2]))
case("select", lambda lib, x: x.select(1, 2), (3, 4))
case("narrow", lambda lib, x: x.narrow(1, 1, 2), (3, 4))

# Parts ------------------------------------------------------------------------------------------------------------

case("diagonal", lambda lib, x: x.diagonal(1, 0, 2), (3, 2, 4))
case("diag", lambda lib, x: x.diag(-1), (3,))
case("diag of a matrix", lambda lib, x: x.diag(1), (3, 4))
case("diag_embed", lambda lib, x: x.diag_embed(1), (2, 3))
case("tensor unfold", lambda lib, x: x.unfold(1, 3, 2), (2, 7))
case("tile", lambda lib, x: x.tile(2, 3), (2, 2))
case("repeat_interleave", lambda lib, x: x.repeat_interleave(2, 1), (2, 3))
case("meshgrid", lambda lib, x, y: lib.stack(lib.meshgrid(x, y, indexing="xy")), (3,), (4,))
case("hstack", lambda lib, x, y: lib.hstack([x, y]), (2, 3), (2, 1))
case("vstack", lambda lib, x, y: lib.vstack([x, y]), (3,), (2, 3))
case("rot90", lambda lib, x: x.rot90(3), (2, 3))
case("tensor_split", lambda lib, x: x.tensor_split(3, 1)[1], (2, 7))
case("broadcast_to", lambda lib, x: lib.broadcast_to(x, (4, 2, 3)), (2, 1))
case("movedim", lambda lib, x: x.movedim(0, 2), (2, 3, 4))

# Algebra ----------------------------------------------------------------------------------------------------------

case("outer", lambda lib, x, y: lib.outer(x, y), (3,), (4,))
case("addmm", lambda lib, x, a, b: lib.addmm(x, a, b, beta=0.5, alpha=2), (4,), (2, 3), (3, 4))
case("baddbmm", lambda lib, x, a, b: lib.baddbmm(x, a, b), (2, 2, 4), (2, 2, 3), (2, 3, 4))
case("addbmm", lambda lib, x, a, b: lib.addbmm(x, a, b), (2, 4), (2, 2, 3), (2, 3, 4))
case("tensordot", lambda lib, x, y: lib.tensordot(x, y, dims=([0, 2], [1, 0])), (2, 3, 4), (4, 2, 3))
case("kron", lambda lib, x, y: lib.kron(x, y), (2, 3), (3, 2))
case("cdist", lambda lib, x, y: lib.cdist(x, y), (2, 3), (4, 3))
case("cross", lambda lib, x, y: lib.cross(x, y, dim=1), (2, 3), (2, 3))
case("inner", lambda lib, x, y: lib.inner(x, y), (2, 3), (4, 3))
case("block_diag", lambda lib, x, y: lib.block_diag(x, y), (2, 3), (1, 2))

# In place ---------------------------------------------------------------------------------------------------------

case("in place elementary", lambda lib, x: (x * 1).log1p_().mul_(2).neg_().clamp_(-3, -0.1).exp_(), inside(0, 1, 2, 3))
case("in place masks", lambda lib, x, m: (x * 1).masked_fill_(m, 0.5).tril_(), (3, 3), mask(3, 3))
case("in place scatter", lambda lib, x, i, s: (x * 2).scatter_add_(1, i, s).index_fill_(0, i[0, :1], 1.0),
     (4, 4), integers(4, 2, 3), (2, 3))
case("in place three operands", lambda lib, x, y: (x * 2).addcmul_(y, y, value=0.1).lerp_(y, 0.3), (2, 3), (2, 3))

