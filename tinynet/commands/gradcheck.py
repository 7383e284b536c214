"""Check the gradients: every differentiable operator and layer, with its options one by one and in pairs, against
central differences in float64 and, where PyTorch is installed, against PyTorch. The exit status is 1 if any fails.

    tinynet gradcheck
    tinynet gradcheck conv2d softmax
"""


def add_options(parser):
    parser.add_argument("operators", nargs="*", metavar="OP", help="operators or layers to check (default: all)")


def run(args):
    from tinynet.inspect.gradcheck import prove
    rows, chosen = [], prove.select(args.operators)
    print(f"{'operator':34} {'cases':>5} {'differences':>12} {'PyTorch':>10} {'ms':>7}   (worst relative error)")
    for operator, cases in chosen.items():
        row = prove.prove_together(operator, cases)
        rows.append(row)
        parity = "-" if row.parity is None else f"{row.parity:.1e}"
        print(f"{row.name:34} {row.cases:5} {row.error:12.1e} {parity:>10} {1000 * row.seconds:7.0f}   "
              f"{'ok' if row.passed else 'FAILED: ' + row.failure}", flush=True)
    failed = [row.name for row in rows if not row.passed]
    print(f"{len(rows) - len(failed)} of {len(rows)} operators and layers have the right gradients, "
          f"in {sum(row.cases for row in rows)} cases" + (f"; wrong: {', '.join(failed)}" if failed else "") +
          ("" if prove.torch_or_none() else " (PyTorch is not installed: differences alone)"))
    return 1 if failed else 0
