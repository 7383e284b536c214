"""Run the databases and print what no exception covers, then the counts.

    cd tests; python -m databases.report                       everything (some minutes)
    cd tests; python -m databases.report --write               the same, and the counts go into docs/databases.md
    cd tests; python -m databases.report --limit 3 abs nn.GELU optim.SGD
"""

import argparse
import itertools
import re
import time

from databases import modules, operators, optimizers
from databases.outcome import PAGE, counts, exemptions, shares, unlisted

DATABASES = {"operators": operators, "layers": modules, "optimizers": optimizers}


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("names", nargs="*", metavar="NAME")
    parser.add_argument("--limit", type=int, help="samples per entry, variant and type")
    parser.add_argument("--every", action="store_true", help="show every failure, not the first two of a kind")
    parser.add_argument("--write", action="store_true", help="write the counts into docs/databases.md")
    args = parser.parse_args()
    used, totals = set(), {}
    for title, database in DATABASES.items():
        start, total = time.perf_counter(), []
        chosen = [name for name in database.ENTRIES if name in args.names or not args.names]
        for name in chosen:
            total += show(list(database.outcomes(name, args.limit)), args.every)
        totals[title] = total
        used |= {row for row in exemptions() for o in total if row.covers(o)}
        good, bad = shares(total)
        print(f"{title}: {len(chosen)} entries, {counts(total)}, {good:.2%} agree, {bad:.2%} of bad inputs refused, "
              f"{time.perf_counter() - start:.0f} s", flush=True)
    if not args.names:
        if args.write and args.limit is None:
            write(totals)
        unused = [row for row in exemptions() if row not in used]
        print("rows of the table that covered nothing:", *unused, sep="\n    ")


def write(totals):
    """Write the counts of {database: outcomes} into the page, as a table."""
    text = PAGE.read_text(encoding="utf-8")
    rows = [line(title, found) for title, found in totals.items()]
    rows.append(line("all", list(itertools.chain(*totals.values()))))
    table = re.sub(r"(\| database \|.*\n\|---.*\n)(?:\|.*\n)*", lambda head: head[1] + "".join(rows), text)
    PAGE.write_text(table, encoding="utf-8")


def line(title, outcomes):
    """A row of the table of counts."""
    n, (good, bad) = counts(outcomes), shares(outcomes)
    samples, wrong = n["agrees"] + n["refused"] + n["differs"], n["bad refused"] + n["bad accepted"]
    return (f"| {title} | {len({o.entry for o in outcomes})} | {samples:,} | {n['agrees']:,} ({good:.2%}) | "
            f"{wrong:,} | {n['bad refused']:,} ({bad:.2%}) |\n")


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
