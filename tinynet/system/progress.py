"""Progress: a bar in a terminal or a notebook, a line every 20 seconds in a log file.

    with progress(total=len(paths), unit="images", what="reading images") as bar:
        bar.update(1)

The bar fits the width of the terminal. `say` prints a line without breaking the bar that is on the screen.
"""

import sys
import time
import warnings

SECONDS = 20                           # between two lines, where there is no terminal
FORMAT = "{desc}{percentage:3.0f}%|{bar}| {remaining} left, {rate_fmt}{postfix}"


def progress(total, unit, what="", initial=0, **options):
    """A progress bar from 0 to `total`: `update(count)` moves it, and the end of a `with` block closes it.

    `options` are tqdm's.
    """
    if not (in_notebook() or sys.stderr.isatty()):
        return Lines(total, unit, what, initial)
    with warnings.catch_warnings():                    # that a notebook without ipywidgets gets a bar of text
        warnings.simplefilter("ignore")
        from tqdm.auto import tqdm
    return tqdm(total=total, initial=initial, desc=what, unit=f" {unit}", unit_scale=True, dynamic_ncols=True,
                bar_format=None if in_notebook() else FORMAT, **options)


def in_notebook():
    """Whether this process is a notebook's, where a bar is a widget."""
    ipython = sys.modules.get("IPython")
    return ipython is not None and type(ipython.get_ipython()).__name__ == "ZMQInteractiveShell"


def say(text, file=None):
    """Print a line, by default on stderr, without breaking a bar that is on the screen."""
    file = file or sys.stderr
    if "tqdm" in sys.modules and file.isatty():
        sys.modules["tqdm"].tqdm.write(text, file=file)
    else:
        print(text, file=file, flush=True)


class Lines:
    """Used instead of a bar in a log file: a line on stderr every 20 seconds, without carriage returns.

    The time that is left is estimated from what comes after the first update: before it, kernels may be compiled.
    """

    def __init__(self, total, unit, what, initial):
        self.total, self.unit, self.what, self.n = total, unit, what, initial
        self.last = time.monotonic()
        self.first = None                  # the time of the first update, and how much was done then
        self.postfix = ""

    def __enter__(self):
        return self

    def __exit__(self, *exception):
        pass

    close = __exit__

    def update(self, count=1):
        self.n += count
        now = time.monotonic()
        self.first = self.first or (now, self.n)
        if now - self.last >= SECONDS and self.n < self.total:
            self.last = now
            say(self.line(now))

    def line(self, now):
        """The share that is done and, after the first update, the time that the rest will take."""
        what, postfix = (f"{self.what}: " if self.what else ""), (f", {self.postfix}" if self.postfix else "")
        start, done = self.first
        left = f", {duration((now - start) * (self.total - self.n) / (self.n - done))} left" if self.n > done else ""
        return f"tinynet: {what}{100 * self.n / self.total:.0f} % of {self.total:,} {self.unit}{postfix}{left}"

    def set_postfix_str(self, text, refresh=True):
        self.postfix = text


def duration(seconds):
    """45 s, 3 min, 2 h 5 min."""
    if seconds < 90:
        return f"{seconds:.0f} s"
    minutes = round(seconds / 60)
    return f"{minutes} min" if minutes < 60 else f"{minutes // 60} h {minutes % 60} min"
