"""The cases of the shelves of `nn`: further activation functions, convolutions, poolings, losses, layers."""

import numpy as np

from tinynet.inspect.cases import PROBABILITIES, case, functional, layer, normal, positive
from tinynet.inspect.gradcheck import distinct

# Activation functions by value and slope: at both sides of every corner --------------------------------------

ACROSS = (lambda rng: distinct((6, 8), rng) * 8 + 0.003)
functional("hardtanh", lambda F, x: F.hardtanh(x, -1.1, 0.7), ACROSS)
functional("relu6", lambda F, x: F.relu6(x * 4), ACROSS)
functional("hardsigmoid", lambda F, x: F.hardsigmoid(x * 2), ACROSS, reference=lambda F, x: F.relu6(x * 2 + 3) / 6)
functional("hardswish", lambda F, x: F.hardswish(x * 2), ACROSS)
functional("elu", lambda F, x: F.elu(x, 0.7), ACROSS)
functional("celu", lambda F, x: F.celu(x, 0.7), ACROSS)
functional("selu", lambda F, x: F.selu(x), ACROSS)
functional("softplus", lambda F, x: F.softplus(x, 2.0, 30.0), ACROSS)
functional("logsigmoid", lambda F, x: F.logsigmoid(x), ACROSS)
functional("mish", lambda F, x: F.mish(x), ACROSS)
functional("softsign", lambda F, x: F.softsign(x), ACROSS)
functional("tanhshrink", lambda F, x: F.tanhshrink(x), ACROSS)
functional("softshrink", lambda F, x: F.softshrink(x, 0.6), ACROSS)
functional("hardshrink", lambda F, x: F.hardshrink(x, 0.6), ACROSS)
functional("threshold", lambda F, x: F.threshold(x, 0.4, 2.0), ACROSS)
functional("prelu", lambda F, x, w: F.prelu(x, w), (2, 3, 4), (3,))
functional("rrelu", lambda F, x: F.rrelu(x, 0.1, 0.3), (3, 4))
functional("glu", lambda F, x: F.glu(x, 1), (2, 4, 3))
functional("softmin", lambda F, x: F.softmin(x, 1), (3, 4))


# Convolutions of other axes, resizing, pooling ----------------------------------------------------------------

functional("conv1d", lambda F, x, w, b: F.conv1d(x, w, b, 2, 1, 2, 2), (2, 4, 9), (6, 2, 3), (6,))
functional("conv3d", lambda F, x, w, b: F.conv3d(x, w, b, (2, 1, 1), (1, 0, 1), groups=2), (2, 2, 4, 3, 3), (2, 1, 2, 2, 3), (2,))
functional("conv_transpose1d", lambda F, x, w, b: F.conv_transpose1d(x, w, b, 2, 1, 1), (2, 3, 4), (3, 2, 3), (2,))
functional("conv_transpose2d", lambda F, x, w, b: F.conv_transpose2d(x, w, b, (2, 1), 1, (1, 0), 2), (2, 4, 3, 4), (4, 2, 3, 3), (4,))
functional("conv_transpose2d wide", lambda F, x, w: F.conv_transpose2d(x, w, None, 1, 1, 1, dilation=2), (1, 2, 3, 3), (2, 2, 2, 3))
functional("conv_transpose3d", lambda F, x, w, b: F.conv_transpose3d(x, w, b, 2, (1, 0, 1)), (1, 2, 2, 3, 2), (2, 2, 3, 2, 2), (2,))
functional("interpolate nearest", lambda F, x: F.interpolate(x, (5, 6)), (2, 2, 3, 4))
functional("interpolate linear", lambda F, x: F.interpolate(x, 7, mode="linear"), (2, 2, 4))
functional("interpolate bilinear", lambda F, x: F.interpolate(x, (5, 3), mode="bilinear"), (2, 2, 3, 4))
functional("interpolate corners", lambda F, x: F.interpolate(x, (5, 3), mode="bilinear", align_corners=True), (2, 2, 3, 4))
functional("interpolate bicubic", lambda F, x: F.interpolate(x, scale_factor=1.7, mode="bicubic"), (1, 2, 3, 4))
functional("interpolate trilinear", lambda F, x: F.interpolate(x, (3, 2, 5), mode="trilinear"), (1, 2, 2, 3, 4))
functional("pixel_shuffle", lambda F, x: F.pixel_shuffle(x, 2), (2, 8, 2, 3))
functional("pixel_unshuffle", lambda F, x: F.pixel_unshuffle(x, 2), (2, 2, 4, 6))
functional("channel_shuffle", lambda F, x: F.channel_shuffle(x, 3), (2, 6, 2))
functional("max_pool1d", lambda F, x: F.max_pool1d(x, 3, 2, 1), (2, 3, 7))
functional("avg_pool1d", lambda F, x: F.avg_pool1d(x, 3, 2, 1, count_include_pad=False), (2, 3, 7))
functional("adaptive_max_pool2d", lambda F, x: F.adaptive_max_pool2d(x, (2, 3)), (2, 2, 5, 4))
functional("max_pool3d", lambda F, x: F.max_pool3d(x, (1, 2, 3), (1, 2, 2), (0, 1, 1)), (1, 2, 2, 4, 5))
functional("avg_pool3d", lambda F, x: F.avg_pool3d(x, 2, 1, 1), (1, 2, 2, 3, 3))
functional("max_unpool2d", lambda F, x: F.max_unpool2d(*F.max_pool2d(x, 2, return_indices=True), 2, output_size=(5, 4)), (2, 2, 5, 4))

# Normalisation by other sets, distances, losses ---------------------------------------------------------------

functional("instance_norm", lambda F, x, w, b: F.instance_norm(x, None, None, w, b), (2, 3, 4), (3,), (3,))
functional("rms_norm", lambda F, x, w: F.rms_norm(x, (4,), w), (2, 3, 4), (4,))
functional("local_response_norm", lambda F, x: F.local_response_norm(x, 3, 0.5), (2, 5, 2, 2))
functional("bilinear", lambda F, x, y, w, b: F.bilinear(x, y, w, b), (2, 3), (2, 4), (2, 3, 4), (2,))
functional("normalize", lambda F, x: F.normalize(x, 3.0), (3, 4))
functional("cosine_similarity", lambda F, x, y: F.cosine_similarity(x, y), (3, 4), normal(3, 4))
functional("pairwise_distance", lambda F, x, y: F.pairwise_distance(x, y), (3, 4), normal(3, 4))
case("binary_cross_entropy", lambda lib, x: lib.nn.functional.binary_cross_entropy(x.sigmoid(), lib.tensor(PROBABILITIES)), (5, 4))
case("binary_cross_entropy target", lambda lib, y: lib.nn.functional.binary_cross_entropy(lib.tensor(PROBABILITIES), y.sigmoid()), (5, 4))
functional("smooth_l1_loss", lambda F, x, y: F.smooth_l1_loss(x, y, beta=0.2), (3, 4), normal(3, 4))
functional("huber_loss", lambda F, x, y: F.huber_loss(x, y, delta=0.2), (3, 4), normal(3, 4))
case("kl_div", lambda lib, x: lib.nn.functional.kl_div(x, lib.tensor(PROBABILITIES), reduction="batchmean"), (5, 4))
functional("kl_div log_target", lambda F, x, y: F.kl_div(x, y, reduction="sum", log_target=True), (3, 4), (3, 4))
functional("poisson_nll_loss", lambda F, x, y: F.poisson_nll_loss(x, y, full=True), (3, 4), positive(3, 4))
functional("gaussian_nll_loss", lambda F, x, y, v: F.gaussian_nll_loss(x, y, v), (3, 4), normal(3, 4), positive(3, 4))
functional("cosine_embedding_loss", lambda F, x, y, t: F.cosine_embedding_loss(x, y, t, 0.1), (3, 4), normal(3, 4), np.array([1, -1, 1]))
functional("margin_ranking_loss", lambda F, x, y, t: F.margin_ranking_loss(x, y, t, 0.1), (3,), normal(3), np.array([1, -1, 1]))
functional("hinge_embedding_loss", lambda F, x, t: F.hinge_embedding_loss(x, t), (3,), np.array([1, -1, 1]))
functional("triplet_margin_loss", lambda F, x, y, z: F.triplet_margin_loss(x, y, z, swap=True), (3, 4), normal(3, 4), normal(3, 4))
functional("soft_margin_loss", lambda F, x, t: F.soft_margin_loss(x, t), (3,), np.array([1, -1, 1]))
functional("multilabel_soft_margin_loss", lambda F, x, t: F.multilabel_soft_margin_loss(x, t), (3, 2), np.array([[1, 0], [0, 0], [1, 1]]))
functional("multi_margin_loss", lambda F, x, t: F.multi_margin_loss(x, t, 2), (3, 4), np.array([1, 3, 0]))

# Layers ---------------------------------------------------------------------------------------------------------

layer("BatchNorm3d", lambda nn: nn.BatchNorm3d(2), (2, 2, 2, 2, 2))
layer("InstanceNorm2d", lambda nn: nn.InstanceNorm2d(2, affine=True), (2, 2, 3, 3))
layer("Conv1d", lambda nn: nn.Conv1d(2, 3, 3, padding=1, padding_mode="circular"), (2, 2, 5))
layer("Conv2d reflect", lambda nn: nn.Conv2d(2, 3, 3, padding=1, padding_mode="reflect"), (1, 2, 4, 4))
layer("ConvTranspose2d", lambda nn: nn.ConvTranspose2d(2, 3, 4, 2, 1), (1, 2, 3, 3))
layer("PReLU", lambda nn: nn.PReLU(3), (2, 3, 2))
layer("RMSNorm", lambda nn: nn.RMSNorm(4), (2, 3, 4))
