"""Weights of grouped convolutions as dense blocks of groups, for the register tiles."""

import numpy as np

from tinynet.kernels.machine.lanes import LANES


def blocks(w, groups):
    """Neighbouring groups, as many as fill a register with outputs: their dense weights, slices of C and of K.

    The zeros between the groups are multiplied too, and still the tiles are faster than many small matrices.
    """
    if groups == 1:
        yield w, slice(0, w.shape[1]), slice(0, w.shape[0])
        return
    (k, c, r, s), outputs = w.shape, w.shape[0] // groups
    merged = max(m for m in range(1, groups + 1) if groups % m == 0 and (m == 1 or m * outputs <= LANES))
    for g in range(0, groups, merged):
        ins, outs = slice(g * c, (g + merged) * c), slice(g * outputs, (g + merged) * outputs)
        dense = w[outs]
        if merged > 1:
            dense = np.zeros((r, s, merged * c, merged * outputs), w.dtype).transpose(3, 2, 0, 1)
            for group, block in diagonal(w[outs], dense):
                block[...] = group
        yield dense, ins, outs


def diagonal(w, dense):
    """Pairs of views for every group: its weights in w (K, C/groups, R, S) and in the dense block (K, C, R, S)."""
    c, groups = w.shape[1], dense.shape[1] // w.shape[1]
    outputs = w.shape[0] // groups
    for g in range(groups):
        outs = slice(g * outputs, (g + 1) * outputs)
        yield w[outs], dense[outs, g * c:(g + 1) * c]
