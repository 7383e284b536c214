"""What the kernels run on: compiling, threads, memory, SIMD, and the switch between the two kinds of bodies."""
