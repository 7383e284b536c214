"""Exercises: operators with a gap to fill in, and a checker that explains what is wrong with an answer.

Each file in `tasks/` is a whole operator that works. Its solution is between `# TODO: ...` and `# END`.
The student's file is the same text without the solution, and without the lines after `# CHECK`: the arguments
to try and the typical mistakes. So the tests run the solution, and the two files always agree.
"""

import pathlib
import re
import textwrap

from tinynet.system.suggest import did_you_mean

ORDER = ("unbroadcast", "relu", "backward_pass", "matmul", "linear", "cross_entropy", "im2col", "col2im", "conv2d",
         "avg_pool2d", "max_pool2d", "batch_norm", "residual_add", "attention")
TASKS = pathlib.Path(__file__).with_name("tasks")
HOLE = re.compile(r"^( *)# TODO: (.*)\n(?:.*\n)*?\1# END\n", re.MULTILINE)


class Exercise:
    """One file of `tasks/`, by its name; a ValueError gives the nearest names to one that does not exist."""

    def __init__(self, name):
        if name not in ORDER:
            hint = did_you_mean(name, ORDER, 3, 0.5) or f"; there are {', '.join(ORDER)}"
            raise ValueError(f"unknown exercise {name!r}{hint}")
        self.name = name
        self.text = (TASKS / f"{name}.py").read_text(encoding="utf-8")
        self.todo = HOLE.search(self.text)[2]

    @property
    def summary(self):
        """What it teaches: the first line of its docstring."""
        return self.text.partition("\n")[0].partition(": ")[2].rstrip(".")

    def blank(self):
        """The student's file."""
        return self.filled("raise NotImplementedError")

    def filled(self, code):
        """The student's file with `code` in its hole."""
        given = self.text.partition("# CHECK")[0].rstrip() + "\n"
        return HOLE.sub(lambda hole: f"{hole[1]}# TODO: {hole[2]}\n{textwrap.indent(code, hole[1])}\n", given)
