"""`torch.cuda` on a machine without a GPU, which is how tinynet sees every machine."""

from tinynet.interop import amp, left_out    # noqa: F401  (torch.cuda.amp)


def is_available():
    """Always False."""
    return False


is_initialized = is_bf16_supported = is_available


def current_accelerator(check_available=False):
    """Always None."""


def device_count():
    """Always 0."""
    return 0


def memory_allocated(device=None):
    """Always 0."""
    return 0


max_memory_allocated = memory_reserved = max_memory_reserved = memory_allocated


def empty_cache():
    """Nothing to empty, as in PyTorch without a GPU."""


def manual_seed(seed):
    """No GPU, so no random numbers of it to seed: nothing happens, as in PyTorch without a GPU."""


manual_seed_all = manual_seed
seed = seed_all = reset_peak_memory_stats = ipc_collect = empty_cache


def __getattr__(name):
    """Anything else needs a GPU: it can be named, and refuses to be used."""
    return left_out.stand_in_or_error(__name__, f"torch.cuda.{name}")
