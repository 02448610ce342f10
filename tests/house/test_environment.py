"""`make` finds a Python that will do, whatever the machine calls it."""

import os
import stat
import subprocess
from pathlib import Path

import pytest

_SCRIPT = Path(__file__).parents[2] / "requirements" / "environment.sh"

_OLD = "exit 1"  # what the version check of Python 3.11 answers
_BROKEN_SHIM = "echo 'command not found' >&2; exit 127"
_NEW = "exit 0"


def _program(folder: Path, name: str, body: str) -> None:
    folder.mkdir(parents=True, exist_ok=True)
    file = folder / name
    file.write_text(f"#!/bin/sh\n{body}\n")
    file.chmod(file.stat().st_mode | stat.S_IXUSR)


def _find(*folders: Path, home: Path, **more: str) -> "subprocess.CompletedProcess[str]":
    tools = home / "tools"  # only the commands that the script itself needs, so that no Python of this machine is seen
    tools.mkdir(parents=True, exist_ok=True)
    for name in ("dirname", "cksum", "tr", "cat"):
        if not (tools / name).exists():
            (tools / name).symlink_to(next(p for d in ("/usr/bin", "/bin") if (p := Path(d, name)).exists()))
    path = ":".join(map(str, (*folders, tools)))
    return subprocess.run(  # noqa: S603 - our own script
        ["/bin/sh", str(_SCRIPT), "run"],
        env={"PATH": path, "HOME": str(home), "FIND_PYTHON_ONLY": "1", **more},
        capture_output=True,
        text=True,
        check=False,
    )


def test_python3_is_taken_if_it_is_new_enough(tmp_path: Path) -> None:
    _program(tmp_path / "bin", "python3", _NEW)
    assert _find(tmp_path / "bin", home=tmp_path).stdout == f"{tmp_path}/bin/python3\n"


def test_an_old_python3_is_passed_over_for_a_newer_one_under_its_own_name(tmp_path: Path) -> None:
    _program(tmp_path / "bin", "python3", _OLD)
    _program(tmp_path / "bin", "python3.12", _NEW)
    assert _find(tmp_path / "bin", home=tmp_path).stdout == f"{tmp_path}/bin/python3.12\n"


def test_a_shim_that_fails_is_passed_over_for_the_same_name_further_on(tmp_path: Path) -> None:
    _program(tmp_path / "shims", "python3.13", _BROKEN_SHIM)
    _program(tmp_path / "shims", "python3", _BROKEN_SHIM)
    _program(tmp_path / "bin", "python3.13", _NEW)
    assert _find(tmp_path / "shims", tmp_path / "bin", home=tmp_path).stdout == f"{tmp_path}/bin/python3.13\n"


def test_a_version_that_a_manager_keeps_aside_is_found(tmp_path: Path) -> None:
    _program(tmp_path / "shims", "python3.12", _BROKEN_SHIM)
    _program(tmp_path / ".pyenv" / "versions" / "3.12.4" / "bin", "python3.12", _NEW)
    found = _find(tmp_path / "shims", home=tmp_path).stdout
    assert found == f"{tmp_path}/.pyenv/versions/3.12.4/bin/python3.12\n"


def test_a_folder_with_a_space_is_no_obstacle(tmp_path: Path) -> None:
    _program(tmp_path / "my programs", "python3.12", _NEW)
    assert _find(tmp_path / "my programs", home=tmp_path).stdout == f"{tmp_path}/my programs/python3.12\n"


def test_the_one_asked_for_is_taken_or_refused(tmp_path: Path) -> None:
    _program(tmp_path / "bin", "python3.13", _NEW)
    _program(tmp_path / "bin", "python-mine", _NEW)
    _program(tmp_path / "bin", "python-old", _OLD)
    mine = _find(tmp_path / "bin", home=tmp_path, PYTHON="python-mine")
    assert mine.stdout == f"{tmp_path}/bin/python-mine\n"
    old = _find(tmp_path / "bin", home=tmp_path, PYTHON="python-old")
    assert old.returncode != 0
    assert "isn't Python 3.12 or newer" in old.stderr


@pytest.mark.skipif(
    any(
        os.access(f"{d}/{n}", os.X_OK)
        for d in ("/usr/local/bin", "/opt/homebrew/bin")
        for n in ("python3", "python3.13")
    ),
    reason="this machine keeps a Python where the script looks last",
)
def test_none_is_an_answer_too(tmp_path: Path) -> None:
    _program(tmp_path / "bin", "python3", _OLD)
    nothing = _find(tmp_path / "bin", home=tmp_path)
    assert nothing.returncode != 0
    assert nothing.stdout == ""
