"""The busy loop: no memory, no calls, nothing but the interpreter."""


def spin(iterations):
    """Do ``x ^= 1`` so many times; return the last x."""
    x = 0
    for _ in range(iterations):
        x ^= 1
    return x
