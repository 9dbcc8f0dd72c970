"""One strategy on one workload in its own process: the first call opens it, every call runs it once."""

import hashlib
import importlib
import io
import pickle
import sys
import time
import warnings

from . import custom

LONG = 10.0  # seconds

_state = {}


def once(strategy, workload, size, threads, amount=None):
    """Do the work once under the strategy, check the result, and return the figures.

    They are the cost, the start-up time (first call only), the memory of all processes, the bytes moved to other
    processes and back, the units of work (``amount``, or the number of calls), and a digest of the result.
    """
    import psutil

    from gilkit.lab import strategies, workloads
    from gilkit.lab.measure import Meter

    figures = {}
    if "contender" not in _state:
        work = workloads.custom(size) if workload == "custom" else workloads.get(workload, **size)
        start = time.perf_counter()
        _state["contender"] = strategies.get(strategy).open(work, threads)
        figures["startup"] = time.perf_counter() - start
        _state["work"] = work
        if workload == "custom":
            figures["inputs"] = digest(custom.inputs(**size))
    contender, work = _state["contender"], _state["work"]
    me = psutil.Process()
    overhead = reading_overhead(me)
    with Meter() as meter:
        before = transferred(me)
        returned = contender.run()
        after = transferred(me)
    result = contender.result(returned)
    work.check(result)
    if "moved" not in _state:
        _state["moved"] = strategies.get(strategy).moved(work, threads, result)
    if _state["moved"] is not None:
        figures["moved"] = _state["moved"]
    elif overhead is not None:
        figures["moved"] = max(0, after - before - overhead)
    total = 0
    for process in [me] + me.children(recursive=True):
        try:
            full = process.memory_full_info()
            total += getattr(full, "pss", full.rss)
        except psutil.Error:
            pass
    figures["count"] = work.amount if amount is None else amount
    return dict(figures, **meter.usage.to_json(), memory=total, digest=digest(result))


def reading_overhead(process):
    """Return the bytes that reading the counters adds to them, or None if there are none."""
    first = transferred(process)
    return None if first is None else transferred(process) - first


def transferred(process):
    """Return the bytes that the process has read and written, pipes and sockets included.

    Returns None if the system does not count them.
    """
    try:
        counters = process.io_counters()
        return counters.read_chars + counters.write_chars
    except (AttributeError, NotImplementedError):
        return None


def digest(result):
    """Return a digest that is the same for equal results, as far as pickle shows; None if they cannot be pickled."""
    try:
        file = io.BytesIO()
        pickler = pickle.Pickler(file, 4)
        # No memo, because results from another process are equal but do not share objects.
        pickler.fast = True
        pickler.dump(in_order(result))
        return hashlib.sha256(file.getvalue()).hexdigest()
    except Exception:
        return None


def in_order(value):
    """Return ``value`` with sets replaced by lists in an order that does not depend on the process."""
    if isinstance(value, (set, frozenset)):
        return ["a set", sorted(filter(None, map(digest, value))), len(value)]
    if type(value) in (list, tuple):
        return [type(value).__name__] + [in_order(each) for each in value]
    if type(value) is dict:
        return {key: in_order(each) for key, each in value.items()}
    return value


def portable(workload, size, threads, amount=None):
    """Do the same on the threads of an interpreter without gilkit."""
    from . import work

    cost = work.once(workload, size, threads)
    cost["count"] = amount
    if workload == "custom":
        inputs = custom.inputs(**size)
        cost.update(inputs=digest(inputs), count=len(inputs))
    return dict(cost, digest=digest(work.result()) if workload == "custom" else None)


def inspect(function, make):
    """Return facts about a function before it is compared.

    They are the number of inputs, the time of the first calls, the size of what must move to another process, and the
    time to pickle it.
    """
    needed = custom.arity(function)
    if not callable(custom.target(function)):
        raise custom.Unusable("%s is %s, not a function" % (function, type(custom.target(function)).__name__))
    if not make and needed:
        raise custom.Unusable(
            "%s takes %d argument(s): use --inputs to name a function that makes them" % (function, needed)
        )
    items = custom.inputs(function, make)
    if not items:
        raise custom.Unusable("%s returned no inputs" % make)
    facts = {"inputs": len(items), "needed": needed}
    start = time.perf_counter()
    results = []
    for item in items:
        results += _solve(function, make, item, needed)
        if time.perf_counter() - start > 1.0:
            break
    facts["tried"] = len(results)
    facts["each"] = (time.perf_counter() - start) / len(results)
    if facts["each"] * facts["tried"] < LONG:  # it takes as long once more
        facts["numpy_part"] = part_in_numpy(function, make, items[: len(results)] if make else items[:1], needed)
    for key, value in (("function", custom.target(function)), ("inputs", items[: len(results)]), ("results", results)):
        start = time.perf_counter()
        try:
            data = pickle.dumps(value)
            pickle.loads(data)
            facts["pickle_" + key] = [len(data), time.perf_counter() - start]
        except Exception as error:
            facts["unpicklable_" + key] = "%s: %s" % (type(error).__name__, error)
    return facts


def part_in_numpy(function, make, items, needed):
    """Return the part of the calls' time, from 0 to 1, in functions of NumPy that gilkit.patch_numpy() runs in parallel.

    Returns None if that cannot be told: NumPy was not imported, cannot be patched, or the calls raise the second time.
    """
    if "numpy" not in sys.modules:
        return None
    try:
        import gilkit

        patching = importlib.import_module("gilkit.patching")
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            with gilkit.patch_numpy():
                if not gilkit.numpy_is_patched():
                    return None
                patching.collect_statistics(True)
                try:
                    before = _seconds(patching)
                    start = time.perf_counter()
                    for item in items:
                        _solve(function, make, item, needed)
                    wall = time.perf_counter() - start
                    return max(0.0, min(1.0, (_seconds(patching) - before) / wall))
                finally:
                    patching.collect_statistics(False)
    except Exception:
        return None


def _seconds(patching):
    return sum(each.seconds for each in patching.statistics().values())


def _solve(function, make, item, needed):
    return [_call(function, item, needed)] if make else custom.solve(map, 1, function, make, 1)


def _call(function, item, needed):
    call = custom.target(function)
    return call(*item) if (needed or 1) > 1 else call(item)
