"""What PyTorch keeps in `torch.utils`."""

from tinynet.gradients.recompute import checkpoint

__all__ = ["checkpoint"]
