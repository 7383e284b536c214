"""The bench is an instrument: these tests are about whether it measures what it says, not about speed."""

import inspect
import io
import json
import subprocess
import sys

import numpy as np
import pytest

import tinynet
from tinynet import cli, models
from tinynet.bench import bars, children, compare, networks, operators, rows, session, worker, workloads
from tinynet.bench.compare import Instruments, Job, in_turns, ratio
from tinynet.bench.libraries import Tinynet, Torch
from tinynet.bench.report import quantity

ALL_ROWS = [*rows.MACHINE, *(row for group in rows.GROUPS.values() for row in group)]
SMALL = {"conv": {"channels": 4, "out": 6, "size": 8}, "linear": {"features": 5, "out": 3},
         "batch_norm": {"channels": 4, "size": 6}, "batch_norm_relu": {"channels": 4, "size": 6},
         "max_pool": {"channels": 4, "size": 9}, "avg_pool": {"channels": 4, "size": 8},
         "relu": {"channels": 4, "size": 6}, "add": {"channels": 4, "size": 6},
         "cross_entropy": {"classes": 7}, "gelu": {"rows": 3, "features": 8}, "softmax": {"rows": 3, "features": 8},
         "layer_norm": {"rows": 3, "features": 8}, "mean": {"channels": 4, "size": 6},
         "sigmoid": {"channels": 4, "size": 6}, "multiply": {"channels": 4, "size": 6},
         "attention": {"heads": 2, "tokens": 5, "features": 4}}


@pytest.fixture
def libraries():
    pytest.importorskip("torch")
    threads = tinynet.get_num_threads()
    yield [Tinynet(1), Torch(1, "nchw"), Torch(1, "channels_last")]
    tinynet.set_num_threads(threads)


# What is measured -------------------------------------------------------------------------------------------


@pytest.mark.parametrize("name, size", [("resnet20", 16), ("se_resnet20", 16), ("wide_resnet20", 8), ("resnet18", 64),
                                        ("resnext50", 32)])
def test_plain_and_fused_networks_of_both_libraries_are_the_same_function(libraries, name, size):
    import torch
    fused = libraries[0].fused_network(name)
    plain, theirs = (networks.plain(lib, name) for lib in (tinynet, torch))
    weights = {key: np.array(value) for key, value in fused.state_dict().items()}
    plain.load_state_dict(fused.state_dict())
    theirs.load_state_dict({key: torch.from_numpy(value) for key, value in weights.items()})
    array = workloads.random_array(4, 3, size, size).astype(np.float64)      # small maps make rounding errors large
    expected = theirs.double()(torch.from_numpy(array)).detach().numpy()
    for model in (fused, plain):
        np.testing.assert_allclose(model.double()(tinynet.tensor(array)).numpy(), expected, rtol=1e-8, atol=1e-8)


def test_flops_of_resnet20_are_those_of_the_paper():
    """Each convolution: 2 x outputs x filter size; the paper's table gives the layers."""
    filters = {32: 3 * 16 + 6 * 16 * 16, 16: 16 * 32 + 5 * 32 * 32, 8: 32 * 64 + 5 * 64 * 64}
    macs = sum(9 * pairs * size ** 2 for size, pairs in filters.items())
    for model in (models.resnet20(), networks.plain(tinynet, "resnet20")):
        assert networks.count_flops(model, tinynet.zeros(1, 3, 32, 32)) == 2 * (macs + 640)


@pytest.mark.parametrize("operator", operators.OPERATORS)
def test_operators_do_the_same_in_both_libraries(libraries, operator):
    results, works = [], []
    for library in libraries:
        call, inputs, *_ = workloads.make_operator(library, operator, {**SMALL[operator], "batch": 2})
        for p in call.parameters() if hasattr(call, "parameters") else ():
            p.data.fill_(0.5)
        y = call(*inputs)
        y.backward(library.tensor(workloads.random_array(*y.shape)))
        results.append([np.asarray(a) for a in (y.detach(), *(x.grad for x in inputs))])
        made = [make(library, operator, **SMALL[operator], batch=2)
                for make in (workloads.forward, workloads.backward)]
        for workload in made:
            workload.run()
            workload.run()
        works.append([(workload.work(), workload.unit) for workload in made])
    for other in results[1:]:
        for a, b in zip(results[0], other, strict=True):
            np.testing.assert_allclose(a, b, rtol=1e-4, atol=1e-5)
    assert works[0] == works[1] == works[2] and works[0][0][0] > 0


@pytest.mark.parametrize("make, passes", [(workloads.train, 3), (workloads.infer, 1)])
def test_network_workloads_run_in_both_libraries(libraries, make, passes):
    single = networks.count_flops(models.resnet8(), tinynet.zeros(1, 3, 32, 32))
    for library in libraries:
        workload = make(library, net="resnet8", batch=2)
        workload.run()
        assert workload.work() == passes * 2 * single and workload.unit == "FLOP"


def test_training_really_trains(libraries):
    for library in libraries:
        step = workloads.train(library, net="resnet8", batch=4).run
        first = step()
        assert min(step() for _ in range(8)) < first


def test_inputs_come_in_the_layout_that_is_asked_for(libraries):
    ours, nchw, last = (library.tensor(workloads.random_array(2, 3, 4, 5)) for library in libraries)
    assert ours.numpy().transpose(0, 2, 3, 1).flags.c_contiguous
    assert nchw.stride() == (60, 20, 5, 1) and last.stride() == (60, 1, 15, 3)


def test_every_row_names_a_workload_with_its_options():
    for row in ALL_ROWS:
        if row.instrument != "importing":
            options = row.jobs(("nchw",), 1)["tinynet"].options
            inspect.signature(workloads.WORKLOADS[row.workload]).bind(None, **dict(options))
        if row.workload == "forward":
            options = {key: value for key, value in row.options.items() if key != "operator"}
            inspect.signature(operators.OPERATORS[row.options["operator"]]).bind(None, **options)


def test_no_two_rows_share_a_name():
    names = {}
    for row in ALL_ROWS:
        assert names.setdefault(row.name, row) is row


# How it is measured -----------------------------------------------------------------------------------------


def job(workload="copy", instrument="time", options=(), cache=None, library="numpy"):
    return Job(instrument, children.Who(library, None, 1), workload, options, None, cache, 0.0)


def test_turns_alternate_and_the_first_does_not_count():
    seen = []

    def measure(job):
        seen.append(job.workload)
        return len(seen)

    values = in_turns({job("a"): 3, job("b"): 3, job("c", cache="empty"): 1}, measure)
    assert "".join(seen) == "ab" + "abc" + "ab" + "ab"
    assert list(values.values()) == [[3, 6, 8], [4, 7, 9], [5]]


def test_ratio_is_the_median_of_pairs():
    assert ratio([1, 4, 9, 8, 10], [1, 2, 3, 4, 1]) == {"median": 2, "low": 2, "high": 3}
    assert ratio([3.0], [2.0]) == {"median": 1.5, "low": 1.5, "high": 1.5}


def test_worker_answers_errors_and_goes_on():
    class Broken:
        def fail(self):
            raise ValueError("no")

        def work(self, n):
            return n + 1

    requests = [{"do": "fail"}, {"do": "work", "n": 1}]
    answers = io.StringIO()
    worker.serve(Broken(), [json.dumps(r) for r in requests], answers)
    assert answers.getvalue() == '{"error": "ValueError: no"}\n{"answer": 2}\n'


def test_workers_of_others_carry_nothing_of_the_engine():
    code = (f"import runpy, sys; Worker = runpy.run_path({worker.__file__!r})['Worker'];"
            "Worker('numpy', 'None', '1').prepare('copy', {});"
            "print(*(name for name in sys.modules if name.startswith('tinynet')))")
    modules = subprocess.run([sys.executable, "-P", "-c", code], env=children.environment(1), check=True,
                             stdout=subprocess.PIPE, text=True, encoding="utf-8").stdout.split()
    assert "tinynet.bench.workloads" in modules
    assert all(name == "tinynet" or name.startswith("tinynet.bench") for name in modules)


def test_peak_memory_is_that_of_the_whole_child():
    with Instruments() as instruments:
        small, large = (instruments.measure(job("copy", "memory", (("megabytes", n),))) for n in (10, 110))
    assert 190e6 < large - small < 210e6               # what is copied and the copy


def test_child_that_dies_is_told_in_one_sentence():
    with children.Child(children.Who("numpy", None, 1)) as child:
        assert child.ask("state")["threads"] == 1
        with pytest.raises(RuntimeError, match="NumPy could not prepare .*KeyError: 'nothing'"):
            child.ask("prepare", workload="nothing", options={})
        child.process.kill()
        with pytest.raises(ChildProcessError, match="NumPy ended with status -9 when asked to state"):
            child.ask("state")


def test_time_of_import_is_that_of_a_fresh_interpreter():
    seconds = Instruments().measure(job(instrument="importing"))
    assert 0.005 < seconds < 30


# What is shown ----------------------------------------------------------------------------------------------


def test_groups_are_found_by_beginning_and_text():
    assert session.select(["train"]) == [rows.TRAIN, rows.DEFAULT_HEAP, rows.UNFUSED]
    assert session.select(["tr", "train"]) == [rows.TRAIN, rows.DEFAULT_HEAP, rows.UNFUSED]
    assert session.select(["inference:BATCH 1"])[0] is rows.INFER_128
    assert len(session.select(["all"])) == len({row.name for group in rows.GROUPS.values() for row in group})
    assert all(row in session.select(["growth"]) for row in session.select(["scaling"]))


@pytest.mark.parametrize("name, message", [
    ("trian", "unknown group of rows 'trian'; did you mean train"),
    ("s", "did you mean start or scaling"),
    ("zzz", r"unknown group of rows 'zzz' \(there are train, .*, all\)"),
    ("train:batch 7", "no row of 'train' has 'batch 7' in its name"),
])
def test_unknown_groups_are_refused_with_the_nearest(name, message):
    with pytest.raises(ValueError, match=message):
        session.select([name])


def made_up(ours=1.0, **theirs):
    """Measurements of every row, alike in all rounds."""
    columns = {"tinynet": ours, **theirs}
    return {(row.name, column): [value] * 3 for row in ALL_ROWS for column, value in columns.items()}


def check(what, values):
    [bar] = [bar for bar in bars.BARS if what in bar.what]
    checked = bar.check(values)
    return checked["measured"] and checked["measured"]["median"], checked["holds"]


def test_bars_compare_with_the_layout_they_name_or_the_better_one():
    values = made_up(1.0, nchw=2.0, channels_last=1.25, compile=0.1)
    assert check("ResNet-20 training step, batch 128", values) == (0.8, True)
    assert check("inference, batch 128 / PyTorch", values) == (0.8, False)
    assert check("peak memory", values) == (0.8, False)
    assert check("inference, batch 1 / PyTorch", made_up(1.0, nchw=1.0, channels_last=4.0)) == (1.0, True)


def test_bars_over_several_rows_are_means_and_the_worst():
    values = made_up(1.0, nchw=1.25, channels_last=2.0)
    slow = rows.STEPS["resnet50"].name
    values[slow, "tinynet"] = [10.0] * 3
    median, holds = check("training step, mean of ten", values)
    assert median == pytest.approx(0.8 * 10 ** 0.1) and not holds
    assert check("training step, the worst of ten", values) == (8.0, False)
    del values[slow, "tinynet"]
    assert check("training step, mean of ten", values) == (None, None)


def test_bars_of_operators_are_ratios_of_long_ones_and_differences_of_short_ones():
    values = made_up(1.0, nchw=1.0, channels_last=2.0)
    [first, second, *_] = [row.name for row in rows.GROUPS["operators"] if not row.conv_method]
    values[first, "tinynet"] = [1.5] * 3
    assert check("worst operator that takes", values) == (1.5, False)
    values[second, "nchw"], values[second, "tinynet"] = [5e-5] * 3, [7e-5] * 3
    median, holds = check("worst smaller operator", values)
    assert median == pytest.approx(20) and holds


def test_pytorch_is_measured_at_its_best(monkeypatch):
    seen = []
    monkeypatch.setattr(children.subprocess, "Popen", lambda command, env, **options: seen.append(env))
    for heap in ("kept", "default"):
        children.Child(children.Who("torch", "nchw", 1, heap))
    assert seen[0]["MALLOC_TRIM_THRESHOLD_"] == "4000000000" and "MALLOC_TRIM_THRESHOLD_" not in seen[1]


def test_bars_of_tinynet_alone():
    values = made_up(6.0)
    values[rows.BATCH_512.name, "tinynet"] = [30.0] * 3
    values[rows.IMPORT_NUMPY.name, "tinynet"] = [2.0] * 3
    assert check("batch 512", values) == (1.25, False)
    assert check("import tinynet", values) == (3.0, False)
    assert check("empty cache", values) == (6.0, True)
    assert check("ResNet-20 training step, batch 128", values) == (None, None)


def test_gain_of_the_second_thread_is_compared_as_a_gain():
    values = made_up(1.0, nchw=3.0, channels_last=2.0)
    values[rows.ONE_THREAD.name, "tinynet"] = [1.8] * 3
    values[rows.ONE_THREAD.name, "channels_last"] = [3.0] * 3
    median, holds = check("second thread", values)
    assert median == pytest.approx(1.8 / 1.5) and holds
    values[rows.ONE_THREAD.name, "tinynet"] = [1.2] * 3
    assert check("second thread", values)[1] is False
    del values[rows.ONE_THREAD.name, "channels_last"]
    assert check("second thread", values) == (None, None)


@pytest.mark.parametrize("value, unit, text", [
    (0.01234, "s", "12.3 ms"), (1.5, "s", "1.50 s"), (3.2e-7, "s", "0.32 µs"), (0.4567, "s", "457 ms"),
    (123456789, "B", "123 MB"),
])
def test_quantities(value, unit, text):
    assert quantity(value, unit) == text


@pytest.mark.parametrize("with_torch", [True, False])
def test_command_measures_and_writes(with_torch, tmp_path, capsys, monkeypatch):
    if with_torch:
        pytest.importorskip("torch")
    monkeypatch.setattr(children, "torch_installed", lambda: with_torch)
    arguments = ["bench", "--quick", "--rounds", "2", "--rows", "operators:add", "--threads", "1",
                 "--json", str(tmp_path / "bench.json"), "--plot", str(tmp_path / "bench.png")]
    assert cli.main(arguments) == 0
    out = capsys.readouterr().out
    assert ("PyTorch NCHW" in out) == with_torch and "add, 16 ch, 32x32 backward" in out
    content = json.loads((tmp_path / "bench.json").read_text(encoding="utf-8"))
    assert content["facts"]["threads"] == "1" and ("torch" in content["facts"]) == with_torch
    assert content["limits"].keys() == {"GFLOP/s", "GB/s"}
    row = next(row for row in content["rows"] if row["row"] == "add, 16 ch, 32x32 forward")
    assert list(row["columns"]) == ["tinynet", *(["nchw", "channels_last"] if with_torch else [])]
    assert all(len(column["values"]) == 2 for column in row["columns"].values())
    moved = 3 * 4 * 128 * 16 * 32 ** 2                 # two inputs, one output
    assert row["rate"]["value"] == pytest.approx(moved / row["columns"]["tinynet"]["median"] / 1e9)
    assert (row["ratio"] is not None) == with_torch
    assert (tmp_path / "bench.png").read_bytes().startswith(b"\x89PNG")
    assert sorted(path.name for path in tmp_path.iterdir()) == ["bench.json", "bench.png"]


@pytest.mark.parametrize("arguments, message", [
    (["--rounds", "0"], "expected --rounds of at least 1, got 0"),
    (["--threads", "-2"], "expected --threads of at least 1, got -2"),
    (["--plot", "bench.pdf"], "expected --plot to end in .png or .svg, got bench.pdf"),
    (["--json", "nowhere/bench.json"], "the folder nowhere does not exist"),
    (["--rows", "trian"], "did you mean train"),
    (["--compile"], "--compile needs PyTorch"),
])
def test_command_refuses_before_it_measures(arguments, message, capsys, monkeypatch):
    monkeypatch.setattr(children, "torch_installed", lambda: False)
    monkeypatch.setattr(compare.Instruments, "measure", None)
    assert cli.main(["bench", *arguments]) == 1
    assert message in capsys.readouterr().err
