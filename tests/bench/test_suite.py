"""The suite runs, end to end and as short as it can; what it measures then means nothing."""

import json
from pathlib import Path

from bench.__main__ import main
from bench.suite import GROUPS, wanted


def test_what_a_ratio_needs_is_measured_with_it() -> None:
    assert wanted([]) == set(GROUPS)
    assert wanted(["insert"]) == {"insert"}
    assert wanted(["append"]) == {"append", "insert"}


def test_inserts_and_appends_are_measured_and_written(tmp_path: Path) -> None:
    file = tmp_path / "result.json"
    assert main(["--smallest", "--only", "append", "--json", str(file)]) == 0
    result = json.loads(file.read_text(encoding="utf-8"))
    assert set(result["figures"]) == {"bare insert", "append, spread", "append, one hotel", "append, hot"}
    assert all(figure["median"] > 0 for figure in result["figures"].values())
