"""The races of the pool and of the locks under weak memory (tests/weak_memory), and the models that decide about them."""

from __future__ import annotations

import re
import shutil
import subprocess
import sys
from functools import cache
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parent.parent
sys.path.append(str(ROOT / "tests" / "weak_memory"))
from check import MODELS, RACES, Graph, Proof, describe, minimal, needs, weaker  # noqa: E402
from executions import Race  # noqa: E402
from outside import OUTSIDE, line_of  # noqa: E402
from source import FILES, Orders, Site, atomics, atomics_in, files, with_order  # noqa: E402

# In the tables, but not under test: both are harmless by design.
HARMLESS = {"late-wake", "slot-reuse"}


@cache
def proofs():
    return [Proof(race) for race in RACES]


def readme(folder):
    return (ROOT / "csrc" / folder / "README.md").read_text(encoding="utf-8")


# ---- The models, on litmus tests whose outcomes are known


def store_buffering(r, write, read, fence=None):
    for name, mine, theirs in (("one", "x", "y"), ("other", "y", "x")):

        def thread(t, mine=mine, theirs=theirs):
            write(t, mine)
            if fence:
                t.fence(fence)
            return t.r(theirs, read)

        r.threads[name] = thread
    r.forbid(lambda x: x["one"] == x["other"] == 0)


def message_passing(r, write, read, between=None, fences=(None, None)):
    @r.thread
    def sender(t):
        t.w("x", 1, "relaxed")
        if fences[0]:
            t.fence(fences[0])
        t.w("y", 1, write)
        if between == "store":
            t.w("y", 2, "relaxed")

    if between == "rmw":
        r.threads["between"] = lambda t: t.until(t.rmw("y", 2, "relaxed") == 1)

    @r.thread
    def receiver(t):
        t.until(t.r("y", read) == (2 if between else 1))
        if fences[1]:
            t.fence(fences[1])
        return t.r("x", "relaxed")

    r.forbid(lambda x: x["receiver"] == 0)


def load_buffering(r, read, depends):
    for name, mine, theirs in (("one", "x", "y"), ("other", "y", "x")):

        def thread(t, mine=mine, theirs=theirs):
            seen = t.r(mine, read)
            if depends == "control":
                bool(seen == 1)
            t.w(theirs, (seen & 0) + 1 if depends == "data" else 1, "relaxed")
            return seen

        r.threads[name] = thread
    r.forbid(lambda x: x["one"] == x["other"] == 1)


def independent_reads(r, order):
    r.threads["x"] = lambda t: t.w("x", 1, "release" if order == "acquire" else order)
    r.threads["y"] = lambda t: t.w("y", 1, "release" if order == "acquire" else order)
    r.threads["xy"] = lambda t: (t.r("x", order), t.r("y", order))
    r.threads["yx"] = lambda t: (t.r("y", order), t.r("x", order))
    r.forbid(lambda x: x["xy"] == x["yx"] == (1, 0))


def two_writes_each(r, order):
    for name, first, second in (("one", "x", "y"), ("other", "y", "x")):

        def thread(t, first=first, second=second):
            t.w(first, 1, "relaxed")
            t.w(second, 2, order)

        r.threads[name] = thread
    r.forbid(lambda x: x.final("x") == x.final("y") == 1)


def causality(r, read, write):
    r.threads["writer"] = lambda t: t.w("x", 1, "relaxed")

    @r.thread
    def middle(t):
        t.until(t.r("x", read) == 1)
        t.w("y", 1, write)

    @r.thread
    def reader(t):
        t.until(t.r("y", "acquire") == 1)
        return t.r("x", "relaxed")

    r.forbid(lambda x: x["reader"] == 0)


def write(order):
    return lambda t, location: t.w(location, 1, order)


def rmw(order):
    return lambda t, location: t.rmw(location, 1, order)


# The letters of the models that allow the outcome: C11, Arm, POWER.
LITMUS = [
    ("CAP", "SB relaxed", lambda r: store_buffering(r, write("relaxed"), "relaxed")),
    ("CAP", "SB release, acquire", lambda r: store_buffering(r, write("release"), "acquire")),
    ("", "SB seq_cst", lambda r: store_buffering(r, write("seq_cst"), "seq_cst")),
    ("", "SB fences", lambda r: store_buffering(r, write("relaxed"), "relaxed", "seq_cst")),
    ("CP", "SB weaker fences", lambda r: store_buffering(r, write("relaxed"), "relaxed", "acq_rel")),
    ("CAP", "SB rmw seq_cst, load relaxed", lambda r: store_buffering(r, rmw("seq_cst"), "relaxed")),
    ("C", "SB rmw acq_rel, load seq_cst", lambda r: store_buffering(r, rmw("acq_rel"), "seq_cst")),
    ("", "SB rmw seq_cst, load seq_cst", lambda r: store_buffering(r, rmw("seq_cst"), "seq_cst")),
    ("CAP", "MP relaxed", lambda r: message_passing(r, "relaxed", "relaxed")),
    ("CAP", "MP release, relaxed", lambda r: message_passing(r, "release", "relaxed")),
    ("CAP", "MP relaxed, acquire", lambda r: message_passing(r, "relaxed", "acquire")),
    ("", "MP release, acquire", lambda r: message_passing(r, "release", "acquire")),
    ("", "MP fences", lambda r: message_passing(r, "relaxed", "relaxed", fences=("release", "acquire"))),
    ("CAP", "MP one fence", lambda r: message_passing(r, "relaxed", "relaxed", fences=("release", None))),
    ("", "MP through a rmw", lambda r: message_passing(r, "release", "acquire", "rmw")),
    ("C", "MP through a store", lambda r: message_passing(r, "release", "acquire", "store")),
    ("AP", "LB relaxed", lambda r: load_buffering(r, "relaxed", None)),
    ("", "LB acquire", lambda r: load_buffering(r, "acquire", None)),
    ("", "LB data", lambda r: load_buffering(r, "relaxed", "data")),
    ("", "LB control", lambda r: load_buffering(r, "relaxed", "control")),
    ("CAP", "IRIW relaxed", lambda r: independent_reads(r, "relaxed")),
    ("CP", "IRIW acquire", lambda r: independent_reads(r, "acquire")),
    ("", "IRIW seq_cst", lambda r: independent_reads(r, "seq_cst")),
    ("CAP", "2+2W relaxed", lambda r: two_writes_each(r, "relaxed")),
    ("C", "2+2W release", lambda r: two_writes_each(r, "release")),
    ("", "WRC relaxed, release", lambda r: causality(r, "relaxed", "release")),
    ("CP", "WRC acquire, relaxed", lambda r: causality(r, "acquire", "relaxed")),
]


def test_the_models_agree_with_known_litmus_tests():
    found = {}
    for _, name, build in LITMUS:
        build(race := Race(name, "", {"x": 0, "y": 0}))
        wrong = [Graph(x) for x in race.executions() if race.forbidden(x)]
        assert wrong, name  # else the test tests nothing
        found[name] = "".join(
            model[0] for model, allows in MODELS.items() if any(allows(g, {}).consistent() for g in wrong)
        )
    assert found == {name: allowed for allowed, name, _ in LITMUS}


def test_executions_are_enumerated_once():
    """Two increments and a read: 2 orders of the increments, and the read sees one of 3 writes."""
    race = Race("count", "", {"value": 0})
    for name in ("one", "other"):
        race.threads[name] = lambda t: t.fetch_add("value", 1, "counter.h gk_atomic_add")
    race.threads["reader"] = lambda t: t.load("value", "counter.h gk_counter_value")
    seen = [(x.final("value"), tuple(sorted(x.rf.items())), tuple(x.co["value"])) for x in race.executions()]
    assert len(seen) == len(set(seen)) == 6
    assert {final for final, _, _ in seen} == {2}


def test_locations_are_coherent():
    race = Race("CoRR", "", {"x": 0})
    race.threads["writer"] = lambda t: t.w("x", 1, "relaxed")
    race.threads["reader"] = lambda t: (t.r("x", "relaxed"), t.r("x", "relaxed"))
    assert sorted(x["reader"] for x in race.executions()) == [(0, 0), (0, 1), (1, 1)]


# ---- The races


def test_no_race_has_a_forbidden_outcome():
    for proof in proofs():
        for model in MODELS:
            found = proof.counterexample(model, atomics())
            assert found is None, f"{proof.race.name}: {model} allows\n{found and describe(found)}"
        # A program in which nothing can go wrong would prove nothing, and neither would one that never ends.
        assert proof.bad or proof.racy or proof.race.name in SINGLE_WORD, proof.race.name
        assert proof.count > 0, proof.race.name


# These races are closed because one word changes in one step, so no coherent execution is wrong.
SINGLE_WORD = {"leave-sleep", "queue-lock", "signal-sleep", "lock-queue", "event-sleep", "last-reader"}


def test_each_race_of_the_tables_is_proved():
    for folder in FILES:
        named = set(re.findall(r"^\| \*\*([\w-]+)\*\* \|", readme(folder), re.M))
        names = {path.name for path in files(folder)}
        proved = {race.name for race in RACES if all(site.file in names for site in race.sites())}
        assert named - HARMLESS == proved


def test_every_weaker_order_is_detected_or_listed():
    """The tables of the README files list exactly the orders that could be weaker."""
    found = needs(proofs(), ["C11"])
    for folder in FILES:
        names = {path.name for path in files(folder)}
        listed = re.findall(r"^\| `([^`]+\))((?: #\d)?)` \| (\w+) \| ([\w ]+) \|$", readme(folder), re.M)
        spare = {
            str(need.site): (need.order, " or ".join(minimal(need.site, need.weakest["C11"])))
            for need in found
            if need.weakest["C11"] and need.site.file in names
        }
        assert {site + number: (order, enough) for site, number, order, enough in listed} == spare


def test_every_strong_operation_is_part_of_a_race_or_excused():
    in_races = {site for race in RACES for site in race.sites()}
    used = set()
    for site, orders in atomics().items():
        if site in in_races or orders.success == "relaxed":
            continue
        line = line_of(site)
        assert line, f"{site}: {orders}: part of no race, and not in outside.py"
        used.add(line)
    assert used == set(OUTSIDE), "outside.py excuses operations that are part of a race, or that do not exist"


# ---- The source


def test_a_change_of_the_code_changes_the_proof():
    """With one order in slots.c weakened, the race that needs it fails; a renamed variable is noticed as well."""
    text = (ROOT / "csrc/runtime/slots.c").read_text()
    before = "atomic_store_explicit(&s->word, unopened | OPEN, memory_order_release);"
    changed = text.replace(before, before.replace("release", "relaxed"))
    assert changed == with_order(text, Site("slots.c", "gk_publish", "store", "word"), "relaxed") != text
    weak = atomics() | atomics_in(changed, "slots.c")
    failing = {proof.race.name for proof in proofs() if proof.counterexample("C11", weak)}
    assert failing == {"publish-join"}
    renamed = atomics_in(text.replace("work_mask", "offers"), "slots.c")
    assert Site("slots.c", "gk_publish", "fetch_add", "work_mask") not in renamed


def test_every_order_can_be_changed():
    for folder in FILES:
        for path in files(folder):
            text = path.read_text()
            before = atomics_in(text, path.name)
            for site, orders in before.items():
                for order in weaker(site, orders.success)[:1]:
                    after = atomics_in(with_order(text, site, order), path.name)
                    assert after == before | {site: Orders(order, "relaxed" if orders.failure else "")}


@pytest.mark.parametrize("program", sorted((ROOT / "tests/weak_memory/genmc").glob("*.c")), ids=lambda path: path.stem)
def test_the_programs_for_genmc_compile(program, tmp_path):
    """GenMC itself is rarely installed: nox -s weak_memory runs it."""
    compiler = next((found for name in ("cc", "gcc", "clang") if (found := shutil.which(name))), None)
    if compiler is None or sys.platform == "win32":
        pytest.skip("the system has no C compiler, or no pthreads")
    (tmp_path / "genmc.h").write_text("void __VERIFIER_assume(int);\n")
    command = [compiler, "-fsyntax-only", "-std=gnu11", "-Wall", "-Werror", "-Wno-unused", f"-I{ROOT / 'csrc'}"]
    subprocess.run([*command, f"-I{tmp_path}", program], check=True)


def test_the_source_is_read_as_a_compiler_reads_it():
    text = """
/* atomic_load(&comment) */
static int f(struct pair *p)
{
    atomic_store_explicit(&p->a[i(0)].x, atomic_load_explicit(&p->y, memory_order_acquire) + 1, memory_order_release);
    while (!atomic_compare_exchange_weak_explicit(word, &seen, (seen & ~b) - (c ? ",)" : 1), memory_order_acq_rel,
                                                  memory_order_relaxed))
        ; // atomic_load(&comment)
    atomic_with_a_name(1);
    return atomic_load(&p->y) + atomic_load(&p->y);
}
"""
    assert atomics_in(text, "f.c") == {
        Site("f.c", "f", "store", "x"): Orders("release"),
        Site("f.c", "f", "load", "y"): Orders("acquire"),
        Site("f.c", "f", "compare_exchange", "word"): Orders("acq_rel", "relaxed"),
        Site("f.c", "f", "load", "y", 2): Orders("seq_cst"),
        Site("f.c", "f", "load", "y", 3): Orders("seq_cst"),
    }
    with pytest.raises(SyntaxError):
        atomics_in("int f(void)\n{\n    return atomic_load_explicit(&x, order);\n}\n", "f.c")
    with pytest.raises(SyntaxError):
        atomics_in("static int x = sizeof(atomic_load(&y));\n", "f.c")


def test_weaker_orders():
    assert weaker(Site("", "", "load", "x"), "seq_cst") == ["acquire", "relaxed"]
    assert weaker(Site("", "", "store", "x"), "seq_cst") == ["release", "relaxed"]
    assert weaker(Site("", "", "fetch_add", "x"), "seq_cst") == ["acq_rel", "acquire", "relaxed", "release"]
    assert weaker(Site("", "", "fetch_add", "x"), "relaxed") == []
