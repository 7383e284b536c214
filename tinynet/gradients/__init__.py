"""What `autograd.py` uses but its idea does not need: modes, hooks, sums, changes in place, recomputation."""
