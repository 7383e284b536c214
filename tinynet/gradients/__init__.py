"""What stands beside the backward pass of `autograd.py`: modes, hooks, sums, changes in place, recomputation."""
