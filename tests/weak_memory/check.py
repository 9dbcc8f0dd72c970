"""Proves the races one by one, and tries every weaker memory order of every operation."""

from __future__ import annotations

import argparse
import time
from collections.abc import Iterable, Mapping
from dataclasses import dataclass

import runtime_races  # noqa: F401 (registers its races)
import sync_races  # noqa: F401
from executions import Execution, Race
from models import MODELS, RC11, Graph
from races import RACES
from source import Orders, Site, atomics

# The next weaker order, for each kind of operation.
WEAKER = {
    "load": {"seq_cst": ["acquire"], "acquire": ["relaxed"]},
    "store": {"seq_cst": ["release"], "release": ["relaxed"]},
    "modify": {
        "seq_cst": ["acq_rel"],
        "acq_rel": ["acquire", "release"],
        "acquire": ["relaxed"],
        "release": ["relaxed"],
    },
}


def weaker(site: Site, order: str) -> list[str]:
    """Return all weaker orders, the strongest first."""
    table = WEAKER.get(site.operation, WEAKER["modify"])
    found: list[str] = []
    for next_order in table.get(order, []):
        found += [o for o in [next_order, *weaker(site, next_order)] if o not in found]
    return found


class Proof:
    """The executions of a race that would be wrong if a model allowed them."""

    def __init__(self, race: Race):
        self.race, self.sites = race, race.sites()
        self.count = 0
        self.bad: list[Graph] = []  # with a forbidden result
        self.racy: list[Graph] = []  # with an allowed result, but perhaps a data race
        for x in race.executions():
            self.count += 1
            bad = race.forbidden(x)
            graph = Graph(x)
            if bad:
                self.bad.append(graph)
            elif graph.no_thin_air and graph.conflicts():
                self.racy.append(graph)

    def counterexample(self, model: str, orders: Mapping[Site, Orders]) -> Execution | None:
        """Return a wrong execution that the model allows with these orders, or None."""
        for graph in self.bad:
            if MODELS[model](graph, orders).consistent():
                return graph.x
        if model == "C11":
            for graph in self.racy:
                rc11 = RC11(graph, orders)
                if rc11.races() and rc11.consistent():
                    return graph.x
        return None


def describe(x: Execution) -> str:
    """Say which thread does what in an execution."""
    lines = []
    for i, event in enumerate(x.events):
        if event.thread < 0:
            continue
        name = list(x.race.threads)[event.thread]
        source = f" from [{x.rf[i]}]" if event.kind == "R" else ""
        where = f"  {event.site}" if event.site else ""
        lines.append(f"  [{i}] {name}: {event.kind} {event.location} = {event.value:#x}{source}{where}")
    lines += [f"  {location}: {' < '.join(f'[{w}]' for w in order)}" for location, order in x.co.items()]
    return "\n".join(lines)


def show_failures(need: Need, proofs: Iterable[Proof]) -> None:
    for order in weaker(need.site, need.order):
        for proof in proofs:
            for model in need.weakest:
                if need.site in proof.sites:
                    x = proof.counterexample(model, with_order(atomics(), need.site, order))
                    if x is not None:
                        print(f"  {order}: {model} allows {proof.race.name}:\n{describe(x)}")


@dataclass
class Need:
    """How weak the order of one operation could be, if all others stay the same."""

    site: Site
    order: str
    weakest: dict[str, list[str]]  # for each model


def with_order(orders: Mapping[Site, Orders], site: Site, order: str) -> dict[Site, Orders]:
    return {**orders, site: orders[site]._replace(success=order)}


def needs(proofs: Iterable[Proof], models: Iterable[str]) -> list[Need]:
    """Return, for each operation, the weaker orders that no race detects."""
    orders, by_site = atomics(), {}
    for proof in proofs:
        for site in proof.sites:
            by_site.setdefault(site, []).append(proof)
    found = []
    for site, concerned in sorted(by_site.items()):
        order = orders[site].success
        enough = {
            model: [
                other
                for other in weaker(site, order)
                if all(p.counterexample(model, with_order(orders, site, other)) is None for p in concerned)
            ]
            for model in models
        }
        found.append(Need(site, order, enough))
    return found


def minimal(site: Site, enough: list[str]) -> list[str]:
    """Return the orders that have no weaker one among them."""
    return [order for order in enough if not set(weaker(site, order)) & set(enough)]


def spare_table(found: Iterable[Need]) -> list[str]:
    """Return the rows of a README.md: operations whose order is stronger than the races need in C11."""
    return [
        f"| `{need.site}` | {need.order} | {' or '.join(minimal(need.site, need.weakest['C11']))} |"
        for need in found
        if need.weakest["C11"]
    ]


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("names", nargs="*", help="races (default: all)")
    parser.add_argument("--model", action="append", choices=MODELS, help="default: all")
    parser.add_argument("--verbose", action="store_true", help="show how each weaker order fails")
    options = parser.parse_args()
    models = options.model or list(MODELS)
    failed = 0
    proofs = []
    for race in RACES:
        if options.names and race.name not in options.names:
            continue
        begin = time.process_time()
        proof = Proof(race)
        proofs.append(proof)
        wrong = {model: x for model in models if (x := proof.counterexample(model, atomics())) is not None}
        failed += bool(wrong)
        title = f"{race.name}: {race.way}" if race.way else race.name
        seconds = time.process_time() - begin
        print(f"{'FAILS ' if wrong else 'holds '} {title} ({proof.count} executions, {seconds:.2f} s)", flush=True)
        for model, x in wrong.items():
            print(f"  {model} allows:\n{describe(x)}")
    for need in needs(proofs, models):
        spare = {model: minimal(need.site, enough) for model, enough in need.weakest.items() if enough}
        print(f"{need.site}: {need.order}" + "".join(f"; {m}: {' or '.join(s)}" for m, s in spare.items()))
        if options.verbose:
            show_failures(need, proofs)
    return 1 if failed else 0


if __name__ == "__main__":
    raise SystemExit(main())
