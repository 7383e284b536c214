"""Which module of tinynet stands for which module of PyTorch and torchvision."""

import importlib

from tinynet.interop import left_out

# tinynet's module: the modules of PyTorch that it stands for. "module:name" is an object in a module, and None stands
# for modules of which tinynet has nothing.
ANSWERS = {
    "tinynet": "torch torch.functional",
    "tinynet.autograd": "torch.autograd torch.autograd.function torch.autograd.variable",
    "tinynet.data": (
        "torch.utils.data torch.utils.data.dataloader torch.utils.data.dataset torch.utils.data.distributed "
        "torch.utils.data.sampler"),
    "tinynet.distributed": "torch.distributed",
    "tinynet.distributions": "torch.distributions",
    "tinynet.dtypes": "torch.types",
    "tinynet.inspect.gradcheck": "torch.autograd.gradcheck",
    "tinynet.interop.amp": "torch.amp torch.amp.grad_scaler torch.cuda.amp torch.cuda.amp.grad_scaler",
    "tinynet.interop.attention": "torch.nn.attention",
    "tinynet.interop.backends": "torch.backends",
    "tinynet.interop.backends:cuda": "torch.backends.cuda",
    "tinynet.interop.backends:cudnn": "torch.backends.cudnn",
    "tinynet.interop.backends:mkldnn": "torch.backends.mkldnn",
    "tinynet.interop.backends:mps": "torch.backends.mps torch.mps",
    "tinynet.interop.cuda": "torch.accelerator torch.cuda",
    "tinynet.interop.fx": "torch.fx",
    "tinynet.interop.jit": "torch.jit",
    "tinynet.interop.linalg": "torch.linalg",
    "tinynet.interop.settings": "torch.compiler",
    "tinynet.interop.tensorboard": "torch.utils.tensorboard",
    "tinynet.interop.torchvision_insides": (
        "torchvision._internally_replaced_utils torchvision.models._api torchvision.models._meta "
        "torchvision.models._utils torchvision.models.utils torchvision.transforms._presets"),
    "tinynet.nn": "torch.nn torch.nn.parameter",
    "tinynet.nn.functional": "torch.nn.functional",
    "tinynet.nn.init": "torch.nn.init",
    "tinynet.nn.parallel": "torch.nn.parallel torch.nn.parallel.distributed",
    "tinynet.nn.utils": (
        "torch.nn.utils torch.nn.utils.clip_grad torch.nn.utils.convert_parameters "
        "torch.nn.utils.parametrizations torch.nn.utils.parametrize torch.nn.utils.rnn"),
    "tinynet.optim": "torch.optim torch.optim.optimizer",
    "tinynet.optim.lr_scheduler": "torch.optim.lr_scheduler",
    "tinynet.optim.swa_utils": "torch.optim.swa_utils",
    "tinynet.random": "torch.random",
    "tinynet.utils": "torch.utils torch.utils.checkpoint",
    "tinynet.version": "torch.version",
    "tinynet.vision": "torchvision",
    "tinynet.vision.datasets": (
        "torchvision.datasets torchvision.datasets.folder torchvision.datasets.mnist torchvision.datasets.cifar "
        "torchvision.datasets.utils torchvision.datasets.vision"),
    "tinynet.vision.models": "torchvision.models torchvision.models.resnet",
    "tinynet.vision.ops": "torchvision.ops torchvision.ops.misc torchvision.ops.stochastic_depth",
    "tinynet.vision.transforms": "torchvision.transforms torchvision.transforms.transforms",
    "tinynet.vision.transforms.functional": "torchvision.transforms.functional",
    "tinynet.vision.utils": "torchvision.utils",
    "tinynet.weights": "torch.serialization",
    "typing": "torch.jit.annotations",
    None: (
        "torch.onnx torch.hub torch.multiprocessing torch.nn.attention.flex_attention "
        "torch.nn.parallel.data_parallel torch.nn.utils.fusion torch.profiler torch.utils.model_zoo"),
}
MODULES = {theirs: ours for ours, names in ANSWERS.items() for theirs in names.split()}
MODULES |= {f"torch.nn.modules{room}": "tinynet.nn" for room in (
    "", ".activation", ".batchnorm", ".container", ".conv", ".dropout", ".flatten", ".fold", ".instancenorm",
    ".linear", ".loss", ".module", ".normalization", ".padding", ".pixelshuffle", ".pooling", ".rnn", ".sparse",
    ".transformer", ".upsampling", ".utils")}
MODULES |= {f"torch.optim.{room}": "tinynet.optim" for room in (
    "adadelta", "adagrad", "adam", "adamax", "adamw", "nadam", "rmsprop", "sgd")}

OTHER_NAMES = {                                # where tinynet's name is another one: PyTorch's name -> tinynet's
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

ONLY_IN_PYTORCH = {                            # names that only scripts for PyTorch use
    "accelerator": "tinynet.interop.cuda",
    "amp": "tinynet.interop.amp",
    "asarray": "tinynet.creation:as_tensor",
    "autocast": "tinynet.interop.amp:autocast",
    "backends": "tinynet.interop.backends",
    "cuda": "tinynet.interop.cuda",
    "fx": "tinynet.interop.fx",
    "get_rng_state": "tinynet.random:get_state",
    "jit": "tinynet.interop.jit",
    "linalg": "tinynet.interop.linalg",
    "set_rng_state": "tinynet.random:set_state",
    "xpu": "tinynet.interop.cuda",
}
ONLY_IN_PYTORCH |= {f"{kind}Tensor": f"tinynet.interop.legacy:{kind}Tensor" for kind in (
    "Bool Byte Char Double Float Int Long Short".split())}
ONLY_IN_PYTORCH |= {name: f"tinynet.nn.functional:{name}" for name in (
    "adaptive_avg_pool1d avg_pool1d batch_norm bilinear celu conv1d conv2d conv3d conv_transpose1d "
    "conv_transpose2d cosine_similarity dropout embedding group_norm hardshrink instance_norm layer_norm "
    "max_pool1d max_pool2d pairwise_distance pixel_shuffle prelu rms_norm selu threshold triplet_margin_loss").split()}


def place(where):
    """The module or, for "module:name", the object in it."""
    module, _, name = where.partition(":")
    module = importlib.import_module(module)
    return getattr(module, name) if name else module


def only_in_pytorch(name):
    """The object `tinynet.NAME` for a name that only scripts for PyTorch use; AttributeError for others."""
    if name in ONLY_IN_PYTORCH:
        return place(ONLY_IN_PYTORCH[name])
    return left_out.stand_in_or_error("tinynet", f"torch.{name}")
