"""The book as a site and as notebooks: what they are made of, here at once; the whole of them under `slow`."""

import ast
import html.parser
import os
import pathlib
import re
import shutil
import subprocess
import sys
import urllib.parse

import pytest

from tinynet.exercises import ORDER

ROOT = pathlib.Path(__file__).parents[1]
ESSAYS = sorted(ROOT.glob("docs/essays/*.md"))
ENVIRONMENT = {**os.environ, "PYTHONPATH": str(ROOT), "PYTHONIOENCODING": "utf-8"}
EXPLORED = re.compile(r"tinynet\.explore\([^`]*\bout=\"(\w+)\.html\"")
CHROMIUM = shutil.which("chromium") or shutil.which("chromium-browser")


@pytest.fixture
def docs(monkeypatch):
    """What `python -m sphinx docs site` finds first: the folder with its extensions."""
    for package in ("sphinx", "myst_parser", "furo", "jupytext"):
        pytest.importorskip(package, reason=f"the site and the notebooks need {package}: pip install '.[docs]'")
    monkeypatch.syspath_prepend(ROOT / "docs" / "api")
    monkeypatch.syspath_prepend(ROOT / "docs")
    return ROOT / "docs"


# What they are made of ----------------------------------------------------------------------------------------------


@pytest.mark.parametrize("essay", ESSAYS, ids=lambda essay: essay.stem)
def test_every_essay_has_an_explorer_page_and_an_exercise(essay):
    text = essay.read_text(encoding="utf-8")
    assert EXPLORED.search(text), "no block of Python with tinynet.explore(..., out=\"NAME.html\")"
    exercises = re.findall(r"`tinynet exercise (\w+)", text)
    assert exercises and set(exercises) <= set(ORDER) and "(../exercises.md)" in text


def test_explorer_pages_have_names_of_their_own():
    names = [name for page in ROOT.glob("docs/**/*.md") for name in EXPLORED.findall(page.read_text(encoding="utf-8"))]
    assert len(set(names)) == len(names)
    assert {"scalar", "mlp", "residual_block", "attention_head"} <= set(names)


def test_every_page_has_its_place_in_the_reading_orders(docs):
    from book.pages import found_pages, orders
    listed = [page for pages in orders().values() for page in pages]
    assert len(set(listed)) == len(listed)
    assert {page for page in found_pages() if page.endswith(".md")} == \
        {page for page in listed if page.endswith(".md")} | {"README.md", "docs/README.md"}
    essays = [page for page in orders()["The student"] if "essays" in page]
    assert len(essays) == len(ESSAYS) and essays[0] == "docs/essays/autograd.md"


def test_terms_of_the_glossary_are_known(docs):
    from book.glossary import EVERYDAY, entries
    found = entries()
    assert len(found) > 100 and not EVERYDAY & set(found)
    assert {found[name][0] for name in ("shortcut", "skip connection")} == {"term-shortcut-skip-connection"}
    text = (ROOT / "docs/glossary.md").read_text(encoding="utf-8").lower()
    assert all(f"**{word}" in text for word in EVERYDAY)


@pytest.mark.parametrize("essay", ESSAYS, ids=lambda essay: essay.stem)
def test_formulas_are_typeset(essay, docs):
    from book.formulas import mathml
    formulas = re.findall(r"^```math\n(.*?)^```$", essay.read_text(encoding="utf-8"), re.MULTILINE | re.DOTALL)
    assert formulas and all("<math" in mathml(formula) for formula in formulas)


def test_abbreviations_are_no_words(docs):
    from book.glossary import entries, uses_of
    found = [use[0] for use in uses_of(entries()).finditer("He sees the SE block, and gradients. ReLUs; a subtensor")]
    assert found == ["SE", "gradients", "ReLUs"]


def test_a_hat_does_not_catch_the_index(docs):
    from book.formulas import mathml
    assert "munderover" not in mathml(r"\hat{x}_i + \hat{x}_i^2")


def test_notebooks_are_made_from_their_sources(docs, tmp_path):
    import nbformat
    from notebooks import EXAMPLES, PAGES, main, name_of
    main([str(tmp_path)])
    for path in (*PAGES, *EXAMPLES):
        written = (tmp_path / name_of(path)).read_text(encoding="utf-8")
        made = nbformat.reads(written, as_version=4)
        nbformat.validate(made)
        code = [cell for cell in made.cells if cell.cell_type == "code"]
        assert code and not any(cell.outputs or cell.execution_count for cell in code)
        for cell in code:
            ast.parse(re.sub(r"^%.*$", "", cell.source, flags=re.MULTILINE))
        for cell in made.cells:
            pictures = re.findall(r"!\[[^]]*\]\(([^)]*)\)", cell.source)
            assert {f"attachment:{name}" for name in cell.get("attachments", {})} == set(pictures)
    assert (tmp_path / "examples/common.py").exists()


# The whole of them ----------------------------------------------------------------------------------------------------


@pytest.fixture(scope="module")
def site(tmp_path_factory):
    for package in ("sphinx", "myst_parser", "furo", "jupytext"):
        pytest.importorskip(package, reason=f"the site needs {package}: pip install '.[docs]'")
    folder = tmp_path_factory.mktemp("site")
    command = [sys.executable, "-m", "sphinx", "-q", "-W", "--keep-going", "-d", folder / "trees", ROOT / "docs",
               folder / "html"]
    done = subprocess.run(command, env=ENVIRONMENT, capture_output=True, text=True, encoding="utf-8", timeout=900)
    assert done.returncode == 0, done.stderr
    return folder / "html"


class Links(html.parser.HTMLParser):
    """What a page refers to, what it loads, and the addresses inside it."""

    def __init__(self, page):
        super().__init__()
        self.links, self.loads, self.ids = [], [], set()
        self.feed(page.read_text(encoding="utf-8"))

    def handle_starttag(self, tag, attributes):
        attributes = dict(attributes)
        self.ids |= {attributes.get("id"), attributes.get("name")}
        address = attributes.get("src") or attributes.get("href") or attributes.get("data")
        if address:
            (self.links if tag == "a" else self.loads).append(address)


@pytest.mark.slow
def test_the_site_is_whole_and_needs_no_network(site):
    pages = {page: Links(page) for page in site.rglob("*.html") if "explorer" not in page.parts}
    assert len(pages) > 100
    for page, found in pages.items():
        assert not [load for load in found.loads if load.startswith(("http", "//"))], page
        for link in {*found.links, *found.loads}:
            path, _, place = urllib.parse.unquote(link).partition("#")
            if re.match(r"[a-z]+:", path):
                continue
            target = (page.parent / path.partition("?")[0]).resolve() if path else page
            assert target.exists(), f"{page.relative_to(site)}: {link} does not exist"
            assert not place or target not in pages or place in pages[target].ids, f"{page}: no place {link}"
    for sheet in site.rglob("*.css"):
        assert not re.search(r"(url\(|@import)\s*[\"']?(https?:)?//", sheet.read_text(encoding="utf-8")), sheet


@pytest.mark.slow
def test_the_site_teaches(site):
    """Reading orders, explorer pages in their places, links to the glossary, formulas, the reference, notebooks."""
    essay = (site / "docs/essays/pooling.html").read_text(encoding="utf-8")
    assert 'class="explorer" src="../../explorer/pooling.html"' in essay
    assert "<mfrac>" in essay and "notebooks/essays/pooling.ipynb" in essay
    assert (site / "explorer/pooling.html").exists()
    linear = (site / "docs/essays/linear.html").read_text(encoding="utf-8")
    assert re.search(r'rel="next"[^>]*href="../../tinynet/ops/matmul.html"', linear)         # as the map has it
    assert 'glossary.html#term-relu"' in linear
    assert re.search(r'rel="prev"[^>]*href="../../tinynet/ops/pointwise.html"', linear)
    explorer = (site / "explorer/scalar.html").read_text(encoding="utf-8")
    assert '"essays":"../docs/essays/"' in explorer
    reference = (site / "docs/api/functional.html").read_text(encoding="utf-8")
    assert "tinynet.nn.functional.conv2d" in reference and "Cross-correlation" in reference
    assert "../../README.html" in (site / "docs/essays/autograd.html").read_text(encoding="utf-8")


@pytest.mark.slow
def test_the_site_in_a_browser(site):
    playwright = pytest.importorskip("playwright.sync_api", reason="Playwright is not installed")
    if CHROMIUM is None:
        pytest.skip("there is no Chromium here")
    wrong = []
    with playwright.sync_playwright() as started, \
            started.chromium.launch(executable_path=CHROMIUM, args=["--no-sandbox", "--disable-gpu"]) as browser:
        for width, scheme in ((1300, "light"), (390, "dark")):
            tab = browser.new_page(viewport={"width": width, "height": 900}, color_scheme=scheme)
            tab.set_default_timeout(30_000)
            tab.on("pageerror", lambda error: wrong.append(str(error)))
            tab.on("request", lambda request: wrong.append(request.url) if request.url.startswith("http") else None)
            tab.goto((site / "docs/essays/autograd.html").as_uri())
            assert tab.locator("math").count() >= 3
            assert tab.evaluate("document.documentElement.scrollWidth") <= width
            tab.locator("iframe.explorer").scroll_into_view_if_needed()
            inside = tab.frame_locator("iframe.explorer")
            assert "Forward: Mul" in inside.locator("#panel h2").inner_text()
            ground = inside.locator("body").evaluate("body => getComputedStyle(body).backgroundColor")
            assert (ground == "rgb(255, 255, 255)") == (scheme == "light")
            tab.goto((site / "search.html").as_uri() + "?q=im2col")
            tab.locator("#search-results li a").first.wait_for()
            tab.goto((site / "index.html").as_uri())
            tab.wait_for_url("**/README.html")
            tab.close()
    assert not wrong, wrong


@pytest.mark.slow
@pytest.mark.parametrize("name", [*(f"essays/{essay.stem}" for essay in ESSAYS), "cookbook", "examples/01_scalar",
                                  "examples/16_own_images"])
def test_a_notebook_runs(name, docs, tmp_path):
    """The pages, and two of the examples: all examples run as scripts in tests/test_examples.py."""
    client = pytest.importorskip("nbclient", reason="notebooks are run with nbclient, which is not installed")
    pytest.importorskip("ipykernel", reason="notebooks are run by ipykernel, which is not installed")
    pytest.importorskip("torch", reason="the notebooks compare with PyTorch, which is not installed")
    import nbformat
    from notebooks import write_notebooks
    write_notebooks(tmp_path, quick=True)
    made = nbformat.read(tmp_path / f"{name}.ipynb", as_version=4)
    where = {"metadata": {"path": str((tmp_path / name).parent)}}
    client.NotebookClient(made, timeout=300, kernel_name="python3", resources=where).execute()
    outputs = [output for cell in made.cells if cell.cell_type == "code" for output in cell.outputs]
    assert any("image/png" in o.get("data", {}) or "<iframe" in o.get("data", {}).get("text/html", "") for o in outputs)


@pytest.mark.slow
def test_interrupting_a_notebook_saves_the_run(tmp_path):
    """As Ctrl-C on the command line does: the step is finished, a checkpoint written, and the run can go on."""
    manager = pytest.importorskip("jupyter_client.manager", reason="notebooks are run by ipykernel, not installed")
    pytest.importorskip("ipykernel", reason="notebooks are run by ipykernel, which is not installed")
    kernel, client = manager.start_new_kernel(kernel_name="python3", env=ENVIRONMENT)
    try:
        client.execute(TRAINING.format(folder=str(tmp_path / "run")), stop_on_error=False)
        wait_for(client, lambda message: "two steps" in message["content"].get("text", ""))
        kernel.interrupt_kernel()
        answer = wait_for(client, lambda message: message["msg_type"] == "error")
        assert answer["content"]["ename"] == "Stopped" and "and saved" in answer["content"]["evalue"]
        assert len(answer["content"]["traceback"]) == 1                # a sentence, no pages of source
        assert list((tmp_path / "run").glob("checkpoint-*.safetensors"))
        client.execute("trainer.settings.epochs = 1; trainer.fit(); print(trainer)")
        wait_for(client, lambda message: "1 of 1 epochs" in message["content"].get("text", ""))
    finally:
        client.stop_channels()
        kernel.shutdown_kernel(now=True)


TRAINING = """
import tinynet
from tinynet import data, train

class Told(train.Trainer):
    def train_step(self, inputs, labels):
        super().train_step(inputs, labels)
        if self.step == 2:
            print("two steps", flush=True)

images = data.Loader(data.shapes(True, 512), 16)
trainer = Told(train.Settings(model="resnet8", epochs=100), tinynet.models.create("resnet8"), images, None, {folder!r})
trainer.fit()
"""


def wait_for(client, wanted):
    """The next message of the kernel that is wanted."""
    while True:
        message = client.get_iopub_msg(timeout=120)
        if wanted(message):
            return message
