"""What every test may ask for: servers, and settings with a database of the test's own.

`servers` (session) starts one PostgreSQL and one Valkey for the whole run when the first test asks. `settings` (test)
is an installation with a fresh, migrated database; `database` is the same under the name that most tests want it by.
"""

import os
import secrets
import shutil
import tempfile
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import pytest

from staysync.bootstrap import connect, open_to_roles
from staysync.settings import Settings
from tests.servers import TEMPLATE, Servers, servers_of_run, stop_servers_of_run

_RUN_FOLDER = pytest.StashKey[Path]()
_RUN_PID = pytest.StashKey[int]()


def pytest_configure(config: pytest.Config) -> None:
    """Give the run a folder for its servers: made by the process that leads, told to xdist's workers."""
    told = getattr(config, "workerinput", None)
    if told is None:
        config.stash[_RUN_FOLDER] = Path(tempfile.mkdtemp(prefix="staysync-tests-"))
        config.stash[_RUN_PID] = os.getpid()
    else:
        config.stash[_RUN_FOLDER] = Path(told["staysync_folder"])
        config.stash[_RUN_PID] = int(told["staysync_pid"])
    for name in [name for name in os.environ if name.startswith("STAYSYNC_")]:
        if not name.startswith("STAYSYNC_TEST_"):  # these are for the tests: STAYSYNC_TEST_URL and its sign-in
            del os.environ[name]  # what the developer's shell sets must not change a test


@pytest.hookimpl(optionalhook=True)
def pytest_configure_node(node: Any) -> None:
    """xdist's hook, called for each worker before it starts; without xdist nobody calls it."""
    node.workerinput["staysync_folder"] = str(node.config.stash[_RUN_FOLDER])
    node.workerinput["staysync_pid"] = node.config.stash[_RUN_PID]


def pytest_unconfigure(config: pytest.Config) -> None:
    """The leading process stops the servers and removes their folder."""
    folder = config.stash.get(_RUN_FOLDER, None)
    if folder is not None and config.stash[_RUN_PID] == os.getpid():
        stop_servers_of_run(folder)
        shutil.rmtree(folder, ignore_errors=True)


@pytest.fixture(scope="session")
def servers(pytestconfig: pytest.Config) -> Servers:
    """The PostgreSQL and the Valkey of this run."""
    return servers_of_run(pytestconfig.stash[_RUN_FOLDER], pytestconfig.stash[_RUN_PID])


@pytest.fixture
async def settings(servers: Servers) -> AsyncIterator[Settings]:
    """An installation of the test's own: a fresh database from the migrated template, a Valkey database for itself."""
    name = f"test_{secrets.token_hex(8)}"
    settings = servers.settings(name, servers.next_valkey_database())
    admin = await connect(settings, "postgres")
    try:
        await admin.execute(f"CREATE DATABASE {name} TEMPLATE {TEMPLATE} OWNER staysync_owner STRATEGY FILE_COPY")
        await open_to_roles(admin, name)  # a copy doesn't take over who may connect
        yield settings
    finally:
        await admin.execute(f"DROP DATABASE IF EXISTS {name} WITH (FORCE)")
        await admin.close()


@pytest.fixture
def database(settings: Settings) -> Settings:
    """The same installation, for tests that are about its database."""
    return settings
