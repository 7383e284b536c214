"""PyTorch's second names of operators, as functions and as methods."""

from tinynet.ops import (
    algebra, arithmetic, comparison, elementary, in_place, joining, pointwise, shape)
from tinynet.tensor import attach

absolute = attach("absolute")(pointwise.abs)
negative = attach("negative")(pointwise.neg)
subtract = attach("subtract")(arithmetic.sub)
multiply = attach("multiply")(arithmetic.mul)
divide = attach("divide")(arithmetic.div)
true_divide = attach("true_divide")(arithmetic.div)
fix = attach("fix")(elementary.trunc)
arcsin = attach("arcsin")(elementary.asin)
arccos = attach("arccos")(elementary.acos)
arctan = attach("arctan")(elementary.atan)
greater = attach("greater")(comparison.gt)
greater_equal = attach("greater_equal")(comparison.ge)
less = attach("less")(comparison.lt)
less_equal = attach("less_equal")(comparison.le)
not_equal = attach("not_equal")(comparison.ne)
concat = concatenate = joining.cat
swapdims = shape.swapaxes
moveaxis = shape.movedim
sgn = attach("sgn")(pointwise.sign)
ger = algebra.outer
attach("multiply_")(in_place.mul_)
attach("divide_")(in_place.div_)
attach("subtract_")(in_place.sub_)
attach("split_with_sizes")(joining.split)
