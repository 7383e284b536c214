"""`torch.backends`: libraries and devices that PyTorch may use. tinynet uses none, so their switches do nothing."""

from types import SimpleNamespace


def nothing():
    """Always False."""
    return False


def absent(**switches):
    """A backend that is not available, and its switches."""
    return SimpleNamespace(is_available=nothing, is_built=nothing, version=lambda: None, **switches)


cudnn = absent(enabled=True, benchmark=False, deterministic=False, allow_tf32=True, fastest=False)
cuda = absent(matmul=SimpleNamespace(allow_tf32=False, allow_fp16_reduced_precision_reduction=True))
mps = absent()
mkldnn = absent(enabled=True)
mkl = absent()
openmp = absent()
