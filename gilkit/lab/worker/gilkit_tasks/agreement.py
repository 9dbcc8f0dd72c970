"""Compare a strategy's results with those of the plain loop, with a tolerance for floats.

The same sum in a different order differs in its last digits, so floats need only be close: to 9 digits, float32 to 4 and
float16 to 2, or within a thousandth of that of the largest number in the same list or array. Everything else must be
equal and have the same type. Containers and NumPy's arrays are compared item by item, other objects by what pickle
stores of them.
"""

import os
import pickle
import sys

TOLERANCE = 1e-9
TOLERANCES = {"float16": 1e-2, "float32": 1e-4, "complex64": 1e-4}
OF_THE_LARGEST = 1e-3  # a number that cancels to almost 0 has an error of this part of the tolerance for the largest
LARGEST_FILE = 1 << 30  # bytes; larger results are not kept


class _Differs(Exception):
    pass


def keep(path, digest, result):
    """Write the plain loop's result to a file for the workers of the other strategies. Leave it out if that fails."""
    part = path + ".part"
    try:
        with open(part, "wb") as file:
            bounded = _Bounded(file)
            for value in (digest, result):
                pickle.dump(value, bounded, 4)
        os.replace(part, path)
    except Exception:  # it cannot be pickled, or is too large
        if os.path.exists(part):
            os.remove(part)


class _Bounded(object):
    def __init__(self, file):
        self._file = file
        self._left = LARGEST_FILE

    def write(self, data):
        self._left -= memoryview(data).nbytes
        if self._left < 0:
            raise ValueError("the result is too large to keep")
        return self._file.write(data)


def with_kept(path, digest, result):
    """Compare a result with the kept one; return None if there is none, or if the two cannot be compared."""
    try:
        with open(path, "rb") as file:
            known = pickle.load(file)
            if digest is not None and digest == known:
                return {"same": True, "deviation": 0.0, "where": ""}
            return compare(result, pickle.load(file))
    except Exception:  # no file, or pickled by another version of a library
        return None


def compare(mine, base):
    """Return whether two results agree, the largest relative difference of their floats, and the first difference."""
    comparison = _Comparison()
    try:
        comparison.values(mine, base, "results")
    except _Differs as difference:
        return {"same": False, "deviation": comparison.deviation, "where": str(difference)}
    return {"same": True, "deviation": comparison.deviation, "where": ""}


def shown(value, length=60):
    """Return a value's repr, shortened."""
    try:
        text = repr(value)
    except Exception as error:
        text = "a %s whose repr raises %s" % (type(value).__name__, type(error).__name__)
    text = " ".join(text.split())
    return text if len(text) <= length else text[: length - 1] + "…"


class _Comparison(object):
    def __init__(self):
        self.deviation = 0.0
        self._open = {}  # pairs being compared or done, kept alive so that their ids stay theirs

    def values(self, mine, base, where, scale=0.0):
        """Raise _Differs unless the two agree. ``scale`` is the size of the largest float around them."""
        if mine is base:
            return
        if type(mine) is not type(base):
            raise _Differs("%s is %s instead of %s" % (where, type(mine).__name__, type(base).__name__))
        numpy = sys.modules.get("numpy")
        if isinstance(mine, (float, complex)):
            self._number(mine, base, TOLERANCE, scale, where)
        elif numpy and isinstance(mine, numpy.ndarray):
            self._arrays(numpy, mine, base, where)
        elif numpy and isinstance(mine, numpy.inexact):
            self._number(mine, base, TOLERANCES.get(mine.dtype.name, TOLERANCE), scale, where)
        elif mine is None or isinstance(mine, (bool, int, str, bytes, type) + ((numpy.generic,) if numpy else ())):
            self._equal(mine, base, where)
        elif (id(mine), id(base)) not in self._open:
            self._open[id(mine), id(base)] = mine, base
            self._containers(mine, base, where)

    def _containers(self, mine, base, where):
        if isinstance(mine, (list, tuple)):
            self._length(mine, base, where)
            scale = max(
                (abs(each) for each in base if isinstance(each, (float, complex)) and _finite(each)), default=0.0
            )
            for index, (one, other) in enumerate(zip(mine, base)):
                self.values(one, other, "%s[%d]" % (where, index), scale)
        elif isinstance(mine, dict):
            self._length(mine, base, where)
            for key in base:
                if key not in mine:
                    raise _Differs("%s has no key %s" % (where, shown(key)))
                self.values(mine[key], base[key], "%s[%s]" % (where, shown(key, 30)))
        elif isinstance(mine, (set, frozenset)):
            if mine != base:
                self._length(mine, base, where)
                try:
                    self.values(sorted(mine), sorted(base), where)
                except TypeError:  # the items have no order
                    self._equal(mine, base, where)
        else:
            self._objects(mine, base, where)

    def _objects(self, mine, base, where):
        """Compare what pickle stores of two objects: how to make them, their state and their items."""
        try:
            if bool(mine == base):
                return
        except Exception:  # the comparison of arrays, or the object's own
            pass
        try:
            parts = mine.__reduce_ex__(4), base.__reduce_ex__(4)
        except Exception:
            raise _Differs("%s is %s instead of %s" % (where, shown(mine), shown(base)))
        if isinstance(parts[0], str) or isinstance(parts[1], str):
            self._equal(parts[0], parts[1], where)
            return
        name = "%s, a %s" % (where, type(mine).__name__)
        for index, (one, other) in enumerate(zip(*parts)):
            if index >= 3 and one is not None and other is not None:
                one, other = list(one), list(other)  # iterators over the items
            if index == 0 or callable(one):
                self._equal(getattr(one, "__qualname__", one), getattr(other, "__qualname__", other), name)
            else:
                self.values(one, other, name)

    def _arrays(self, numpy, mine, base, where):
        if mine.dtype != base.dtype or mine.shape != base.shape:
            texts = tuple("%s%s" % (each.dtype, list(each.shape)) for each in (mine, base))
            raise _Differs("%s is an array of %s instead of %s" % ((where,) + texts))
        if isinstance(mine, numpy.ma.MaskedArray):
            masks = numpy.ma.getmaskarray(mine), numpy.ma.getmaskarray(base)
            self._arrays(numpy, masks[0], masks[1], where + ".mask")
            mine, base = (numpy.where(mask, numpy.zeros_like(a.data), a.data) for a, mask in zip((mine, base), masks))
        mine, base = mine.view(numpy.ndarray), base.view(numpy.ndarray)
        if mine.dtype.names:
            for name in mine.dtype.names:
                self._arrays(numpy, mine[name], base[name], "%s[%r]" % (where, name))
        elif mine.dtype.kind == "O":
            self.values(mine.ravel().tolist(), base.ravel().tolist(), where)
        elif mine.dtype.kind in "fc":
            self._floats(numpy, mine, base, where)
        elif mine.tobytes() != base.tobytes():
            differ = numpy.argwhere(numpy.atleast_1d(mine != base))
            if len(differ):
                self._item(numpy, mine, base, differ[0], where)

    def _floats(self, numpy, mine, base, where):
        tolerance = TOLERANCES.get(mine.dtype.name, TOLERANCE)
        mine, base = numpy.atleast_1d(mine), numpy.atleast_1d(base)
        with numpy.errstate(all="ignore"):
            close = (mine == base) | ((mine != mine) & (base != base))
            if close.all():
                return
            wide = numpy.result_type(mine.dtype, numpy.float64)
            one, other = mine.astype(wide), base.astype(wide)
            finite = numpy.isfinite(one) & numpy.isfinite(other)
            error, size = abs(one - other), numpy.maximum(abs(one), abs(other))
            scale = size[finite].max(initial=0.0)
            close |= finite & (error <= tolerance * (size + OF_THE_LARGEST * scale))
            if close.all():
                found = error[finite] / numpy.maximum(size[finite], scale)
                self.deviation = max(self.deviation, float(numpy.nan_to_num(found).max(initial=0.0)))
                return
        self._item(numpy, mine, base, numpy.argwhere(~close)[0], where)

    def _item(self, numpy, mine, base, index, where):
        place = tuple(int(each) for each in index)
        texts = tuple(shown(numpy.atleast_1d(each)[place].item()) for each in (mine, base))
        raise _Differs("%s[%s] is %s instead of %s" % ((where, ", ".join(map(str, place))) + texts))

    def _number(self, mine, base, tolerance, scale, where):
        if mine == base or (mine != mine and base != base):
            return
        if _finite(mine) and _finite(base):
            error, size = abs(mine - base), max(abs(mine), abs(base))
            if error <= tolerance * (size + OF_THE_LARGEST * scale):
                self.deviation = max(self.deviation, float(error / max(size, scale)))
                return
        raise _Differs("%s is %s instead of %s" % (where, shown(mine), shown(base)))

    def _length(self, mine, base, where):
        if len(mine) != len(base):
            raise _Differs("%s has %d items instead of %d" % (where, len(mine), len(base)))

    def _equal(self, mine, base, where):
        if mine != base and (mine == mine or base == base):  # NaT, like NaN, is not equal to itself
            raise _Differs("%s is %s instead of %s" % (where, shown(mine), shown(base)))


def _finite(value):
    return abs(value) < float("inf")  # False for NaN
