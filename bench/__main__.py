"""`python -m bench`: run the suite, print the tables, write the JSON."""

import argparse
import asyncio
import os
import sys
import time
from datetime import UTC, datetime
from pathlib import Path

import uvloop

from bench import plan, report, suite
from bench.imports import DATA
from bench.place import OUT, open_place

_QUIET = 0.7
"""A load average from which on something else is taking the processors."""
_ROUNDS, _QUICK_ROUNDS = 5, 2


def main(arguments: list[str] | None = None) -> int:
    """Measure and report. Returns the exit code, which doesn't depend on the targets: other machines are others."""
    parser = argparse.ArgumentParser(prog="python -m bench", description="Measure StaySync on this machine.")
    parser.add_argument("--quick", action="store_true", help="short and coarse, to see whether something is far off")
    parser.add_argument("--smallest", action="store_true", help="only see that it runs; the figures mean nothing")
    parser.add_argument("--rounds", type=int, help=f"how often everything is measured (default {_ROUNDS})")
    parser.add_argument("--only", action="append", default=[], choices=suite.GROUPS, help="measure this group alone")
    parser.add_argument("--json", type=Path, help="where the result goes (default: a new file under bench/out)")
    parser.add_argument("--data", type=Path, default=DATA, help="the data set hotel_bookings.csv.gz, for the import")
    given = parser.parse_args(arguments)
    size = plan.SMALLEST if given.smallest else plan.QUICK if given.quick else plan.FULL
    rounds = given.rounds or (1 if given.smallest else _QUICK_ROUNDS if given.quick else _ROUNDS)
    groups = suite.wanted(given.only)
    begun, busy = time.monotonic(), os.getloadavg()[0]

    def say(what: str) -> None:
        print(f"[{time.monotonic() - begun:6.1f} s] {what}", flush=True)

    skipped: dict[str, str] = {}
    with asyncio.Runner(loop_factory=uvloop.new_event_loop) as runner:
        found = runner.run(_measured(size, rounds, groups, given.data, skipped, say))
    report.show(found, skipped)
    if busy > _QUIET:
        print(f"THE MACHINE WAS BUSY: a load of {busy:.1f} before the suite began. Don't trust these figures.")
    file = given.json or OUT / f"{datetime.now(UTC):%Y%m%d-%H%M%S}.json"
    report.write(file, report.as_json(found, skipped, {"rounds": rounds, "seconds": size.seconds, "load_before": busy}))
    print(f"written to {file}")
    return 0


async def _measured(
    size: plan.Size, rounds: int, groups: set[str], data: Path, skipped: dict[str, str], say: suite.Say
) -> dict[str, list[float]]:
    async with open_place() as place:
        return await suite.measure(place, size, rounds, groups, data, skipped, say)


if __name__ == "__main__":
    sys.exit(main())
