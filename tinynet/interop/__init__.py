"""Running PyTorch code as it is found: tinynet's modules under the names `torch` and `torchvision`.

    names      which module of tinynet answers for which module of PyTorch
    left_out   the names that tinynet refuses on purpose, each with its reason
    hook       the import hook, `tinynet.as_torch`
    script     runs a script under the hook and words its errors: the command `tinynet run`
"""
