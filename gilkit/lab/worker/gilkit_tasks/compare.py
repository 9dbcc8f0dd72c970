"""One strategy on one workload in its own process: the first call opens it, every call runs it."""

import contextlib
import hashlib
import importlib
import inspect as signatures
import io
import os
import pickle
import re
import sys
import time
import warnings

from . import agreement, custom

LONG = 10.0  # seconds
TRIAL = 1.0  # seconds of calls after which no further input is tried
WARM = 0.5  # seconds; shorter calls are timed once more, when caches are warm and libraries have started their threads

SETTLED = 0.02  # seconds of calls that show how long one takes
MOST = 10_000  # calls to find that out
MEASURABLE = 1e-3  # seconds; in less, reading the CPU time counts as much as the calls
SHARE = 1000  # calls with which the overhead is measured if measuring it with all would take too long
SHARE_SECONDS = 1.0

# The variables that the thread pools of libraries read when they start.
LIMITS = (
    "OMP_NUM_THREADS",
    "OPENBLAS_NUM_THREADS",
    "MKL_NUM_THREADS",
    "BLIS_NUM_THREADS",
    "VECLIB_MAXIMUM_THREADS",
    "NUMEXPR_NUM_THREADS",
    "NUMBA_NUM_THREADS",
    "POLARS_MAX_THREADS",
    "RAYON_NUM_THREADS",
)
# Libraries with pools of their own: as files in the process, and as modules.
_POOL_FILES = re.compile(r"/(?:lib)?(openblas|mkl_rt|blis|gomp|iomp5|omp|tbb)[^/]*\.(?:so|dylib|dll)", re.I)
_POOL_MODULES = ("polars", "pyarrow", "duckdb", "numba", "numexpr", "torch", "jax")

_state = {}


def once(strategy, workload, size, threads, amount=None, seconds=0.0, limited=False, kept=None):
    """Do the work under the strategy for ``seconds``, at least once, check the result, and return the figures of a run.

    They are the cost, the start-up time and the overhead (first call only), the memory of all processes,
    the bytes moved to other processes and back, the units of work (``amount``, or the number of calls), a digest of the
    result, and whether it agrees with the result of the plain loop, which is in the file ``kept``. ``limited`` says
    whether the thread pools of libraries are limited to one thread.
    """
    if limited and "contender" not in _state:
        os.environ.update(dict.fromkeys(LIMITS, "1"))
    import psutil

    from gilkit.lab import strategies, workloads
    from gilkit.lab.measure import Meter

    figures = {}
    if "contender" not in _state:
        work = workloads.custom(size) if workload == "custom" else workloads.get(workload, **size)
        if limited:
            _limit_loaded()
        start = time.perf_counter()
        _state["contender"] = strategies.get(strategy).open(work, threads)
        figures["startup"] = time.perf_counter() - start
        _state["work"] = work
        if workload == "custom":
            figures["inputs"] = digest(work.inputs)
    contender, work = _state["contender"], _state["work"]
    me = psutil.Process()
    overhead = reading_overhead(me)
    try:
        with Meter() as meter:
            before = transferred(me)
            runs, returned = repeated(contender.run, seconds)
            after = transferred(me)
    except Exception:
        sentence = workload == "custom" and custom.raising(size["function"], size["make"], work.inputs)
        if not sentence:
            raise
        raise custom.Raised(sentence)
    result = contender.result(returned)
    work.check(result)
    if "moved" not in _state:
        _state["moved"] = strategies.get(strategy).moved(work, threads, result)
    if _state["moved"] is not None:
        figures["moved"] = _state["moved"]
    elif overhead is not None:
        figures["moved"] = max(0, after - before - overhead) / runs
    total = 0
    for process in [me] + me.children(recursive=True):
        try:
            full = process.memory_full_info()
            total += getattr(full, "pss", full.rss)
        except psutil.Error:
            pass
    figures["count"] = work.amount if amount is None else amount
    usage = {key: value / runs for key, value in meter.usage.to_json().items()}
    figures.update(usage, runs=runs, memory=total, digest=digest(result))
    if workload == "custom":
        figures.update(agrees(strategy, figures["digest"], result, kept))
        if "startup" in figures and contender.tasks:
            moves = not strategies.get(strategy).shares_memory
            figures.update(measure_overhead(contender.tasks, work.inputs, result, moves))
    return figures


def repeated(run, seconds):
    """Run repeatedly for about ``seconds``; return how often, and the last result."""
    runs, start = 0, time.perf_counter()
    while True:
        returned = run()
        runs += 1
        spent = time.perf_counter() - start
        if spent + 0.5 * spent / runs >= seconds:  # half of the next run would be too late
            return runs, returned


def agrees(strategy, mine, result, kept):
    """Keep the plain loop's first result, or say whether another one agrees with it."""
    if kept is None:
        return {}
    if strategy == "serial" and not os.path.exists(kept):
        agreement.keep(kept, mine, result)
        return {}
    found = agreement.with_kept(kept, mine, result)
    return {} if found is None else {"agreement": found}


def measure_overhead(tasks, items, results, moves):
    """Measure the overhead: call the strategy's own ``map`` with functions that do nothing.

    ``handing_out`` is the time to hand out as many calls and collect their results. ``moving`` is the additional time
    to send the inputs and to receive the results; the latter is half of a round trip of the results.
    """
    count = min(len(items), SHARE)
    try:
        empty = _timed(tasks, _nothing, [None] * count)
        if count < len(items) and empty * len(items) / count < SHARE_SECONDS:
            count = len(items)  # a pool hands out larger parts of more calls
            empty = _timed(tasks, _nothing, [None] * count)
        scale = len(items) / count
        found = {"handing_out": scale * empty}
        if moves:
            inputs = _timed(tasks, _nothing, items[:count])
            there_and_back = _timed(tasks, _itself, results[:count])
            found["moving"] = scale * (max(0.0, inputs - empty) + max(0.0, there_and_back - empty) / 2)
        return found
    except Exception:  # a result that can be pickled, but not twice
        return {}


def _timed(tasks, function, items):
    times = []
    for _ in range(2):
        start = time.perf_counter()
        for _ in tasks(function, items):
            pass
        times.append(time.perf_counter() - start)
    return min(times)


def _nothing(item):
    pass


def _itself(item):
    return item


def _limit_loaded():
    """Limit the pools that were started before, as by a function that sets its own number of threads."""
    try:
        import threadpoolctl
    except ImportError:
        return
    _state["limits"] = threadpoolctl.threadpool_limits({"blas": 1, "openmp": 1})  # not gilkit, which is a strategy


def pools():
    """Return the names of the thread pools in this process that have more than one thread, as far as they are known."""
    found = []
    try:
        import threadpoolctl

        for pool in threadpoolctl.threadpool_info():
            if pool["num_threads"] > 1 and pool["user_api"] != "gilkit":
                name = " ".join(filter(None, (pool["internal_api"], pool.get("version"))))
                found.append("%s, %d threads" % (name, pool["num_threads"]))
    except ImportError:
        try:
            with open("/proc/self/maps") as maps:
                found = [each.lower() for each in _POOL_FILES.findall(maps.read())]
        except IOError:
            pass
    found += [name for name in _POOL_MODULES if name in sys.modules]
    return sorted(set(found))


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


def portable(workload, size, threads, amount=None, seconds=0.0, kept=None):
    """Do what once() does, on the threads of an interpreter without gilkit."""
    from . import work

    cost = work.once(workload, size, threads, seconds)
    cost["count"] = amount
    if workload != "custom":
        return dict(cost, digest=None)
    inputs, result = custom.inputs(**size), work.result()
    cost.update(inputs=digest(inputs), count=len(inputs), digest=digest(result))
    return dict(cost, **agrees("free-threaded", cost["digest"], result, kept))


def inspect(function, make):
    """Return facts about a function before it is compared.

    They are the number of inputs, the time of the first calls and the cores that they used, the size of what must move
    to another process, and the time to pickle it; or what the function raised, and for which input.
    """
    start = time.perf_counter()
    try:
        call = custom.target(function)
        _check_import(function)
        needed = custom.arity(function)
        if not callable(call):
            raise custom.Unusable("%s is %s, not a function" % (function, type(call).__name__))
        if not make and needed:
            raise custom.Unusable(
                "%s takes %d argument(s): use --inputs to name a function that makes them" % (function, needed)
            )
        loading = time.perf_counter() - start
        items = custom.inputs(function, make)
    except custom.Unusable:
        raise
    except Exception as error:
        return {"raised": custom.named(error), "traceback": custom.own_traceback(error)}
    if not items:
        raise custom.Unusable("%s returned no inputs" % make)
    facts = {"inputs": len(items), "needed": needed, "import": loading, "async": custom.is_async(function)}
    facts.update(try_out(function, make, items))
    return facts


def _check_import(function):
    """Refuse a module that starts processes when it is imported."""
    processes = sys.modules.get("multiprocessing")
    started = processes.active_children() if processes else ()
    if started:
        raise custom.Unusable(
            "importing it starts %d process%s. Every process of a pool imports it again, and would start more: move the "
            'code that starts them into `if __name__ == "__main__":`' % (len(started), "es" * (len(started) > 1))
        )


def try_out(function, make, items):
    """Call the function with the first inputs, and return the facts."""
    from gilkit.lab.measure import Meter

    call, results = custom.caller(function, make), []
    with Meter() as meter:
        start = time.perf_counter()
        for index, item in enumerate(items):
            try:
                results.append(call(item))
            except Exception as error:
                raised = custom.sentence(make, error, index, item)
                return {"raised": raised, "traceback": custom.own_traceback(error)}
            _check_result(results[-1])
            if time.perf_counter() - start > TRIAL:
                break
    tried = items[: len(results)]
    facts = {"tried": len(tried)}
    usage, passes = meter.usage, 1
    if usage.wall < WARM:
        with contextlib.suppress(Exception):  # it may work only once, which the comparison will report
            usage, passes = again(call, tried)
    facts["each"] = usage.wall / passes / len(tried)
    facts["cores"] = usage.cpu / usage.wall if usage.wall > MEASURABLE else 1.0
    facts["pools"] = pools()
    facts["numpy"] = "numpy" in sys.modules
    if usage.wall / passes < LONG:  # the measurement repeats the calls
        facts["numpy_part"] = part_in_numpy(call, tried)
    for key, value in (("function", custom.target(function)), ("inputs", tried if make else []), ("results", results)):
        start = time.perf_counter()
        try:
            data = pickle.dumps(value)
            pickle.loads(data)
            facts["pickle_" + key] = [len(data), time.perf_counter() - start]
        except Exception as error:
            facts["unpicklable_" + key] = "%s: %s" % (type(error).__name__, error)
    return facts


def again(call, items):
    """Call the function with all inputs again, often enough to measure; return the usage, and how often."""
    from gilkit.lab.measure import Meter

    passes = 1
    while True:
        with Meter() as meter:
            for _ in range(passes):
                for item in items:
                    call(item)
        if meter.usage.wall >= SETTLED or passes * len(items) >= MOST:
            return meter.usage, passes
        passes *= 8


def _check_result(result):
    """Refuse functions that only describe the work to do."""
    if signatures.isgenerator(result) or signatures.isasyncgen(result):
        raise custom.Unusable("it returns a generator, which has done no work yet: let it return a list")
    if signatures.isawaitable(result):
        close = getattr(result, "close", None)
        if close:
            close()  # or Python warns that it was never awaited
        raise custom.Unusable("it returns a %s that nothing waits for: make it an async def" % type(result).__name__)


def part_in_numpy(call, items):
    """Return the part of the calls' time, from 0 to 1, in functions of NumPy that gilkit.patch_numpy() runs in parallel.

    Returns None if that is not known: NumPy was not imported, cannot be patched, or the calls raise the second time.
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
                        call(item)
                    wall = time.perf_counter() - start
                    return max(0.0, min(1.0, (_seconds(patching) - before) / wall))
                finally:
                    patching.collect_statistics(False)
    except Exception:
        return None


def _seconds(patching):
    return sum(each.seconds for each in patching.statistics().values())
