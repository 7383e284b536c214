"""Which module of tinynet answers for which module of PyTorch and torchvision."""

import importlib

from tinynet.interop import left_out

# PyTorch's module -> tinynet's; "module:name" is an object in a module, None a module of which nothing is there.
MODULES = {
    "torch": "tinynet",
    "torch.accelerator": "tinynet.interop.cuda",
    "torch.amp": "tinynet.interop.amp",
    "torch.amp.grad_scaler": "tinynet.interop.amp",
    "torch.onnx": None,
    "torch.compiler": "tinynet.interop.settings",
    "torch.autograd": "tinynet.autograd",
    "torch.autograd.function": "tinynet.autograd",
    "torch.autograd.gradcheck": "tinynet.inspect.gradcheck",
    "torch.autograd.variable": "tinynet.autograd",
    "torch.backends": "tinynet.interop.backends",
    "torch.backends.cuda": "tinynet.interop.backends:cuda",
    "torch.backends.cudnn": "tinynet.interop.backends:cudnn",
    "torch.backends.mkldnn": "tinynet.interop.backends:mkldnn",
    "torch.backends.mps": "tinynet.interop.backends:mps",
    "torch.cuda": "tinynet.interop.cuda",
    "torch.cuda.amp": "tinynet.interop.amp",
    "torch.cuda.amp.grad_scaler": "tinynet.interop.amp",
    "torch.distributed": "tinynet.interop.distributed",
    "torch.distributions": "tinynet.distributions",
    "torch.fx": "tinynet.interop.fx",
    "torch.functional": "tinynet",
    "torch.hub": None,
    "torch.jit": "tinynet.interop.jit",
    "torch.jit.annotations": "typing",
    "torch.linalg": "tinynet.interop.linalg",
    "torch.mps": "tinynet.interop.backends:mps",
    "torch.multiprocessing": None,
    "torch.nn": "tinynet.nn",
    "torch.nn.attention": "tinynet.interop.attention",
    "torch.nn.attention.flex_attention": None,
    "torch.nn.functional": "tinynet.nn.functional",
    "torch.nn.init": "tinynet.nn.init",
    "torch.nn.parallel": None,
    "torch.nn.parallel.distributed": None,
    "torch.nn.parallel.data_parallel": None,
    "torch.nn.parameter": "tinynet.nn",
    "torch.nn.utils": "tinynet.nn.utils",
    "torch.nn.utils.clip_grad": "tinynet.nn.utils",
    "torch.nn.utils.convert_parameters": "tinynet.nn.utils",
    "torch.nn.utils.fusion": None,
    "torch.nn.utils.parametrizations": "tinynet.nn.utils",
    "torch.nn.utils.parametrize": "tinynet.nn.utils",
    "torch.nn.utils.rnn": "tinynet.nn.utils",
    "torch.optim": "tinynet.optim",
    "torch.optim.lr_scheduler": "tinynet.optim.lr_scheduler",
    "torch.optim.optimizer": "tinynet.optim",
    "torch.optim.swa_utils": "tinynet.optim.swa_utils",
    "torch.profiler": None,
    "torch.random": "tinynet.random",
    "torch.serialization": "tinynet.weights",
    "torch.types": "tinynet.dtypes",
    "torch.utils": "tinynet.utils",
    "torch.utils.checkpoint": "tinynet.utils",
    "torch.utils.data": "tinynet.data",
    "torch.utils.data.dataloader": "tinynet.data",
    "torch.utils.data.dataset": "tinynet.data",
    "torch.utils.data.distributed": None,
    "torch.utils.data.sampler": "tinynet.data",
    "torch.utils.model_zoo": None,
    "torch.utils.tensorboard": "tinynet.interop.tensorboard",
    "torch.version": "tinynet.version",
    "torchvision": "tinynet.vision",
    "torchvision._internally_replaced_utils": "tinynet.interop.torchvision_insides",
    "torchvision.datasets": "tinynet.vision.datasets",
    "torchvision.datasets.folder": "tinynet.vision.datasets",
    "torchvision.datasets.mnist": "tinynet.vision.datasets",
    "torchvision.datasets.cifar": "tinynet.vision.datasets",
    "torchvision.datasets.utils": "tinynet.vision.datasets",
    "torchvision.datasets.vision": "tinynet.vision.datasets",
    "torchvision.models": "tinynet.vision.models",
    "torchvision.models._api": "tinynet.interop.torchvision_insides",
    "torchvision.models._meta": "tinynet.interop.torchvision_insides",
    "torchvision.models._utils": "tinynet.interop.torchvision_insides",
    "torchvision.models.resnet": "tinynet.vision.models",
    "torchvision.models.utils": "tinynet.interop.torchvision_insides",
    "torchvision.ops": "tinynet.vision.ops",
    "torchvision.ops.misc": "tinynet.vision.ops",
    "torchvision.ops.stochastic_depth": "tinynet.vision.ops",
    "torchvision.transforms": "tinynet.vision.transforms",
    "torchvision.transforms._presets": "tinynet.interop.torchvision_insides",
    "torchvision.transforms.functional": "tinynet.vision.transforms.functional",
    "torchvision.transforms.transforms": "tinynet.vision.transforms",
    "torchvision.utils": "tinynet.vision.utils",
}
MODULES |= {f"torch.nn.modules{room}": "tinynet.nn" for room in (
    "", ".activation", ".batchnorm", ".container", ".conv", ".dropout", ".flatten", ".fold", ".instancenorm",
    ".linear", ".loss", ".module", ".normalization", ".padding", ".pixelshuffle", ".pooling", ".rnn", ".sparse",
    ".transformer", ".upsampling", ".utils")}
MODULES |= {f"torch.optim.{room}": "tinynet.optim" for room in (
    "adadelta", "adagrad", "adam", "adamax", "adamw", "nadam", "rmsprop", "sgd")}

OTHER_NAMES = {                                # where tinynet's own word differs: PyTorch's name -> tinynet's
    "torch.Tensor": "tinynet.interop.legacy:Tensor",
    "torch.autograd.Function": "tinynet.interop.function:Function",
    "torch.autograd.detect_anomaly": "tinynet.gradients.anomaly:detect_anomaly",
    "torch.autograd.set_detect_anomaly": "tinynet.gradients.anomaly:set_detect_anomaly",
    "torch.nn.utils.clip_grad_norm": "tinynet.nn.utils:clip_grad_norm_",
    "torch.random.get_rng_state": "tinynet.random:get_state",
    "torch.random.set_rng_state": "tinynet.random:set_state",
    "torch.autograd.Variable": "tinynet.interop.legacy:Variable",
    "torch.autograd.function.Function": "tinynet.interop.function:Function",
    "torch.autograd.function.once_differentiable": "tinynet.interop.jit:script",
    "torch.autograd.variable.Variable": "tinynet.interop.legacy:Variable",
    "torch.cuda.amp": "tinynet.interop.amp",
    "torch.version.__version__": "tinynet.interop.names:PYTORCH",
    "torch.version.cuda": "tinynet.interop.names:NO_CUDA",
    "torch.__version__": "tinynet.interop.names:PYTORCH",
    "torchvision.utils._log_api_usage_once": "tinynet.interop.torchvision_insides:_log_api_usage_once",
    "torchvision.__version__": "tinynet.interop.names:TORCHVISION",
}
PYTORCH, TORCHVISION = "2.13.0", "0.28.0"      # the versions whose names and behaviour tinynet follows
NO_CUDA = None

ONLY_IN_PYTORCH = {                            # words of PyTorch's that tinynet has for its scripts alone
    "accelerator": "tinynet.interop.cuda",
    "amp": "tinynet.interop.amp",
    "asarray": "tinynet.creation:as_tensor",
    "autocast": "tinynet.interop.amp:autocast",
    "backends": "tinynet.interop.backends",
    "cuda": "tinynet.interop.cuda",
    "distributed": "tinynet.interop.distributed",
    "fx": "tinynet.interop.fx",
    "get_rng_state": "tinynet.random:get_state",
    "set_rng_state": "tinynet.random:set_state",
    "xpu": "tinynet.interop.cuda",
    "linalg": "tinynet.interop.linalg",
    "jit": "tinynet.interop.jit",
} | {name: f"tinynet.nn.functional:{name}" for name in (
    "batch_norm", "celu", "conv1d", "conv2d", "conv3d", "cosine_similarity", "dropout", "embedding", "group_norm",
    "layer_norm", "max_pool2d", "pairwise_distance", "pixel_shuffle", "prelu", "selu")
} | {f"{kind}Tensor": f"tinynet.interop.legacy:{kind}Tensor" for kind in (
    "Bool", "Byte", "Char", "Double", "Float", "Int", "Long", "Short")} | {
    name: f"tinynet.nn.functional:{name}" for name in (
        "adaptive_avg_pool1d", "avg_pool1d", "batch_norm", "bilinear", "celu", "conv1d", "conv2d", "conv_transpose1d",
        "conv_transpose2d", "cosine_similarity", "dropout", "embedding", "group_norm", "hardshrink", "instance_norm",
        "layer_norm", "max_pool1d", "max_pool2d", "pairwise_distance", "pixel_shuffle", "prelu", "rms_norm", "selu",
        "threshold", "triplet_margin_loss")}


def place(where):
    """The module or, for "module:name", the object in it."""
    module, _, name = where.partition(":")
    module = importlib.import_module(module)
    return getattr(module, name) if name else module


def only_in_pytorch(name):
    """What `tinynet.NAME` is for a name that only scripts for PyTorch use; AttributeError for others."""
    if name in ONLY_IN_PYTORCH:
        return place(ONLY_IN_PYTORCH[name])
    return left_out.stand_in_or_error("tinynet", f"torch.{name}")
