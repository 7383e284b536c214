"""How fast tinynet is, and how PyTorch does the same: the command `tinynet bench`.

Reading order: `networks`, `operators` and `workloads` say what is measured, once for both libraries;
`libraries` holds what differs between them; `worker` is the child process that runs a workload, `children`
its parent's side; `compare` measures in turns; `rows` and `bars` list what is measured and what is to be
reached; `session` runs them, `report` shows what came out.
"""
