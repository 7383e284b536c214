"""Puts the measured numbers into the pages. Each comes from a file in docs/results/, which names its machine.

    python docs/figures.py            rewrite the pages
    python docs/figures.py --check    say which pages are not in step with the files

In a page, what stands between `<!-- figure: NAME ARGUMENTS -->` and `<!-- / -->` is what the function NAME of this file
gives. After new measurements (`tinynet bench --json docs/results/bench.json`, `python docs/studies/NAME.py`,
`python docs/tables/patterns.py --json`) one run of this script brings all pages up to date.
"""

import functools
import json
import pathlib
import re
import runpy
import shlex
import statistics
import sys

DOCS = pathlib.Path(__file__).parent
FIGURE = re.compile(r"(<!-- figure: (.*?) -->)(.*?)(<!-- / -->)", re.DOTALL)
FIGURES = {}


def figure(function):
    FIGURES[function.__name__] = function
    return function


@functools.cache
def results(name):
    return json.loads((DOCS / "results" / f"{name}.json").read_text(encoding="utf-8"))


def table(head, rows):
    """A Markdown table; the first column stands left, numbers right."""
    lines = [head, ["---"] + ["---:"] * (len(head) - 1), *rows]
    return "\n" + "\n".join("| " + " | ".join(map(str, line)) + " |" for line in lines) + "\n"


def number(value, digits=3):
    """Rounded to so many significant digits: 0.00466 -> 0.00466, 165.87 -> 166."""
    decimals = max(0, digits - len(str(int(abs(value)))) if abs(value) >= 1 else digits - 1)
    return f"{value:,.{decimals}f}"


def pages():
    return [DOCS.parent / "README.md", *sorted(DOCS.glob("**/*.md"))]


def in_step(text):
    """The page with every figure as the files have it."""
    def renew(found):
        name, *arguments = shlex.split(found[2])
        return found[1] + FIGURES[name](*arguments) + found[4]

    return FIGURE.sub(renew, text)


# The machine ------------------------------------------------------------------------------------------------


@figure
def machine(name):
    """In a few words, which machine a file was measured on."""
    content = results(name)
    facts = content.get("machine") or content["facts"]
    threads = int(facts["threads"])
    return (f"{facts['processor'].replace('(R)', '')}, LLVM target {facts['LLVM target']}, "
            f"{facts['SIMD lanes']} SIMD lanes, {threads} thread{'s' * (threads > 1)}, tinynet {facts['tinynet']}, "
            f"NumPy {facts['numpy']}")


# The bench --------------------------------------------------------------------------------------------------

STEP = "ResNet-20 training step, batch 128"
BATCH, ONE = "ResNet-20 inference, batch 128", "ResNet-20 inference, batch 1"
SPEED = {                              # rows of the bench, and what the table of README.md calls them
    "the same against PyTorch with the C library's default heap": "the same against PyTorch with its default heap",
    "the same network in unfused ops": "the same network written one operator at a time, none fused",
    BATCH: BATCH,
    f"{BATCH}, BatchNorm folded": "the same, BatchNorm folded in both",
    ONE: "ResNet-20 inference, one image",
    "peak memory, ResNet-20 training, batch 128": "peak memory of the ResNet-20 training process",
    "process start to first training step": "time from process start to the first finished step",
    "the same, empty kernel cache": "the same the first time ever, when kernels are compiled",
}


def bench(name):
    """A row of the bench; ValueError where the file has no such row."""
    for row in results("bench")["rows"]:
        if row["row"] == name:
            return row
    raise ValueError(f"results/bench.json has no row {name!r}: measure it, or change the page")


@figure
def ms(row, column="tinynet"):
    """The median of a row, in milliseconds."""
    return number(1000 * bench(row)["columns"][column]["median"])


@figure
def ratio(row, quartiles=""):
    """tinynet's time divided by PyTorch's."""
    found = bench(row)["ratio"]
    around = f" [{found['low']:.2f}, {found['high']:.2f}]" if quartiles else ""
    return f"{found['median']:.2f}{around}"


def steps():
    """The rows that measure ResNet-20's training step: twice in one run."""
    return [STEP, "ResNet-20, batch 128: training step"]


@figure
def step_ratios():
    found = sorted(bench(row)["ratio"]["median"] for row in steps())
    return f"{found[0]:.2f} to {found[-1]:.2f}"


@figure
def speed():
    """Rows that a run has not measured are left out; those of whole networks are added."""
    lines = [("ResNet-20 training step, batch 128, measured twice in one run",
              ", ".join(ratio(row, "with quartiles") for row in steps()))]
    for row in results("bench")["rows"]:
        if row["row"] in SPEED or row["group"] == "networks" and row["row"] not in steps():
            lines.append((SPEED.get(row["row"], row["row"]), ratio(row["row"], "with quartiles")))
    return table(["what", "tinynet / PyTorch"], lines)


@figure
def folding():
    rows = [(f"{library}, {what}", ms(row, column), ms(f"{row}, BatchNorm folded", column))
            for what, row in (("batch 128", BATCH), ("one image", ONE))
            for library, column in (("tinynet", "tinynet"), ("PyTorch, channels_last", "channels_last"))]
    return table(["ResNet-20, milliseconds", "as trained", "folded"], rows)


@figure
def inference():
    rows = [(what, ms(row), ms(f"{row}, BatchNorm folded"), ms(f"{row}, int8"))
            for what, row in (("batch 128", BATCH), ("one image", ONE))]
    return table(["ResNet-20, milliseconds", "float32", "folded", "int8"], rows)


# The studies ------------------------------------------------------------------------------------------------


def percent(found):
    sd = f" ± {found['sd']:.1f}" if found["sd"] is not None else ""
    return f"{found['mean']:.1f} %{sd}"


@figure
def norms():
    rows = results("norms")["rows"]
    batches = sorted({row["batch"] for row in rows})
    lines = []
    for norm in dict.fromkeys(row["norm"] for row in rows):
        found = {row["batch"]: row["accuracy"] for row in rows if row["norm"] == norm}
        lines.append([norm, *(percent(found[batch]) + f" ({len(found[batch]['values'])})" if batch in found else ""
                              for batch in batches)])
    return table(["norm", *(f"batch {batch}" for batch in batches)], lines)


@figure
def norm(name, batch):
    row = next(r for r in results("norms")["rows"] if (r["norm"], r["batch"]) == (name, int(batch)))
    return f"{row['accuracy']['mean']:.1f} %"


@figure
def gates():
    lines = [(row["batch"], row["norm"], row["attention"], percent(row["accuracy"]),
              f"{row['change']['mean']:.3f}" if "change" in row else "") for row in results("gates")["rows"]]
    return table(["batch", "norm around it", "attention", "accuracy", "change of a gate"], lines)


@figure
def bottleneck():
    lines = [("two 3x3, no bottleneck" if row["middle"] is None else row["middle"], f"{row['parameters']:,}",
              f"{row['multiply_adds'] / 1e6:.2f} M", percent(row["accuracy"])) for row in results("bottleneck")["rows"]]
    return table(["`mid_channels`", "parameters", "multiply-adds", "accuracy"], lines)


def power(value):
    return f"{value:.1e}"


@figure
def depth():
    lines = []
    for row in results("depth")["rows"]:
        if row["norm"] == "batch":
            lines.append((f"{row['kind']}, {row['layers']} layers", power(row["first"][0]), power(row["first"][-1]),
                          power(row["last"][0]), power(row["last"][-1]), f"{row['loss']['mean']:.2f}",
                          percent(row["accuracy"])))
    return table(["network", "first layer, at first", "last layer, at first", "first layer, trained",
                  "last layer, trained", "training loss", "accuracy"], lines)


@figure
def depth_without_norms():
    lines = [(f"{row['kind']}, {row['layers']} layers", power(row["first"][0]), power(row["first"][-1]))
             for row in results("depth")["rows"] if row["norm"] == "none"]
    return table(["network without norms", "first layer", "last layer"], lines)


@figure
def stem():
    lines = [(row["case"], f"{row['before']['as it is']['shortcut']:.2f}", f"{row['before']['as it is']['branch']:.2f}",
              f"{row['before']['times 10']['shortcut']:.2f}", f"{row['before']['times 10']['branch']:.2f}",
              f"{row['loss']['mean']:.2f}", percent(row["accuracy"])) for row in results("stem")["rows"]]
    return table(["norms", "shortcut", "branch", "shortcut, x10", "branch, x10", "training loss", "accuracy"], lines)


@figure
def machines():
    rows = results("machines")["rows"]
    lines = [(f"{row['machine']['processor'].replace('(R)', '')}, {row['machine']['LLVM target']}",
              row["int8 resnet20"], row["int8 resnet18"], row["grouped"]) for row in rows]
    head = ["machine", "int8 / float32, ResNet-20", "int8 / float32, ResNet-18", "grouped / full convolution"]
    return table(head, lines)


def hundredths(accuracy):
    return f"{accuracy:.2f} %"


def quiet_run():
    """The run of airbench94 that had both threads, and the machine to itself."""
    return next(run for run in results("runs")["airbench94"] if run["threads"] == 2)


@figure
def airbench_runs():
    """The recorded runs of cifar10-94: one row for each seed, and their mean."""
    found = results("runs")["airbench94"]
    lines = [(f"seed {run['seed']}", hundredths(run["accuracy"]), f"{run['seconds'] / 60:.1f}", run["threads"])
             for run in found]
    return table(["airbench94, recipe `cifar10-94`", "test accuracy", "minutes", "threads"],
                 [*lines, ("mean", f"**{airbench_accuracy()}**", "", "")])


@figure
def airbench_accuracy():
    return hundredths(statistics.mean(run["accuracy"] for run in results("runs")["airbench94"]))


@figure
def airbench_minutes():
    return f"{quiet_run()['seconds'] / 60:.0f} minutes"


@figure
def airbench_cost():
    """The time of the quiet run beside the paper's operations at the rate of matrix products, before and after it."""
    run = quiet_run()
    rate = sum(run["sgemm"]) / 2
    return (f"{run['seconds']:,.0f} seconds. Matrix products reached {run['sgemm'][0]} GFLOP/s before the run and "
            f"{run['sgemm'][1]} after it; at their mean rate, 3.6e14 operations take {3.6e5 / rate:,.0f} seconds. So "
            f"the run took {run['seconds'] * rate / 3.6e5:.2f} times as long")


@figure
def airbench_operations():
    found = results("airbench")["settings"]
    return (f"{found['flop_training'] / 1e14:.2f}e14 floating-point operations in the convolutions and the linear "
            f"layer for training, and {found['flop_test'] / 1e14:.2f}e14 for the test")


@figure
def airbench_machine():
    """The rate of matrix products, and how much other work there was."""
    found = results("airbench")["settings"]
    quiet = "" if found["load"] < 0.5 else f", beside other work (load {found['load']}), so that all times are too long"
    return f"sgemm at {found['sgemm']:.0f} GFLOP/s{quiet}"


@figure
def airbench():
    lines = []
    for row in results("airbench")["rows"]:
        against = row["ratio"]["against"]
        around = f"{row['ratio']['median']:.2f} [{row['ratio']['low']:.2f}, {row['ratio']['high']:.2f}]"
        threads = f"{row['threads']} thread{'s' * (row['threads'] > 1)}"
        lines.append((f"{row['batch']}, {threads}", number(row["ms"]["tinynet"]),
                      f"{number(row['ms'][against])} ({against})", around, number(row["steps_minutes"]),
                      number(row["sgemm_minutes"])))
    head = ["batch", "tinynet, ms", "PyTorch, ms", "ratio", "all steps of a run, minutes",
            "its operations by sgemm, minutes"]
    return table(head, lines)


@figure
def airbench_operators():
    row = results("airbench")["rows"][0]
    whole = sum(forward + backward for _, _, forward, backward in row["operators"])
    lines = [(name, number(forward), number(backward), f"{100 * (forward + backward) / whole:.1f} %")
             for name, _, forward, backward in row["operators"] if forward + backward >= 0.001 * whole]
    return table([f"operator, batch {row['batch']}", "forward, ms", "backward, ms", "share"], lines)


# Blocks, and the ladder of a convolution ---------------------------------------------------------------------


@figure
def blocks(title):
    found = results("patterns")["tables"][title]
    return table(found["head"], found["rows"])


def block_time(code, column):
    for found in results("patterns")["tables"].values():
        for row in found["rows"]:
            if row[0] == f"`{code}`":
                return float(row[found["head"].index(column)])
    raise KeyError(code)


@figure
def longer(code, other, column="step, ms"):
    """How many times as long one block takes as another."""
    return number(block_time(code, column) / block_time(other, column), 2)


@figure
def ladder():
    rows, before, lines = results("ladder")["rows"], None, []
    for row in rows:
        lines.append((row["rung"], number(row["ms"]), number(row["rate"], 2 if row["rate"] > 1 else 4),
                      number(before / row["ms"], 2) if before else 1))
        before = row["ms"]
    return table(["rung", "ms per image", "GFLOP/s", "times the rung below"], lines)


@figure
def cost(name):
    found = results("cost")["tables"][name]
    return table(found["head"], found["rows"])


# Several processes ------------------------------------------------------------------------------------------------


@functools.cache
def model_of_scaling():
    """The names of docs/images/scaling.py."""
    sys.path.insert(0, str(DOCS / "images"))
    try:
        return runpy.run_path(str(DOCS / "images" / "scaling.py"))
    finally:
        sys.path.remove(str(DOCS / "images"))


@figure
def scaling_turns():
    found = results("scaling")["rows"]["turns"]
    rates = found["rates"]
    return (f"{rates['2 processes']:.0f} against {rates['1 process']:.0f} images per second of ResNet-20's training, a "
            f"ratio of {found['ratio']:.2f} [{found['low']:.2f}, {found['high']:.2f}] (median and quartiles of "
            f"neighbouring turns, {results('scaling')['settings']['turns']} of them).")


@figure
def scaling_load():
    """How much other work there was."""
    load = results("scaling")["settings"]["load"]
    quiet = "was quiet" if load < 0.5 else "was busy with other work, so that all times here are too long"
    return f"{quiet} (load {load})"


@figure
def scaling_all_reduce():
    lines = [(f"{size:,}", number(1e3 * seconds), number(size / seconds / 1e9, 2))
             for size, seconds in results("scaling")["rows"]["all_reduce"]]
    return table(["bytes", "ms", "GB/s"], lines)


@figure
def scaling_hidden():
    found = results("scaling")["rows"]["hidden"]
    return (f"the all-reduce of ResNet-20's gradients takes {number(1e3 * found['alone'])} ms alone. In training, "
            f"{number(1e3 * found['waited'])} ms are waited after a backward pass of "
            f"{number(1e3 * found['backward'])} ms: {100 * found['share']:.0f} % are hidden.")


@figure
def scaling_networks():
    rows, titles = results("scaling")["rows"]["networks"], model_of_scaling()["TITLES"]
    lines = [(titles[row["name"]], row["batch"], number(1e3 * row["step"]), number(1e3 * row["backward"]),
              number(row["bytes"] / 1e6)) for row in rows]
    return table(["one machine", "images b", "step C, ms", "backward R, ms", "gradients S, MB"], lines)


@figure
def scaling_limits():
    model, lines = model_of_scaling(), []
    for name, network in model["networks"]().items():
        for label, bandwidth in model["BANDWIDTHS"].items():
            growing = functools.partial(network.growing, bandwidth=bandwidth)
            shared = functools.partial(network.shared, bandwidth=bandwidth)
            best = model["best"](shared)
            lines.append((f"{model['TITLES'][name]}, {label}", f"{100 * growing(64) / 64:.0f} %",
                          model["last_at_half"](growing), model["last_at_half"](shared), best, f"{shared(best):.1f}"))
    return table(["", "a batch each: used of 64 machines", "a batch each: machines half used",
                  "one batch: machines half used", "one batch: machines of the fastest step", "and its gain"], lines)


def main():
    stale = []
    for page in pages():
        text = page.read_text(encoding="utf-8")
        new = in_step(text)
        if new != text:
            stale.append(page.name)
            if "--check" not in sys.argv:
                page.write_text(new, encoding="utf-8")
    print(f"{'not in step' if '--check' in sys.argv else 'rewritten'}: {', '.join(stale) or 'no page'}")
    return bool(stale and "--check" in sys.argv)


if __name__ == "__main__":
    sys.exit(main())
