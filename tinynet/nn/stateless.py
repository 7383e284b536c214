"""Base of layers without parameters: each is a function of `nn.functional` that remembers its options."""

import inspect

from tinynet.nn.module import Module

SELF = inspect.Parameter("self", inspect.Parameter.POSITIONAL_OR_KEYWORD)


class Stateless(Module):
    """A layer that calls `function` with its inputs and with the options that its constructor was given.

    A subclass without a constructor takes the options of its function, in their order and with their defaults:
    `nn.ELU(alpha=1.0, inplace=False)` follows from `F.elu(input, alpha=1.0, inplace=False)`. `inputs` is the number
    of tensors that come before the options.

    The options are attributes, under PyTorch's names. The repr shows them as `name=value`, those of `bare` as
    `value`, those of `hidden` not at all, and `inplace` only where it is True.
    """

    function, inputs = None, 1
    bare, hidden = (), ()

    def __init_subclass__(cls):
        inherited = cls.__init__
        if "function" in vars(cls) and inherited.__code__.co_flags & inspect.CO_VARKEYWORDS:
            options = list(inspect.signature(cls.function).parameters.values())[cls.inputs:]
            cls.__init__ = _constructor(inherited, inspect.Signature([SELF, *options]))

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


def _constructor(inherited, signature):
    """A constructor with this signature, which calls the `inherited` one with all options by name."""
    def __init__(self, *args, **kwargs):
        try:
            given = signature.bind(self, *args, **kwargs)
        except TypeError as error:
            raise TypeError(f"{type(self).__name__}: {error}") from None
        given.apply_defaults()
        del given.arguments["self"]
        inherited(self, **given.arguments)

    __init__.__signature__ = signature
    return __init__
