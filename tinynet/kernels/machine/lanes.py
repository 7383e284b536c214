"""How many float32 values one vector register of this processor holds."""

import os


def has_feature(name):
    """Whether this processor has a feature, by LLVM's name for it."""
    import llvmlite.binding as llvm
    return llvm.get_host_cpu_features().get(name, False)


def _of_this_processor():
    if has_feature("avx512f"):
        return 16
    if has_feature("avx2") and has_feature("fma"):
        return 8
    return 4


def choose():
    """16 (AVX-512), 8 (AVX2) or 4 (SSE, NEON); TINYNET_SIMD_LANES forces one of them, or 0: no explicit SIMD."""
    forced = os.environ.get("TINYNET_SIMD_LANES")
    if os.environ.get("NUMBA_DISABLE_JIT", "0") != "0":
        return 0                       # vectors exist in compiled code only
    if forced is None:
        return _of_this_processor()
    if forced not in ("16", "8", "4", "0"):
        raise ValueError(f"TINYNET_SIMD_LANES: expected 16, 8, 4 or 0, got {forced!r}")
    return int(forced)


LANES = choose()
