"""Cuts work into parts."""


def cut(total, parts):
    """The sizes of ``parts`` parts of ``total`` pieces of work, as equal as they can be."""
    least, more = divmod(total, parts)
    return [least + (index < more) for index in range(parts)]


def spans(total, parts):
    """The same as (begin, end) pairs, empty ones left out."""
    found = []
    begin = 0
    for size in cut(total, parts):
        if size:
            found.append((begin, begin + size))
        begin += size
    return found
