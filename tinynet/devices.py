"""The device: there is one, the CPU. Other devices can be named, as scripts do, but nothing can be on them."""

import re

KINDS = ("cpu", "cuda", "mps", "xpu", "meta")          # those of PyTorch's that public code names


class device(str):
    """device("cpu"), device("cuda:0"), device("cuda", 0): a name that is equal to its text.

    `type` is the kind, `index` the number or None. ValueError for a kind that PyTorch does not have either.
    `torch.device`.
    """

    def __new__(cls, type, index=None):
        if isinstance(type, int):
            type, index = "cuda", type
        name = type if index is None else f"{type}:{index}"
        if not re.fullmatch(rf"({'|'.join(KINDS)})(:\d+)?", name):
            raise ValueError(f"device: expected one of {', '.join(KINDS)}, with or without :NUMBER, got {name!r}")
        return super().__new__(cls, name)

    @property
    def type(self):
        """The kind of device, "cpu"."""
        return self.partition(":")[0]

    @property
    def index(self):
        """Which of them, or None."""
        return int(self.partition(":")[2]) if ":" in self else None

    def __repr__(self):
        return f"device({str(self)!r})"


CPU = device("cpu")


def check_device(given, where=""):
    """Accept the CPU and None; ValueError for any other device."""
    if given is not None and str(given).partition(":")[0] != "cpu":
        where = where and f"{where}: "
        raise ValueError(f'{where}expected device "cpu", the only one there is, got {str(given)!r}')
