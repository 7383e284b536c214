"""Losses as layers; the formulas are in `functional/loss.py` and `ops/loss.py`."""

from tinynet.nn import check
from tinynet.nn import functional as F
from tinynet.nn.module import Module


class _Loss(Module):
    """A loss with its options; class weights and the like are buffers, so that they move with the model."""

    def __init__(self, size_average=None, reduce=None, reduction="mean"):
        super().__init__()
        check.refuse(type(self).__name__, size_average=size_average, reduce=reduce)
        self.reduction = reduction


class CrossEntropyLoss(_Loss):
    """-log softmax(scores) at the label, or averaged over given probabilities.

    Scores (N, C, ...), labels (N, ...) or probabilities (N, C, ...) -> (); (N, ...) with reduction="none".
    In nats. `label_smoothing`: Szegedy et al. 2015, "Rethinking the Inception Architecture", section 7.
    """

    def __init__(self, weight=None, size_average=None, ignore_index=-100, reduce=None, reduction="mean",
                 label_smoothing=0.0):
        super().__init__(size_average, reduce, reduction)
        self.register_buffer("weight", weight)
        self.ignore_index, self.label_smoothing = ignore_index, label_smoothing

    def forward(self, input, target):
        return F.cross_entropy(input, target, self.weight, ignore_index=self.ignore_index,
                               reduction=self.reduction, label_smoothing=self.label_smoothing)


class NLLLoss(_Loss):
    """-log-probability at the label. (N, C, ...), labels (N, ...) -> (); (N, ...) with reduction="none".

    As PyTorch's.
    """

    def __init__(self, weight=None, size_average=None, ignore_index=-100, reduce=None, reduction="mean"):
        super().__init__(size_average, reduce, reduction)
        self.register_buffer("weight", weight)
        self.ignore_index = ignore_index

    def forward(self, input, target):
        return F.nll_loss(input, target, self.weight, ignore_index=self.ignore_index,
                          reduction=self.reduction)


class MSELoss(_Loss):
    """(x - y)². Two tensors of one shape -> (), or that shape with reduction="none". As PyTorch's."""

    def forward(self, input, target):
        return F.mse_loss(input, target, reduction=self.reduction)


class L1Loss(_Loss):
    """|x - y|. Two tensors of one shape -> (), or that shape with reduction="none". As PyTorch's."""

    def forward(self, input, target):
        return F.l1_loss(input, target, reduction=self.reduction)


class BCEWithLogitsLoss(_Loss):
    """Binary cross-entropy of σ(x), for any number of independent yes-or-no questions.

    Scores and answers (0 to 1) of one shape -> (), or that shape with reduction="none". As PyTorch's.
    """

    def __init__(self, weight=None, size_average=None, reduce=None, reduction="mean", pos_weight=None):
        super().__init__(size_average, reduce, reduction)
        self.register_buffer("weight", weight)
        self.register_buffer("pos_weight", pos_weight)

    def forward(self, input, target):
        return F.binary_cross_entropy_with_logits(input, target, self.weight, reduction=self.reduction,
                                                  pos_weight=self.pos_weight)
