"""The vector registers of this processor: how many float32 values one holds, and how many of them there are."""

import os
import platform


def has_feature(name):
    """Whether this processor has a feature, by LLVM's name for it."""
    import llvmlite.binding as llvm
    try:
        return llvm.get_host_cpu_features().get(name, False)
    except RuntimeError:               # LLVM does not know this processor
        return False


def choose_lanes():
    """16 (AVX-512), 8 (AVX2) or 4 (SSE, NEON); TINYNET_SIMD_LANES forces one of them, or 0: no explicit SIMD."""
    forced = os.environ.get("TINYNET_SIMD_LANES")
    if os.environ.get("NUMBA_DISABLE_JIT", "0") != "0":
        return 0                       # vectors exist in compiled code only
    if forced is None:
        return _lanes_of_this_processor()
    if forced not in ("16", "8", "4", "0"):
        raise ValueError(f"TINYNET_SIMD_LANES: expected 16, 8, 4 or 0, got {forced!r}")
    return int(forced)


def _lanes_of_this_processor():
    if has_feature("avx512f"):
        return 16
    if has_feature("avx2") and has_feature("fma"):
        return 8
    return 4


def count_registers(lanes, machine):
    """32 for AVX-512, and for NEON on 64-bit ARM; 16 for AVX2 and SSE."""
    return 32 if lanes == 16 or machine.lower() in ("aarch64", "arm64") else 16


LANES = choose_lanes()
REGISTERS = count_registers(LANES, platform.machine())
