"""The model of the pool on many cores: measure its costs, predict, publish predictions, compare them with real regions."""

from __future__ import annotations

import argparse
import dataclasses
import datetime
import json
import sys
import tempfile
from pathlib import Path

from machine import Costs

COSTS = Path(__file__).resolve().parent / "costs.json"


def arguments(given: list[str]) -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="python bench/scale", description=__doc__)
    commands = parser.add_subparsers(dest="command", required=True)
    commands.add_parser("costs", help="measure this machine and print costs.json")
    commands.add_parser("predict", help="print tables for 1 to 256 cores, from costs.json")
    commands.add_parser("publish", help="write predictions-DATE.json, from costs.json, for others to run")
    commands.add_parser("redesigns", help="print what other protocols, or fewer threads, would gain for short regions")
    validate = commands.add_parser(
        "validate", help="run real regions on all cores and print prediction against measurement"
    )
    validate.add_argument("--costs", type=Path, metavar="FILE", help="what `costs` printed; default: measure again")
    validate.add_argument("--only", default="", metavar="TEXT", help="only the regions whose name contains it")
    validate.add_argument(
        "--against",
        choices=("model", "published", "both"),
        default="both",
        help="the model with this machine's costs, or the newest predictions-DATE.json",
    )
    commands.add_parser("picture", help="draw the predictions").add_argument("file", metavar="FILE.svg")
    return parser.parse_args(given)


def read_costs(path: Path) -> Costs:
    return Costs(**json.loads(path.read_text()))


def measure_costs() -> None:
    import measure

    with tempfile.TemporaryDirectory() as folder:
        print(json.dumps(dataclasses.asdict(measure.costs(measure.Bench(Path(folder)))), indent=2))


def compare(given: argparse.Namespace) -> None:
    import measure
    import published
    import validate
    from numpy import ones

    with tempfile.TemporaryDirectory() as folder:
        bench = measure.Bench(Path(folder))
        costs = read_costs(given.costs) if given.costs else measure.costs(bench)
        print(json.dumps(dataclasses.asdict(costs)))
        loop = validate.Loop.of(bench)
        memory = ones(validate.MEMORY // 8)
        if given.against != "published":
            print(f"\nThis machine, {measure.CORES} cores, with the costs above:\n")
            print(validate.table(validate.validate(bench, costs, loop, memory, given.only)), flush=True)
        if given.against != "model":
            date, all_of_them = published.newest()
            chosen = [each for each in published.for_machine(all_of_them, measure.CORES) if given.only in each.region]
            if not chosen:
                print("\nNone of the published predictions is for such a machine or region.")
                return
            print(f"\nAs published on {date} for a machine of {chosen[0].cores} cores; this one has {measure.CORES}:\n")
            print(published.table(chosen, validate.speed_ups(bench, costs, loop, memory, chosen)))


def main(given: argparse.Namespace) -> None:
    if given.command == "costs":
        measure_costs()
        return
    if given.command == "validate":
        compare(given)
        return
    import predict
    import published

    costs = read_costs(COSTS)
    if given.command == "predict":
        print(predict.table(costs), predict.homes(costs), predict.pieces(costs), sep="\n\n")
    elif given.command == "redesigns":
        print(predict.redesigns(costs))
    elif given.command == "publish":
        print(published.publish(costs, datetime.date.today().isoformat()))
    else:
        predict.picture(costs, given.file)


if __name__ == "__main__":
    main(arguments(sys.argv[1:]))
