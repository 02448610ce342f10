"""The processes of an installation as they run for real, with what they write kept in files."""

import subprocess
import sys
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path

import httpx
import orjson
from prometheus_client.parser import text_string_to_metric_families

from staysync.processes import wait_until
from staysync.settings import Settings
from tests.service import environment

PATIENCE_S = 90.0

_ROOT = Path(__file__).parents[2]


@contextmanager
def started(
    settings: Settings, output: Path, *command: str, port: int = 1, variables: Mapping[str, str] | None = None
) -> Iterator["subprocess.Popen[bytes]"]:
    """`staysync COMMAND` with these variables besides, writing into a file; stopped in the end."""
    with output.open("ab") as file:
        process = subprocess.Popen(  # noqa: S603 - our own program
            [sys.executable, "-m", "staysync", *command],
            env=environment(settings, port)
            | {f"STAYSYNC_{name.upper()}": value for name, value in (variables or {}).items()},
            cwd=_ROOT,
            stdout=file,
            stderr=file,
        )
    try:
        yield process
    finally:
        process.terminate()
        try:
            process.wait(30)
        except subprocess.TimeoutExpired:
            process.kill()
            process.wait()


def until_ready(port: int, process: "subprocess.Popen[bytes]") -> str:
    """The address of an API process, once it is ready."""
    url = f"http://127.0.0.1:{port}"

    def ready() -> bool:
        assert process.poll() is None, f"the API ended with exit code {process.returncode}"
        try:
            return httpx.get(f"{url}/health/ready").status_code == 200
        except httpx.TransportError:
            return False

    assert wait_until(ready, PATIENCE_S)
    return url


def scraped(url: str) -> dict[str, float]:
    """The metrics of a service: by name and labels, such as `staysync_up{part=broker}`."""
    answer = httpx.get(f"{url}/metrics", timeout=30)
    assert answer.status_code == 200, answer.text
    found: dict[str, float] = {}
    for family in text_string_to_metric_families(answer.text):
        for sample in family.samples:
            labels = ",".join(f"{name}={value}" for name, value in sorted(sample.labels.items()))
            key = f"{sample.name}{{{labels}}}" if labels else sample.name
            assert key not in found, f"{key} is there twice"
            found[key] = sample.value
    return found


def lines(output: Path) -> list[dict[str, object]]:
    """The lines of a log; each must be JSON, but for Celery's last words, which it says past all logs."""
    said = output.read_bytes().replace(b"\nworker: Warm shutdown (MainProcess)\n", b"")
    return [orjson.loads(line) for line in said.splitlines()]
