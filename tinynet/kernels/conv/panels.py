"""Weights of grouped convolutions as dense blocks of groups, for the register tiles."""

import numpy as np

from tinynet.kernels.machine.lanes import LANES


def blocks(w, groups):
    """Weights (K, C/groups, R, S) as dense blocks (B, K/B, C/B, R, S): a view of w, or zeros with w in between.

    A block has neighbouring groups, as many as fill a register with outputs. The zeros between the groups are
    multiplied too, and still the tiles are faster than many small matrices.
    """
    if groups == 1:
        return w[None]
    (k, c, r, s), outputs = w.shape, w.shape[0] // groups
    merged = groups_in_block(groups, outputs)
    count = groups // merged
    apart = w.reshape(count, merged, outputs, c, r, s)
    if merged == 1:
        return apart[:, 0]
    dense = np.zeros((count, r, s, merged, c, merged, outputs), w.dtype)
    for g in range(merged):
        dense[:, :, :, g, :, g] = apart[:, g].transpose(0, 3, 4, 2, 1)                  # (B, R, S, C/groups, K/groups)
    return dense.reshape(count, r, s, merged * c, merged * outputs).transpose(0, 4, 3, 1, 2)


def groups_in_block(groups, outputs):
    """How many neighbouring groups of so many outputs make a block."""
    return max(m for m in range(1, groups + 1) if groups % m == 0 and (m == 1 or m * outputs <= LANES))
