"""Prints the tables of docs/patterns.md: blocks that can stand in each other's place, and what each costs.

    python docs/tables/patterns.py             parameters, multiply-adds, memory and times (a minute or two)
    python docs/tables/patterns.py --counts    without the times, which are this machine's
    python docs/tables/patterns.py --json      into docs/results/patterns.json, where docs/figures.py finds them

Parameters, multiply-adds and memory are those of one image or sequence, as `tinynet.summary` counts them. The
times are medians for the whole batch; the blocks take turns, so that a slow moment of the machine meets all.
"""

import json
import pathlib
import statistics
import sys
import time

import tinynet
from tinynet.commands import info
from tinynet.nn import blocks

ROUNDS = 15
HEAD = ["block", "parameters", "multiply-adds", "saved for backward", "forward, ms", "step, ms"]

TABLES = {                             # title: (shape of the batch, blocks that take it)
    "64 channels in, 64 out, the size kept": ((32, 64, 28, 28), [
        "ConvBlock(64, 64)",
        "DilatedConv(64, 64)",
        "GroupedConv(64, 64, groups=8)",
        "DepthwiseSeparableConv(64, 64)",
        "BasicBlock(64, 64)",
        'BasicBlock(64, 64, norm="group")',
        "PreActBlock(64, 64)",
        "SEBasicBlock(64, 64)",
        "Bottleneck(64, 16)",
        "Bottleneck(64, 16, groups=8, base_width=16)",
        "PreActBottleneck(64, 16)",
        "SEBottleneck(64, 16)",
        "Inception(64, 16, (24, 32), (4, 8), 8)",
        "SEBlock(64)"]),
    "64 channels in, 128 out, half the size": ((32, 64, 28, 28), [
        'make_shortcut(64, 128, 2, "A")',
        'make_shortcut(64, 128, 2, "B")',
        'BasicBlock(64, 128, 2, shortcut="A")',
        'BasicBlock(64, 128, 2, shortcut="B")',
        "Bottleneck(64, 32, 2)",
        "DepthwiseSeparableConv(64, 128, stride=2)"]),
    "a quarter of the pixels": ((32, 64, 14, 14), [
        "BasicBlock(64, 64)",
        "SelfAttention(64)"]),
    "sequences of 64 places, 128 wide": ((32, 64, 128), [
        "FeedForward(128, 512)",
        "TransformerEncoderLayer(128, 4, 512, batch_first=True)",
        "TransformerEncoderLayer(128, 4, 512, batch_first=True, norm_first=True)"]),
}


def make(code):
    tinynet.manual_seed(0)
    return eval(code, vars(blocks).copy())


def counts(code, shape):
    """The cells of a row that depend on the block alone."""
    found = tinynet.summary(make(code), shape[1:])
    return [f"`{code}`", f"{found.parameters:,}", f"{found.multiply_adds / 1e6:.2f} M",
            f"{found.saved / 1e6:.2f} MB"]


def times(codes, shape):
    """{code: (forward, step)}, medians in milliseconds."""
    x = inputs(*shape)
    made = {code: make(code) for code in codes}
    taken = {code: ([], []) for code in codes}
    for _ in range(ROUNDS):
        for code, block in made.items():
            for act, seconds in zip((forward, step), taken[code]):
                act(block, x)                      # brings memory and caches into this block's state
                start = time.perf_counter()
                act(block, x)
                seconds.append(time.perf_counter() - start)
    return {code: [1000 * statistics.median(seconds) for seconds in both] for code, both in taken.items()}


def inputs(n, *shape):
    """Random maps (N, C, H, W), in memory as a layer before would leave them, or sequences (N, L, E)."""
    *size, channels = shape if len(shape) == 2 else (*shape[1:], shape[0])
    x = tinynet.randn(n, *size, channels)
    return (x if len(shape) == 2 else x.permute(0, 3, 1, 2)).detach().requires_grad_()


def forward(block, x):
    """Evaluation."""
    with tinynet.no_grad():
        block.eval()(x)


def step(block, x):
    """Training: forward and backward, without the optimizer."""
    x.grad = None
    block.zero_grad()
    y = block.train()(x)
    y.backward(y.detach())


def table(shape, codes, timed):
    """{"head": names of the columns, "rows": their cells}"""
    took = times(codes, shape) if timed else {}
    rows = [counts(code, shape) + [f"{ms:.1f}" for ms in took.get(code, ())] for code in codes]
    return {"head": HEAD[:len(rows[0])], "rows": rows}


def markdown(head, rows):
    lines = [head, ["---"] + ["---:"] * (len(head) - 1), *rows]
    return "\n".join("| " + " | ".join(line) + " |" for line in lines)


def main():
    made = {}
    for title, (shape, codes) in TABLES.items():
        print(f"{title}: {list(shape)}\n")
        made[title] = table(shape, codes, "--counts" not in sys.argv)
        print(markdown(**made[title]) + "\n")
    if "--json" in sys.argv:
        facts = {key: str(value) for key, value in info.facts().items() if key not in ("kernel cache", "data folder")}
        path = pathlib.Path(__file__).parents[1] / "results/patterns.json"
        result = {"machine": facts, "settings": {"rounds": ROUNDS}, "tables": made}
        path.write_text(json.dumps(result, indent=1) + "\n", encoding="utf-8")


if __name__ == "__main__":
    main()
