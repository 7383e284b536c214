"""BatchNorm whose statistics are those of the batches of all processes."""

from tinynet.distributed.process_group import several, world
from tinynet.gradients.modes import is_running_again
from tinynet.nn import check
from tinynet.nn.norm import _BatchNorm
from tinynet.ops.sync_norm import SyncBatchNorm as Synchronized


class SyncBatchNorm(_BatchNorm):
    """Each channel is normalised over the batches of all processes; running statistics are kept for evaluation.

    (N, C, ...) -> the same. In evaluation, and with one process, it is BatchNorm: options, keys and errors are those of
    `BatchNorm2d`. All processes must call it, a process with an empty part, too. ValueError for another
    `process_group` than that of all. Zhang et al. 2018. `torch.nn.SyncBatchNorm`.
    """

    shapes = {2: "N, {}", 3: "N, {}, L", 4: "N, {}, H, W", 5: "N, {}, D, H, W"}

    def __init__(self, num_features, eps=1e-5, momentum=0.1, affine=True, track_running_stats=True, process_group=None,
                 device=None, dtype=None, *, bias=True):
        super().__init__(num_features, eps, momentum, affine, track_running_stats, device, dtype, bias=bias)
        if process_group is not None:
            world(process_group)

    def normalise(self, input, mean, var, training, momentum, residual, relu):
        if not (training and several()):
            return super().normalise(input, mean, var, training, momentum, residual, relu)
        check.floats("batch_norm", input, self.weight, self.bias, residual)
        check.shaped("batch_norm", input.shape, residual=residual)
        moving = mean is not None and not is_running_again()
        y = Synchronized.apply(input, self.weight, self.bias, residual, (mean.array, var.array) if moving else None,
                               momentum, self.eps, relu)
        if moving:
            mean.bump()
            var.bump()
        return y

    @classmethod
    def convert_sync_batchnorm(cls, module, process_group=None):
        """The network `module`, with a SyncBatchNorm in the place of every BatchNorm, on the same parameters.

        A BatchNorm that stands alone is replaced, all others are changed inside the network that holds them.
        ValueError for another `process_group` than that of all.
        """
        if isinstance(module, _BatchNorm) and not isinstance(module, cls):
            return cls._in_place_of(module, process_group)
        for name, child in module.named_children():
            setattr(module, name, cls.convert_sync_batchnorm(child, process_group))
        return module

    @classmethod
    def _in_place_of(cls, norm, process_group):
        new = cls(norm.num_features, norm.eps, norm.momentum, norm.affine, norm.track_running_stats, process_group,
                  bias=norm.bias is not None)
        new.weight, new.bias = norm.weight, norm.bias
        for name, buffer in norm.named_buffers():
            setattr(new, name, buffer)
        return new.train(norm.training)
