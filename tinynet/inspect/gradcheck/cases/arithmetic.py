"""Cases for operators of two operands, their in-place forms, and the choice between two."""

import numpy as np

from tinynet.inspect.gradcheck.cases.case import case, integers, mask, positive, shifted, uniform

case("add", lambda lib, x, y, **o: lib.add(x, y, **o), (2, 3, 4), (3, 1), alpha=[0.5])
case("add broadcasts both", lambda lib, x, y: x + y, (3, 1), (2, 1, 4))
case("sub", lambda lib, x, y, **o: lib.sub(x, y, **o), (3, 1), (2, 1, 4), alpha=[0.5])
case("mul", lambda lib, x, y: x * y, (2, 3), (3,))
case("mul broadcasts both", lambda lib, x, y: x * y, (3, 1), (2, 1, 4))
case("mul itself", lambda lib, x: x * x, (2, 3))
case("div", lambda lib, x, y: x / y, (2, 3), positive(2, 1))
case("div broadcasts both", lambda lib, x, y: x / y, (3, 1), positive(4))
case("div rounded", lambda lib, x, y, **o: lib.div(x, y, **o), (2, 3), positive(3), rounding_mode=["floor", "trunc"])
case("remainder", lambda lib, x, y: x % y, (lambda rng: rng.uniform(0.2, 0.8, (2, 3)) + rng.integers(-2, 3, (2, 3))),
     np.ones(3))
case("remainder broadcasts", lambda lib, x, y: x % y, uniform(7.1, 7.9, 3, 1), uniform(2.05, 2.2, 2, 1, 4))
case("pow", lambda lib, x, y: x ** y, positive(2, 3), (3,))
case("pow broadcasts both", lambda lib, x, y: x ** y, positive(3, 1), (2, 1, 4))
case("pow at zero", lambda lib, x, y: x ** y, np.array([0.0, 0.0, 2.0, 0.0, 1.0]),
     np.array([2.0, 1.0, 0.0, 0.0, 1.0]), convention=True)
case("pow number", lambda lib, x: x ** 3 + x ** 2 + x ** -1.5, positive(2, 3))
case("pow of number", lambda lib, x: 2.5 ** x, (2, 3))
case("maximum", lambda lib, x, y: lib.maximum(x, y), (3, 4), shifted(3, 4))
case("maximum broadcasts", lambda lib, x, y: lib.maximum(x, y), (3, 1), shifted(2, 1, 4))
case("maximum ties", lambda lib, x, y: lib.maximum(x, x * 1) * y, (3, 4), (3, 4))
case("minimum", lambda lib, x, y: lib.minimum(x, y), (3, 4), shifted(4))
case("minimum broadcasts", lambda lib, x, y: lib.minimum(x, y), (3, 1), shifted(2, 1, 4))
case("minimum ties", lambda lib, x, y: lib.minimum(x, x * 1) * y, (3, 4), (3, 4))
case("clamp", lambda lib, x: x.clamp(-0.1, 0.2), (3, 5))
case("clamp below", lambda lib, x: x.clamp(min=-0.1), (3, 5))
case("clamp above", lambda lib, x: x.clamp(max=0.1), (3, 5))
case("clamp tensors", lambda lib, x, low, high: lib.clamp(x, low, high), (3, 5), uniform(-0.3, -0.2, 5),
     uniform(0.2, 0.3, 3, 1))
case("clamp broadcasts", lambda lib, x, low, high: lib.clamp(x, low, high), (3, 1), uniform(-0.06, -0.04, 1, 5),
     uniform(0.04, 0.06, 5))
case("clamp crossed", lambda lib, x, low, high: lib.clamp(x, low, high), (3, 5), uniform(0.2, 0.3, 5),
     uniform(-0.3, -0.2, 3, 1))
case("where", lambda lib, m, x, y: lib.where(m, x, y), mask(3, 4), (3, 4), (4,))
case("where broadcasts", lambda lib, m, x, y: lib.where(m, x, y), mask(4), (3, 1), (2, 1, 4))
case("masked_fill", lambda lib, x, m: x.masked_fill(m, 2.0), (3, 4), mask(3, 4))
case("masked_fill broadcasts", lambda lib, x, m: x.masked_fill(m, 2.0), (3, 4), mask(2, 1, 4))
case("clone", lambda lib, x: x.clone(), (2, 3))
case("in place", lambda lib, x, y: x.mul(1).add_(y).mul_(y).div_(y + 3).sub_(x), (2, 3), (3,))
case("copy_", lambda lib, x, y: x.mul(2).copy_(y), (2, 3), (3,))

case("fmod", lambda lib, x, y: lib.fmod(x, y), uniform(2.2, 2.8, 2, 3), np.array([1.0, -1.0, 2.0]))
case("fmod broadcasts", lambda lib, x, y: lib.fmod(x, y), uniform(7.1, 7.9, 3, 1), uniform(2.05, 2.2, 2, 1, 4))
case("atan2 broadcasts", lambda lib, x, y: lib.atan2(x, y), positive(3, 1), positive(2, 1, 4))
case("logaddexp broadcasts", lambda lib, x, y: lib.logaddexp(x, y), (3, 1), (2, 1, 4))
case("atan2", lambda lib, x, y: lib.atan2(x, y), positive(2, 3), positive(3))
case("hypot broadcasts", lambda lib, x, y: lib.hypot(x, y), positive(3, 1), positive(2, 1, 4))
case("hypot", lambda lib, x, y: lib.hypot(x, y), positive(2, 3), positive(3))
case("logaddexp", lambda lib, x, y: lib.logaddexp(x, y), (2, 3), (3,))
case("addcmul", lambda lib, x, y, z: lib.addcmul(x, y, z, value=0.5), (2, 3), (3,), (2, 1))
case("addcdiv", lambda lib, x, y, z: x.addcdiv(y, z, value=-2), (2, 3), (3,), positive(2, 1))
case("lerp", lambda lib, x, y, w: lib.lerp(x, y, w), (2, 3), (3,), (2, 3))
case("rsub", lambda lib, x, y: lib.rsub(x, y, alpha=2), (2, 3), (3,))
case("clamp_min", lambda lib, x: x.clamp_min(0.1), (3, 5))
case("clamp_max", lambda lib, x: x.clamp_max(0.1), (3, 5))
case("dist", lambda lib, x, y: lib.dist(x, y, 3), (2, 3), (3,))

case("in place elementary", lambda lib, x: (x * 1).log1p_().mul_(2).neg_().clamp_(-3, -0.1).exp_(), uniform(0, 1, 2, 3))
case("in place masks", lambda lib, x, m: (x * 1).masked_fill_(m, 0.5).tril_(), (3, 3), mask(3, 3))
case("in place scatter", lambda lib, x, i, s: (x * 2).scatter_add_(1, i, s).index_fill_(0, i[0, :1], 1.0),
     (4, 4), integers(4, 2, 3), (2, 3))
case("in place three operands", lambda lib, x, y: (x * 2).addcmul_(y, y, value=0.1).lerp_(y, 0.3), (2, 3), (2, 3))


def _views_written(lib, x, y):
    base = x * 1
    row, column = base[1], base[:, 0]
    row.mul_(y)
    base.add_(1)
    return base * column.sum() + row


case("in place on views", _views_written, (2, 3), (3,))
