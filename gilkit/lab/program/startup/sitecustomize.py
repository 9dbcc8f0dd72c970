"""Prepare the process of a program under ``gilkit run``; see gilkit.lab.program.

Python imports this module before the program, because its folder is first on PYTHONPATH. It restores the variable and
sys.path, so that neither the program nor its children see the folder, and at last imports the sitecustomize that it
hides, if there is one.

It imports nothing but modules that every interpreter has at this point. A module of the standard library that was
imported here would take the place of one with the same name in the program's folder. gilkit itself is imported when the
program imports NumPy, since a program may first set OMP_NUM_THREADS, warning filters or sys.path.
"""

# mypy: ignore-errors
# Types would need the module typing.

import marshal
import os
import sys
import time


def restore():
    """Remove the traces of this folder. Return the settings of ``gilkit run``, or None."""
    here = os.path.dirname(os.path.abspath(__file__))
    sys.path[:] = [entry for entry in sys.path if entry != here]
    sys.path_importer_cache.pop(here, None)
    # Absent in a sub-interpreter, whose sys.path is made from the process's first PYTHONPATH.
    text = os.environ.pop("_GILKIT_RUN", None)
    if text is None:
        return None
    settings = marshal.loads(bytes.fromhex(text))
    if settings["pythonpath"] is None:
        os.environ.pop("PYTHONPATH", None)
    else:
        os.environ["PYTHONPATH"] = settings["pythonpath"]
    return settings


class Run:
    """The process of the program."""

    def __init__(self, settings):
        self.settings = settings
        self.path = [*sys.path, settings["gilkit"]]
        # A variable of the environment cannot hold the arguments: its length is limited.
        self.program = sys.orig_argv[settings["skip"] :]
        self.began = os.getpid(), time.perf_counter(), time.process_time()
        self.patched = False
        if settings["threads"] is not None:
            self.hook().set_threads(settings["threads"])
        if "numpy" in sys.modules:  # imported by a .pth file
            self.patch()
        else:
            sys.meta_path.insert(0, AfterImport("numpy", self.patch))
        if settings["report"] is not None:
            import atexit

            # Functions that are registered first run last: after the program's own, and after its threads have ended.
            atexit.register(self.report)

    def hook(self):
        """Import gilkit.lab.program.hook, with sys.path as it was before the program could change it."""
        before = sys.path[:]
        sys.path[:] = self.path
        try:
            from gilkit.lab.program import hook
        finally:
            sys.path[:] = before
        return hook

    def patch(self):
        try:
            self.patched = self.hook().patch(self.settings)
        except Exception as error:  # the program must run all the same
            self.say(f"NumPy stays unpatched: {type(error).__name__}: {error}")

    def report(self):
        pid, wall, cpu = self.began
        if os.getpid() != pid:  # a forked child that ends as a program of its own
            return
        wall, cpu = time.perf_counter() - wall, time.process_time() - cpu
        try:
            self.hook().report(self.settings["report"], self.program, wall, cpu, self.patched)
        except Exception as error:
            self.say(f"no report: {type(error).__name__}: {error}")

    @staticmethod
    def say(text):
        """Print a line on the standard error that the process began with, if that is possible."""
        try:
            sys.__stderr__.write(f"gilkit run: {text}\n")
            sys.__stderr__.flush()
        except Exception:
            pass


class AfterImport:
    """A finder that calls a function after the first successful import of a module, and then removes itself."""

    def __init__(self, name, function):
        self.name, self.function = name, function

    def find_spec(self, name, path=None, target=None):
        if name != self.name:
            return None
        for finder in list(sys.meta_path):
            find = None if finder is self else getattr(finder, "find_spec", None)
            spec = find(name, path, target) if find else None
            if spec is not None:
                if spec.loader is not None:
                    spec.loader = Loader(spec.loader, self)
                return spec
        return None

    def done(self):
        if self in sys.meta_path:  # else another thread was first, or the program has replaced the list
            sys.meta_path.remove(self)
            self.function()


class Loader:
    """A loader that delegates to another one, and notifies the finder when the module has been executed."""

    def __init__(self, loader, finder):
        self.loader, self.finder = loader, finder

    def create_module(self, spec):
        return self.loader.create_module(spec)

    def exec_module(self, module):
        module.__spec__.loader = module.__loader__ = self.loader  # as without gilkit
        self.loader.exec_module(module)
        self.finder.done()

    def __getattr__(self, name):
        return getattr(self.loader, name)


# Python leaves the frames of this file out of tracebacks. The exception of an import that fails would show ours.
Loader.exec_module.__code__ = Loader.exec_module.__code__.replace(co_filename="<frozen importlib._bootstrap>")


def start():
    settings = restore()
    if settings is not None:
        Run(settings)


if __name__ == "sitecustomize":
    start()
    del sys.modules["sitecustomize"]
    __import__("sitecustomize")  # Python ignores the ImportError of a sitecustomize that does not exist
