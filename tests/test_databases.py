"""PyTorch's own samples for operators, layers and optimizers, run on tinynet: see the package `databases`.

What disagrees stands in the table of docs/databases.md, with its reason, or it fails here. In the default suite each
entry gets a few samples; the slow suite takes all of them and counts.
"""

import pytest

pytest.importorskip("torch")
pytest.importorskip("expecttest", reason="PyTorch's test databases need the package expecttest")

from databases import modules, operators, optimizers                      # noqa: E402
from databases.outcome import FAILURES, RESULTS, counts, exemptions, shares, unlisted    # noqa: E402
from databases.report import DATABASES                                    # noqa: E402

FEW = 2


@pytest.mark.parametrize("name", operators.ENTRIES)
def test_operator(name):
    check(operators.outcomes(name, FEW))


@pytest.mark.parametrize("name", modules.ENTRIES)
def test_layer(name):
    check(modules.outcomes(name, FEW))


@pytest.mark.parametrize("name", optimizers.ENTRIES)
def test_optimizer(name):
    check(optimizers.outcomes(name))


def check(outcomes):
    """Fail with every disagreement that the table does not list."""
    outcomes = list(outcomes)
    if not outcomes:
        pytest.skip("its samples need complex numbers or a GPU")
    wrong = unlisted(outcomes)
    if wrong:
        pytest.fail(f"{len(wrong)} of {len(outcomes)}:\n" + "\n".join(map(str, wrong[:5])), pytrace=False)


def test_the_table_names_entries_that_exist():
    names = {name for database in DATABASES.values() for name in database.ENTRIES} | {"*"}
    assert [name for row in exemptions() for name in row.entries if name not in names] == []
    assert {row.result for row in exemptions()} <= set(FAILURES) <= RESULTS


@pytest.mark.slow
def test_all_samples():
    """All samples of all entries: 99 % agree, 95 % of the bad inputs are refused, and no exception is stale."""
    total = []
    for database in DATABASES.values():
        for name in database.ENTRIES:
            total += database.outcomes(name)
    assert unlisted(total) == []
    good, bad = shares(total)
    assert good >= 0.99 and bad >= 0.95, counts(total)
    assert [row for row in exemptions() if not any(map(row.covers, total))] == []
