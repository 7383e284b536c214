"""Cases for losses."""

import numpy as np

from tinynet.inspect.gradcheck.cases.case import case, functional, integers, normal, positive, shifted

PROBABILITIES = np.random.default_rng(0).dirichlet(np.ones(4), 5)      # a target that is not differentiated
WEIGHTS = np.arange(1, 5.0)
REDUCTIONS = ["sum", "none"]

functional("cross_entropy", lambda F, x, t, **o: F.cross_entropy(x, t, **o), (6, 4), np.array([0, 1, 2, 3, 1, 0]),
           weight=[WEIGHTS], ignore_index=[1], label_smoothing=[0.1], reduction=REDUCTIONS)
case("cross_entropy all", lambda lib, x, t: lib.nn.functional.cross_entropy(
    x, t, lib.tensor(WEIGHTS), ignore_index=1, label_smoothing=0.1), (6, 4), np.array([0, 1, 2, 3, 1, 0]))
functional("cross_entropy pixels", lambda F, x, t, **o: F.cross_entropy(x, t, **o), (2, 4, 3), integers(4, 2, 3),
           weight=[WEIGHTS], ignore_index=[1], reduction=REDUCTIONS)
case("cross_entropy probabilities", lambda lib, x, **o: lib.nn.functional.cross_entropy(
    x, lib.tensor(PROBABILITIES), **o), (5, 4), weight=[WEIGHTS], label_smoothing=[0.2], reduction=REDUCTIONS)
functional("cross_entropy one", lambda F, x, t: F.cross_entropy(x, t), (4,), np.array(2))
functional("nll_loss", lambda F, x, t, **o: F.nll_loss(x, t, **o), (5, 4), integers(4, 5), weight=[WEIGHTS],
           ignore_index=[1], reduction=REDUCTIONS)
functional("nll_loss pixels", lambda F, x, t, **o: F.nll_loss(x, t, **o), (2, 4, 3), integers(4, 2, 3),
           weight=[WEIGHTS])
functional("mse_loss", lambda F, x, y, **o: F.mse_loss(x, y, **o), (3, 4), (3, 4), reduction=REDUCTIONS)
functional("l1_loss", lambda F, x, y, **o: F.l1_loss(x, y, **o), (3, 4), shifted(3, 4), reduction=REDUCTIONS)
case("binary_cross_entropy_with_logits", lambda lib, x, **o: lib.nn.functional.binary_cross_entropy_with_logits(
    x, lib.tensor(PROBABILITIES), **o), (5, 4), weight=[WEIGHTS], pos_weight=[WEIGHTS[::-1].copy()],
     reduction=REDUCTIONS)

functional("cosine_similarity", lambda F, x, y: F.cosine_similarity(x, y), (3, 4), normal(3, 4))
functional("pairwise_distance", lambda F, x, y: F.pairwise_distance(x, y), (3, 4), normal(3, 4))
functional("smooth_l1_loss", lambda F, x, y: F.smooth_l1_loss(x, y, beta=0.2), (3, 4), normal(3, 4))
functional("huber_loss", lambda F, x, y: F.huber_loss(x, y, delta=0.2), (3, 4), normal(3, 4))
case("kl_div", lambda lib, x: lib.nn.functional.kl_div(x, lib.tensor(PROBABILITIES), reduction="batchmean"), (5, 4))
functional("kl_div log_target", lambda F, x, y: F.kl_div(x, y, reduction="sum", log_target=True), (3, 4), (3, 4))
functional("poisson_nll_loss", lambda F, x, y: F.poisson_nll_loss(x, y, full=True), (3, 4), positive(3, 4))
functional("gaussian_nll_loss", lambda F, x, y, v: F.gaussian_nll_loss(x, y, v), (3, 4), normal(3, 4), positive(3, 4))
functional("cosine_embedding_loss", lambda F, x, y, t: F.cosine_embedding_loss(x, y, t, 0.1), (3, 4), normal(3, 4),
           np.array([1, -1, 1]))
functional("margin_ranking_loss", lambda F, x, y, t: F.margin_ranking_loss(x, y, t, 0.1), (3,), normal(3),
           np.array([1, -1, 1]))
functional("hinge_embedding_loss", lambda F, x, t: F.hinge_embedding_loss(x, t), (3,), np.array([1, -1, 1]))
functional("triplet_margin_loss", lambda F, x, y, z: F.triplet_margin_loss(x, y, z, swap=True), (3, 4), normal(3, 4),
           normal(3, 4))
functional("soft_margin_loss", lambda F, x, t: F.soft_margin_loss(x, t), (3,), np.array([1, -1, 1]))
functional("multilabel_soft_margin_loss", lambda F, x, t: F.multilabel_soft_margin_loss(x, t), (3, 2),
           np.array([[1, 0], [0, 0], [1, 1]]))
functional("multi_margin_loss", lambda F, x, t: F.multi_margin_loss(x, t, 2), (3, 4), np.array([1, 3, 0]))
case("binary_cross_entropy", lambda lib, x, **o: lib.nn.functional.binary_cross_entropy(
    x.sigmoid(), lib.tensor(PROBABILITIES), **o), (5, 4), weight=[WEIGHTS], reduction=REDUCTIONS)
case("binary_cross_entropy target", lambda lib, y: lib.nn.functional.binary_cross_entropy(
    lib.tensor(PROBABILITIES), y.sigmoid()), (5, 4))
functional("binary_cross_entropy_with_logits target",
           lambda F, x, y: F.binary_cross_entropy_with_logits(x, y.sigmoid()),
           (5, 4), (5, 4))
case("binary_cross_entropy_with_logits target and pos_weight",
     lambda lib, x, y: lib.nn.functional.binary_cross_entropy_with_logits(
         x, y.sigmoid(), pos_weight=lib.tensor(WEIGHTS)),
     (5, 4), (5, 4))
