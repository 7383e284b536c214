"""Matrix products and einsum: values, gradients, and the same bits for any number of threads."""

import itertools

import numpy as np
import pytest

import tinynet
from tinynet import kernels
from tinynet.inspect.gradcheck import gradcheck
from tinynet.kernels.machine.lanes import LANES
from tinynet.kernels.matmul import fast
from tinynet.kernels.matmul import matmul

rng = np.random.default_rng(0)
SHAPES = [
    ((4,), (4,)), ((4,), (4, 3)), ((2, 4), (4,)), ((2, 4), (4, 3)), ((4,), (5, 4, 3)), ((5, 2, 4), (4,)),
    ((5, 2, 4), (4, 3)), ((2, 4), (5, 4, 3)), ((5, 2, 4), (5, 4, 3)), ((1, 2, 4), (5, 4, 3)),
    ((5, 2, 4), (1, 4, 3)),
    ((5, 1, 2, 4), (3, 4, 2)), ((2, 1, 2, 4), (1, 3, 4, 2)), ((4,), (2, 3, 4, 2)), ((2, 3, 2, 4), (4,)),
    ((0, 4), (4, 3)), ((2, 0), (0, 3)), ((0, 2, 4), (4, 3)), ((2, 3, 0), (0, 4)), ((0, 2, 4), (0, 4, 3)),
    ((2, 4), (4, 0)), ((1, 1), (1, 1)),
]


@pytest.mark.parametrize("a, b", SHAPES, ids=str)
@pytest.mark.parametrize("dtype", ["float64", "float32", "int64"])
def test_all_ranks(a, b, dtype):
    from both_libraries import agree
    x, y = ((10 * rng.standard_normal(shape)).astype(dtype) for shape in (a, b))
    agree(lambda lib, x, y: (x @ y, lib.matmul(x, y)), x, y, rtol=1e-12 if dtype == "float64" else 1e-5)


def test_aliases_and_operands():
    from both_libraries import agree
    x, y = rng.standard_normal((2, 3, 4)), rng.standard_normal((2, 4, 5))
    agree(lambda lib, x, y: (lib.bmm(x, y), x.bmm(y), lib.mm(x[0], y[0]), x[1].mm(y[1]),
                             lib.dot(x[0, 0], y[0, :, 0])), x, y)
    agree(lambda lib, x, y: x.mT.contiguous().mT @ y.mT.contiguous().mT, x, y)
    t = tinynet.tensor(x)
    np.testing.assert_allclose((t @ y).array, x @ y)
    np.testing.assert_allclose((x @ tinynet.tensor(y)).array, x @ y)


LARGE = [((300, 70), (70, 250)), ((70, 5000), (5000, 90)), ((5000, 40), (40, 90)), ((40, 64), (64, 9000)),
         ((1, 5000), (5000, 3)), ((6, 3, 64, 48), (6, 3, 48, 64)), ((2, 300, 64), (2, 64, 300)),
         ((8, 1, 32, 32), (5, 32, 33)), ((9, 100, 64), (64, 64)),
         ((1, 100, 200), (7, 200, 100)), ((5000, 1), (1, 50)), ((100_000,), (100_000,))]


@pytest.mark.parametrize("a, b", LARGE, ids=str)
@pytest.mark.parametrize("dtype", [np.float32, np.float64])
def test_pieces_make_the_whole_with_the_same_bits_for_any_number_of_threads(a, b, dtype):
    if len(a) == 1:
        a, b = (1, *a), (*b, 1)
    x, y = rng.standard_normal(a).astype(dtype), rng.standard_normal(b).astype(dtype)
    before, results = tinynet.get_num_threads(), []
    for threads in (1, 2, 3):
        tinynet.set_num_threads(threads)
        results.append(matmul.numba(x, y))
    tinynet.set_num_threads(before)
    assert all(np.array_equal(results[0], r) for r in results)
    exact = np.matmul(x.astype(np.float64), y.astype(np.float64))
    bound = np.finfo(dtype).eps * (8 + np.sqrt(x.shape[-1])) * np.sqrt(x.shape[-1]) * 8
    for result in (results[0], matmul.numpy(x, y)):
        assert result.dtype == dtype and np.abs(result - exact).max() < bound


@pytest.mark.parametrize("order", itertools.product(range(4), repeat=2))
def test_any_order_in_memory(order):
    def stored(x, kind):
        """The same values: as they are, columns innermost, with gaps, turned around."""
        if kind == 1:
            return np.ascontiguousarray(x.mT).mT
        if kind == 2:
            wide = np.zeros((*x.shape[:-1], 2 * x.shape[-1]), x.dtype)
            wide[..., ::2] = x
            return wide[..., ::2]
        return np.ascontiguousarray(x[..., ::-1, ::-1])[..., ::-1, ::-1] if kind == 3 else x

    for a, b in [((150, 80), (80, 130)), ((3, 40, 80), (3, 80, 50))]:
        x, y = rng.standard_normal(a), rng.standard_normal(b)
        np.testing.assert_allclose(matmul(stored(x, order[0]), stored(y, order[1])), x @ y, atol=1e-12)
    repeated = np.broadcast_to(rng.standard_normal((1, 80)), (150, 80))
    np.testing.assert_allclose(matmul(repeated, y[0]), np.ascontiguousarray(repeated) @ y[0], atol=1e-12)


TILED = [(1, 3, 1), (7, 5, 33), (14, 400, 32), (15, 64, 31), (130, 512, 70), (97, 1024, 16), (300, 40, 530),
         (64, 5000, 96), (33, 4200, 20), (1200, 48, 64)]


@pytest.mark.skipif(not LANES, reason="explicit SIMD is switched off")
@pytest.mark.parametrize("m, k, n", TILED)
@pytest.mark.parametrize("left, right", itertools.product("CF", repeat=2))
def test_tiles_multiply(m, k, n, left, right):
    """Edges of tiles, panels, runs and parts of the sum, in either memory order; a bias; added to what is there."""
    from tinynet.kernels.matmul import tiles
    a, b = (np.asarray(rng.standard_normal(shape, np.float32), order=order)
            for shape, order in (((m, k), left), ((k, n), right)))
    bias, before = rng.standard_normal(n, np.float32), rng.standard_normal((m, n), np.float32)
    exact = a.astype(np.float64) @ b
    bound = 4 * np.finfo(np.float32).eps * (8 + np.sqrt(k)) * np.sqrt(k)
    assert np.abs(tiles.product(a, b) - exact).max() <= bound
    assert np.abs(tiles.product(a, b, bias) - (exact + bias)).max() <= bound
    out = before.copy()
    assert tiles.product(a, b, None, out) is not None and np.abs(out - (exact + before)).max() <= bound
    assert np.array_equal(tiles.product(a[::-1], b), tiles.product(np.ascontiguousarray(a[::-1]), b))


@pytest.mark.skipif(not LANES, reason="explicit SIMD is switched off")
def test_every_tile_multiplies():
    from tinynet.kernels.machine.simd import MATRIX_TILES
    from tinynet.kernels.matmul import tiles
    for m, _, _, vectors in MATRIX_TILES:
        a, b = rng.standard_normal((m, 40), np.float32), rng.standard_normal((40, vectors * LANES), np.float32)
        assert MATRIX_TILES[tiles.tile_for(m, vectors * LANES, 40).kind] == (m, 1, 1, vectors)
        np.testing.assert_allclose(tiles.product(a, b), a.astype(np.float64) @ b, atol=1e-4)


@pytest.mark.skipif(not LANES, reason="explicit SIMD is switched off")
def test_every_axis_of_a_tiled_product_is_cut():
    from tinynet.kernels.matmul.tiles import plan_for
    wide, tall, long = plan_for(128, 4096, 512, 512), plan_for(4096, 128, 512, 512), plan_for(64, 96, 9000, 9000)
    assert wide.columns.count > 1 and not wide.together
    assert tall.rows.count > 1 and tall.together
    assert long.sums.count > 1 and plan_for(64, 96, 9000, 9000, whole=True).sums.count == 1


def test_work_is_cut_by_shape_alone():
    assert fast._cut((1024, 512), 1024 * 512 * 512) == (-2, 128)
    assert fast._cut((64, 9000), 64 * 9000 * 64) == (-1, 4544)
    assert fast._cut((128, 4, 64, 64), 128 * 4 * 64**3) == (-4, 32)
    assert fast._cut((10, 10), 1000) == (-2, 128)


def test_both_backends_give_the_same_gradients():
    x, y = rng.standard_normal((3, 70, 80)), rng.standard_normal((80, 90))
    gradients = []
    for backend in ("numpy", "numba"):
        with kernels.use(backend):
            a, b = tinynet.tensor(x, requires_grad=True), tinynet.tensor(y, requires_grad=True)
            (a @ b).square().sum().backward()
            gradients.append((a.grad.array, b.grad.array))
    for first, second in zip(*gradients):
        np.testing.assert_allclose(first, second, rtol=1e-10)


EQUATIONS = [
    ("ij,jk->ik", (2, 3), (3, 4)), ("ij,jk", (2, 3), (3, 4)), ("ij,jk->ki", (2, 3), (3, 4)),
    ("bij,bjk->bik", (2, 3, 4), (2, 4, 5)),
    ("i,i->", (3,), (3,)), ("i,j->ij", (3,), (4,)), ("i,i->i", (3,), (3,)), ("ij->ji", (2, 3)),
    ("ij", (2, 3)), ("ba", (2, 3)),
    ("ij->", (2, 3)), ("ij->j", (2, 3)), ("ii->i", (3, 3)), ("ii", (3, 3)), ("ii->", (3, 3)),
    ("iji->j", (2, 3, 2)),
    ("iji->ij", (2, 3, 2)), ("iii->i", (2, 2, 2)), ("ii,ij->j", (3, 3), (3, 2)), ("ij,kl->", (2, 3), (2, 2)),
    ("ij,kl->il", (2, 3), (2, 2)),
    ("ijk,k->ij", (2, 3, 4), (4,)), ("bhqd,bhkd->bhqk", (2, 2, 3, 4), (2, 2, 5, 4)),
    ("nchw,oc->nohw", (2, 3, 2, 2), (4, 3)),
    ("...ij,...jk->...ik", (2, 3, 4), (2, 4, 5)), ("...ij,...jk->...ik", (5, 2, 3, 4), (4, 5)),
    ("...ij,jk", (2, 3, 4), (4, 5)),
    ("i...,i...->...", (2, 3, 4), (2, 4)), ("...,...->...", (2, 3), (3,)), ("...->", (2, 3)),
    ("...i->...", (2, 3)),
    ("...ij->...ji", (2, 3, 4)), ("i...i->...", (2, 3, 2)), ("b...d,d->b...", (2, 3, 4, 5), (5,)),
    ("...ij->ij", (2, 3, 4)),
    ("ij,ij->ij", (2, 3), (1, 3)), ("ij,jk->ik", (2, 1), (3, 4)), ("i,i", (1,), (4,)),
    ("...i,...i", (1, 3), (2, 3)),
    ("ij,jk,kl->il", (2, 3), (3, 4), (4, 2)), ("i,j,k->kji", (2,), (3,), (4,)),
    ("bi,bi,bj->j", (2, 3), (2, 3), (2, 4)),
    ("ij,j,jk->ki", (2, 3), (3,), (3, 4)), ("ij,jk,ki->", (2, 3), (3, 4), (4, 2)),
    ("i,i,i", (3,), (3,), (3,)),
    (",i->i", (), (3,)), (",", (), ()), ("->", ()), (" i j , j k -> i k ", (2, 3), (3, 4)),
    ("aB,Bc", (2, 3), (3, 4)),
    ("Ab->", (2, 3)), ("ij,jk->ik", (0, 3), (3, 4)), ("ij,jk->ik", (2, 0), (0, 4)),
    ("zA,Az->zA", (2, 3), (3, 2)), ("bA", (2, 3)),
]


@pytest.mark.parametrize("equation, shapes", [(e, s) for e, *s in EQUATIONS], ids=str)
def test_einsum(equation, shapes):
    from both_libraries import agree
    xs = [rng.standard_normal(shape) for shape in shapes]
    agree(lambda lib, *xs: lib.einsum(equation, *xs), *xs)
    agree(lambda lib, *xs: lib.einsum(equation, *xs), *[x.astype(np.float32) for x in xs], rtol=1e-5)
    if min(np.prod(s) for s in shapes):
        gradcheck(lambda *xs: tinynet.einsum(equation, *xs), xs)


def test_einsum_of_integers_lists_and_its_own_memory():
    from both_libraries import agree
    agree(lambda lib, x: (lib.einsum("ij,kj->ik", x, x), lib.einsum("ii", [x])), np.arange(9).reshape(3, 3))
    x = tinynet.ones(3, 3)
    assert not np.shares_memory(tinynet.einsum("ij->ji", x).array, x.array)


@pytest.mark.parametrize("code, error, message", [
    (lambda x, y: x @ y, ValueError, r"matmul: expected inner sizes to match, got \(3, 4\) @ \(5, 6\)"),
    (lambda x, y: x[0] @ y, ValueError, r"matmul: expected inner sizes to match, got \(4,\) @ \(5, 6\)"),
    (lambda x, y: tinynet.ones(2, 3, 4) @ tinynet.ones(3, 4, 5), ValueError,
     r"matmul: expected stacks that broadcast, got \(2, 3, 4\) @ \(3, 4, 5\)"),
    (lambda x, y: x[0, 0] @ y, ValueError,
     r"matmul: expected at least 1 dimension each, got \(\) @ \(5, 6\)"),
    (lambda x, y: x @ x.double().T, TypeError,
     "matmul: expected operands of one numeric dtype, got float32 and float64"),
    (lambda x, y: (x > 0) @ (x > 0).T, TypeError, "matmul: .* got bool and bool"),
    (lambda x, y: tinynet.mm(x, y[0]), ValueError,
     r"mm: expected two 2-d tensors, got shapes \(3, 4\) and \(6,\)"),
    (lambda x, y: tinynet.bmm(x[None], tinynet.ones(2, 4, 5)), ValueError,
     "bmm: expected stacks of the same length"),
    (lambda x, y: tinynet.dot(x, y), ValueError, "dot: expected two 1-d tensors"),
    (lambda x, y: tinynet.einsum("ij,jk->ik", x, y), ValueError,
     r"einsum: expected one size for 'j' in 'ij,jk->ik', got 4 and 5"),
    (lambda x, y: tinynet.einsum("ij,jk->ik", x), ValueError,
     "einsum: expected 2 operands for 'ij,jk->ik', got 1"),
    (lambda x, y: tinynet.einsum("ijk->i", x), ValueError,
     r"einsum: expected subscripts for shape \(3, 4\) in 'ijk->i', got 'ijk'"),
    (lambda x, y: tinynet.einsum("ij->ik", x), ValueError, "einsum: expected output subscripts"),
    (lambda x, y: tinynet.einsum("ij->ii", x), ValueError, "einsum: expected output subscripts"),
    (lambda x, y: tinynet.einsum("i1->i", x), ValueError, "einsum: expected subscripts"),
    (lambda x, y: tinynet.einsum("....->", x), ValueError, "einsum: expected subscripts"),
    (lambda x, y: tinynet.einsum("ijk...->", x), ValueError, "einsum: expected subscripts"),
    (lambda x, y: tinynet.einsum(x, [0, 1]), TypeError, "einsum: expected an equation .* first, got Tensor"),
    (lambda x, y: tinynet.einsum("ij,kl", x, y.double()), TypeError,
     "einsum: expected operands of one numeric dtype"),
])
def test_refusals(code, error, message):
    with pytest.raises(error, match=message):
        code(tinynet.ones(3, 4), tinynet.ones(5, 6))
