"""One value for each of several axes, as `torch.nn.modules.utils` spells it."""


def _ntuple(n):
    """A function that repeats a single value n times and makes a tuple of any sequence."""
    def parse(x):
        return tuple(x) if hasattr(x, "__iter__") else (x,) * n
    return parse


_single, _pair, _triple, _quadruple = map(_ntuple, (1, 2, 3, 4))
