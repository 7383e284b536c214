"""`detect_anomaly`: stop at the operator that makes the first NaN or infinity."""

import numpy as np

from tinynet.gradients.modes import Switch


class detect_anomaly(Switch):
    """Stop with a FloatingPointError that names the operator at the first NaN or infinity, forward or backward."""
    name, value = "anomaly", True


def check_finite(where, arrays):
    """FloatingPointError if one of the arrays (or None) holds NaN or infinity."""
    for array in arrays:
        if array is not None and array.dtype.kind == "f" and not np.isfinite(array).all():
            worst = "NaN" if np.isnan(array).any() else "infinity"
            raise FloatingPointError(f"{where}: {worst} in a result of shape {array.shape}")
