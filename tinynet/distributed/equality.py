"""Whether all processes hold the same: versions, settings, data, and after each epoch the weights."""

import hashlib
import importlib.metadata
import platform

from tinynet.distributed.objects import of_all, shared
from tinynet.version import __version__


def versions():
    """What may differ between machines, and must not."""
    return {"tinynet": __version__, "Python": platform.python_version(),
            **{name: importlib.metadata.version(name) for name in ("numpy", "numba", "mpi4py")}}


def check_same(facts, what):
    """ValueError, in all processes, unless each gives the same dict of `facts`; `what` begins the sentence."""
    found = of_all(facts)
    for rank, other in enumerate(found):
        for name in found[0]:
            if other.get(name) != found[0][name]:
                raise shared(ValueError(f"{what}: {name} is {found[0][name]} in process 0, and {other.get(name)} in "
                                        f"process {rank}"))


def digests(tensors):
    """{name: SHA-256 of type, shape and values} of a dict of tensors."""
    found = {}
    for name, tensor in tensors.items():
        hashed = hashlib.sha256(f"{tensor.dtype} {tuple(tensor.shape)} ".encode())
        hashed.update(tensor.array.tobytes())          # in the order of the indices, whatever the order in memory
        found[name] = hashed.hexdigest()[:16]
    return found


def check_parameters(module, when):
    """ValueError, in all processes, unless the parameters of `module` have the same bits in each of them."""
    check_same(digests(dict(module.named_parameters())), f"the weights of the processes differ {when}")
