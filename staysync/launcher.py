"""Knows how to turn into another program that ends with its parent, under an account that the program accepts.

Run as a script by the plain interpreter (`python -I -S launcher.py`), so it imports the standard library only, and
little of it. It becomes the program by exec: no process of its own stays behind.

    launcher.py DEATH_SIGNAL PARENT_PID IDENTITY PROGRAM [ARGUMENT...]

IDENTITY is `same`, `namespace:UID:GID` (Linux: root appears as that user, in a user namespace of its own, because
PostgreSQL refuses to run as root) or `account:UID:GID` (become that account for good).
"""

import os
import sys

if sys.platform == "linux":
    import ctypes  # now: after taking another identity the interpreter's own files may be out of reach

_PR_SET_PDEATHSIG = 1


def _take_identity(identity: str) -> None:
    kind, *ids = identity.split(":")
    if kind == "same":
        return
    uid, gid = (int(number) for number in ids)
    if kind == "account":
        os.setgroups([])
        os.setresgid(gid, gid, gid)
        os.setresuid(uid, uid, uid)
        return
    outer_uid, outer_gid = os.geteuid(), os.getegid()
    os.unshare(os.CLONE_NEWUSER)
    for file, text in (
        ("setgroups", "deny"),
        ("uid_map", f"{uid} {outer_uid} 1"),
        ("gid_map", f"{gid} {outer_gid} 1"),
    ):
        with open(f"/proc/self/{file}", "w", encoding="ascii") as stream:
            stream.write(text)


def _end_with_parent(death_signal: int, parent: int) -> None:
    """Ask the kernel for a signal when the parent dies. Other systems than Linux rely on the next start's clean-up."""
    if sys.platform != "linux":
        return
    if ctypes.CDLL(None, use_errno=True).prctl(_PR_SET_PDEATHSIG, death_signal, 0, 0, 0) != 0:
        raise OSError(ctypes.get_errno(), "prctl")
    if os.getppid() != parent:  # it died before the kernel was asked
        sys.exit(1)


def main(arguments: list[str]) -> None:
    """Become the program. The order matters: taking another identity would forget the signal asked for before it."""
    death_signal, parent, identity, program, *rest = arguments
    _take_identity(identity)
    _end_with_parent(int(death_signal), int(parent))
    os.execv(program, [program, *rest])  # noqa: S606 - no shell is wanted, and the program is one of ours


if __name__ == "__main__":
    main(sys.argv[1:])
