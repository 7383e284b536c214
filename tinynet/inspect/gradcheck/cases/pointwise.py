"""Cases for operators of one operand that work element by element."""

import numpy as np

from tinynet.inspect.gradcheck.cases.case import case, mask, positive, uniform

case("neg", lambda lib, x: -x, (2, 3))
case("abs", lambda lib, x: x.abs(), (2, 3))
case("abs at zero", lambda lib, x: x.abs(), np.array([0.0, 1.0, -2.0]), convention=True)
case("sign", lambda lib, x: x.sign(), (2, 3))
case("exp", lambda lib, x: x.exp(), (2, 3))
case("log", lambda lib, x: x.log(), positive(2, 3))
case("sqrt", lambda lib, x: x.sqrt(), positive(2, 3))
case("sin", lambda lib, x: x.sin(), (2, 3))
case("cos", lambda lib, x: x.cos(), (2, 3))
case("tanh", lambda lib, x: x.tanh(), (2, 3))
case("sigmoid", lambda lib, x: x.sigmoid(), (2, 3))

for _name in "log1p log2 log10 reciprocal rsqrt".split():
    case(_name, lambda lib, x, name=_name: getattr(lib, name)(x), positive(2, 3))
for _name in "expm1 exp2 erf erfc tan sinh cosh asinh atan square floor ceil trunc round frac".split():
    case(_name, lambda lib, x, name=_name: getattr(lib, name)(x), (2, 3))
for _name in "asin acos atanh erfinv".split():
    case(_name, lambda lib, x, name=_name: getattr(lib, name)(x), uniform(-0.9, 0.9, 2, 3))
case("acosh", lambda lib, x: x.acosh(), uniform(1.2, 3, 2, 3))
case("logit", lambda lib, x: x.logit(0.1), uniform(0.2, 0.8, 2, 3))
case("nan_to_num", lambda lib, x, m: x.masked_fill(m, float("nan")).nan_to_num(1.0), (2, 3), mask(2, 3))
