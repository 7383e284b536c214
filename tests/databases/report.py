"""Run the databases and print what no exception covers, then the counts.

    cd tests; python -m databases.report                       everything (some minutes)
    cd tests; python -m databases.report --limit 3 abs nn.GELU optim.SGD
"""

import argparse
import itertools
import time

from databases import modules, operators, optimizers
from databases.outcome import counts, exemptions, shares, unlisted

DATABASES = {"operators": operators, "layers": modules, "optimizers": optimizers}


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("names", nargs="*", metavar="NAME")
    parser.add_argument("--limit", type=int, help="samples per entry, variant and type")
    parser.add_argument("--every", action="store_true", help="show every failure, not the first two of a kind")
    args = parser.parse_args()
    used = set()
    for title, database in DATABASES.items():
        start, total = time.perf_counter(), []
        chosen = [name for name in database.ENTRIES if name in args.names or not args.names]
        for name in chosen:
            total += show(list(database.outcomes(name, args.limit)), args.every)
        used |= {row for row in exemptions() for o in total if row.covers(o)}
        good, bad = shares(total)
        print(f"{title}: {len(chosen)} entries, {counts(total)}, {good:.2%} agree, {bad:.2%} of bad inputs refused, "
              f"{time.perf_counter() - start:.0f} s", flush=True)
    if not args.names:
        unused = [row for row in exemptions() if row not in used]
        print("rows of the table that covered nothing:", *unused, sep="\n    ")


def show(outcomes, every):
    """Print the failures that the table does not list: two of each kind."""
    kind = lambda o: (o.result, o.message[:50])
    for _, same in itertools.groupby(sorted(unlisted(outcomes), key=kind), kind):
        same = list(same)
        print(*(same if every else same[:2]), sep="\n", flush=True)
        if len(same) > 2 and not every:
            print(f"    and {len(same) - 2} more of this kind")
    return outcomes


if __name__ == "__main__":
    main()
