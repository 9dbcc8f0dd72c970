"""``gilkit run``: run a program whose NumPy uses all cores, report what ran in parallel, and compare it with itself.

The program is not run inside gilkit's process. ``command`` replaces that process by the interpreter, started as
``python script.py`` or ``python -m module`` would start it, so ``__main__``, ``sys.argv``, ``sys.path``, the traceback
of an exception, signals and the exit status are the interpreter's own. Only one thing is added: ``startup`` comes first
on PYTHONPATH, so that the interpreter imports its ``sitecustomize`` before the program. It removes every trace of
itself and arranges that NumPy is patched (``hook``) when the program imports it.
"""
