"""`torch.amp` without half precision: mixed precision is off, as it is in PyTorch on a machine without a GPU."""

import contextlib
import functools
import warnings


class autocast(contextlib.ContextDecorator):
    """A context that changes nothing. For device_type "cuda" a warning says that there is no GPU.

    `torch.autocast`, and `torch.cuda.amp.autocast(enabled)`. ValueError for "cpu" with enabled=True, which means
    bfloat16: tinynet does not have it.
    """

    def __init__(self, device_type="cuda", dtype=None, enabled=True, cache_enabled=None):
        if isinstance(device_type, bool):
            device_type, enabled = "cuda", device_type
        if enabled and device_type == "cpu":
            raise ValueError("autocast: half precision is not supported on the CPU; give it enabled=False")
        if enabled:
            warnings.warn(f"autocast: there is no device {device_type!r}; it is disabled", stacklevel=2)

    def __enter__(self):
        return self

    def __exit__(self, *error):
        return None


class GradScaler:
    """Scales nothing: `step(optimizer)` is `optimizer.step()`. A warning says so unless enabled=False.

    `torch.amp.GradScaler(device, ...)` and `torch.cuda.amp.GradScaler(init_scale, ...)`, without a GPU.
    """

    def __init__(self, device="cuda", init_scale=65536.0, growth_factor=2.0, backoff_factor=0.5, growth_interval=2000,
                 enabled=True):
        if enabled:
            warnings.warn("GradScaler: there is no half precision to scale gradients for; it is disabled", stacklevel=2)

    def scale(self, outputs):
        return outputs

    def unscale_(self, optimizer):
        """Do nothing: the gradients are not scaled."""

    def step(self, optimizer, *args, **kwargs):
        return optimizer.step(*args, **kwargs)

    def update(self, new_scale=None):
        """Do nothing: there is no scale to adapt."""

    def get_scale(self):
        return 1.0

    def is_enabled(self):
        return False

    def state_dict(self):
        return {}

    def load_state_dict(self, state_dict):
        """Do nothing: the state of a disabled scaler is empty."""


def custom_fwd(fwd=None, **options):
    """The function itself, also as `@custom_fwd(cast_inputs=...)`."""
    return functools.partial(custom_fwd, **options) if fwd is None else fwd


def custom_bwd(bwd=None, **options):
    """The function itself."""
    return functools.partial(custom_bwd, **options) if bwd is None else bwd
