# What each new thread is to call, for profilers, debuggers and coverage; None if nothing.
cdef tuple thread_hooks()
