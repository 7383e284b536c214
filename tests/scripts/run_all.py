"""Runs the scripts beside this one, one after the other, and prints {script: what it printed last}."""

import contextlib
import io
import json
import pathlib
import runpy
import traceback
import warnings

warnings.simplefilter("ignore")
found = {}
for path in sorted(pathlib.Path(__file__).resolve().parent.glob("*.py")):
    if path.stem in ("common", "run_all"):
        continue
    with contextlib.redirect_stdout(io.StringIO()) as printed:
        try:
            runpy.run_path(str(path), run_name="__main__")
            found[path.stem] = json.loads(printed.getvalue().splitlines()[-1])
        except Exception:
            found[path.stem] = traceback.format_exc(limit=-3)
print(json.dumps(found))
