"""Modules side by side: Parallel branches of one input, and Residual, a module whose input is added to its result."""

from tinynet.nn.containers import ModuleList
from tinynet.nn.module import Module
from tinynet.nn.shape import Identity
from tinynet.ops.joining import cat


class Parallel(Module):
    """All branches see the same input; their outputs are added (join="sum") or joined along `dim` ("cat").

    Takes the branches as arguments, as one list, or as one dict whose keys become their names. Any shape that all
    of them take -> that of their outputs, longer along `dim` for "cat". ValueError without branches, or where their
    outputs do not match. Szegedy et al. 2015, "Going Deeper with Convolutions" (cat); Xie et al. 2017 (sum).
    """

    def __init__(self, *branches, join="sum", dim=1):
        super().__init__()
        if join not in ("sum", "cat"):
            raise ValueError(f'Parallel: expected join "sum" or "cat", got {join!r}')
        if len(branches) == 1 and isinstance(branches[0], (list, tuple, ModuleList)):
            branches = branches[0]
        is_dict = len(branches) == 1 and isinstance(branches[0], dict)
        named = branches[0] if is_dict else dict(enumerate(branches))
        if not named:
            raise ValueError("Parallel: expected at least one branch, got none")
        for name, branch in named.items():
            self.add_module(str(name), branch)
        self.join, self.dim = join, dim

    def forward(self, x):
        outputs = {name: branch(x) for name, branch in self._modules.items()}
        check_branches(self, outputs, self.dim if self.join == "cat" else None)
        if self.join == "cat":
            return cat(list(outputs.values()), self.dim)
        first, *others = outputs.values()
        return sum(others, start=first)

    def title(self):
        return type(self).__name__

    def extra_repr(self):
        return f"join={self.join!r}" + (f", dim={self.dim}" if self.join == "cat" else "")


def check_branches(module, outputs, dim=None):
    """Outputs of branches must have one shape, but for the axis `dim` along which they are concatenated."""
    def kept(shape):
        return shape if dim is None else [n for axis, n in enumerate(shape) if axis != dim % len(shape)]

    shapes = {name: y.shape for name, y in outputs.items()}
    first = next(iter(shapes.values()))
    if any(len(shape) != len(first) or kept(shape) != kept(first) for shape in shapes.values()):
        given = ", ".join(f"{name} gives {shape}" for name, shape in shapes.items())
        raise ValueError(f"{module.title()}: expected branches that match, but {given}")


class Residual(Module):
    """branch(x) + shortcut(x), where a shortcut that is not given is x itself.

    He et al. 2015, "Deep Residual Learning", equations 1 and 2.

    The branch is any module. Any shape -> that of both summands; a ValueError names them where they differ.
    """

    def __init__(self, branch, shortcut=None):
        super().__init__()
        self.branch = branch
        self.shortcut = Identity() if shortcut is None else shortcut

    def forward(self, x):
        y, shortcut = self.branch(x), self.shortcut(x)
        check_branches(self, {"branch": y, "shortcut": shortcut})
        return y + shortcut

    def title(self):
        return "Residual"
