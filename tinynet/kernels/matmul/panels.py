"""The right factor of a product as the register tiles read it: panels of one tile's columns."""

from tinynet.kernels.machine.compile import jit
from tinynet.kernels.machine.lanes import LANES
from tinynet.kernels.machine.simd import address, copy, copy_vector, transpose


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
            elif by_k == 4 and some == lanes:
                for cc in range(c):
                    for v in range(0, lanes, LANES):
                        copy_vector(address(out, i + cc * lanes + v), tap + cc * by_c + 4 * v)
            else:
                run = some if by_k == 4 else 1
                for cc in range(c):
                    for v in range(0, some, run):
                        copy(address(out, i + cc * lanes + v), tap + cc * by_c + v * by_k, run)
                    out[i + cc * lanes + some:i + (cc + 1) * lanes] = 0
            i += c * lanes
