"""The training loop in several processes: what each does differently from a process that is alone.

Each process takes its part of every batch, and all take the same step. So the run is that of one process with the same
`batch_size`, up to rounding and to the statistics of BatchNorm, and a checkpoint of N processes goes on with M of them.
"""

import numpy as np

from tinynet import distributed, random
from tinynet.distributed.equality import check_parameters, check_same
from tinynet.distributed.objects import from_first, of_all
from tinynet.nn import functional as F
from tinynet.nn.parallel import DistributedDataParallel
from tinynet.tensor import Tensor
from tinynet.train.trainer import Trainer

OF_A_MACHINE = ("data", "root", "weights", "tensorboard")      # settings that may differ between machines: paths


class DistributedTrainer(Trainer):
    """A `Trainer` in each of the processes that mpiexec has started, after `tinynet.distributed.init_process_group()`.

    `settings.batch_size` is that of all processes together. Process 0 alone writes, prints and measures. After each
    epoch, the weights are compared. ValueError where the processes have different settings, data or networks, or
    different weights after an epoch, and for a batch that has fewer images than there are processes. `train_loader`
    is a `tinynet.data.Loader`. How to choose the learning rate: Goyal et al. 2017, "Accurate, Large Minibatch SGD".
    """

    def __init__(self, settings, model, train_loader, validation_loader, folder, anomaly=False, levels=None,
                 metadata=None):
        super().__init__(settings, model, train_loader, validation_loader, folder, anomaly, levels, metadata)
        self.rank, self.world_size = distributed.get_rank(), distributed.get_world_size()
        self.first = self.rank == 0
        if settings.batch_size < self.world_size:
            raise ValueError(f"batch_size: expected at least {self.world_size}, an image for each process, "
                             f"got {settings.batch_size}")
        facts = {name: value for name, value in settings.asdict().items() if name not in OF_A_MACHINE}
        check_same(facts, "the processes have different settings")
        check_same({f"the fingerprint of {train_loader.dataset}": self.data}, "the processes have different data")
        train_loader.share(self.rank, self.world_size)
        self.network = DistributedDataParallel(model, find_unused_parameters=self.stem is not None)
        if not self.first:
            random.manual_seed(own_seed(settings.seed, self.rank))      # for dropout: other masks for other images

    def state(self):
        """That of process 0, which writes it, with the random numbers of the others."""
        return super().state() | {"random_of_others": of_all(random.get_state())[1:]}

    def restore(self, state):
        """Go on from a state of any number of processes. A process that was not there keeps its own random numbers."""
        here = random.get_state()
        super().restore(state)
        if not self.first:
            others = state.get("random_of_others", [])
            random.set_state(others[self.rank - 1] if self.rank <= len(others) else here)
        check_parameters(self.model, "after the checkpoint was read")

    def loss(self, logits, labels):
        """The part of these images in the mean over the whole batch, times the number of processes.

        The mean of it over the processes is the loss of the batch, also where the parts differ in size.
        """
        total = F.cross_entropy(logits, labels, reduction="sum", label_smoothing=self.settings.label_smoothing)
        return total * (self.world_size / self.train_loader.count_of(self.step))

    def note(self, loss, correct, count):
        """Add up what all processes have seen; if one of them was asked to stop, all are."""
        mine = np.array([loss / self.world_size, correct, count, self.stopping.received or 0])
        found = Tensor(np.empty((self.world_size, 4)))
        distributed.all_gather_into_tensor(found, Tensor(mine))
        loss, correct, count = found.array[:, :3].sum(0).tolist()
        self.stopping.received = int(found.array[:, 3].max()) or None
        super().note(loss, int(correct), int(count))

    def measure(self):
        """The row that process 0 measures, after a look whether all have the same weights."""
        check_parameters(self.model, f"after epoch {self.epoch + 1}")
        return from_first(super().measure)


def own_seed(seed, rank):
    """The root seed of a process other than the first."""
    return int(np.random.SeedSequence([seed, rank]).generate_state(1, np.uint64)[0])
