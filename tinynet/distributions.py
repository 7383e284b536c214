"""Probability distributions as policies and variational autoencoders use them. `torch.distributions` has many more.

Batch shapes broadcast: a distribution with parameters of shape (N, ...) is N of them.
"""

import math

import numpy as np

from tinynet import random
from tinynet.creation import as_tensor
from tinynet.gradients.modes import no_grad
from tinynet.nn import functional as F
from tinynet.tensor import Size, Tensor

__all__ = ["Bernoulli", "Categorical", "Distribution", "Normal", "kl_divergence"]
HALF_LOG_2_PI = 0.5 * math.log(2 * math.pi)


class Distribution:
    """Base of distributions: `sample`, `log_prob`, `entropy`, for parameters of any shape.

    NotImplementedError for what a subclass does not have. `torch.distributions.Distribution`.
    """

    def sample(self, sample_shape=()):
        """Random values of shape sample_shape + batch shape, outside the graph."""
        with no_grad():
            return self.draw(tuple(sample_shape)).detach()

    def draw(self, sample_shape):
        """The random values; subclasses define it."""
        raise NotImplementedError(f"{type(self).__name__} cannot be sampled")

    def log_prob(self, value):
        """The logarithm of the probability, or its density, at `value`."""
        raise NotImplementedError(f"{type(self).__name__} has no log_prob")

    def entropy(self):
        """The mean of -log_prob, in nats."""
        raise NotImplementedError(f"{type(self).__name__} has no entropy")


class Normal(Distribution):
    """The normal distribution with mean `loc` and standard deviation `scale`, of any shape.

    log p(x) = -(x - loc)² / (2 scale²) - log(scale) - log(2π) / 2. `torch.distributions.Normal`.
    """

    def __init__(self, loc, scale, validate_args=None):
        self.loc, self.scale = floats(loc), floats(scale)
        self.batch_shape = Size(np.broadcast_shapes(self.loc.shape, self.scale.shape))

    @property
    def mean(self):
        """The mean, `loc`."""
        return self.loc

    @property
    def stddev(self):
        """The standard deviation, `scale`."""
        return self.scale

    @property
    def variance(self):
        """The variance, scale²."""
        return self.scale ** 2

    def rsample(self, sample_shape=()):
        """loc + scale · ε: random values that pass gradients on to the parameters."""
        numbers = random.stream("user").standard_normal(tuple(sample_shape) + self.batch_shape)
        return self.loc + self.scale * Tensor(numbers.astype(self.loc.dtype))

    def draw(self, sample_shape):
        return self.rsample(sample_shape)

    def log_prob(self, value):
        return -((value - self.loc) ** 2) / (2 * self.scale ** 2) - self.scale.log() - HALF_LOG_2_PI

    def entropy(self):
        return 0.5 + HALF_LOG_2_PI + self.scale.log() + 0 * self.loc


class Categorical(Distribution):
    """One of K classes: `probs` (..., K), which need not add up to 1, or `logits` (..., K).

    ValueError unless one of the two is given. `torch.distributions.Categorical`.
    """

    def __init__(self, probs=None, logits=None, validate_args=None):
        check_one("Categorical", probs, logits)
        if probs is not None:
            self.probs = probs / probs.sum(-1, keepdim=True)
            self.logits = clamped(self.probs).log()
        else:
            self.logits = F.log_softmax(logits, dim=-1)
            self.probs = self.logits.exp()
        self.batch_shape = Size(self.probs.shape[:-1])

    def draw(self, sample_shape):
        share = self.probs.array.astype(np.float64).cumsum(-1)                  # (..., K)
        level = random.stream("user").random(sample_shape + self.batch_shape + (1,)) * share[..., -1:]
        return Tensor(np.asarray((share <= level).sum(-1), np.int64))

    def log_prob(self, value):
        value = value.long()
        logits = self.logits.expand(*value.shape, self.logits.shape[-1])
        return logits.gather(-1, value.unsqueeze(-1)).squeeze(-1)

    def entropy(self):
        return -(self.logits * self.probs).sum(-1)


class Bernoulli(Distribution):
    """1 with probability `probs`, else 0; or given by `logits`, of any shape.

    ValueError unless one of the two is given. `torch.distributions.Bernoulli`.
    """

    def __init__(self, probs=None, logits=None, validate_args=None):
        check_one("Bernoulli", probs, logits)
        if probs is not None:
            self.probs = floats(probs)
            kept = clamped(self.probs)
            self.logits = kept.log() - (1 - kept).log()
        else:
            self.logits = floats(logits)
            self.probs = self.logits.sigmoid()
        self.batch_shape = Size(self.probs.shape)

    def draw(self, sample_shape):
        numbers = random.stream("user").random(sample_shape + self.batch_shape)
        return Tensor((numbers < self.probs.array).astype(self.probs.dtype))

    def log_prob(self, value):
        return -F.binary_cross_entropy_with_logits(self.logits + 0 * value, value + 0 * self.logits.detach(),
                                                   reduction="none")

    def entropy(self):
        return F.binary_cross_entropy_with_logits(self.logits, self.probs, reduction="none")


def kl_divergence(p, q):
    """The mean of log p - log q under p, in nats, for two `Normal`s or two `Categorical`s of the same shape.

    NotImplementedError for others. `torch.distributions.kl_divergence`.
    """
    if isinstance(p, Normal) and isinstance(q, Normal):
        ratio = (p.scale / q.scale) ** 2
        return 0.5 * (ratio + ((p.loc - q.loc) / q.scale) ** 2 - 1 - ratio.log())
    if isinstance(p, Categorical) and isinstance(q, Categorical):
        return (p.probs * (p.logits - q.logits)).sum(-1)
    raise NotImplementedError(f"kl_divergence: not there for {type(p).__name__} and {type(q).__name__}")


def floats(value):
    """A parameter as a tensor of floats."""
    tensor = as_tensor(value)
    return tensor if tensor.is_floating_point() else tensor.float()


def clamped(probs):
    """Probabilities kept away from 0 and 1, so that their logarithms are finite."""
    eps = float(np.finfo(probs.dtype).eps)
    return probs.clamp(min=eps, max=1 - eps)


def check_one(name, probs, logits):
    if (probs is None) == (logits is None):
        raise ValueError(f"{name}: expected probs or logits, and not both")
