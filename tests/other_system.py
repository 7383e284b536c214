"""Run as a script: tinynet's commands on a simulated Windows, in which what is POSIX's alone has been taken away.

    python other_system.py FOLDER DATA

It takes away modules, functions, signals, the opening of folders, and for a while the replacing of files. It cannot
take away the paths and the console of this system; the caller chooses the encoding of the output.
"""

import os
import pathlib
import shutil
import signal
import sys
import warnings

MODULES = ["fcntl", "resource", "pwd", "grp", "termios", "tty", "pty",
           "torch"]                    # PyTorch asks for the functions of the system that it was made for
FUNCTIONS = ["fork", "forkpty", "register_at_fork", "sched_getaffinity", "sched_setaffinity", "getuid", "geteuid",
             "getgid", "setsid", "killpg", "sysconf", "getloadavg", "nice", "mkfifo", "chown", "statvfs"]
KEPT_SIGNALS = ["SIGINT", "SIGTERM", "SIGABRT", "SIGFPE", "SIGILL", "SIGSEGV", "SIG_DFL", "SIG_IGN"]


def take_away_what_is_posix():
    for name in MODULES:
        sys.modules[name] = None
    for name in FUNCTIONS:
        if hasattr(os, name):
            delattr(os, name)
    for name in [name for name in dir(signal) if name.startswith("SIG") and name not in KEPT_SIGNALS]:
        delattr(signal, name)
    shutil._use_fd_functions = False                    # as on Windows, where folders cannot be opened


def refuse_to_open_folders():
    original = os.open

    def open_file(path, *args, **options):
        if os.path.isdir(path):
            raise PermissionError(13, "Permission denied", path)
        return original(path, *args, **options)

    os.open = open_file


def refuse_to_replace_at_first(folder, times=2):
    """Each file in `folder` can be replaced only at the third try, as while a virus scanner has it open."""
    original, refused = os.replace, {}

    def replace(source, target):
        name = os.fspath(target)
        if name.startswith(folder) and os.path.exists(name) and refused.setdefault(name, 0) < times:
            refused[name] += 1
            raise PermissionError(13, "Access is denied", os.fspath(source), None, name)
        return original(source, target)

    os.replace = replace
    return refused


def commands(folder, data):
    """Command lines, and what the output of each must contain. Paths have spaces and letters of two scripts."""
    run, tales = str(folder / "Lauf für 한글"), str(folder / "텍스트 lauf")
    small = ["--model", "resnet8", "--epochs", "1", "--batch-size", "32"]
    text = ["--length", "6000", "--context", "16", "--width", "16", "--layers", "1", "--heads", "2", "--epochs", "1"]
    return [
        (["train", "--data", data, *small, "--out", run], "test accuracy"),
        (["train", "--resume", "--out", run, "--epochs", "2"], "test accuracy"),
        (["eval", run], "test accuracy"),
        (["eval", os.path.join(run, "model.safetensors")], "test accuracy"),
        (["predict", run, str(folder / "bild ü.png")], "bild "),
        (["train-text", *text, "--out", tales], "validation loss"),
        (["train-text", "--resume", "--out", tales], "validation loss"),
        (["write", tales, "--length", "20"], ""),
        (["gradcheck", "relu", "softmax"], "have the right gradients"),
        (["summary", "resnet8"], "fc"),
        (["graph", "resnet8", "--out", str(folder / "graph ü.svg")], "boxes"),
        (["profile", "resnet8", "--batch", "2"], "conv"),
        (["exercise"], "relu"),
        (["info"], "kernel cache"),
    ]


def main(folder, data):
    take_away_what_is_posix()
    refuse_to_open_folders()
    refused = refuse_to_replace_at_first(str(folder))
    warnings.filterwarnings("error", category=EncodingWarning, module="tinynet")
    from PIL import Image
    from tinynet.cli import main as tinynet
    Image.new("RGB", (20, 16), "red").save(folder / "bild ü.png")
    for words, expected in commands(folder, data):
        print(f"[{words[0]}]", flush=True)
        status = tinynet(words)
        if status != 0:
            sys.exit(f"{words} ended with status {status}")
        print(f"[expected] {expected}", flush=True)
    print(f"[refused] {sum(refused.values())}")
    print("[console] " + "→ × ± µ · √ 한 é")


if __name__ == "__main__":
    main(pathlib.Path(sys.argv[1]), sys.argv[2])
