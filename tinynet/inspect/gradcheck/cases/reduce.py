"""Cases for sums, extremes and what normalizes along an axis."""

import numpy as np

from tinynet.inspect.gradcheck.cases.case import case, mask, positive

DIMS = [0, 1, -1, (0, 2), (1, 2)]

case("sum", lambda lib, x, **o: x.sum(**o), (2, 3, 4), dim=DIMS)
case("sum keepdim", lambda lib, x, dim=(0, 1): x.sum(dim, keepdim=True), (2, 3, 4), dim=DIMS)
case("mean", lambda lib, x, **o: x.mean(**o), (2, 3, 4), dim=DIMS)
case("mean keepdim", lambda lib, x, dim=(0, 1): x.mean(dim, keepdim=True), (2, 3, 4), dim=DIMS)
case("var", lambda lib, x, **o: x.var(**o), (3, 4, 3), dim=DIMS, correction=[0, 2], unless=lambda o: "dim" not in o)
case("var keepdim", lambda lib, x, dim=(0, 1), **o: x.var(dim, keepdim=True, **o), (3, 3, 4), dim=DIMS, correction=[0])
case("std", lambda lib, x, **o: x.std(**o), (3, 4, 3), dim=DIMS, correction=[0, 2], unless=lambda o: "dim" not in o)
case("std keepdim", lambda lib, x, dim=(0, 1), **o: x.std(dim, keepdim=True, **o), (3, 3, 4), dim=DIMS, correction=[0])
case("max", lambda lib, x: x.max(), (3, 4))
case("max dim", lambda lib, x, dim=1, **o: x.max(dim, **o).values, (2, 3, 4), dim=[0, -1], keepdim=[True])
case("min", lambda lib, x: x.min(), (3, 4))
case("min dim", lambda lib, x, dim=1, **o: x.min(dim, **o).values, (2, 3, 4), dim=[0, -1], keepdim=[True])
case("amax", lambda lib, x, **o: x.amax(**o), (2, 3, 4), dim=DIMS)
case("amax ties", lambda lib, x, dim=1, **o: lib.cat([x, x], 1).amax(dim, **o), (2, 3, 4), dim=[(0, 1)], keepdim=[True])
case("amin", lambda lib, x, **o: x.amin(**o), (2, 3, 4), dim=DIMS)
case("amin ties", lambda lib, x, dim=1, **o: lib.cat([x, x], 1).amin(dim, **o), (2, 3, 4), dim=[(0, 1)], keepdim=[True])
case("logsumexp", lambda lib, x, dim=1, **o: lib.logsumexp(x, dim, **o), (2, 3, 4), dim=[0, -1, (0, 2)], keepdim=[True])
case("softmax", lambda lib, x, dim=1: x.softmax(dim), (2, 3, 4), dim=[0, -1])
case("log_softmax", lambda lib, x, dim=1: x.log_softmax(dim), (2, 3, 4), dim=[0, -1])
case("cumsum", lambda lib, x, dim=1: x.cumsum(dim), (2, 3, 4), dim=[0, -1])

case("prod", lambda lib, x: x.prod(), (2, 3))
case("prod dim", lambda lib, x: x.prod(1, keepdim=True), (2, 3, 4))
case("prod with zeros", lambda lib, x: x.prod(0), np.array([[0.0, 1.0, 0.0], [2.0, 0.0, 0.0], [3.0, 4.0, 5.0]]))
case("cumprod dim", lambda lib, x, dim=1: x.cumprod(dim), (2, 3, 3), dim=[0, -1])
case("cumprod along 1 with zeros", lambda lib, x: x.cumprod(1), np.array([[0.0, 1.0, 0.0], [2.0, 0.0, 3.0]]))
case("norm 1 at zero", lambda lib, x: lib.norm(x, 1, 1), np.array([[0.0, 1.0], [-2.0, 0.0]]), convention=True)
case("norm 2 at zero", lambda lib, x: lib.norm(x, 2, 1), np.zeros((2, 3)), convention=True)
case("std of equal values", lambda lib, x: x.std(1), np.array([[1.0, 1.0, 1.0], [1.0, 2.0, 4.0]]), convention=True)
case("cumprod", lambda lib, x: x.cumprod(1), (2, 4))
case("cumprod with zeros", lambda lib, x: x.cumprod(0), np.array([[0.0, 1.0, 0.0], [2.0, 0.0, 0.0], [3.0, 4.0, 5.0]]))
for _p in (1, 1.5, 2, 3, float("inf"), -1):
    case(f"norm {_p}", lambda lib, x, p=_p: lib.norm(x, p, 1), (3, 4))
case("norm of all", lambda lib, x: x.norm(), (2, 3))
case("norm of two axes", lambda lib, x: x.norm(dim=(0, 2), keepdim=True), (2, 3, 4))
case("norm at 0", lambda lib, x: (x * 0).norm(dim=1), (2, 3))
case("var_mean", lambda lib, x: lib.stack(lib.var_mean(x, 1)), (2, 4))
case("std_mean", lambda lib, x: lib.stack(lib.std_mean(x, 1, correction=0)), (2, 4))
case("nansum", lambda lib, x, m: lib.nansum(x.masked_fill(m, float("nan")), 1), (3, 4), mask(3, 4))
case("trace", lambda lib, x: x.trace(), (3, 4))
case("diff", lambda lib, x: x.diff(dim=1), (2, 5))
case("aminmax", lambda lib, x: lib.stack(list(lib.aminmax(x, dim=1))), (3, 4))
case("svdvals", lambda lib, x: lib.linalg.svdvals(x), (2, 4, 3))
case("matrix_norm", lambda lib, x, **o: lib.linalg.matrix_norm(x, dim=(0, 2), **o), (5, 2, 4),
     ord=["nuc", 1, -1, 2, -2, float("inf"), -float("inf")], keepdim=[True])
case("linalg.norm", lambda lib, x, **o: lib.linalg.norm(x, **o), (4, 3), ord=["nuc", 2], keepdim=[True])
