"""Cases for losses."""

import numpy as np

from tinynet.inspect.gradcheck.cases.case import case, functional, integers, shifted

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
