"""Cases for sorting and what picks by rank."""

import numpy as np

from tinynet.inspect.gradcheck.cases.case import case

case("sort", lambda lib, x: x.sort(1).values * lib.arange(4), (3, 4))
case("sort descending", lambda lib, x: lib.sort(x, 0, descending=True)[0] * lib.arange(4), (3, 4))
case("topk", lambda lib, x: x.topk(2).values, (3, 4))
case("topk smallest", lambda lib, x: x.topk(2, 0, largest=False).values, (3, 4))
case("median", lambda lib, x: x.median(), (3, 4))
case("median dim", lambda lib, x: x.median(1, keepdim=True).values, (3, 4))
case("kthvalue", lambda lib, x: x.kthvalue(2, 1).values, (3, 4))
case("quantile", lambda lib, x: x.quantile(0.3, 1, keepdim=True), (3, 4))
case("quantile several", lambda lib, x, q, **o: x.quantile(q, 1, **o), (3, 4), np.array([0.3, 0.55]),
     interpolation="midpoint lower higher nearest".split())
