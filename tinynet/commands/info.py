"""Show the versions, SIMD lanes, threads, BLAS and folders that tinynet uses."""

import platform

PACKAGES = ("numpy", "numba", "llvmlite", "matplotlib", "pillow", "tqdm", "filelock", "threadpoolctl")

def add_options(parser):
    pass


def run(args):
    for name, value in facts().items():
        print(f"{name:14} {value}")


def facts():
    """Versions and machine facts, as a dict of texts and numbers."""
    from importlib.metadata import version

    import llvmlite.binding
    import threadpoolctl

    import tinynet
    from tinynet.data.download import data_folder
    from tinynet.kernels.machine import compile, lanes, threads

    blas = threadpoolctl.ThreadpoolController().select(user_api="blas").info()
    return {
        "tinynet": tinynet.__version__,
        "python": platform.python_version(),
        **{name: version(name) for name in PACKAGES},
        "processor": processor(),
        "LLVM target": llvmlite.binding.get_host_cpu_name(),
        "SIMD lanes": lanes.LANES,
        "threads": threads.get_num_threads(),
        "BLAS": ", ".join(f"{b['internal_api']} {b['version']} ({b.get('architecture')})" for b in blas),
        "kernel cache": compile.FOLDER,
        "data folder": data_folder(),
    }


def processor():
    """The processor's name, from the operating system."""
    try:
        with open("/proc/cpuinfo", encoding="utf-8") as lines:
            return next(line.partition(":")[2].strip() for line in lines if line.startswith("model name"))
    except (OSError, StopIteration):
        return platform.processor() or platform.machine()
