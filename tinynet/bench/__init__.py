"""The speed of tinynet compared with PyTorch: the command `tinynet bench`.

Reading order: `networks`, `operators` and `workloads` have the measured code, once for both libraries. `libraries` has
the differences between the libraries. `worker` is the child process that runs a workload, and `children` is the
parent's side of it. `compare` measures in turns. `rows` lists the measurements, and `bars` the figures to reach.
`session` runs the rows, and `report` prints the results.
"""
