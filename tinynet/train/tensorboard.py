"""The rows of metrics.csv as events for TensorBoard (the extra `tensorboard`)."""

import importlib.util


class Events:
    """Writes the numbers of each epoch into FOLDER/tensorboard."""

    def __init__(self, folder):
        self.check()
        from tensorboardX import SummaryWriter
        self.writer = SummaryWriter(str(folder / "tensorboard"))

    @staticmethod
    def check():
        """ValueError, which names the package to install, if it is missing."""
        if importlib.util.find_spec("tensorboardX") is None:
            raise ValueError("tensorboard: the package tensorboardX is missing; pip install tensorboardX")

    def add(self, row):
        """Write one row; the axis of the plots is the epoch."""
        for name, value in row.items():
            if name != "epoch":
                self.writer.add_scalar(name, value, row["epoch"])
        self.writer.flush()

    def close(self):
        self.writer.close()
