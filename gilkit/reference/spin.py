"""The busy loop, which uses no memory and makes no calls, only the interpreter."""


def spin(iterations):
    """Execute ``x ^= 1`` this many times, and return the last x."""
    x = 0
    for _ in range(iterations):
        x ^= 1
    return x
