"""The options of ``gilkit profile``. They are read at every command of gilkit, so little is imported here."""

from __future__ import annotations

import argparse

from ..program.command import RunParser


class ProfileParser(RunParser):
    """Like the parser of ``gilkit run``, but the program may be replaced by a process."""

    take_values = ("--threads", "--rounds", "--pid", "--seconds", "--html", "--save")

    def check(self, options: argparse.Namespace, program: list[str]) -> None:
        if options.pid is None:
            if options.seconds is not None:
                self.error(
                    "--seconds is the time to watch a process, which --pid names; a program is watched to its end"
                )
            self.check_program(program)
        elif program:
            self.error("--pid watches a process that runs already; omit either it or the program")
        elif options.verify:
            self.error("--verify runs the program again, which --pid does not know; give the program instead")
        if options.rounds is not None and not options.verify:
            self.error("--rounds is the number of runs of --verify, which is not given")
