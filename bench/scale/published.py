"""Predictions published before anybody has run them, in predictions-DATE.json, and how they compare with measurements.

A file is never changed. When the pool or the model changes, a new one is published, and `validate` reads the newest.
"""

from __future__ import annotations

import dataclasses
import json
import math
import statistics
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from machine import Costs, Machine
from predict import HOP, SHAPES, larger, memory, speed_up

HERE = Path(__file__).resolve().parent
CORES = (2, 4, 8, 16, 32, 64, 128)
PAUSES = {"spin": 0.0, "sleep": 1e6}  # what the workers do before a region, and the caller's pause that lets them
READ = "memory, all on one node"
CLOSE = 0.25  # relative error; rows beyond it are marked

Key = tuple[str, str, int]  # region, workers, cores


@dataclass(frozen=True)
class Prediction:
    """The speed-up over one thread of a region on all cores of a machine."""

    region: str
    workers: str
    cores: int
    speed_up: float

    @property
    def key(self) -> Key:
        return self.region, self.workers, self.cores


def predictions(
    costs: Costs, cores: Sequence[int] = CORES, shapes: Sequence[str] = tuple(SHAPES)
) -> Iterator[Prediction]:
    costs = larger(costs)
    for count in cores:
        for name in shapes:
            for workers, pause in PAUSES.items():
                yield Prediction(name, workers, count, speed_up(Machine(costs, count), SHAPES[name], pause=pause))
        yield Prediction(READ, "spin", count, memory(Machine(costs, count), lambda _: 0) / costs.read_one)


def publish(costs: Costs, date: str, folder: Path = HERE) -> Path:
    """Write the predictions to a new file, and return its path."""
    machine = Machine(costs, 1)
    assumed = {field.name: getattr(machine, field.name) for field in dataclasses.fields(machine)[2:]}
    content = {
        "date": date,
        "assumed": {"transfer": HOP, **assumed},
        "costs": dataclasses.asdict(costs),
        "regions": {name: f"{len(work)} chunks, {sum(work) / 1e3:.1f} µs in all" for name, work in SHAPES.items()},
    }
    rows = [{**dataclasses.asdict(each), "speed_up": round(each.speed_up, 3)} for each in predictions(costs)]
    # One line for each, to be read.
    lines = [f"{dumped(name)}: {dumped(value)}" for name, value in content.items()]
    lines.append('"speed_ups": [\n  ' + ",\n  ".join(map(dumped, rows)) + "\n]")
    path = folder / f"predictions-{date}.json"
    with path.open("x", encoding="utf-8") as file:  # what was published stays
        file.write("{\n" + ",\n".join(lines) + "\n}\n")
    return path


def dumped(value: object) -> str:
    return json.dumps(value, ensure_ascii=False)


def newest(folder: Path = HERE) -> tuple[str, list[Prediction]]:
    """Return the date of the last file, and its predictions."""
    content = json.loads(max(folder.glob("predictions-*.json")).read_text(encoding="utf-8"))
    return content["date"], [Prediction(**each) for each in content["speed_ups"]]


def for_machine(all_of_them: Sequence[Prediction], cores: int) -> list[Prediction]:
    """Return the predictions for as many cores as this machine has, or else for the next smaller number."""
    count = max((each.cores for each in all_of_them if each.cores <= cores), default=0)
    return [each for each in all_of_them if each.cores == count]


def error(predicted: float, measured: float) -> float:
    return predicted / measured - 1


def table(published: Sequence[Prediction], measured: Mapping[Key, float]) -> str:
    """Return predicted next to measured speed-ups. A measurement that is missing or NaN was disturbed."""
    lines = [
        "| region | workers | cores | predicted speed-up | measured | error |",
        "| --- | --- | --- | --- | --- | --- |",
    ]
    errors = []
    for each in published:
        found = measured.get(each.key, math.nan)
        start = f"| {each.region} | {each.workers} | {each.cores} | {each.speed_up:.2f} |"
        if math.isnan(found):
            lines.append(f"{start} machine disturbed | |")
            continue
        errors.append(abs(error(each.speed_up, found)))
        shown = f"{error(each.speed_up, found):+.0%}"
        lines.append(f"{start} {found:.2f} | {shown if errors[-1] <= CLOSE else f'**{shown}**'} |")
    if errors:
        beyond = sum(each > CLOSE for each in errors)
        lines += [
            "",
            f"Median error {statistics.median(errors):.0%}; {beyond} of {len(errors)} are more than {CLOSE:.0%} off.",
        ]
    return "\n".join(lines)
