"""Prepare the process of a program under ``gilkit run``; see gilkit.lab.program.

Python imports this module before the program, because its folder is first on PYTHONPATH. It restores the variable and
sys.path first, so that neither the program nor its children see the folder, and at last imports the sitecustomize that
it hides, if there is one.
"""

import json
import os
import sys

_here = os.path.dirname(os.path.abspath(__file__))
sys.path[:] = [entry for entry in sys.path if entry != _here]
sys.path_importer_cache.pop(_here, None)

# Absent in a sub-interpreter, whose sys.path is made from the process's first PYTHONPATH.
_settings = os.environ.pop("_GILKIT_RUN", None)
if _settings is not None:
    _settings = json.loads(_settings)
    if _settings["pythonpath"] is None:
        os.environ.pop("PYTHONPATH", None)
    else:
        os.environ["PYTHONPATH"] = _settings["pythonpath"]
    sys.path.append(_settings["gilkit"])  # as a rule it is there already: site-packages
    try:
        from gilkit.lab.program import hook

        hook.start(_settings)
    finally:
        del sys.path[-1]

del sys.modules["sitecustomize"]
import sitecustomize  # noqa: E402, F401 - Python ignores the ImportError of a sitecustomize that does not exist
