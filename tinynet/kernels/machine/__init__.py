"""The machine of the kernels: compiling, threads, memory, SIMD, and the switch between the two bodies of a kernel."""
