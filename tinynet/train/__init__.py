"""Training: settings and recipes, the loop, checkpoints that survive a crash, evaluation."""

from tinynet.train.distributed_trainer import DistributedTrainer
from tinynet.train.evaluate import evaluate
from tinynet.train.settings import Settings
from tinynet.train.trainer import Trainer

__all__ = ["DistributedTrainer", "Settings", "Trainer", "evaluate"]
