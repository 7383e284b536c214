"""The rows of the bench, by group, and how a row becomes jobs."""

from dataclasses import dataclass, field

from tinynet.bench.children import Who
from tinynet.bench.compare import Job


@dataclass(frozen=True)
class Row:
    """One line of the table. `options` go to the workload of every library, `fused` to tinynet's alone."""

    group: str
    name: str
    workload: str = ""
    options: dict = field(default_factory=dict)
    fused: bool = False
    instrument: str = "time"           # a method of compare.Instruments
    library: str = "tinynet"           # who fills the first column
    rivals: bool = True                # whether PyTorch is measured beside it
    conv_method: str | None = None
    cache: str | None = None
    heap: str = "kept"                 # of PyTorch
    threads: int | None = None         # None: as many as the command says
    rounds: int = 15                   # unless the command says otherwise
    seconds: float = 0.25              # least time of a turn
    together: str | None = None        # rows with the same word are measured in turns with one another

    def jobs(self, layouts, threads):
        """{column: job}: tinynet's, and PyTorch's in each of `layouts`."""
        threads = self.threads or threads
        own = {**self.options, **({"fused": True} if self.fused else {})}
        jobs = {"tinynet": self.job(Who(self.library, None, threads), own, self.conv_method, self.cache)}
        layouts = layouts if self.rivals else ()
        for layout in layouts[:1] if self.instrument == "importing" else layouts:
            jobs[layout] = self.job(Who("torch", layout, threads, self.heap), self.options)
        return jobs

    def job(self, who, options, conv_method=None, cache=None):
        options = tuple(sorted(options.items()))
        return Job(self.instrument, who, self.workload, options, conv_method, cache, self.seconds)


def network(group, name, workload, net, batch, fused=True, form=None, **more):
    options = {"net": net, "batch": batch, **({"form": form} if form else {})}
    return Row(group, name, workload, options, fused, **more)


MACHINE = [
    Row("machine", "limit: sgemm (NumPy alone)", "matmul", library="numpy", rivals=False),
    Row("machine", "limit: copy (NumPy alone)", "copy", library="numpy", rivals=False),
]

TRAIN = network("train", "ResNet-20 training step, batch 128", "train", "resnet20", 128, together="train")
DEFAULT_HEAP = network("train", "the same against PyTorch with the C library's default heap", "train", "resnet20", 128,
                       heap="default", together="train")
UNFUSED = network("train", "the same network in unfused ops", "train", "resnet20", 128, fused=False,
                  together="train")

def inference(name, batch, **more):
    """Rows for one network as trained, folded and, in tinynet alone, in 8-bit integers; measured in turns."""
    def row(name, **options):
        return network("inference", name, "infer", "resnet20", batch, together=f"inference {batch}",
                       **options, **more)
    return [row(name), row(f"{name}, BatchNorm folded", form="fold"),
            row(f"{name}, int8", form="quantize", rivals=False)]


INFERENCE = [*inference("ResNet-20 inference, batch 128", 128),
             *inference("ResNet-20 inference, batch 1", 1, rounds=25)]
INFER_128, INT8_128, INFER_1 = INFERENCE[0], INFERENCE[2], INFERENCE[3]

NETWORKS = {"ResNet-20, batch 128": ("resnet20", 128), "ResNet-56": ("resnet56", 128),
            "SE-ResNet-20": ("se_resnet20", 128), "ResNet-20, four times as wide": ("wide_resnet20", 64),
            "ResNet-18 at 224, batch 4": ("resnet18", 4), "ResNet-50 at 224, batch 4": ("resnet50", 4),
            "ResNeXt-50 at 224, batch 4": ("resnext50", 4), "depthwise separable net": ("separable", 128),
            "MLP 3072-512-512-10": ("perceptron", 128), "transformer, 4 layers of 128": ("transformer", 16)}
STEPS = {net: network("networks", f"{name}: training step", "train", net, batch, rounds=9)
         for name, (net, batch) in NETWORKS.items()}
ANSWERS = {net: network("networks", f"{name}: inference", "infer", net, batch, rounds=9)
           for name, (net, batch) in NETWORKS.items()}

AIRBENCH = [network("airbench", f"airbench94, batch {batch}: training step", "train", "airbench94", batch, rounds=9)
            for batch in (512, 1024)]

MEMORY = network("memory", "peak memory, ResNet-20 training, batch 128", "train", "resnet20", 128,
                 instrument="memory", rounds=3)

IMPORT = Row("import", "import", instrument="importing", together="import", rounds=7)
IMPORT_NUMPY = Row("import", "import of NumPy alone", instrument="importing", together="import", rounds=7,
                   library="numpy", rivals=False)

START = network("start", "process start to first training step", "train", "resnet20", 128, instrument="start",
                together="start", rounds=5)
START_EMPTY = network("start", "the same, empty kernel cache", "train", "resnet20", 128, instrument="start",
                      cache="empty", together="start", rounds=2)


def growing(name, net="resnet20", batch=128, **more):
    return network("growth", f"growth: {name}", "train", net, batch, rounds=9, **more)


ONE_THREAD = growing("1 thread", threads=1, together="threads")
TWO_THREADS = growing("2 threads", threads=2, together="threads")
BATCH_128 = growing("batch 128", together="batch")
BATCH_512 = growing("batch 512", batch=512, together="batch")
GROWTH = [
    *(growing(f"batch {n}", batch=n, together="batch") for n in (16, 32, 64)), BATCH_128,
    growing("batch 256", batch=256, together="batch"), BATCH_512,
    *(growing(f"depth {n}", net=f"resnet{n}", together="depth") for n in (20, 32, 44, 56, 110)),
    ONE_THREAD, TWO_THREADS,
]


def operator(name, operator, conv_method=None, **options):
    """Two rows: the operator's forward, and its backward."""
    word = f"{operator} {sorted(options.items())}"     # the im2col path runs in turns with the tuned one
    return [Row("operators", f"{name} {direction}", direction, {"operator": operator, **options},
                conv_method=conv_method, together=f"{word} {direction}", rounds=25, seconds=0.05)
            for direction in ("forward", "backward")]


def conv(name, size, channels, out=None, batch=128, **options):
    """Rows of a convolution of square images; `out` channels come out, by default as many as go in."""
    change = f"{channels}->{out}" if out else f"{channels}"
    name = f"conv {name}, {change} ch, {size}x{size}" + (f", batch {batch}" if batch != 128 else "")
    options = {"size": size, "channels": channels, "out": out or channels, "batch": batch, **options}
    if "3x3" in name and options.keys().isdisjoint({"stride", "groups"}):
        return [*operator(name, "conv", **options), *operator(f"{name}, im2col", "conv", "im2col", **options)]
    return operator(name, "conv", **options)


CONVOLUTIONS = [
    *conv("3x3", 32, 16), *conv("3x3", 16, 32), *conv("3x3", 8, 64),
    *conv("3x3", 16, 128), *conv("3x3", 8, 256),
    *conv("3x3 stride 2", 32, 16, 32, stride=2),
    *conv("3x3 stride 2", 16, 32, 64, stride=2),
    *conv("1x1", 56, 64, batch=8, kernel=1),
    *conv("1x1", 56, 256, 64, batch=8, kernel=1),
    *conv("1x1", 28, 128, 512, batch=8, kernel=1),
    *conv("7x7 stride 2", 224, 3, 64, batch=8, kernel=7, stride=2),
    *conv("3x3 depthwise", 56, 64, batch=8, groups=64),
    *conv("3x3 in 32 groups", 28, 128, batch=8, groups=32),
]
OTHERS = [
    *(row for c, size in ((16, 32), (64, 8))
      for name, op in (("BatchNorm", "batch_norm"), ("BatchNorm + ReLU", "batch_norm_relu"))
      for row in operator(f"{name}, {c} ch, {size}x{size}", op, channels=c, size=size)),
    *operator("max pool 3x3 stride 2, 64 ch, 112x112, batch 8", "max_pool", channels=64, size=112, batch=8),
    *operator("average pool 2x2, 64 ch, 56x56, batch 8", "avg_pool", channels=64, size=56, batch=8),
    *operator("linear 512->1000", "linear", features=512, out=1000),
    *operator("linear 2048x128->128", "linear", features=128, out=128, batch=2048),
    *operator("relu, 16 ch, 32x32", "relu", channels=16, size=32),
    *operator("sigmoid, 16 ch, 32x32", "sigmoid", channels=16, size=32),
    *operator("add, 16 ch, 32x32", "add", channels=16, size=32),
    *operator("multiply, 16 ch, 32x32", "multiply", channels=16, size=32),
    *operator("mean over H and W, 64 ch, 8x8", "mean", channels=64, size=8),
    *operator("GELU, 2048x512", "gelu", rows=2048, features=512),
    *operator("softmax, 8192x128", "softmax", rows=8192, features=128),
    *operator("LayerNorm, 2048x128", "layer_norm", rows=2048, features=128),
    *operator("attention, 16x4 heads, 128 tokens of 32", "attention", heads=4, tokens=128, features=32),
    *operator("cross-entropy, 10 classes", "cross_entropy", classes=10),
    *operator("cross-entropy, 1000 classes", "cross_entropy", classes=1000),
]

GROUPS = {
    "train": [TRAIN, DEFAULT_HEAP, UNFUSED],
    "inference": INFERENCE,
    "networks": [*STEPS.values(), *ANSWERS.values()],
    "airbench": AIRBENCH,
    "memory": [MEMORY],
    "import": [IMPORT, IMPORT_NUMPY],
    "start": [START, START_EMPTY],
    "scaling": [BATCH_128, BATCH_512, ONE_THREAD, TWO_THREADS],        # what the bars need of growth
    "operators": CONVOLUTIONS + OTHERS,
    "growth": GROWTH,
}
MAIN = ["train", "inference", "networks", "memory", "import", "start", "scaling"]
