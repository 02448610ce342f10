"""What the suite hands over: a table for people and JSON for comparing runs."""

import json
import os
import platform
from collections.abc import Mapping, Sequence
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from rich import box
from rich.console import Console
from rich.table import Table

from bench.figures import Rounds, Target, Verdict, summary, verdict
from bench.plan import METRICS, TARGETS, Metric


def tables(rounds: Rounds, metrics: Mapping[str, Metric], targets: Sequence[Target]) -> tuple[Table, Table]:
    """The figures, and what the targets say of them."""
    figures = Table(title="Figures: median over the rounds", box=box.SIMPLE, title_justify="left")
    for heading in ("what", "median", "lowest", "highest", "spread", "unit"):
        figures.add_column(heading, justify="left" if heading in ("what", "unit") else "right")
    for name, metric in metrics.items():
        if values := rounds.get(name):
            found = summary(values)
            figures.add_row(
                f"{name}\n[dim]{metric.what}[/]",
                *(_number(value) for value in (found.median, found.lowest, found.highest)),
                f"{found.spread:.0%}",
                metric.unit,
            )
    against = Table(title="Targets: median of the rounds' ratios", box=box.SIMPLE, title_justify="left")
    for heading in ("ratio", "median", "lowest", "highest", "target", ""):
        against.add_column(heading, justify="right" if heading in ("median", "lowest", "highest") else "left")
    for target in targets:
        against.add_row(*_told(verdict(target, rounds)))
    return figures, against


def show(rounds: Rounds, skipped: Mapping[str, str]) -> None:
    """Print the tables, and loudly what was not measured."""
    console = Console(width=None if os.isatty(1) else 118, highlight=False)
    for table in tables(rounds, METRICS, TARGETS):
        console.print(table)
    for what, why in skipped.items():
        console.print(f"[bold]NOT MEASURED: {what}[/]: {why}")


def as_json(rounds: Rounds, skipped: Mapping[str, str], settings: Mapping[str, Any]) -> dict[str, Any]:
    """Everything that was measured, round by round."""
    return {
        "at": datetime.now(UTC).isoformat(timespec="seconds"),
        "machine": {
            "cpus": os.cpu_count(),
            "system": platform.system(),
            "machine": platform.machine(),
            "python": platform.python_version(),
        },
        "settings": dict(settings),
        "figures": {
            name: {
                "unit": METRICS[name].unit,
                "median": found.median,
                "lowest": found.lowest,
                "highest": found.highest,
                "rounds": list(values),
            }
            for name, found, values in ((name, summary(values), values) for name, values in rounds.items())
        },
        "targets": [_target_as_json(verdict(target, rounds)) for target in TARGETS],
        "not_measured": dict(skipped),
    }


def write(file: Path, content: Mapping[str, Any]) -> None:
    """Write a result."""
    file.parent.mkdir(parents=True, exist_ok=True)
    file.write_text(json.dumps(content, indent=2) + "\n", encoding="utf-8")


def _number(value: float) -> str:
    return f"{value:,.0f}" if value >= 100 else f"{value:.2f}"


def _bound(target: Target) -> str:
    kind = "orientation" if target.orientation else "target"
    return f"{kind}: {target.sense} {target.bound:g}"


def _told(found: Verdict) -> Sequence[str]:
    target = found.target
    if found.figure is None:
        return (target.name, "", "", "", _bound(target), "[dim]not measured[/]")
    numbers = (found.figure.median, found.figure.lowest, found.figure.highest)
    return (
        target.name,
        *(_number(number) for number in numbers),
        _bound(target),
        "[green]met[/]" if found.met else "[red]not met[/]",
    )


def _target_as_json(found: Verdict) -> dict[str, Any]:
    target, figure = found.target, found.figure
    return {
        "name": target.name,
        "sense": target.sense,
        "bound": target.bound,
        "orientation": target.orientation,
        "median": None if figure is None else figure.median,
        "lowest": None if figure is None else figure.lowest,
        "highest": None if figure is None else figure.highest,
        "met": found.met,
    }
