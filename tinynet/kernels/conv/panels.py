"""Weights as the register tiles read them: dense blocks of groups, packed into panels of one tile's output channels."""

import numpy as np

from tinynet.kernels.machine.compile import jit
from tinynet.kernels.machine.lanes import LANES
from tinynet.kernels.machine.simd import address, copy, transpose


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


@jit
def pack(w, k0, k1, lanes, out):
    """Panels k0..k1 of w (R, S, C, K) into out, (panels, R, S, C, lanes); zeros after the last of the K channels.

    `w` is the address of its first float, its strides in bytes (those of turned weights may be negative), its shape.
    """
    source, (by_r, by_s, by_c, by_k), (r, s, c, k) = w
    i = 0
    for panel in range(k0, k1):
        some = min(lanes, k - panel * lanes)
        for rs in range(r * s):
            tap = source + rs // s * by_r + rs % s * by_s + panel * lanes * by_k
            if by_c == 4 and some == lanes and c % LANES == 0:
                for cc in range(0, c, LANES):
                    for v in range(0, lanes, LANES):
                        here = address(out, i + cc * lanes + v)
                        transpose(here, lanes, tap + cc * by_c + v * by_k, by_k // 4)
            else:
                run = some if by_k == 4 else 1
                for cc in range(c):
                    for v in range(0, some, run):
                        copy(address(out, i + cc * lanes + v), tap + cc * by_c + v * by_k, run)
                    out[i + cc * lanes + some:i + (cc + 1) * lanes] = 0
            i += c * lanes
