"""The functions of neural networks, as `import tinynet.nn.functional as F`. Their arguments are checked here.

Names, arguments, defaults and shapes are PyTorch's. The mathematics, with its gradients, is in `tinynet/ops`.
What is derived from other operators, such as most losses, stands in the rooms of this folder.
"""

from tinynet.nn.functional.activation import (
    add_relu, dropout, gelu, leaky_relu, log_softmax, relu, sigmoid, silu, softmax, tanh)
from tinynet.nn.functional.affine import linear
from tinynet.nn.functional.attention import scaled_dot_product_attention
from tinynet.nn.functional.conv import conv2d, fold, unfold
from tinynet.nn.functional.loss import (
    binary_cross_entropy_with_logits, cross_entropy, l1_loss, mse_loss, nll_loss)
from tinynet.nn.functional.norm import batch_norm, batch_norm_act, group_norm, layer_norm
from tinynet.nn.functional.padding import pad
from tinynet.nn.functional.pool import adaptive_avg_pool2d, avg_pool2d, max_pool2d
from tinynet.nn.functional.table import embedding, one_hot
