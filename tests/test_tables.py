"""The tables of docs/patterns.md show the counts that the code gives."""

import pathlib
import runpy

import pytest

DOCS = pathlib.Path(__file__).parents[1] / "docs"
SCRIPT = runpy.run_path(str(DOCS / "tables/patterns.py"))


@pytest.mark.parametrize("title", SCRIPT["TABLES"])
def test_counts(title):
    shape, codes = SCRIPT["TABLES"][title]
    page = (DOCS / "patterns.md").read_text(encoding="utf-8")
    assert f"{title}: {list(shape)}" in page.replace("**", "")
    for code in codes:
        assert "| " + " | ".join(SCRIPT["counts"](code, shape)) + " |" in page
