"""The training loop: forward, loss, backward, step; and the records that allow to kill and resume it at any time.

The rest of a run depends on `Trainer.state()` alone. A run that is resumed from it continues with the same bits as a
run that was never interrupted.
"""

import contextlib
import itertools
import math
import pathlib
import shlex
import sys
import time

import numpy as np

from tinynet import plots, random
from tinynet.gradients.anomaly import detect_anomaly
from tinynet.nn import functional as F
from tinynet.system.progress import progress, say
from tinynet.train import checkpoint, folder as run_folder
from tinynet.train.best import BEST, MODEL, best_row, epochs_since_best
from tinynet.train.descent import make_optimizer, make_schedule, total_steps
from tinynet.train.diagnose import first_non_finite
from tinynet.train.evaluate import evaluate
from tinynet.train.fine_tune import first_convolution, train_mode
from tinynet.train.lookahead import Lookahead
from tinynet.train.stopping import Stopped, StopRequest
from tinynet.train.tensorboard import Events
from tinynet.weights import load, save

BETWEEN_CURVES = 10                    # seconds
OPTIONAL = ("data", "random_of_others")          # parts of a state that earlier versions, or one process, do not note


class Trainer:
    """Trains `model` on the batches of `train_loader` and writes the files of the run into `folder`.

    A batch is a pair (inputs, labels): the model gives scores (N, classes, ...) for labels (N, ...), one label for
    each image, or for each character of a text. After each epoch the loss and accuracy on `validation_loader`
    (if there is one) are measured, and a checkpoint, metrics.csv and curves.png are written. `levels`,
    {name: loss}, are horizontal lines in the plot of the loss, to compare with. Losses are in nats, accuracies from 0
    to 1, times in seconds.

    The weights of the epoch that is best by validation are kept in best.safetensors. At the end they are loaded into
    `model` and written as model.safetensors. Without validation, the last epoch counts as the best. `metadata` goes
    into all these files.
    """

    by_command = False                 # whether `tinynet train --resume` can resume this run
    first = True                       # whether this process writes, prints and measures: one of several does

    def __init__(self, settings, model, train_loader, validation_loader, folder, anomaly=False, levels=None,
                 metadata=None):
        self.settings, self.model, self.folder, self.anomaly = settings, model, pathlib.Path(folder), anomaly
        self.network = model                            # what is called with a batch
        self.metadata = metadata
        if settings.early_stop and validation_loader is None:
            raise ValueError("early_stop: expected data for validation (--validation), got none")
        self.train_loader, self.validation_loader = train_loader, validation_loader
        self.unit, self.levels = train_loader.unit, levels or {}
        self.data = getattr(train_loader.dataset, "fingerprint", lambda: None)()
        self.optimizer = make_optimizer(settings, model)
        self.schedule = make_schedule(settings, self.optimizer, len(train_loader))
        self.total = total_steps(settings, len(train_loader))
        self.lookahead = Lookahead(model, settings.lookahead, self.total) if settings.lookahead else None
        self.stem = first_convolution(model) if settings.stem_epochs else None
        self.epoch, self.step = 0, 0                    # both count what is finished
        self.sums = self.zero_sums()
        self.stopping = StopRequest()
        self.rows = []
        self.drawn = -math.inf                          # when curves.png was drawn, by the clock `monotonic`

    @staticmethod
    def zero_sums():
        """The sums of an epoch, before its first step."""
        return {"loss": 0.0, "correct": 0, "count": 0, "seconds": 0.0}

    @property
    def steps(self):
        """How many steps of the run are done."""
        return self.epoch * len(self.train_loader) + self.step

    def __repr__(self):
        done = f"{len(self.rows)} of {self.settings.epochs} epochs"
        return f"<Trainer of {self.settings.title()}: {done}, in {self.folder}>"

    def _repr_png_(self):
        from tinynet.plots.figure import rendered
        if not self.rows:
            return None
        return rendered(plots.training_curves({self.settings.title(): self.rows}, levels=self.levels), "png")

    # The state of a run -------------------------------------------------------------------------------------

    def state(self):
        """Everything that the rest of the run depends on: nested dicts and lists of arrays, for `tinynet.save`."""
        slow = {"lookahead": self.lookahead.state_dict()} if self.lookahead else {}
        return {"settings": self.settings.asdict(), "data": self.data, "model": self.model.state_dict(),
                "optimizer": self.optimizer.state_dict(), "schedule": self.schedule.state_dict(),
                "epoch": self.epoch, "step": self.step, "sums": self.sums, "rows": self.rows,
                "random": random.get_state(), **slow}

    def restore(self, state):
        """Continue from a `state`; ValueError for the state of another network, other data or other settings.

        Only one setting that changes the outcome may differ: `epochs` may be higher than before. Then the schedule is
        computed again for all epochs. From here on, every step has the learning rate that it would have in a run that
        was started with the higher number of epochs.
        """
        missing = [name for name in self.state() if name not in state and name not in OPTIONAL]
        if missing:
            raise ValueError(f"the checkpoint is not one of a run: it has no {', '.join(missing)}")
        earlier = type(self.settings).of(state["settings"], "the checkpoint")
        self.settings.check_resumed(earlier)
        if state.get("data", self.data) != self.data:          # the first versions did not save it
            raise ValueError(f"the data of {self.train_loader.dataset} is not the data that the run began with")
        self.model.load_state_dict(state["model"])
        self.optimizer.load_state_dict(state["optimizer"])
        random.set_state(state["random"])
        if self.lookahead:
            self.lookahead.load_state_dict(state["lookahead"])
        for name in ("epoch", "step", "sums", "rows"):
            setattr(self, name, state[name])
        if self.settings.epochs == earlier.epochs:
            self.schedule.load_state_dict(state["schedule"])
        else:
            self.catch_up_schedule()
        if self.first:
            run_folder.write_metrics(self.folder, self.rows, self.unit)

    def catch_up_schedule(self):
        """Replace the schedule by one for `settings.epochs`, and advance it to the current step."""
        scratch = make_optimizer(self.settings, self.model)
        schedule = make_schedule(self.settings, scratch, len(self.train_loader))
        for _ in range(self.steps):
            schedule.step()
        self.schedule.load_state_dict(schedule.state_dict())
        for group, reached in zip(self.optimizer.param_groups, scratch.param_groups, strict=True):
            group["lr"] = reached["lr"]

    def save(self):
        """Write a checkpoint and metrics.csv."""
        state = self.state()
        if self.first:
            checkpoint.write(self.folder, state, self.metadata)
            run_folder.write_metrics(self.folder, self.rows, self.unit)

    # The loop -----------------------------------------------------------------------------------------------

    def fit(self):
        """Train until the last epoch is done. Returns the rows of metrics.csv."""
        if self.first and not (self.folder / "config.json").exists():
            self.folder.mkdir(parents=True, exist_ok=True)
            self.settings.write(self.folder / "config.json")
        count = self.train_loader.count
        total, done = round(self.settings.epochs * count), self.epoch * count + self.sums["count"]
        with StopRequest() as self.stopping, progress(total, f"{self.unit}s", initial=done) as bar, \
                self.events() as events:
            while not self.finished():
                self.train_epoch(bar)
                self.finish_epoch(events)
        self.finish()
        return self.rows

    def finished(self):
        """Whether the last epoch is done, or `early_stop` epochs in a row have not improved on the best one."""
        patience = self.settings.early_stop
        return self.epoch >= self.settings.epochs or 0 < patience <= epochs_since_best(self.rows, self.settings.best_by)

    def finish(self):
        """Load the weights of the best epoch, if there is one, and write the weights as the result of the run."""
        if not self.first:
            return
        best = self.folder / BEST
        if best_row(self.rows, self.settings.best_by) is not None and best.exists():
            self.model.load_state_dict(load(best))
        if self.epoch < self.settings.epochs:
            say(f"stopped after epoch {self.epoch}: none of the last {self.settings.early_stop} was better", sys.stdout)
        self.draw_curves()             # here, because a run may have been killed after its last checkpoint
        save(self.model.state_dict(), self.folder / MODEL, metadata=self.metadata)

    def events(self):
        """A context with the writer of events for TensorBoard, or with None if the settings do not ask for it."""
        wanted = self.settings.tensorboard and self.first
        return contextlib.closing(Events(self.folder)) if wanted else contextlib.nullcontext()

    def train_epoch(self, bar):
        """Take the remaining steps of the current epoch."""
        if self.stem and self.epoch >= self.settings.stem_epochs:
            self.stem.requires_grad_(False)
        train_mode(self.model)
        batches = self.train_loader.iterate(self.epoch, self.step)
        start = time.perf_counter()
        for inputs, labels in itertools.islice(batches, self.total - self.steps):
            before = self.sums["count"]
            self.train_step(inputs, labels)
            now = time.perf_counter()
            self.sums["seconds"], start = self.sums["seconds"] + now - start, now
            if self.stopping.received:              # before the bar moves: its terminal may have been closed
                self.stop(self.stopping.received)
            self.show(bar, self.sums["count"] - before)

    def train_step(self, inputs, labels):
        """Learn from one batch, and add to the sums of the epoch."""
        if self.anomaly:
            with detect_anomaly():
                logits, loss = self.learn(inputs, labels)
        else:
            logits, loss = self.learn(inputs, labels)
        self.step += 1
        self.note(loss, int((logits.array.argmax(1) == labels.array).sum()), labels.numel())

    def note(self, loss, correct, count):
        """Add a batch to the sums of the epoch: its mean loss, and how many of its labels were named rightly."""
        self.sums["loss"] += loss * count
        self.sums["correct"] += correct
        self.sums["count"] += count

    def learn(self, inputs, labels):
        """One step of stochastic gradient descent."""
        self.optimizer.zero_grad()
        logits = self.network(inputs)
        loss = self.loss(logits, labels)
        self.check(loss, inputs)
        loss.backward()
        self.optimizer.step()
        self.schedule.step()
        if self.lookahead:
            self.lookahead.step(self.steps + 1)
        return logits, loss.item()

    def loss(self, logits, labels):
        """The mean cross-entropy of the batch."""
        return F.cross_entropy(logits, labels, label_smoothing=self.settings.label_smoothing)

    def check(self, loss, inputs):
        """FloatingPointError for a loss of NaN or infinity; it names the first parameter or layer with one."""
        if np.isfinite(loss.array):
            return
        raise FloatingPointError(
            f"the loss became {loss.item()} in epoch {self.epoch + 1}, step {self.step + 1}; the first value "
            f"that is not finite is in {first_non_finite(self.model, inputs)}. The last good checkpoint is "
            f"in {self.folder}; a lower --lr may help, --detect-anomaly finds the operator")

    def finish_epoch(self, events):
        """Measure, add a row to the metrics, save, and draw the curves."""
        row = self.measure()
        self.rows.append(row)
        self.epoch, self.step, self.sums = self.epoch + 1, 0, self.zero_sums()
        if self.first and best_row(self.rows, self.settings.best_by) is row:
            save(self.model.state_dict(), self.folder / BEST, metadata=self.metadata)
        self.save()
        if self.first:
            if not self.finished() and time.monotonic() - self.drawn > BETWEEN_CURVES:
                self.draw_curves()
            say(describe(row, math.ceil(self.settings.epochs), self.unit), sys.stdout)
        if events:
            events.add(row)

    def measure(self):
        """The row of metrics.csv for the epoch that ends here."""
        sums, rate = self.sums, self.optimizer.param_groups[0]["lr"]
        row = {"epoch": self.epoch + 1, "learning_rate": rate}
        row["train_loss"] = sums["loss"] / sums["count"]
        row["train_accuracy"] = sums["correct"] / sums["count"]
        row["seconds"], row[f"{self.unit}s_per_second"] = sums["seconds"], sums["count"] / sums["seconds"]
        if self.validation_loader is not None:
            result = evaluate(self.model, self.validation_loader, len(self.train_loader.dataset.classes),
                              self.settings.views)
            row["validation_loss"], row["validation_accuracy"] = result.loss, float(result.accuracy)
        return row

    def draw_curves(self):
        """Draw curves.png: every few seconds, because that takes longer than a short epoch, and at the end."""
        plots.training_curves({self.settings.title(): self.rows}, self.folder / "curves.png", self.levels)
        self.drawn = time.monotonic()

    def show(self, bar, count):
        """Move the progress bar by `count` inputs."""
        sums = self.sums
        loss, accuracy = sums["loss"] / sums["count"], sums["correct"] / sums["count"]
        bar.set_postfix_str(f"epoch {self.epoch + 1}/{math.ceil(self.settings.epochs)}, loss {loss:.3f}, "
                            f"{100 * accuracy:.1f} %", refresh=False)
        bar.update(count)

    def stop(self, signal_number):
        """Save, and raise the exception `Stopped`."""
        self.save()
        how = (f"tinynet {self.settings.command} --resume --out {shlex.quote(str(self.folder))}" if self.by_command else
               "trainer.restore(tinynet.train.checkpoint.read_latest(trainer.folder)); trainer.fit()")
        raise Stopped(f"stopped in epoch {self.epoch + 1} after step {self.step}, and saved; go on with: {how}",
                      signal_number)


def describe(row, epochs, unit):
    """One line on a finished epoch."""
    text = (f"epoch {row['epoch']:3d}/{epochs}  loss {row['train_loss']:.4f}  "
            f"accuracy {100 * row['train_accuracy']:.2f} %")
    if "validation_accuracy" in row:
        text += f"  validation {100 * row['validation_accuracy']:.2f} %"
    return text + f"  {row[f'{unit}s_per_second']:.0f} {unit}s/s"
