"""The order of things: every measurement once in each round, to and fro, so that a slow minute slows all of them."""

import time
from collections.abc import Callable, Iterable
from contextlib import AsyncExitStack
from pathlib import Path

from bench.append import ledger_measurements
from bench.audit import audit_measurements
from bench.http import http_measurements
from bench.imports import NoData, import_measurements
from bench.lag import lag_measurements
from bench.place import Place
from bench.plan import METRICS, Figures, Measurement, Size
from bench.search import search_measurements

type Say = Callable[[str], None]

GROUPS = ("insert", "append", "http", "import", "lag", "audit", "search")
NEEDS = {"append": {"insert"}}
"""Groups without which another one's ratios would be missing."""


def wanted(only: Iterable[str]) -> set[str]:
    """The groups to run: those asked for and what their ratios need; all where none is asked for."""
    groups = set(only) or set(GROUPS)
    return groups.union(*(NEEDS.get(group, set()) for group in groups))


async def measure(
    place: Place, size: Size, rounds: int, groups: set[str], data: Path, skipped: dict[str, str], say: Say
) -> dict[str, list[float]]:
    """Prepare, run a round that doesn't count, then the rounds. What can't be measured is noted in `skipped`."""
    found: dict[str, list[float]] = {}
    async with AsyncExitStack() as stack:
        say("making the databases and opening the hotels")
        measurements = await _prepared(place, size, groups, data, skipped, stack)
        for number in range(0 if size.warm_up else 1, rounds + 1):
            order = measurements if number % 2 else measurements[::-1]
            for measurement in order:
                begun = time.perf_counter()
                figures = await measurement.run(number)
                label = f"round {number} of {rounds}" if number else "warming up"
                say(f"{label}: {_line(figures)} ({time.perf_counter() - begun:.1f} s)")
                if number:
                    for name, figure in figures.items():
                        found.setdefault(name, []).append(figure)
    return found


def _line(figures: Figures) -> str:
    return ", ".join(f"{name} {figure:,.4g} {METRICS[name].unit}" for name, figure in figures.items())


async def _prepared(
    place: Place, size: Size, groups: set[str], data: Path, skipped: dict[str, str], stack: AsyncExitStack
) -> list[Measurement]:
    measurements: list[Measurement] = []
    if groups & {"insert", "append"}:
        settings = await place.make_database("bench")
        measurements += await ledger_measurements(place, settings, size, groups, stack)
    if "http" in groups:
        settings = await place.make_database("bench_http", 1)
        measurements += await http_measurements(place, settings, size, stack)
    if "import" in groups:
        try:
            measurements += import_measurements(place, size, data)
        except NoData as reason:
            skipped["import"] = str(reason)
    if "audit" in groups:
        try:
            measurements += await audit_measurements(place, size, data)
        except NoData as reason:
            skipped["audit"] = str(reason)
    if "lag" in groups:
        settings = await place.make_database("bench_lag", 2)
        measurements += await lag_measurements(place, settings, size, stack)
    if "search" in groups:
        measurements += await search_measurements(place, size, stack)
    return measurements
