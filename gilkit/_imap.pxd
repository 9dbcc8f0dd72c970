# The (setter, function) pairs that each new thread must call, for profilers,
# debuggers and coverage; None if there are none.
cdef tuple thread_hooks()
