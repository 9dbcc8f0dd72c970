"""``gilkit profile``: who holds the GIL of a program, what keeps its cores idle, and what each remedy would gain.

A sampler in another process reads the interpreter's own structures about a hundred times a second, without stopping the
program. It takes none of the program's locks. A sampler inside the program would need the GIL itself, and would get it
only when the holder gives it up, so it would see the moments when the GIL changes hands, not the time for which it is
held.

``memory`` reads another process's memory and finds a symbol in it, ``layouts`` knows the structures of each version of
CPython, ``reader`` finds threads, frames and the holder of the GIL, and ``tasks`` asks the kernel about the threads.
``sampler`` puts these together into samples. ``operations`` finds out which call of NumPy a thread is in, with the
arrays, and ``speeds`` measures such calls on this machine, in processes that run ``repeat``. ``pythons`` compares other
interpreters. ``summary``, ``loops`` and ``predict`` compute the report from
the samples alone; ``show`` and ``page`` print it; ``verify`` runs what was predicted.
"""
