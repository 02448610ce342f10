"""The suite runs, end to end and as short as it can; what it measures then means nothing."""

import json
from pathlib import Path

from bench.__main__ import main
from bench.imports import DATA
from bench.plan import METRICS, TARGETS
from bench.suite import GROUPS, wanted


def test_what_a_ratio_needs_is_measured_with_it() -> None:
    assert wanted([]) == set(GROUPS)
    assert wanted(["insert"]) == {"insert"}
    assert wanted(["append"]) == {"append", "insert"}


def test_targets_are_about_metrics() -> None:
    assert {name for target in TARGETS for name in (target.above, target.below) if name} <= set(METRICS)


def test_everything_is_measured_and_written(tmp_path: Path) -> None:
    file = tmp_path / "result.json"
    assert main(["--smallest", "--json", str(file)]) == 0
    result = json.loads(file.read_text(encoding="utf-8"))
    expected = set(METRICS) if DATA.exists() else {name for name in METRICS if not name.startswith(("import", "audit"))}
    assert set(result["figures"]) == expected
    assert all(figure["median"] >= 0 for figure in result["figures"].values())
    assert [target["name"] for target in result["targets"]] == [target.name for target in TARGETS]


def test_an_import_without_its_data_is_told_and_stops_nothing(tmp_path: Path) -> None:
    file = tmp_path / "result.json"
    assert main(["--smallest", "--only", "import", "--data", str(tmp_path / "none"), "--json", str(file)]) == 0
    assert "import" in json.loads(file.read_text(encoding="utf-8"))["not_measured"]
