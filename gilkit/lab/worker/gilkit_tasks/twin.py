"""Loads gilkit's pure-Python twins by their place: gilkit itself need not be installed on this interpreter."""

import importlib.util
import os

_REFERENCE = os.path.join(os.path.dirname(os.path.abspath(__file__)), "..", "..", "..", "reference")


def twin(name):
    """The module ``gilkit.reference.<name>``."""
    spec = importlib.util.spec_from_file_location("gilkit_twin_" + name, os.path.join(_REFERENCE, name + ".py"))
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module
