"""`torch.utils.tensorboard`: the `SummaryWriter` of the package tensorboardX, which has the same methods."""


def __getattr__(name):
    if name != "SummaryWriter":
        raise AttributeError(f"tinynet has no torch.utils.tensorboard.{name}", name=name)
    try:
        from tensorboardX import SummaryWriter
    except ImportError:
        raise ImportError("torch.utils.tensorboard: SummaryWriter needs the package tensorboardX "
                          "(pip install tensorboardX)") from None
    return SummaryWriter
