"""python bench/scale costs | validate | predict | picture FILE.svg

costs: measure this machine and print costs.json.
validate: measure this machine and compare the model with real regions.
predict: print tables for 4 to 256 cores, from the costs in costs.json.
picture: draw those predictions.
"""

from __future__ import annotations

import dataclasses
import json
import sys
import tempfile
from pathlib import Path

from machine import Costs

COSTS = Path(__file__).resolve().parent / "costs.json"


def main(arguments: list[str]) -> int:
    if arguments in (["costs"], ["validate"]):
        import measure

        with tempfile.TemporaryDirectory() as folder:
            bench = measure.Bench(Path(folder))
            costs = measure.costs(bench)
            print(json.dumps(dataclasses.asdict(costs), indent=2))
            if arguments == ["validate"]:
                import validate

                print(validate.table(validate.validate(bench, costs)))
        return 0
    import predict

    costs = Costs(**json.loads(COSTS.read_text()))
    if arguments == ["predict"]:
        print(predict.table(costs), predict.homes(costs), sep="\n\n")
    elif len(arguments) == 2 and arguments[0] == "picture":
        predict.picture(costs, arguments[1])
    else:
        print(__doc__, file=sys.stderr)
        return 2
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
