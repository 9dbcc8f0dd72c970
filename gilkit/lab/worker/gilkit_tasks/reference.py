"""Load gilkit's pure-Python reference implementations by path, because this interpreter may not have gilkit installed."""

import importlib.util
import os

_FOLDER = os.path.join(os.path.dirname(os.path.abspath(__file__)), "..", "..", "..", "reference")


def reference(name):
    """Return the module ``gilkit.reference.<name>``."""
    spec = importlib.util.spec_from_file_location("gilkit_reference_" + name, os.path.join(_FOLDER, name + ".py"))
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module
