"""`torch.cuda` as it is on a machine without a GPU: tinynet does not use GPUs."""

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
    """Do nothing, as PyTorch does without a GPU."""


def manual_seed(seed):
    """Do nothing, as PyTorch does without a GPU: there are no random numbers of a GPU to seed."""


manual_seed_all = manual_seed
seed = seed_all = reset_peak_memory_stats = ipc_collect = empty_cache


def __getattr__(name):
    """Every other name needs a GPU: it can be imported, but raises an error when it is used."""
    return left_out.stand_in_or_error(__name__, f"torch.cuda.{name}")
