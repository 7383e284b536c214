"""Running code that was written for PyTorch: tinynet's modules under the names `torch` and `torchvision`.

    names      which module of tinynet stands for which module of PyTorch
    left_out   the names that tinynet refuses on purpose, each with its reason
    hook       the import hook, `tinynet.as_torch`
    script     runs a script under the hook and prints its errors: the command `tinynet run`
"""
