"""Knows how to start a child that ends with us, to remember it on disk, and to stop what an earlier run left behind."""

import contextlib
import fcntl
import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from pathlib import Path
from typing import IO

LAUNCHER = Path(__file__).with_name("launcher.py")

SAME_IDENTITY = "same"

_POLL_S = 0.02


class CannotStartError(Exception):
    """StaySync can't start here; the message is one line for the person at the keyboard."""


def launch(
    command: Sequence[str | Path],
    *,
    record: Path,
    death_signal: signal.Signals,
    identity: str = SAME_IDENTITY,
    environment: Mapping[str, str] | None = None,
    output: IO[bytes] | None = None,
    given_input: bytes | None = None,
    folder: Path | None = None,
) -> "subprocess.Popen[bytes]":
    """Start a program that gets `death_signal` when this process ends, and note it in the file `record`.

    Call it from the main thread: the kernel takes the end of the calling thread for the end of the parent. The program
    gets a process group of its own, so that Ctrl-C reaches the supervisor alone, which then stops all in order.
    Raises `CannotStartError`, after ending the program, if it can't be noted.
    """
    process = subprocess.Popen(  # noqa: S603 - the programs are ours or of our wheels
        _through_launcher(command, identity, death_signal),
        stdin=subprocess.DEVNULL if given_input is None else subprocess.PIPE,
        stdout=output,
        stderr=subprocess.STDOUT if output is not None else None,
        env=environment,
        cwd=folder,
        process_group=0,
    )
    try:
        record.write_text(f"{process.pid} {birth_of(process.pid)}\n", encoding="ascii")
    except OSError as error:  # a process that nobody remembers would outlive us
        kill_group(process.pid)
        process.wait()
        raise CannotStartError(f"{record} can't be written: {error.strerror}") from error
    if given_input is not None and process.stdin is not None:
        with contextlib.suppress(BrokenPipeError), process.stdin:  # it ended already: whoever waits for it sees why
            process.stdin.write(given_input)
    return process


def run_once(
    command: Sequence[str | Path],
    *,
    identity: str = SAME_IDENTITY,
    environment: Mapping[str, str] | None = None,
    given_input: bytes = b"",
) -> "subprocess.CompletedProcess[bytes]":
    """Run a program to its end and keep what it says. It doesn't outlive this process."""
    return subprocess.run(  # noqa: S603 - the programs are ours, of our wheels or of the system
        _through_launcher(command, identity, signal.SIGTERM),
        input=given_input,
        capture_output=True,
        check=False,
        env=environment,
        cwd="/",  # another identity may not enter the folder that we are in
    )


def _through_launcher(command: Sequence[str | Path], identity: str, death_signal: signal.Signals) -> list[str]:
    return [
        sys.executable,
        *("-I", "-S", str(LAUNCHER)),
        *(str(int(death_signal)), str(os.getpid()), identity),
        *map(str, command),
    ]


def birth_of(pid: int) -> str | None:
    """When the process was born, in the system's own words: pid and birth name one process for ever. None if gone."""
    if sys.platform == "linux":
        try:
            stat = Path(f"/proc/{pid}/stat").read_text(encoding="utf-8", errors="replace")
        except (FileNotFoundError, ProcessLookupError):
            return None
        state, *fields = stat.rpartition(")")[2].split()
        return None if state in "ZX" else fields[18]
    listing = run_once(["/bin/ps", "-o", "lstart=", "-p", str(pid)])  # macOS has no /proc
    return listing.stdout.decode().strip() or None


def stop_leftover(record: Path, how: signal.Signals, *, patience_s: float = 20.0) -> bool:
    """Stop the process that an earlier run noted in `record`, if that very process still runs. True if it did."""
    try:
        pid_text, _, birth = record.read_text(encoding="ascii").strip().partition(" ")
    except FileNotFoundError:
        return False
    runs = pid_text.isdigit() and birth_of(int(pid_text)) == birth
    if runs:
        pid = int(pid_text)
        with contextlib.suppress(ProcessLookupError):  # it may end between the look and the signal
            os.kill(pid, how)
        if not wait_until(lambda: birth_of(pid) != birth, patience_s):
            kill_group(pid)
            wait_until(lambda: birth_of(pid) != birth, patience_s)
    record.unlink(missing_ok=True)
    return runs


def stop_child(process: "subprocess.Popen[bytes]", how: signal.Signals, *, patience_s: float = 20.0) -> None:
    """Ask a child to end, wait, and end it and its process group by force if it doesn't."""
    if process.poll() is None:
        process.send_signal(how)
        try:
            process.wait(patience_s)
        except subprocess.TimeoutExpired:
            kill_group(process.pid)
    kill_group(process.pid)  # children of its own that stayed behind
    process.wait()


def kill_group(group: int) -> None:
    """End every process of a group that `launch` made, if there are any."""
    with contextlib.suppress(ProcessLookupError, PermissionError):  # macOS says the latter of a group of zombies
        os.killpg(group, signal.SIGKILL)


def wait_until(happened: Callable[[], bool], patience_s: float) -> bool:
    """Look again and again until it happened; False if it didn't in time."""
    deadline = time.monotonic() + patience_s
    while not happened():
        if time.monotonic() > deadline:
            return False
        time.sleep(_POLL_S)
    return True


@contextlib.contextmanager
def sole_user(data_dir: Path) -> Iterator[None]:
    """Hold the data directory for this process alone; the kernel lets go of it however the process ends.

    Raises `CannotStartError` if another StaySync has it, or if it can't be made or written.
    """
    try:
        data_dir.mkdir(mode=0o700, parents=True, exist_ok=True)
        for folder in ("run", "log"):
            (data_dir / folder).mkdir(exist_ok=True)
        lock = (data_dir / "lock").open("a+", encoding="ascii")
    except OSError as error:
        raise CannotStartError(
            f"the data directory {data_dir} can't be written: {error.strerror}; STAYSYNC_DATA_DIR names another"
        ) from error
    with lock:
        try:
            fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError as error:
            lock.seek(0)
            holder = lock.read().strip() or "unknown"
            raise CannotStartError(
                f"the data directory {data_dir} is in use by another StaySync (process {holder});"
                " stop that one or set STAYSYNC_DATA_DIR"
            ) from error
        lock.truncate(0)
        lock.write(f"{os.getpid()}\n")
        lock.flush()
        yield
