"""`tinynet.distributions` against PyTorch's: densities, entropies, divergences, their gradients, and samples."""

import numpy as np
import pytest

import tinynet
from tinynet import distributions

torch = pytest.importorskip("torch")

CASES = {
    "normal": ("Normal", {"loc": [0.0, 1.0], "scale": [1.0, 2.0]}, [0.5, -0.5]),
    "categorical": ("Categorical", {"probs": [[0.1, 0.2, 0.7], [0.3, 0.3, 0.4]]}, [2, 0]),
    "categorical logits": ("Categorical", {"logits": [[0.1, 0.2, 0.7], [0.3, -0.3, 0.4]]}, [[0, 1], [2, 2]]),
    "bernoulli": ("Bernoulli", {"probs": [0.2, 0.9]}, [1.0, 0.0]),
    "bernoulli logits": ("Bernoulli", {"logits": [0.2, -0.9]}, [1.0, 0.0]),
}


def measured(library, kind, parameters, value):
    """log_prob and entropy, and the gradients of their sum."""
    given = {name: library.tensor(numbers, requires_grad=True) for name, numbers in parameters.items()}
    made = getattr(library.distributions, kind)(**given)
    log_prob, entropy = made.log_prob(library.tensor(value)), made.entropy()
    (log_prob.sum() + entropy.sum()).backward()
    return [t.detach().numpy() for t in (log_prob, entropy, *(p.grad for p in given.values()))]


@pytest.mark.parametrize("case", CASES)
def test_densities_are_pytorchs(case):
    for ours, theirs in zip(measured(tinynet, *CASES[case]), measured(torch, *CASES[case]), strict=True):
        np.testing.assert_allclose(ours, theirs, rtol=1e-5, atol=1e-6)


@pytest.mark.parametrize("kind", ["normal", "categorical"])
def test_divergences_are_pytorchs(kind):
    name, parameters, _ = CASES[kind]

    def divergence(library):
        p = getattr(library.distributions, name)(**{k: library.tensor(v) for k, v in parameters.items()})
        q = getattr(library.distributions, name)(**{k: library.tensor(v).flip(-1) for k, v in parameters.items()})
        return library.distributions.kl_divergence(p, q).numpy()

    np.testing.assert_allclose(divergence(tinynet), divergence(torch), rtol=1e-5)


@pytest.mark.parametrize("case", CASES)
def test_samples_are_distributed_so(case):
    kind, parameters, _ = CASES[case]
    tinynet.manual_seed(0)
    made = getattr(distributions, kind)(**{name: tinynet.tensor(numbers) for name, numbers in parameters.items()})
    samples = made.sample((4000,)).numpy()
    assert samples.shape == (4000, 2)
    expected = {"Normal": lambda: made.loc.numpy(), "Bernoulli": lambda: made.probs.numpy(),
                "Categorical": lambda: made.probs.numpy() @ np.arange(3)}[kind]()
    np.testing.assert_allclose(samples.mean(0), expected, atol=0.15)


def test_what_is_missing_is_said():
    with pytest.raises(ValueError, match="Categorical: expected probs or logits"):
        distributions.Categorical()
    with pytest.raises(NotImplementedError, match="kl_divergence: not there for Bernoulli and Normal"):
        distributions.kl_divergence(distributions.Bernoulli(0.5), distributions.Normal(0.0, 1.0))
