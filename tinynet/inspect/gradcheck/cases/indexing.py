"""Cases for reading and writing elements by their places."""

import numpy as np

from tinynet.inspect.gradcheck.cases.case import case, integers, mask

ROWS = np.array([0, 2, 2, 1])

case("index slice", lambda lib, x: x[1:, ::2], (3, 5))
case("index backwards", lambda lib, x: x[:, 1:4:2] * x[:, -3:-1], (3, 5))
case("index integer", lambda lib, x: x[..., -1, None], (3, 5))
case("index array", lambda lib, x, i: x[i], (4, 3), ROWS)
case("index arrays", lambda lib, x, i, j: x[i, :, j], (3, 2, 4), ROWS, np.array([3, 0, 0, 3]))
case("index array and slice", lambda lib, x, i: x[1:, i], (3, 4), ROWS)
case("index mask", lambda lib, x, m: x[m], (4, 3), np.eye(4, 3) > 0)
case("index_select", lambda lib, x, i, dim=0: lib.index_select(x, dim, i), (3, 4, 3), ROWS, dim=[1, -1])
case("gather", lambda lib, x, i, dim=1: x.gather(dim, i), (3, 4), integers(3, 3, 2), dim=[0])
case("take_along_dim", lambda lib, x, i: lib.take_along_dim(x, i, 1), (3, 4), integers(3, 3, 2))


def assign(place):
    """Write y into a copy of x at `place`."""
    def run(lib, x, y, *index):
        z = x * 1
        z[index[0] if index else place] = y
        return z
    return run


case("assign", assign((slice(1, None), 0)), (3, 4), (2,))
case("assign broadcasts", assign((slice(1, None), slice(None, None, 2))), (3, 4), (2, 1))
case("assign with more axes", assign((slice(1, None), 0)), (3, 4), (1, 2))
case("assign array", assign(None), (4, 3), (2, 3), np.array([2, 0]))
case("assign mask", assign(None), (3, 4), (), np.eye(3, 4) > 0)

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
case("select", lambda lib, x: x.select(1, 2), (3, 4))
case("narrow", lambda lib, x: x.narrow(1, 1, 2), (3, 4))
case("scatter_reduce", lambda lib, x, i, s, reduce="mean", **o: x.scatter_reduce(1, i, s, reduce, **o), (3, 4),
     integers(4, 2, 3), (2, 3), reduce="sum prod amax amin".split(), include_self=[False])
case("scatter_reduce zeros", lambda lib, x, s, i, **o: x.scatter_reduce(0, i, s, "prod", **o),
     np.array([0.0, 2, 0, 3, 4]), np.array([5.0, 0, 0, 6, 0, 0]), np.array([0, 1, 2, 3, 4, 4]), include_self=[False])
case("scatter_reduce ties", lambda lib, x, s, i, **o: x.scatter_reduce(0, i, s, "amax", **o), np.array([1.0, 2, 3]),
     np.array([1.0, 5, 5, 3, 1]), np.array([0, 1, 1, 2, 2]), convention=True)
case("scatter_reduce unseen", lambda lib, x, s, i: x.scatter_reduce(0, i, s, "amax", include_self=False),
     np.array([7.0, 2]), np.array([7.0, 3]), np.array([0, 0]), reference=False)        # PyTorch counts x, too
