"""Losses as layers; the formulas are in `functional/loss.py` and `functional/loss_distance.py`."""

from tinynet.nn import functional as F
from tinynet.nn.functional.reduction import chosen
from tinynet.nn.stateless import Stateless


class _Loss(Stateless):
    """A loss with its options. Class weights and the like are buffers, so that they move with the model."""

    inputs = 2

    def __init__(self, size_average=None, reduce=None, reduction="mean", **options):
        reduction = chosen(type(self).__name__, reduction, size_average, reduce)
        weights = {name: value for name, value in options.items() if name in ("weight", "pos_weight")}
        super().__init__(**{name: value for name, value in options.items() if name not in weights}, reduction=reduction)
        self._options += tuple(weights)
        for name, value in weights.items():
            self.register_buffer(name, value)

    def extra_repr(self):
        return ""


class CrossEntropyLoss(_Loss):
    """-log softmax(scores) at the label, or averaged over given probabilities.

    Scores (N, C, ...), labels (N, ...) or probabilities (N, C, ...) -> (); (N, ...) with reduction="none".
    In nats. `label_smoothing`: Szegedy et al. 2015, "Rethinking the Inception Architecture", section 7.
    """

    function = staticmethod(F.cross_entropy)


class NLLLoss(_Loss):
    """-log-probability at the label. (N, C, ...), labels (N, ...) -> (); (N, ...) with reduction="none".

    As PyTorch's.
    """

    function = staticmethod(F.nll_loss)


class _Plain(_Loss):
    def __init__(self, size_average=None, reduce=None, reduction="mean"):
        super().__init__(size_average, reduce, reduction)


class MSELoss(_Plain):
    """(x - y)². Two tensors of one shape -> (), or that shape with reduction="none". As PyTorch's."""

    function = staticmethod(F.mse_loss)


class L1Loss(_Plain):
    """|x - y|. Two tensors of one shape -> (), or that shape with reduction="none". As PyTorch's."""

    function = staticmethod(F.l1_loss)


class SmoothL1Loss(_Loss):
    """d² / (2 beta) where d = |x - y| < beta, else d - beta / 2. Tensors of one shape -> (). Girshick 2015."""

    function = staticmethod(F.smooth_l1_loss)


class HuberLoss(_Loss):
    """d² / 2 where d = |x - y| <= delta, else delta (d - delta / 2). Tensors of one shape -> (). Huber 1964."""

    function = staticmethod(F.huber_loss)

    def __init__(self, reduction="mean", delta=1.0):
        super().__init__(None, None, reduction, delta=delta)


class BCELoss(_Loss):
    """Binary cross-entropy of probabilities, for any number of independent yes-or-no questions.

    Probabilities and answers (0 to 1) of one shape -> (), or that shape with reduction="none". As PyTorch's.
    """

    function = staticmethod(F.binary_cross_entropy)


class BCEWithLogitsLoss(_Loss):
    """Binary cross-entropy of σ(x), for any number of independent yes-or-no questions.

    Scores and answers (0 to 1) of one shape -> (), or that shape with reduction="none". As PyTorch's.
    """

    function = staticmethod(F.binary_cross_entropy_with_logits)


class KLDivLoss(_Loss):
    """y (log y - x) for log-probabilities x and probabilities y of one shape -> (), in nats.

    reduction="batchmean" gives the divergence. Kullback & Leibler 1951.
    """

    function = staticmethod(F.kl_div)


class PoissonNLLLoss(_Loss):
    """eˣ - y x for counts y and x the logarithm of the expected count, of one shape -> (). As PyTorch's.

    `eps` keeps log(x + eps) finite where x is the count itself, `log_input=False`.
    """

    function = staticmethod(F.poisson_nll_loss)


class GaussianNLLLoss(_Loss):
    """(log v + (x - y)² / v) / 2 with a variance v, at least `eps`: tensors of one shape -> (). Nix & Weigend 1994."""

    function = staticmethod(F.gaussian_nll_loss)

    def __init__(self, *, full=False, eps=1e-6, reduction="mean"):
        super().__init__(None, None, reduction, full=full, eps=eps)


class CosineEmbeddingLoss(_Loss):
    """1 - cos(x1, x2) for pairs that belong together, else max(0, cos - margin): (N, D), (N, D), (N,) -> ().

    `margin` is a cosine; the third input is 1 or -1. As PyTorch's.
    """

    function, inputs = staticmethod(F.cosine_embedding_loss), 3


class MarginRankingLoss(_Loss):
    """max(0, -y (x1 - x2) + margin), y is 1 or -1. Tensors of one shape -> (). As PyTorch's.

    `margin` is in the unit of the inputs.
    """

    function, inputs = staticmethod(F.margin_ranking_loss), 3


class HingeEmbeddingLoss(_Loss):
    """x where the target is 1, max(0, margin - x) where it is -1. Tensors of one shape -> (). As PyTorch's.

    `margin` is in the unit of the input.
    """

    function = staticmethod(F.hinge_embedding_loss)


class TripletMarginLoss(_Loss):
    """max(0, d(a, p) - d(a, n) + margin), d a distance of norm `p`. (N, D) three times -> (). Schroff et al. 2015.

    `margin` is a distance.
    """

    function, inputs = staticmethod(F.triplet_margin_loss), 3


class TripletMarginWithDistanceLoss(_Loss):
    """`TripletMarginLoss` by any `distance_function`. (N, D) three times -> (). As PyTorch's.

    `margin` is a distance.
    """

    function, inputs = staticmethod(F.triplet_margin_with_distance_loss), 3


class SoftMarginLoss(_Loss):
    """log(1 + e^(-y x)) for scores x and answers y, 1 or -1, of one shape -> (). As PyTorch's."""

    function = staticmethod(F.soft_margin_loss)


class MultiLabelSoftMarginLoss(_Loss):
    """Binary cross-entropy of σ(x), averaged over C classes. (N, C), (N, C) -> (). As PyTorch's."""

    function = staticmethod(F.multilabel_soft_margin_loss)


class MultiMarginLoss(_Loss):
    """Σ_c≠y max(0, margin - x_y + x_c)^p / C for scores (N, C) and labels (N,) -> (). Crammer & Singer 2001.

    `margin` is in the unit of the scores.
    """

    function = staticmethod(F.multi_margin_loss)
