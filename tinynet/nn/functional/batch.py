"""One image as a batch of one."""


def unbatched(function, name, input, *args):
    """`function` of an input (C, H, W) that stands alone, as a batch of one."""
    if input.ndim != 3:
        raise ValueError(f"{name}: expected input (N, C, H, W) or (C, H, W), got {input.shape}")
    result = function(input.unsqueeze(0), *args)
    return tuple(y.squeeze(0) for y in result) if isinstance(result, tuple) else result.squeeze(0)
