"""`detect_anomaly`: stop at the operator that makes the first NaN or infinity."""

import numpy as np

from tinynet.gradients.modes import Switch, modes


class detect_anomaly(Switch):
    """Stop with a FloatingPointError that names the operator at the first NaN or infinity, forward or backward."""
    name, value = "anomaly", True


class set_detect_anomaly:
    """`detect_anomaly` on or off, from now on, or within `with set_detect_anomaly(mode):`.

    `torch.autograd.set_detect_anomaly`.
    """

    def __init__(self, mode):
        self.before, modes.anomaly = modes.anomaly, bool(mode)

    def __enter__(self):
        return self

    def __exit__(self, *error):
        modes.anomaly = self.before


def check_finite(where, arrays):
    """FloatingPointError if one of the arrays (or None) holds NaN or infinity."""
    for array in arrays:
        if array is not None and array.dtype.kind == "f" and not np.isfinite(array).all():
            worst = "NaN" if np.isnan(array).any() else "infinity"
            raise FloatingPointError(f"{where}: {worst} in a result of shape {array.shape}")
