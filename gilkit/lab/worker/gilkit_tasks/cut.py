"""Split work into parts."""


def cut(total, parts):
    """Return the sizes of ``parts`` parts of ``total`` pieces of work, as equal as possible."""
    size, rest = divmod(total, parts)
    return [size + (index < rest) for index in range(parts)]


def spans(total, parts):
    """Return the parts as (begin, end) pairs, without empty ones."""
    found = []
    begin = 0
    for size in cut(total, parts):
        if size:
            found.append((begin, begin + size))
        begin += size
    return found
