"""The names of PyTorch that tinynet leaves out on purpose, each with a sentence that says why or what to do instead.

Such a name can be imported, so that a script that never uses it runs. Using it raises an error with the sentence.
"""

ONE_PROCESS = "a module of tinynet uses all cores by itself; for several processes there is DistributedDataParallel"
BASIC_CALLS = "tinynet.distributed has the basic calls of one group of processes"
MPIEXEC = "mpiexec starts the processes: mpiexec -n N tinynet run SCRIPT"
NO_GPU = "tinynet runs on the CPU; choose the device by torch.cuda.is_available()"
NO_DOWNLOAD = "download the file yourself, and give its path to torch.load"
OTHER_DATA = "tinynet reads CIFAR10, CIFAR100, MNIST, FashionMNIST, and any images in an ImageFolder"
REASONS = {
    "torch.accelerator": NO_GPU,
    "torch.compile": "tinynet compiles its kernels by itself; leave torch.compile out",
    "torch.cuda": NO_GPU,
    "torch.distributed": BASIC_CALLS,
    "torch.fx": "tinynet does not trace modules into graphs of functions",
    "torch.hub": NO_DOWNLOAD,
    "torch.jit.load": "a compiled module is a program for another machine; load the state_dict instead",
    "torch.jit.save": "a module is not compiled here; save its state_dict instead",
    "torch.mps": NO_GPU,
    "torch.multiprocessing": MPIEXEC,
    "torch.nn.DataParallel": ONE_PROCESS,
    "torch.nn.attention.flex_attention": "F.scaled_dot_product_attention takes any mask",
    "torch.nn.modules.transformer._get_activation_fn": "it is private; use the function itself",
    "torch.nn.parallel": ONE_PROCESS,
    "torch.nn.utils.fusion": "tinynet.fold_batchnorm folds the BatchNorm of a whole network",
    "torch.onnx": "tinynet.export_onnx writes ONNX files",
    "torch.profiler": "tinynet.profile measures layers and operators",
    "torch.quantization": "tinynet.quantize quantizes a network",
    "torch.sparse": "tinynet has dense tensors only",
    "torch.utils.checkpoint.checkpoint_sequential": "call torch.utils.checkpoint.checkpoint on each part",
    "torch.utils.model_zoo": NO_DOWNLOAD,
}
REASONS |= {f"torchvision.datasets.{name}": OTHER_DATA for name in (
    "CelebA", "Caltech101", "Caltech256", "Cityscapes", "CocoCaptions", "CocoDetection", "EMNIST", "Flowers102",
    "Food101", "INaturalist", "ImageNet", "KMNIST", "LSUN", "Omniglot", "OxfordIIITPet", "Places365", "QMNIST",
    "STL10", "SVHN", "VOCDetection", "VOCSegmentation")}


def reason(path):
    """Why the name `path`, or the module that it belongs to, is left out; None if it is not."""
    while path:
        if path in REASONS:
            return REASONS[path]
        path = path.rpartition(".")[0]
    return None


def stand_in(path):
    """A class that stands for the name `path` and refuses to be used; None for a name that is not left out.

    It is a class so that `isinstance(model, nn.DataParallel)` is False, as it is for any module of tinynet.
    """
    name, why = path.rpartition(".")[2], reason(path)
    if why is None or name.startswith("__"):
        return None

    def refuse(cls, *args, **kwargs):
        raise NotImplementedError(f"{path} is not supported: {why}")

    return type(name, (), {"__new__": refuse, "__doc__": why})


def stand_in_or_error(module, path):
    """For a module's `__getattr__`: the class that stands for `path`, or the AttributeError."""
    found = stand_in(path)
    if found is None:
        name = path.rpartition(".")[2]
        raise AttributeError(f"module {module!r} has no attribute {name!r}", name=name)
    return found
