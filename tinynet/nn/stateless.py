"""What layers without parameters share: each is a function of `nn.functional` that remembers its options."""

from tinynet.nn.module import Module


class Stateless(Module):
    """A layer that calls `function` with its input and with the options that its constructor was given.

    The options are attributes, under PyTorch's names. The repr shows them as `name=value`, those of `bare` as
    `value`, those of `hidden` not at all, and `inplace` only where it is True.
    """

    function = None
    bare, hidden = (), ()

    def __init__(self, **options):
        super().__init__()
        self._options = tuple(options)
        for name, value in options.items():
            setattr(self, name, value)

    def forward(self, *inputs):
        return self.function(*inputs, **{name: getattr(self, name) for name in self._options})

    def extra_repr(self):
        shown = {name: getattr(self, name) for name in self._options if name not in self.hidden}
        if not shown.get("inplace", True):
            del shown["inplace"]
        return ", ".join(f"{value!r}" if name in self.bare else f"{name}={value!r}" for name, value in shown.items())
