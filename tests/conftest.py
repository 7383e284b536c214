"""Tests start other Pythons as `sys.executable`. Under an emulator that file cannot be started by itself: there
TINYNET_TEST_PYTHON names a script that can (`tests/arm64.sh` sets it).
"""

import os
import sys

sys.executable = os.environ.get("TINYNET_TEST_PYTHON", sys.executable)
