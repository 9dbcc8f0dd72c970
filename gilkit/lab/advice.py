"""The advice of a comparison, from its figures alone.

The rule: the choice is the simplest strategy that is not shown to be slower than the fastest one; the table lists simpler
strategies first. A strategy is shown to be slower if the interval of its time over the other's lies above 1 and the
median is at least 1.05, a difference that is worth the trouble. The choice stays open while another strategy may be 1.2
times as fast, by the upper end of the interval. The start methods of a pool count as one strategy.

With fewer than three rounds an interval says little, so all intervals are 1.15 times as wide on both sides. If other
programs or the host used more than 15 % of a core they are 2 times as wide, because a thread that shares its core with
another program gets at least half of it.

A function releases the GIL if threads are shown to be at least 1.2 times as fast as the plain loop. It holds the GIL if
they are shown not to be, or if they use at most 1.1 cores together while the plain loop uses at least 0.9. It uses several cores by itself if the plain loop takes at least 1.3 CPU seconds per second.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from .experiment import Outcome, Row, Setting, Verdict
from .figures import NOISY_PERCENT, disturbed_percent, find, ratio, times
from .stats import MINIMUM_PAIRS, Interval, Ratio
from .text import digits, duration, listed, plural, size

MATTERS = 1.2  # times as fast
WORTH = 1.05
FEW_ROUNDS = 1.15  # factor of the intervals on both sides
DISTURBED = 2.0
FREES_THE_GIL = 1.2
ONE_CORE = 1.1  # cores that threads use together if they take turns
WAITS = 0.5  # cores that a plain loop uses at most if it mostly waits
BUSY = 0.9  # cores that a plain loop uses if it does not wait
INSIDE = 1.3  # cores that the plain loop uses
SHORT_CALL = 20e-6  # seconds, about the cost of handing a call to another thread
IN_NUMPY = 0.3  # part of the time in NumPy's functions from which the advice names gilkit run
LONG_START = 0.2  # seconds
LONG_IMPORT = 1.0  # seconds
LIMITED = " limited"  # ends the names of strategies that run with the pools of libraries at one thread
TIMES = (2, 5, 10, 20, 60, 120, 300, 600, 1200, 3600)  # values of --seconds that are suggested


def advise(rows: Sequence[Row], setting: Setting, facts: dict[str, Any], custom: bool) -> Verdict:
    """Return the choice and the reasons for it, or what is not decided and why."""
    base = find(rows, "serial")
    measured = [row for row in rows if row.measured]
    if base is None or len(measured) < 2:
        return Verdict(Outcome.OPEN, " ".join(["Too little was measured to tell.", *failures(rows)]))
    sentences = []
    if custom:
        sentences += about_results(base, measured)
        measured = [row for row in measured if same(base, row)]
    choice, rivals = choose(measured)
    sentences.append(f"The plain loop takes {duration(base['wall'])}{of_what(base, facts)}.")
    sentences += about_cores(rows, base, setting, facts, custom)
    if rivals:
        sentences += undecided(choice, rivals)
    else:
        sentences += decided(choice, base, measured)
    sentences += dominates(base, measured, facts, setting)
    if not rivals:
        sentences += for_one_run(choice, measured)
    sentences += numpy_part(base, rows, facts) + failures(rows)
    if rivals:
        labels = [row.label for row in measured if row is choice or row in rivals]
        return Verdict(Outcome.OPEN, " ".join(sentences), f"between {listed(labels)}")
    return Verdict(Outcome.CHOICE, " ".join(sentences), choice.label)


# ---- The choice


def widened(found: Ratio, factor: float) -> Interval:
    """Return the interval of a ratio, wider on both sides by ``factor``, or by FEW_ROUNDS if that is more."""
    if found.pairs < MINIMUM_PAIRS:
        factor = max(factor, FEW_ROUNDS)
    return Interval(found.middle, found.interval.low / factor, found.interval.high * factor)


def is_disturbed(rows: Sequence[Row]) -> bool:
    return disturbed_percent(rows) > NOISY_PERCENT


def slower(row: Row, other: Row, factor: float) -> bool:
    """Whether ``row`` is shown to be slower than ``other``."""
    found = widened(ratio(row, other, "wall"), factor)
    return found.low > 1 and found.middle >= WORTH


def choose(measured: Sequence[Row]) -> tuple[Row, list[Row]]:
    """Return the simplest strategy that is not shown to be slower than the fastest, and those that keep it open."""
    factor = DISTURBED if is_disturbed(measured) else 1.0
    fastest = min(measured, key=lambda row: row["wall"])
    kept = [row for row in measured if row is fastest or not slower(row, fastest, factor)]
    choice = kept[0]
    rivals = [
        row
        for row in kept
        if family(row) != family(choice) and widened(ratio(choice, row, "wall"), factor).high > MATTERS
    ]
    return choice, rivals


def family(row: Row) -> str:
    return "pool" if row.strategy.startswith("pool-") and not row.strategy.endswith(LIMITED) else row.strategy


def undecided(choice: Row, rivals: Sequence[Row]) -> list[str]:
    """Say why the choice is open, and what decides it."""
    rows = [choice, *rivals]
    percent = disturbed_percent(rows)
    again = f"--seconds {longer(rows)}"
    if percent > NOISY_PERCENT:
        return [
            f"Other programs or the host used {percent:.0f} % of a core meanwhile, so only differences by a factor of "
            f"more than {DISTURBED:g} count: end these programs, or run it again with {again} at a quieter time."
        ]
    rounds = min(len(row.samples) for row in rows)
    if rounds < MINIMUM_PAIRS:
        return [
            f"With {plural(rounds, 'round')}, only differences of more than {100 * (FEW_ROUNDS - 1):.0f} % count: run it "
            "again with --rounds 5, or with inputs that take less time."
        ]
    widest = max(rivals, key=lambda row: ratio(choice, row, "wall").interval.high)
    found = ratio(choice, widest, "wall").interval
    return [
        f"The figures vary too much from round to round: {choice.label} takes between {digits(found.low)} and "
        f"{digits(found.high)} times as long as {widest.label}. Run it again with {again}."
    ]


def longer(rows: Sequence[Row]) -> int:
    """Return a time to suggest for --seconds: at least three times that of the run."""
    spent = max(sum(sample["wall"] * sample.get("runs", 1) for sample in row.samples) for row in rows)
    return next((each for each in TIMES if each >= 3 * spent), TIMES[-1])


def decided(choice: Row, base: Row, measured: Sequence[Row]) -> list[str]:
    if choice is base:
        sentences = ["Nothing is shown to be faster than the plain loop."]
    else:
        sentences = [gain_of(choice, base)]
        fastest = min(measured, key=lambda row: row["wall"])
        factor = DISTURBED if is_disturbed(measured) else 1.0
        ties = [row for row in measured if row not in (choice, base) and not slower(row, fastest, factor)]
        if ties:
            are = verb(ties[0]) if len(ties) == 1 else "are"
            sentences.append(f"{listed([row.label for row in ties])} {are} not shown to differ from {choice.label}.")
    return sentences


def gain_of(choice: Row, base: Row) -> str:
    found = ratio(base, choice, "wall")
    spread = f"{digits(found.interval.low)} to {digits(found.interval.high)}" if found.pairs > 1 else "a single round"
    return f"{choice.label} {verb(choice)} {digits(found.middle)} times as fast ({spread})."


def verb(row: Row) -> str:
    """Return the verb of a sentence about a strategy, which may be a plural such as Python threads."""
    return "are" if row.label.partition(" (")[0].endswith(("threads", "interpreters")) else "is"


def for_one_run(choice: Row, measured: Sequence[Row]) -> list[str]:
    """Name another strategy if it is clearly faster for a program that does the work once."""

    def total(row: Row) -> float:
        return row["wall"] + (row.get("startup") or 0.0)

    best = min((row for row in measured if row.get("startup") is not None), key=total, default=choice)
    if total(choice) <= MATTERS * total(best) or is_disturbed([choice, best]):
        return []
    return [
        f"For a single run including start-up, {best.label} {verb(best)} fastest ({duration(total(best))} in total)."
    ]


# ---- The results


def same(base: Row, row: Row) -> bool:
    """Whether a strategy's results agree with those of the plain loop, as far as they could be compared."""
    if row is base or base.samples[0].get("inputs") != row.samples[0].get("inputs"):
        return True  # nothing to compare
    if compared := agreements(row):
        return all(each["same"] for each in compared)
    known, mine = base.samples[0].get("digest"), row.samples[0].get("digest")
    # Another version of Python may pickle equal objects differently.
    return known is None or mine is None or known == mine or row.interpreter != base.interpreter


def agreements(row: Row) -> list[dict[str, Any]]:
    return [sample["agreement"] for sample in row.samples if sample.get("agreement")]


def about_results(base: Row, rows: Sequence[Row]) -> list[str]:
    """Say which results differ, and by how much."""
    own = agreements(base)
    if not all(each["same"] for each in own) or (not own and len({each.get("digest") for each in base.samples}) > 1):
        return ["Even the plain loop gives different results each time: it depends on chance or changes its inputs."]
    found = []
    inputs = base.samples[0].get("inputs")
    if any(row.samples[0].get("inputs") != inputs and row.interpreter == base.interpreter for row in rows):
        found.append(
            "The inputs differ from process to process (do they depend on chance or the time?), so the results could not "
            "be compared."
        )
    elif "digest" in base.samples[0] and base.samples[0]["digest"] is None:
        found.append("The results cannot be pickled, so they were not compared.")
    wrong = [row for row in rows if not same(base, row)]
    if wrong:
        place = next((each["where"] for row in wrong for each in agreements(row) if not each["same"]), "")
        found.append(
            f"{listed([row.label for row in wrong])} gave other results than the plain loop (global state that is not "
            f"shared, or a lost update) and cannot be used{': ' + place if place else ''}."
        )
    close = [(max(each["deviation"] for each in agreements(row)), row.label) for row in rows if agreements(row)]
    close = [
        (deviation, label) for deviation, label in close if deviation > 0 and label not in {r.label for r in wrong}
    ]
    if close:
        found.append(
            f"Floats from {listed([label for _, label in close])} differ from those of the plain loop by up to "
            f"{max(close)[0]:.1g} of their size, which counts as equal."
        )
    return found


# ---- The cores


def about_cores(rows: Sequence[Row], base: Row, setting: Setting, facts: dict[str, Any], custom: bool) -> list[str]:
    """Say whether the work holds the GIL, or uses several cores by itself."""
    sentences = []
    used = cores(base)
    suffix = ""
    if used >= INSIDE:
        sentences += inside(rows, base, used, facts)
        suffix = LIMITED
    if facts and facts["each"] < SHORT_CALL:
        return [*sentences, "Calls this short cannot show whether the function holds the GIL."]
    alone = find(rows, "serial" + suffix)
    if alone and cores(alone) < INSIDE:
        sentences += gil(rows, alone, setting, custom, suffix)
    return sentences + without_gil(rows, base)


def cores(row: Row) -> float:
    """Return the CPU seconds per second of a row, or 0 if they are not known."""
    return row["cpu"] / row["wall"] if row.get("cpu") and row["wall"] else 0.0


def inside(rows: Sequence[Row], base: Row, used: float, facts: dict[str, Any]) -> list[str]:
    """Say what uses the cores in the plain loop, and what one thread of it would do."""
    pools = facts.get("pools") or []
    loaded = f" (it has loaded {listed(pools)})" if pools else ""
    sentences = [f"The function uses {used:.1f} cores by itself{loaded}, so there is little left to distribute."]
    alone = find(rows, "serial" + LIMITED)
    if alone:
        if cores(alone) >= INSIDE:
            sentences.append("The limits of libraries (OMP_NUM_THREADS=1 and the like) do not change that.")
        else:
            sentences.append(
                "With its libraries limited to one thread (OMP_NUM_THREADS=1 and the like), the plain loop takes "
                f"{digits(times(alone, base, 'wall'))} times as long."
            )
    return sentences


def gil(rows: Sequence[Row], base: Row, setting: Setting, custom: bool, suffix: str = "") -> list[str]:
    """Say whether the work holds the GIL, from the speed of Python's threads, gilkit.map and gilkit.Executor."""
    threads = find(rows, "threads" + suffix)
    if threads is None or setting.usable < 2 or not base.interpreter.gil:
        return []
    others = (find(rows, name + suffix) for name in ("gilkit.map", "executor"))
    best = min([threads, *filter(None, others)], key=lambda row: row["wall"])
    found, gain = ratio(base, best, "wall"), times(base, threads, "wall")
    work = "The function" if custom else "The work"
    # Other programs can only hide a gain.
    if widened(found, 1.0).low >= FREES_THE_GIL:
        if 0 < cores(base) <= WAITS:
            return [
                f"{work} uses {100 * cores(base):.0f} % of a core; the rest of its time it waits, which needs no core, so more "
                f"threads than cores gain more than the {best.threads} here."
            ]
        part = min(1.0, (1 - 1 / found.middle) / (1 - 1 / setting.usable))
        how = (
            f"{best.label} is {found.middle:.2f} times as fast, Python threads"
            if best is not threads
            else "threads are"
        )
        return [f"{work} releases the GIL for about {100 * part:.0f} % of its time: {how} {gain:.2f} times as fast."]
    if is_disturbed([base, threads]):
        return [f"{work} may or may not hold the GIL: other programs used the cores, so run it again."]
    what = "The function holds the GIL" if custom else "Pure Python holds the GIL"
    number = plural(threads.threads, "thread")
    if widened(found, 1.0).high < FREES_THE_GIL:
        return [f"{what}: {number} take {1 / gain:.2f} times as long as the plain loop."]
    if cores(base) >= BUSY and 0 < cores(best) <= ONE_CORE:
        return [f"{what}: {number} use {cores(best):.2f} cores together."]
    return [f"{work} may or may not hold the GIL: the figures vary too much from round to round."]


def without_gil(rows: Sequence[Row], base: Row) -> list[str]:
    """Compare a free-threaded build's threads with the plain loop; a single thread of that build is slower."""
    free = find(rows, "free-threaded")
    if free is None:
        return []
    gain = times(base, free, "wall")
    what = (
        f"are {gain:.2f} times as fast as the plain loop"
        if gain >= 1
        else f"take {1 / gain:.2f} times as long as the plain loop"
    )
    return [f"On the free-threaded build {plural(free.threads, 'thread')} {what}."]


def numpy_part(base: Row, rows: Sequence[Row], facts: dict[str, Any]) -> list[str]:
    """Say what patching NumPy gains where a good part of the time is in its functions."""
    part = facts.get("numpy_part") or 0.0
    if part < IN_NUMPY:
        return []
    patched = find(rows, "patched-numpy")
    gain = f" (the plain loop is {digits(times(base, patched, 'wall'))} times as fast with it)" if patched else ""
    return [
        f"About {100 * part:.0f} % of a call's time is in functions of NumPy that gilkit.patch_numpy can run on all "
        f"cores{gain}: measure your program with gilkit run --compare."
    ]


# ---- Overhead


def dominates(base: Row, rows: Sequence[Row], facts: dict[str, Any], setting: Setting) -> list[str]:
    """Say what the overhead of the strategies consists of."""
    found = []
    if facts and facts["inputs"] < setting.usable:
        found.append(f"With {plural(facts['inputs'], 'input')} there is not enough to distribute over the cores.")
    found += processes(base, [row for row in rows if row.strategy.startswith("pool-")])
    if facts and facts["each"] < SHORT_CALL:
        found.append(
            f"A call takes {duration(facts['each'])}. Below about 20 µs, handing out calls one by one costs more than "
            "the calls themselves; hand out batches, or vectorise."
        )
    if facts.get("async"):
        found.append("Except with asyncio.gather, each call ran in an event loop of its own (asyncio.run).")
    if facts.get("import", 0.0) > LONG_IMPORT:
        found.append(
            f"Importing the module takes {duration(facts['import'])}, again in every process; what only a script needs "
            'belongs under `if __name__ == "__main__":`.'
        )
    slow = [row for row in rows if (row.get("startup") or 0.0) > max(LONG_START, row["wall"])]
    if slow:
        words = listed([f"{row.label} {duration(row['startup'])}" for row in slow])
        found.append(f"Start-up takes longer than the work itself ({words}), but is paid only once.")
    return found


def processes(base: Row, pools: Sequence[Row]) -> list[str]:
    """Say where the time of the fastest pool goes, if a good part of it does not go into the work."""
    if not pools:
        return []
    best = min(pools, key=lambda row: row["wall"])
    share = base["wall"] / best.threads
    handing, moving = best.get("handing_out"), best.get("moving")
    rest = best["wall"] - share - (handing or 0.0) - (moving or 0.0)
    volume = f"{size(round(best['moved']))} of " if best.get("moved") else ""
    if max(best["wall"] - share, (handing or 0.0) + (moving or 0.0)) <= 0.3 * share:
        return []
    if handing is None or moving is None:
        also = f", and moves {volume}inputs and results" if volume else ""
        return [f"{best.label} takes {duration(rest)} longer than each process's share of the plain loop{also}."]
    parts = [
        f"{duration(share)} for each process's share of the plain loop",
        f"{duration(moving)} to move {volume}inputs and results",
        f"{duration(handing)} to hand out the calls",
    ]
    if rest < 0:
        return [f"{best.label} takes {duration(best['wall'])}, although it needs {listed(parts)}: they overlap."]
    parts.append(f"{duration(rest)} for waiting and slower work")
    return [f"{best.label} takes {duration(best['wall'])}: {listed(parts)}."]


# ---- Strategies that could not run


def failures(rows: Sequence[Row]) -> list[str]:
    """Say which strategies could not run and why, grouped by reason."""
    reasons: dict[str, list[str]] = {}
    for row in rows:
        if row.error:
            reasons.setdefault(explain(row.error), []).append(row.label)
    return [f"{listed(labels)} could not run: {reason}." for reason, labels in reasons.items()]


def explain(error: str | None) -> str:
    """Return a worker's error with its cause in plain words."""
    text = error or "unknown"
    if any(word in text for word in ("PicklingError", "cannot pickle", "an't pickle", "Can't get")):
        return (
            f"{text} (processes accept only what can be pickled, such as functions and classes at a module's top level)"
        )
    if any(word in text for word in ("NotShareableError", "InterpreterError", "does not support loading in subinterp")):
        return f"{text} (a sub-interpreter accepts only what can be pickled and what it can import itself)"
    if any(words in text for words in ("bootstrapping phase", "daemonic processes are not allowed")):
        return (
            f"{text} (the function or its module starts processes itself; what a module starts when it is imported, as "
            'every process of a pool does, belongs under `if __name__ == "__main__":`)'
        )
    if "ModuleNotFoundError" in text:
        return f"{text} (it is not installed for that interpreter)"
    if "no answer within" in text:
        return (
            f"{text} (it hangs, or there are too many inputs; processes also hang if the module starts processes when "
            'it is imported, without `if __name__ == "__main__":`)'
        )
    return text


def of_what(base: Row, facts: dict[str, Any]) -> str:
    if not facts:
        return ""
    count = base.get("count") or facts["inputs"]
    text = f" for {plural(int(count), 'call')}"
    return text + (f" (of {facts['inputs']})" if count < facts["inputs"] else "")


# ---- An older run


def against(new: Sequence[Row], old: Sequence[Row]) -> list[str]:
    """Say what has changed since an older run.

    The two runs did not take turns, so only their speed-ups over the plain loop are compared, and a difference is
    reported only if the intervals do not overlap.
    """
    found = []
    bases = find(new, "serial"), find(old, "serial")
    for row in new:
        before = find(old, row.strategy)
        if not (row.measured and before and bases[0] and bases[1]) or row.strategy == "serial":
            continue
        now, then = ratio(bases[0], row, "wall").interval, ratio(bases[1], before, "wall").interval
        if now.low > then.high or now.high < then.low:
            word = "faster" if now.middle > then.middle else "slower"
            found.append(f"{row.label}: {word}, speed-up {then.middle:.2f}× then, {now.middle:.2f}× now")
        else:
            found.append(f"{row.label}: no difference shown ({then.middle:.2f}× then, {now.middle:.2f}× now)")
    return found
