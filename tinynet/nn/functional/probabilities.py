"""Softmax and similar functions: from numbers to probabilities."""

import warnings

from tinynet import random
from tinynet.nn import check
from tinynet.ops import softmax as softmax_ops
from tinynet.tensor import Tensor


def softmax(input, dim=None, _stacklevel=3, dtype=None):
    """eˣ / Σ eˣ along `dim`. Without dim: 0 for input of 0, 1 or 3 axes, else 1, with a warning. Bridle 1990."""
    return softmax_ops.softmax(check.tensor("softmax", input), _given("softmax", input, dim, _stacklevel), dtype=dtype)


def softmin(input, dim=None, _stacklevel=3, dtype=None):
    """softmax(-x) along `dim`, with its rule for a missing dim. As PyTorch's."""
    return softmax(-input, _given("softmin", input, dim, _stacklevel), dtype=dtype)


def log_softmax(input, dim=None, _stacklevel=3, dtype=None):
    """log(softmax(x)) along `dim`, without the loss of precision of doing one after the other. Bridle 1990.

    A missing `dim` follows the rule of `softmax`.
    """
    dim = _given("log_softmax", check.tensor("log_softmax", input), dim, _stacklevel)
    return softmax_ops.log_softmax(input, dim, dtype=dtype)


def _given(name, input, dim, stacklevel):
    """`dim`, or the axis that PyTorch chooses where the caller gives none."""
    if dim is not None:
        return dim
    chosen = 0 if input.ndim in (0, 1, 3) else 1
    warnings.warn(f"{name}: no dim was given; {chosen} is chosen for {input.ndim} axes, as PyTorch does. "
                  "Better name the axis: the choice is deprecated there", stacklevel=stacklevel)
    return chosen


def gumbel_softmax(logits, tau=1, hard=False, eps=1e-10, dim=-1):
    """softmax((x + g) / tau) along `dim`, g = -log(-log u) for uniform random u: a sample, made soft.

    `hard` gives a one-hot sample whose gradient is that of the soft one. `tau` is a temperature; `eps` is accepted
    and without effect, as in PyTorch. Jang et al. 2017; Maddison et al. 2017.
    """
    check.floats("gumbel_softmax", logits)
    noise = random.stream("user").gumbel(size=logits.shape).astype(logits.dtype)
    soft = softmax((logits + Tensor(noise)) / tau, dim)
    if not hard:
        return soft
    one_hot = (soft.array == soft.array.max(dim, keepdims=True)).astype(soft.dtype)
    return Tensor(one_hot - soft.array) + soft
