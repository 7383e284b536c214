"""Starting several processes on this machine, for the tests of `tinynet.distributed`."""

import importlib.util
import os
import pathlib
import shutil
import subprocess
import sys

import pytest

TESTS = pathlib.Path(__file__).parent
SEARCHED = os.pathsep.join([str(pathlib.Path(sys.executable).parent), os.environ.get("PATH", "")])
MPIEXEC = shutil.which("mpiexec", path=SEARCHED)
missing = "mpi4py" if importlib.util.find_spec("mpi4py") is None else "mpiexec" if MPIEXEC is None else None
needs_mpi = pytest.mark.skipif(missing is not None, reason=f"starts two processes, and {missing} is not installed")
SECONDS = 300                          # after which processes are ended that hang


def mpiexec(count, *arguments, cwd=None, seconds=SECONDS):
    """What `count` processes `python ARGUMENTS` print and return; at most `seconds` long, then it is an error."""
    environment = {name: value for name, value in os.environ.items() if not name.endswith("_NUM_THREADS")}
    environment["PYTHONPATH"] = os.pathsep.join([str(TESTS.parent), str(TESTS)])
    process = subprocess.Popen([MPIEXEC, "-n", str(count), sys.executable, *map(str, arguments)], cwd=cwd,
                               env=environment, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True,
                               encoding="utf-8")
    try:
        out, err = process.communicate(timeout=seconds)
    except subprocess.TimeoutExpired:
        process.terminate()            # mpiexec passes it on
        try:
            process.communicate(timeout=5)
        except subprocess.TimeoutExpired:
            process.kill()
            process.communicate(timeout=5)
        raise
    return subprocess.CompletedProcess(arguments, process.returncode, out, err)
