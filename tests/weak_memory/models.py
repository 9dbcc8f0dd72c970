"""Which executions C11, Armv8 and POWER allow.

A relation between events is a list with one bit mask for each event. The axioms are those of

- RC11: Lahav, Vafeiadis, Kang, Hur, Dreyer, "Repairing sequential consistency in C/C++11", PLDI 2017, with the release
  sequences of C17's successors, which are shorter (a store of the same thread is not part of one);
- Armv8: Deacon's aarch64.cat, as in Pulte et al., "Simplifying Arm concurrency", POPL 2018, with read-modify-writes as
  loops of load-exclusive and store-exclusive, which order less than the single instructions of Armv8.1;
- POWER: Alglave, Maranget, Tautschnig, "Herding cats", TOPLAS 2014, with the mapping "leading sync".
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from functools import cached_property

from executions import INIT, Event, Execution
from source import Orders, Site

Relation = list[int]


def union(*relations: Relation) -> Relation:
    result = list(relations[0])
    for relation in relations[1:]:
        for i, row in enumerate(relation):
            result[i] |= row
    return result


def bits(row: int) -> list[int]:
    found = []
    while row:
        low = row & -row
        found.append(low.bit_length() - 1)
        row ^= low
    return found


def then(first: Relation, *others: Relation) -> Relation:
    """Return the composition: an edge of the first, then one of each other."""
    for second in others:
        result = [0] * len(first)
        for i, row in enumerate(first):
            for j in bits(row):
                result[i] |= second[j]
        first = result
    return first


def closure(relation: Relation) -> Relation:
    result = list(relation)
    for k, _ in enumerate(result):
        row, bit = result[k], 1 << k
        if row:
            for i, other in enumerate(result):
                if other & bit:
                    result[i] = other | row
                    if i == k:
                        row = result[k]
    return result


def reflexive(relation: Relation) -> Relation:
    return [row | 1 << i for i, row in enumerate(relation)]


def inverse(relation: Relation) -> Relation:
    result = [0] * len(relation)
    for i, row in enumerate(relation):
        for j in bits(row):
            result[j] |= 1 << i
    return result


def irreflexive(relation: Relation) -> bool:
    return not any(row >> i & 1 for i, row in enumerate(relation))


def acyclic(*relations: Relation) -> bool:
    return irreflexive(closure(union(*relations)))


def between(relation: Relation, first: int = -1, second: int = -1) -> Relation:
    """Return the edges from the events of one mask to those of another."""
    return [row & second if first >> i & 1 else 0 for i, row in enumerate(relation)]


class Graph:
    """An execution as relations. None of them depends on the memory orders."""

    def __init__(self, x: Execution):
        self.x, self.events = x, x.events
        self.n = n = len(self.events)
        self.po, self.rf, self.co, self.rmw = ([0] * n for _ in range(4))
        self.data, self.control, self.same = ([0] * n for _ in range(3))
        self.R = self.W = self.F = self.init = 0
        base = dict(enumerate(x.base))
        for i, event in enumerate(self.events):
            if event.thread == INIT:
                self.init |= 1 << i
            for j in range(i + 1, n):
                if event.thread == self.events[j].thread != INIT:
                    self.po[i] |= 1 << j
            for j, other in enumerate(self.events):
                if event.location and event.location == other.location:
                    self.same[i] |= 1 << j
            setattr(self, event.kind, getattr(self, event.kind) | 1 << i)
            first = base.get(event.thread, 0)
            for read in event.data:
                self.data[first + read] |= 1 << i
            for read in event.control:
                self.control[first + read] |= 1 << i
            if event.exclusive >= 0:
                self.rmw[first + event.exclusive] |= 1 << i
        for read, write in x.rf.items():
            self.rf[write] |= 1 << read
        for order in x.co.values():
            for i, write in enumerate(order):
                for later in order[i + 1 :]:
                    self.co[write] |= 1 << later
        of_thread: dict[int, int] = {}
        for i, event in enumerate(self.events):
            of_thread[event.thread] = of_thread.get(event.thread, 0) | 1 << i
        self.internal = [of_thread[event.thread] for event in self.events]

    @cached_property
    def fr(self) -> Relation:
        fr = then(inverse(self.rf), self.co)
        return [row & ~(1 << i) for i, row in enumerate(fr)]

    @cached_property
    def eco(self) -> Relation:
        return closure(union(self.rf, self.co, self.fr))

    @cached_property
    def sb(self) -> Relation:
        """Program order, and the initial values before everything."""
        rest = (1 << self.n) - 1 & ~self.init
        return [row | (rest if self.init >> i & 1 else 0) for i, row in enumerate(self.po)]

    @cached_property
    def no_thin_air(self) -> bool:
        return acyclic(self.sb, self.rf)

    def external(self, relation: Relation) -> Relation:
        return [row & ~inside for row, inside in zip(relation, self.internal, strict=True)]

    def mask(self, chosen: Callable[[int], bool]) -> int:
        return sum(1 << i for i in range(self.n) if chosen(i))

    def conflicts(self) -> list[tuple[int, int]]:
        """Return the pairs of accesses of two threads that would be a data race if nothing ordered them."""
        return [
            (i, j)
            for i, a in enumerate(self.events)
            for j, b in enumerate(self.events[:i])
            if a.location == b.location != ""
            and a.thread != b.thread
            and INIT not in (a.thread, b.thread)
            and "W" in (a.kind, b.kind)
            and "plain" in (self.plain(a), self.plain(b))
        ]

    @staticmethod
    def plain(event: Event) -> str:
        return "plain" if event.site is None and event.order == "plain" else ""


def orders_of(g: Graph, orders: Mapping[Site, Orders]) -> list[str]:
    """Return the order of each event: plain, relaxed, acquire, release, acq_rel (fences only) or seq_cst."""
    result = []
    for event in g.events:
        if event.site is None:
            order = event.order
        else:
            order = orders[event.site].failure if event.failure else orders[event.site].success
        if event.kind == "R":
            order = {"acq_rel": "acquire", "release": "relaxed"}.get(order, order)
        elif event.kind == "W":
            order = {"acq_rel": "release", "acquire": "relaxed"}.get(order, order)
        result.append(order)
    return result


class RC11:
    def __init__(self, g: Graph, orders: Mapping[Site, Orders]):
        self.g, self.order = g, orders_of(g, orders)
        order = self.order
        atomic = g.mask(lambda i: order[i] != "plain" and g.events[i].kind != "F")
        acquires = g.mask(lambda i: order[i] in ("acquire", "acq_rel", "seq_cst") and g.events[i].kind != "W")
        releases = g.mask(lambda i: order[i] in ("release", "acq_rel", "seq_cst") and g.events[i].kind != "R")
        # [release] ; ([F] ; sb)? ; [W, atomic] ; (rf ; rmw)* ; rf ; [R, atomic] ; (sb ; [F])? ; [acquire]
        begin = union([1 << i if g.W >> i & 1 else 0 for i in range(g.n)], between(g.po, g.F, g.W & atomic))
        sequence = reflexive(closure(then(g.rf, g.rmw)))
        end = union([1 << i if g.R >> i & 1 else 0 for i in range(g.n)], between(g.po, g.R & atomic, g.F))
        sw = then(between(begin, releases), sequence, between(g.rf, atomic, atomic), end)
        self.hb = closure(union(g.sb, between(sw, -1, acquires)))

    def consistent(self) -> bool:
        g, hb = self.g, self.hb
        return g.no_thin_air and irreflexive(hb) and irreflexive(then(hb, g.eco)) and self._sequential()

    def _sequential(self) -> bool:
        g, hb = self.g, self.hb
        sc = g.mask(lambda i: self.order[i] == "seq_cst")
        if sc.bit_count() < 2:
            return True
        fences = sc & g.F
        apart = [row & ~same for row, same in zip(g.sb, g.same, strict=True)]
        here = [row & same for row, same in zip(hb, g.same, strict=True)]
        scb = union(g.sb, then(apart, hb, apart), here, g.co, g.fr)
        identity = [1 << i if sc >> i & 1 else 0 for i in range(g.n)]
        left = union(identity, between(reflexive(hb), fences))
        right = union(identity, between(reflexive(hb), -1, fences))
        psc = then(left, scb, right)
        if fences:
            psc = union(psc, between(union(hb, then(hb, g.eco, hb)), fences, fences))
        return acyclic(psc)

    def races(self) -> bool:
        """Whether two threads touch a plain variable, one of them writes, and nothing orders them."""
        return any(not (self.hb[i] >> j & 1 or self.hb[j] >> i & 1) for i, j in self.g.conflicts())


class Arm:
    def __init__(self, g: Graph, orders: Mapping[Site, Orders]):
        self.g, self.order = g, orders_of(g, orders)

    def consistent(self) -> bool:
        g, order = self.g, self.order
        reads = g.mask(lambda i: g.events[i].kind == "R" and order[i] in ("acquire", "seq_cst"))
        # LDAR and LDAXR; a load with acquire may be LDAPR, which is weaker.
        A = reads & g.mask(lambda i: order[i] == "seq_cst" or g.rmw[i] != 0)
        L = g.mask(lambda i: g.events[i].kind == "W" and order[i] in ("release", "seq_cst"))  # STLR, STLXR
        load = g.mask(lambda i: g.events[i].kind == "F" and order[i] == "acquire")  # DMB ISHLD
        full = g.F & ~load  # DMB ISH
        observed = union(g.external(g.rf), g.external(g.fr), g.external(g.co))
        depends = union(g.data, between(g.control, -1, g.W), then(g.data, between(g.rf, g.W, g.R)))
        exclusive = g.mask(lambda i: g.events[i].exclusive >= 0)
        internal = [row & inside for row, inside in zip(g.rf, g.internal, strict=True)]
        atomic = union(g.rmw, between(internal, exclusive, reads))
        barriers = union(
            then(between(g.po, -1, full), g.po),
            then(between(g.po, g.R, load), g.po),
            between(g.po, L, A),
            between(g.po, reads),
            between(g.po, -1, L),
            then(between(g.po, -1, L), [row & inside for row, inside in zip(g.co, g.internal, strict=True)]),
        )
        return acyclic(observed, depends, atomic, barriers)


class Power:
    def __init__(self, g: Graph, orders: Mapping[Site, Orders]):
        self.g, self.order = g, orders_of(g, orders)

    def consistent(self) -> bool:
        g, order = self.g, self.order
        memory = g.R | g.W
        sync, light, isync = ([0] * g.n for _ in range(3))
        for i, event in enumerate(g.events):
            before = sum(1 << k for k in range(g.n) if g.po[k] >> i & 1) & memory
            after = g.po[i] & memory
            kind = order[i]
            if event.kind == "F":
                ahead, behind = before, after
            else:
                # The barrier precedes the operation; in a read-modify-write, it precedes the read.
                ahead, behind = before, after | 1 << i
            if event.kind == "W" and event.exclusive >= 0:
                read = next(k for k in range(g.n) if g.rmw[k] >> i & 1)
                ahead, behind = before & ~(1 << read), behind | 1 << read
            if kind == "seq_cst":
                sync = [row | behind if ahead >> k & 1 else row for k, row in enumerate(sync)]
            elif (kind == "release" and event.kind == "W") or (event.kind == "F" and kind != "relaxed"):
                light = [row | behind if ahead >> k & 1 else row for k, row in enumerate(light)]
            if event.kind == "R" and kind in ("acquire", "seq_cst"):
                isync[i] |= after & ~g.rmw[i]  # isync follows the store of a read-modify-write
        ppo = self._preserved(isync)
        W, R = g.W, g.R
        light = [row & ~(R if W >> k & 1 else 0) for k, row in enumerate(light)]
        fence = union(sync, light)
        rfe, fre = g.external(g.rf), g.external(g.fr)
        hb = union(ppo, fence, rfe)
        if not acyclic(hb):
            return False
        hb_star = reflexive(closure(hb))
        base = then(union(fence, then(rfe, fence)), hb_star)
        com = reflexive(closure(union(g.rf, g.co, g.fr)))
        prop = union(between(base, W, W), then(com, reflexive(closure(base)), sync, hb_star))
        return irreflexive(then(fre, prop, hb_star)) and acyclic(g.co, prop)

    def _preserved(self, isync: Relation) -> Relation:
        g = self.g
        rfe, fre, coe = (g.external(relation) for relation in (g.rf, g.fr, g.co))
        internal = [row & inside for row, inside in zip(g.rf, g.internal, strict=True)]
        here = [row & same for row, same in zip(g.po, g.same, strict=True)]

        def where_po(relation: Relation) -> Relation:
            return [row & other for row, other in zip(relation, here, strict=True)]

        ii0 = union(g.data, where_po(then(fre, rfe)), internal)
        ci0 = union(isync, where_po(then(coe, rfe)))
        cc0 = union(g.data, here, g.control)
        ii, ic, ci, cc = ii0, [0] * g.n, ci0, cc0
        while True:
            new = (
                union(ii0, ci, then(ic, ci), then(ii, ii)),
                union(ii, cc, then(ic, cc), then(ii, ic)),
                union(ci0, then(ci, ii), then(cc, ci)),
                union(cc0, ci, then(ci, ic), then(cc, cc)),
            )
            if new == (ii, ic, ci, cc):
                return union(between(ii, g.R, g.R), between(ic, g.R, g.W))
            ii, ic, ci, cc = new


MODELS = {"C11": RC11, "Arm": Arm, "POWER": Power}
