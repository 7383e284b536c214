"""What holds for all tests.

Signals have their usual effect, also where the suite was started in the background, with Ctrl-C ignored.
PyTorch computes on one thread, because it is only asked for values here: its threads and tinynet's would wait for each
other's cores. Tests start other Pythons as `sys.executable`. Under an emulator that file cannot be started by itself:
there TINYNET_TEST_PYTHON names a script that can (`tests/arm64.sh` sets it).
"""

import os
import signal
import sys

signal.signal(signal.SIGINT, signal.default_int_handler)
if hasattr(signal, "SIGHUP"):
    signal.signal(signal.SIGHUP, signal.SIG_DFL)
os.environ.setdefault("MKL_NUM_THREADS", "1")          # PyTorch reads it when it is imported
sys.executable = os.environ.get("TINYNET_TEST_PYTHON", sys.executable)
