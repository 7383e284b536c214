"""The functions of neural networks, as `import tinynet.nn.functional as F`. Their arguments are checked here.

Names, arguments, defaults and shapes are PyTorch's. The mathematics, with its gradients, is in `tinynet/ops`.
Functions that combine other operators, such as most losses, are defined in the files of this folder.
"""

from tinynet.nn.functional.activation import (
    add_relu, celu, elu, elu_, gelu, glu, hardshrink, hardsigmoid, hardswish, hardtanh, leaky_relu, leaky_relu_,
    logsigmoid, mish, prelu, relu, relu6, relu_, rrelu, selu, sigmoid, silu, softplus, softshrink, softsign, tanh,
    tanhshrink, threshold)
from tinynet.nn.functional.affine import bilinear, linear
from tinynet.nn.functional.attention import scaled_dot_product_attention
from tinynet.nn.functional.conv import (
    conv1d, conv2d, conv3d, conv_transpose1d, conv_transpose2d, conv_transpose3d, fold, unfold)
from tinynet.nn.functional.distance import cosine_similarity, normalize, pairwise_distance
from tinynet.nn.functional.dropouts import alpha_dropout, dropout, dropout1d, dropout2d, dropout3d
from tinynet.nn.functional.loss import (
    binary_cross_entropy, binary_cross_entropy_with_logits, cross_entropy, gaussian_nll_loss, kl_div, multi_margin_loss,
    multilabel_soft_margin_loss, nll_loss, poisson_nll_loss, soft_margin_loss)
from tinynet.nn.functional.loss_distance import (
    cosine_embedding_loss, hinge_embedding_loss, huber_loss, l1_loss, margin_ranking_loss, mse_loss, smooth_l1_loss,
    triplet_margin_loss, triplet_margin_with_distance_loss)
from tinynet.nn.functional.norm import (
    batch_norm, batch_norm_act, batch_norm_conv2d, group_norm, instance_norm, layer_norm, local_response_norm, rms_norm)
from tinynet.nn.functional.padding import pad
from tinynet.nn.functional.pool import adaptive_avg_pool2d, adaptive_max_pool2d, avg_pool2d, max_pool2d, max_unpool2d
from tinynet.nn.functional.pool1d import adaptive_avg_pool1d, adaptive_max_pool1d, avg_pool1d, max_pool1d
from tinynet.nn.functional.pool3d import adaptive_avg_pool3d, avg_pool3d, max_pool3d
from tinynet.nn.functional.probabilities import gumbel_softmax, log_softmax, softmax, softmin
from tinynet.nn.functional.resizing import (
    channel_shuffle, interpolate, pixel_shuffle, pixel_unshuffle, upsample, upsample_bilinear, upsample_nearest)
from tinynet.nn.functional.sampling import affine_grid, grid_sample
from tinynet.nn.functional.table import embedding, one_hot
