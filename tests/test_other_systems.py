"""Windows as far as it can be simulated: `other_system.py` takes away what is POSIX's alone and runs the commands."""

import os
import pathlib
import subprocess
import sys

import numpy as np
import pytest

from tinynet.cli import main
from tinynet.system import console

SCRIPT = pathlib.Path(__file__).parent / "other_system.py"
CONSOLES = {"cp1252": "-> × ± µ · sqrt ? é", "cp949": "→ × ± u · √ 한 ?"}


@pytest.mark.parametrize("encoding", CONSOLES)
def test_the_commands_run_on_a_simulated_windows(encoding, tmp_path):
    folder = tmp_path / "Eigene Dateien 내 문서"
    folder.mkdir()
    random = np.random.default_rng(0)
    np.savez(folder / "bilder é.npz", x=random.integers(0, 255, (48, 16, 16, 3), dtype=np.uint8), y=np.arange(48) % 2)
    environment = {**os.environ, "PYTHONUTF8": "0", "PYTHONIOENCODING": encoding}
    done = subprocess.run([sys.executable, "-X", "warn_default_encoding", SCRIPT, folder, folder / "bilder é.npz"],
                          capture_output=True, env=environment, cwd=tmp_path)
    output, errors = done.stdout.decode(encoding), done.stderr.decode(encoding)
    assert done.returncode == 0, errors + output
    for part in output.split("[expected] ")[1:]:
        expected = part.splitlines()[0]
        assert expected in output.split(f"[expected] {expected}")[0]
    assert int(output.split("[refused] ")[1].split()[0]) > 4                  # so files were replaced at a later try
    assert output.split("[console] ")[1].strip() == CONSOLES[encoding]
    assert "Traceback" not in errors and "UnicodeEncodeError" not in errors


def test_help_and_errors_can_be_printed_on_any_console(capsys):
    for text in ("→ ± × µ 한글 é", "\ud800", "plain"):
        for encoding in ("ascii", "cp1252", "cp949", "utf-8"):
            console.accept_any_text()
            assert text.encode(encoding, "tinynet.nearest").decode(encoding)
    assert main(["eval", "없는 파일 →"]) == 1
    assert "no such file" in capsys.readouterr().err
