"""The explorer: what it records is what the engine computed, and the page shows it, in a real browser."""

import re
import shutil

import numpy as np
import pytest

import tinynet
from tinynet import nn
from tinynet.cli import main
from tinynet.deploy.card import Card, save_network
from tinynet.nn.blocks import BasicBlock

CHROMIUM = shutil.which("chromium") or shutil.which("chromium-browser")


def scalars(*numbers):
    return [tinynet.tensor(x, requires_grad=True) for x in numbers]


def content(page):
    return page.content["recordings"][0]


def number(packed):
    return packed["number"]


def test_a_scalar_expression_step_by_step():
    w, x = scalars(2.0, 3.0)
    page = tinynet.explore(lambda: w * x + w, {"w": w, "x": x})
    seen = content(page)
    assert [(s["kind"], s["operator"]) for s in seen["steps"]] == [
        ("forward", 0), ("forward", 1), ("backward", 1), ("backward", 0), ("add", 0)]
    product, total = seen["operators"]
    assert (product["function"], total["function"]) == ("Mul", "Add")
    assert [number(seen["values"][i]["picture"]) for i in product["inputs"]] == [2, 3]
    assert number(seen["values"][total["outputs"][0]]["picture"]) == 8
    assert [number(s) for s in product["sent"]] == [3, 2]              # d/dw and d/dx of the product
    meeting = seen["steps"][4]
    assert seen["values"][meeting["value"]]["name"] == "w" and number(meeting["total"]) == 4
    assert {p["name"]: number(p["gradient"]) for p in seen["parameters"]} == {"w": 4, "x": 2}
    assert w.grad is None and x.grad is None                           # as before


def test_memory_is_what_is_saved_and_what_is_on_its_way():
    x = tinynet.tensor(np.ones(1000, np.float32), requires_grad=True)
    seen = content(tinynet.explore(lambda: (x * 2).tanh().sum()))
    saved = [pair[0] for pair in seen["memory"]]
    assert saved[-1] == 0 and max(saved) == 4000 + (4 if saved[0] else 0)     # tanh saves its output
    flying = [pair[1] for pair in seen["memory"]]
    assert max(flying) == 4000 and flying[-1] == 0


def test_a_module_shows_its_paths_and_is_left_as_it_was():
    block = BasicBlock(4, 8, 2)
    mean = block.bn1.running_mean.array.copy()
    seen = content(tinynet.explore(block, (4, 12, 12)))
    assert {"conv1", "bn1", "conv2"} <= {o["modules"][-1] for o in seen["operators"] if o["modules"]}
    assert {p["name"] for p in seen["parameters"]} >= {"conv1.weight", "bn2.bias"}
    assert np.array_equal(block.bn1.running_mean.array, mean) and block.conv1.weight.grad is None
    assert block.training
    kinds = [s["kind"] for s in seen["steps"]]
    assert kinds.count("forward") == kinds.count("backward") == len(seen["operators"])


def test_a_graph_that_is_there_already():
    w, x = scalars(2.0, 3.0)
    loss = (w * x - 12) ** 2
    seen = content(tinynet.explore(loss, {"w": w}))
    assert [o["function"] for o in seen["operators"]] == ["Mul", "Sub", "Pow"]
    assert number(seen["operators"][0]["arrived"][0]) == -12
    loss.backward()                                                    # the graph is still there
    assert w.grad.item() == -36


def test_samples_say_what_they_leave_out():
    from tinynet.explorer.sample import Snapshot
    packed = Snapshot(np.arange(2 * 64 * 50 * 50.0).reshape(2, 64, 50, 50)).packed(5000)
    assert np.prod(packed["layout"]) <= 5000 and "the first of 2 is shown" in packed["leftOut"]
    assert "panels are shown" in packed["leftOut"] and packed["whole"]["max"] == 2 * 64 * 50 * 50 - 1
    empty = Snapshot(np.zeros((0, 3))).packed()
    assert empty["whole"]["count"] == 0
    strange = Snapshot(np.array([1, np.nan, np.inf, 0], np.float32)).packed()
    assert (strange["whole"]["nan"], strange["whole"]["infinite"]) == (1, 1) and strange["whole"]["max"] == 1


def test_samples_are_exact_to_four_digits():
    import base64

    from tinynet.explorer.sample import Snapshot
    x = np.random.default_rng(0).standard_normal((5, 7)) * 1e-6
    packed = Snapshot(x).packed()
    codes = np.frombuffer(base64.b64decode(packed["values"]), "<i2").reshape(5, 7)
    assert np.abs(codes * packed["scale"] - x).max() < 1e-4 * np.abs(x).max()


@pytest.mark.parametrize("loss, inputs, error, words", [
    (lambda: tinynet.ones(1).sum(), None, ValueError, "no graph"),
    (lambda: tinynet.ones(3, requires_grad=True) * 2, None, ValueError, "one element"),
    (lambda: 3.0, None, TypeError, "return a tensor, got float"),
    (3.0, None, TypeError, "expected a tensor, a function or a Module, got float"),
    (nn.Linear(2, 2), None, ValueError, "expected inputs"),
    (lambda: tinynet.ones(1, requires_grad=True).sum(), [1], TypeError, "dictionary of tensors"),
], ids=["no-graph", "not-a-scalar", "not-a-tensor", "not-a-loss", "no-inputs", "unnamed"])
def test_mistakes_are_named(loss, inputs, error, words):
    with pytest.raises(error, match=words):
        tinynet.explore(loss, inputs)


def test_what_was_patched_is_as_before_also_after_an_error():
    from tinynet.autograd import Function
    apply = Function.__dict__["apply"]
    with pytest.raises(ZeroDivisionError):
        tinynet.explore(lambda: 1 / 0)
    assert Function.__dict__["apply"] is apply


def test_names_cannot_run_as_script():
    name = "</script><script>window.broken = 1</script>"
    Odd = type(name, (nn.Module,), {"forward": lambda self, x: x * 2})
    page = tinynet.explore(Odd(), (3,), title=name)
    assert page.html.count("<script") == 3 and name not in page.html


def test_the_command(tmp_path, capsys):
    assert main(["explore", "BasicBlock(4, 8, 2)", "--input", "4,8,8", "--out", str(tmp_path / "page.html")]) == 0
    assert "operators" in capsys.readouterr().out and (tmp_path / "page.html").stat().st_size < 1_000_000


def test_the_network_of_a_run(tmp_path, capsys):
    model = tinynet.models.create("resnet8", num_classes=3)
    card = Card("resnet8", {}, list("abc"), 3, [32, 32], [0.5] * 3, [0.2] * 3)
    save_network(model, card, tmp_path / "model.safetensors")
    for run in (tmp_path, tmp_path / "model.safetensors"):
        assert main(["explore", str(run), "--batch", "2", "--out", str(tmp_path / "page.html")]) == 0
        assert main(["summary", f"{run}:layer1"]) == 0
    assert main(["explore", str(tmp_path), "--weights", str(tmp_path), "--out", str(tmp_path / "page.html")]) == 0


def test_a_folder_with_the_name_of_a_network_does_not_hide_it(tmp_path, monkeypatch, capsys):
    (tmp_path / "resnet8").mkdir()
    monkeypatch.chdir(tmp_path)
    assert main(["summary", "resnet8"]) == 0
    assert "parameters" in capsys.readouterr().out


@pytest.mark.parametrize("arguments, words", [
    (["no_such_network"], "unknown model"),
    (["BasicBlock(4, 8)", "--input", "4,8,8", "--out", "."], "it is a folder"),
    (["resnet8", "--step", "3"], "--step needs --train"),
    (["resnet8", "--against", "x"], "--against needs --weights"),
    (["BasicBlock(4, 8)", "--input", "4,8,8", "--out", "no/such/folder.html"], "cannot write"),
    (["BasicBlock(4, 8)", "--input", "4,8,8", "--train"], "--train needs a network"),
], ids=["unknown", "dot", "step", "against", "folder", "train"])
def test_mistakes_on_the_command_line(arguments, words, capsys):
    assert main(["explore", *arguments]) == 1
    assert words in capsys.readouterr().err


def test_a_step_of_training_and_two_checkpoints(tmp_path):
    from tinynet.explorer.networks import explore_network
    from tinynet.inspect.watch import inputs_for
    model = tinynet.models.create("resnet8")
    page = explore_network(model, inputs_for(model, (3, 32, 32), 4), "resnet8", train=True, step=2)
    update = {p["name"]: p["update"] for p in content(page)["parameters"]}["conv1.weight"]
    assert update["whole"]["norm"] > 0 and len(page.html) < 3_000_000
    for i in range(2):
        tinynet.save(tinynet.models.create("resnet8").state_dict(), tmp_path / f"{i}.safetensors")
    files = [str(tmp_path / f"{i}.safetensors") for i in range(2)]
    both = explore_network(model, inputs_for(model, (3, 32, 32), 4), "resnet8", weights=files)
    first, second = both.content["recordings"]
    assert (first["label"], second["label"]) == tuple(files) and len(both.html) < 3_000_000
    assert first["operators"][0]["inputs"] == second["operators"][0]["inputs"]


# In a browser ---------------------------------------------------------------------------------------------------


@pytest.fixture(scope="module")
def browser():
    playwright = pytest.importorskip("playwright.sync_api", reason="Playwright is not installed")
    if CHROMIUM is None:
        pytest.skip("there is no Chromium here")
    with playwright.sync_playwright() as started:
        with started.chromium.launch(executable_path=CHROMIUM, args=["--no-sandbox", "--disable-gpu"]) as chromium:
            yield chromium


@pytest.fixture
def opened(browser, tmp_path):
    """A function that shows a page; at the end, no script may have failed."""
    errors, tabs = [], []

    def show(page, width=1200):
        page.save(tmp_path / "page.html")
        tab = browser.new_page(viewport={"width": width, "height": 800})
        tab.set_default_timeout(30_000)
        tab.on("pageerror", lambda error: errors.append(str(error)))
        tab.on("request", lambda request: errors.append(request.url) if request.url.startswith("http") else None)
        tab.goto((tmp_path / "page.html").as_uri())
        tabs.append(tab)
        return tab

    yield show
    for tab in tabs:
        tab.close()
    assert not errors


def test_walking_to_the_end_and_back(opened):
    w, x = scalars(2.0, 3.0)
    tab = opened(tinynet.explore(lambda: w * x + w, {"w": w, "x": x}))
    assert "Forward: Mul" in tab.inner_text("#panel h2") and tab.inner_text("#where") == "1 of 5"
    heads = []
    for _ in range(4):
        tab.keyboard.press("ArrowRight")
        heads.append(tab.inner_text("#panel h2"))
    assert heads == ["Forward: Add", "Backward: Add", "Backward: Mul", "Gradients meet: Mul"]
    assert tab.inner_text("#panel .number") == "4"
    tab.keyboard.press("ArrowRight")                   # there is nothing after the last step
    assert tab.inner_text("#where") == "5 of 5"
    tab.keyboard.press("Home")
    assert tab.inner_text("#where") == "1 of 5"
    tab.click("#last")
    assert tab.inner_text("#where") == "5 of 5"
    tab.evaluate("goTo(3)")
    assert "Mul" in tab.inner_text("#status")


def test_numbers_shown_are_the_engine_s(opened):
    block, x = BasicBlock(4, 8, 2).eval(), tinynet.randn(1, 4, 8, 8)
    page = tinynet.explore(block, (x,))
    seen, tab = content(page), opened(page)
    last = [o for o in seen["operators"] if o["modules"]][-1]["outputs"][0]
    shown = np.array(tab.evaluate(f"Array.from(numbers(values[{last}].picture))"))
    expected = block(x).array.ravel()
    np.testing.assert_allclose(shown, expected, atol=1e-4 * np.abs(expected).max())
    for number, operator in enumerate(seen["operators"]):
        tab.evaluate(f"goTo(turns[{number}].forward)")
        output = seen["values"][operator["outputs"][0]]["picture"]
        text = tab.evaluate(f"short({output['whole']['mean'] if 'whole' in output else output['number']!r})")
        assert text in tab.inner_text("#panel")
    tab.evaluate("goTo(0)")                            # a convolution shows a pixel and its window
    assert "One output pixel" in tab.inner_text("#panel")
    section = tab.inner_text("#panel section:has-text('One output pixel')")
    claimed, summed = re.search(r"\] = (\S+)\. .*?bias, is (\S+?)\.\n?$", section, re.DOTALL).groups()
    assert float(claimed) == pytest.approx(float(summed), abs=2e-3)


def test_folding_searching_and_choosing(opened):
    model = nn.Sequential(*(nn.Sequential(nn.Linear(4, 4), nn.ReLU(), nn.Linear(4, 4)) for _ in range(30)))
    tab = opened(tinynet.explore(model, (4,)))
    folded = tab.locator("#graph .box").count()
    assert folded <= 41
    tab.locator("#graph .folder").first.click()
    assert tab.locator("#graph .box").count() == folded + 2
    tab.keyboard.press("Backspace")                    # folds what the present operator is in
    tab.fill("#search", "29.2")
    tab.locator("#found button").first.click()
    assert "29.2: Linear" in tab.inner_text("#panel h2")
    tab.fill("#search", "no such thing")
    assert "no operator has this name" in tab.inner_text("#found")
    tab.click("button[data-tab=across]")
    assert tab.locator("#panel .chart rect").count() > 60 and "29.2.weight" in tab.inner_text("#panel table")


def test_a_fused_operator_says_what_it_does_besides(opened):
    tab = opened(tinynet.explore(nn.blocks.BasicBlock(4, 4), (4, 8, 8)))
    tab.fill("#search", "relu")
    found = tab.locator("#found button")
    assert [text.split(": ")[1] for text in found.all_inner_texts()] == ["BatchNorm + ReLU", "BatchNorm + add + ReLU"]
    found.last.click()
    assert "relu = True" in tab.inner_text("#panel") and "momentum = 0.1" in tab.inner_text("#panel")


def test_narrow_dark_and_strange(opened):
    def loss():
        x = tinynet.tensor(np.array([1, np.nan, -np.inf, 0.5], np.float32), requires_grad=True)
        return (x * 2).sum()

    tab = opened(tinynet.explore(loss), width=380)
    assert "1 NaN, 1 infinite" in tab.inner_text("#panel")
    before = tab.evaluate("isDark()")
    tab.click("#theme")
    assert tab.evaluate("isDark()") != before
    assert tab.evaluate("document.documentElement.scrollWidth") <= 380


def test_a_hostile_name_is_text(opened):
    name = "</script><img src=x onerror='window.broken = 1'>"
    Odd = type(name, (nn.Module,), {"forward": lambda self, x: (x * 2).tanh()})
    tab = opened(tinynet.explore(nn.Sequential(Odd(), Odd()), (3,), title=name))
    assert tab.inner_text("h1") == name and tab.evaluate("window.broken") is None


def test_ten_thousand_operators_stay_folded(opened):
    def loss():
        x = tinynet.tensor(1.0, requires_grad=True)
        y = x
        for _ in range(5000):
            y = y * 0.999 + 0.001
        return y

    tab = opened(tinynet.explore(loss))
    assert tab.locator("#graph .box").count() <= 62
    tab.keyboard.press("End")
    assert tab.inner_text("#where") == "20000 of 20000" and tab.locator("#graph .box").count() <= 250
