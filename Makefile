# Each target makes its own environment: uv if it is there, else one bootstrapped with pip.
.PHONY: help demo test check bench producers clean

# The first Python that begat runs on; PYTHON=/path/to/python (with uv: UV_PYTHON) names another.
PYTHON ?= $(shell for python in python3 python3.13 python3.12 python3.11; do \
	$$python -c 'import sys; sys.exit(not (3, 11) <= sys.version_info < (3, 14))' 2>/dev/null \
	&& echo $$python && break; done)
UV := $(shell command -v uv || echo .venv/bin/uv)
# Much of what tests do is to wait for servers. Files of few long tests are not left for the end.
WORKERS ?= 3
# One thread each for the numeric libraries: they add up in one order, however many cores there are.
export OMP_NUM_THREADS ?= 1

help: ## say what there is (the default)
	@sed -n 's/^\([a-z]*\):.*## /make \1	/p' $(MAKEFILE_LIST)

demo: .venv/.ready ## train on real flights twice, in begat-demo/
	.venv/bin/begat demo

test: .venv/.ready ## run all tests
	.venv/bin/python -m pytest -q -n $(WORKERS) --dist loadfile --no-loadscope-reorder

check: .venv/.ready ## lint, types, layers, documentation
	.venv/bin/ruff check .
	.venv/bin/ruff format --check .
	.venv/bin/mypy
	.venv/bin/lint-imports
	.venv/bin/python -m pytest -q tests/docs/test_complete.py tests/docs/test_wellformed.py

bench: .venv/.ready ## measure what begat costs beside its peers (ONLY=noop: one subject), 40 min
	PYTHONPATH=tests .venv/bin/python -m benchmarks $(ONLY)

producers: .venv/.ready ## run Airflow and dbt, and check what begat makes of their events, 4 min
	PYTHONPATH=tests .venv/bin/python -m producers all
	PYTHONPATH=tests .venv/bin/python -m producers check

clean: ## remove what the others made
	rm -rf .venv .begat .bench begat-demo dist .mypy_cache .ruff_cache .pytest_cache .hypothesis \
		.import_linter_cache

.venv/.ready: pyproject.toml uv.lock
	@echo "make: installing begat and its libraries into .venv; the first time takes minutes"
	@command -v $(UV) >/dev/null || { \
		test -n "$(PYTHON)" || { echo "begat needs Python 3.11, 3.12 or 3.13; install one, or uv, which fetches one" >&2; exit 1; } \
		&& $(PYTHON) -m venv .venv && .venv/bin/python -m pip install 'uv>=0.9,<1'; }
	$(UV) sync --frozen
	@touch $@
