"""The folder of a run, one run to each: config.json, metrics.csv, curves.png, checkpoints, final weights."""

import contextlib
import csv
import io
import itertools
import pathlib

import filelock

from tinynet.system import files

COLUMNS = ("epoch", "learning_rate", "train_loss", "train_accuracy", "validation_loss", "validation_accuracy",
           "seconds")


def create(out, name):
    """Make the folder of a new run: `out`, which must not contain a run, or the first free `runs/NAME-K`."""
    if out is None:
        candidates = (pathlib.Path("runs") / f"{name}-{k}" for k in itertools.count(1))
    else:
        candidates = [pathlib.Path(out)]
        if candidates[0].exists() and not candidates[0].is_dir():
            raise FileExistsError(f"{out}: expected a folder for the run, but a file has that name")
    for folder in candidates:
        with files.clear_errors("write", folder / "config.json"):
            with contextlib.suppress(FileExistsError) if folder.is_dir() else contextlib.nullcontext():
                folder.mkdir(parents=True, exist_ok=out is not None)
                if not (folder / "config.json").exists():
                    return folder
    raise FileExistsError(f"{out} holds a run already; go on with it by --resume, or give another --out")


@contextlib.contextmanager
def locked(folder):
    """Lock the run for this process, so that two processes never write to one folder.

    The process that has the lock first removes the unfinished files that a killed process has left in the folder.
    """
    folder = pathlib.Path(folder)
    lock = filelock.FileLock(folder / "lock", timeout=0)
    with files.clear_errors("write", folder / "lock"):
        try:
            lock.acquire()
        except filelock.Timeout:
            raise BlockingIOError(f"{folder} is in use by another process") from None
        except NotImplementedError:
            raise OSError(f"{folder}: the file system has no locks, which a run needs") from None
    try:
        files.clear_leftovers(folder)
        yield
    finally:
        lock.release()


def write_metrics(folder, rows, unit="image"):
    """Write metrics.csv from all rows (dicts). It is written whole each time, so that no row is missing or doubled."""
    text, columns = io.StringIO(), (*COLUMNS, f"{unit}s_per_second")
    writer = csv.DictWriter(text, columns, lineterminator="\n")
    writer.writeheader()
    writer.writerows({name: _short(row.get(name)) for name in columns} for row in rows)
    with files.atomic_write(folder / "metrics.csv") as file:
        file.write(text.getvalue().encode())


def _short(value):
    return f"{value:.6g}" if isinstance(value, float) else value
