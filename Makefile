# `make run` and `make test` need Python 3.12 or newer (or uv) and nothing else; each makes what it lacks.
# The recipes use exec, so that Ctrl-C reaches StaySync itself and make waits for its clean end.

ARGS ?= -n 3
BENCH_ARGS ?=

.PHONY: help run test check prove fuzz published stress lock bench clean

help:
	@echo "make run    run StaySync with its own PostgreSQL and Valkey (STAYSYNC_* variables: docs/configuration.md)"
	@echo "make test   run the tests (ARGS='-n 3' are pytest's arguments)"
	@echo "make check  linter, formatter, types, direction of imports"
	@echo "make prove  the state machines for a long time: they look for a way around the promises"
	@echo "make fuzz   call the running service with whatever its OpenAPI document allows, and with what it doesn't"
	@echo "make published  import the whole real history and compare the bookings report with its file"
	@echo "make stress 10,000 bookings while workers are killed at random: no mail is lost"
	@echo "make bench  measure (BENCH_ARGS are its arguments)"
	@echo "make lock   pin the newest packages that pyproject.toml allows, with hashes"
	@echo "make clean  remove the environment and caches; data stays"

run:
	@sh requirements/environment.sh run
	@exec .venv/bin/staysync up

test:
	@sh requirements/environment.sh dev
	@exec .venv/bin/python -m pytest $(ARGS)

check:
	@sh requirements/environment.sh dev
	.venv/bin/ruff check .
	.venv/bin/ruff format --check .
	.venv/bin/mypy
	.venv/bin/lint-imports

# The state machines, forty times as long as in `make test`: about half an hour.
prove:
	@sh requirements/environment.sh dev
	@STAYSYNC_TEST_THOROUGHNESS=40 exec .venv/bin/python -m pytest -n 2 tests/machine

# schemathesis, sixty times as long as in `make test`: about ten minutes.
fuzz:
	@sh requirements/environment.sh dev
	@STAYSYNC_TEST_THOROUGHNESS=60 exec .venv/bin/python -m pytest -n 2 tests/fuzz

# The whole real history, where it is at ../shared/data (docs/import.md says where it comes from): some minutes.
published:
	@sh requirements/environment.sh dev
	@STAYSYNC_TEST_WHOLE_HISTORY=1 exec .venv/bin/python -m pytest -s --durations=3 tests/reports/test_published.py

# Workers are killed at random while bookings are made; `make test` does it with a few.
stress:
	@sh requirements/environment.sh dev
	@STAYSYNC_TEST_STRESS_BOOKINGS=$${STAYSYNC_TEST_STRESS_BOOKINGS:-10000} exec .venv/bin/python -m pytest -s tests/stress

bench:
	@sh requirements/environment.sh dev
	@exec .venv/bin/python -m bench $(BENCH_ARGS)

lock:
	@sh requirements/environment.sh dev
	@exec sh requirements/lock.sh

clean:
	rm -rf .venv .pytest_cache .mypy_cache .ruff_cache .import_linter_cache .hypothesis
	find . -name __pycache__ -type d -prune -exec rm -rf {} +
