# Each target makes its own environment: uv if it is there, else one bootstrapped with pip.
.PHONY: demo test check clean

PYTHON ?= python3
UV := $(shell command -v uv 2>/dev/null || echo .venv/bin/uv)
# One thread each for the numeric libraries: results are the same on every machine.
export OMP_NUM_THREADS ?= 1

demo: .venv/.ready
	.venv/bin/begat demo

test: .venv/.ready
	.venv/bin/python -m pytest -q -n 2 --dist loadfile

check: .venv/.ready
	.venv/bin/ruff check .
	.venv/bin/ruff format --check .
	.venv/bin/mypy
	.venv/bin/lint-imports

.venv/.ready: pyproject.toml uv.lock
	@command -v $(UV) >/dev/null 2>&1 || { $(PYTHON) -c 'import sys; sys.version_info >= (3, 11) or sys.exit("begat needs Python 3.11 or newer; set PYTHON=")' \
		&& $(PYTHON) -m venv .venv && .venv/bin/python -m pip install --quiet 'uv>=0.5'; }
	$(UV) sync --frozen --quiet --inexact
	@touch $@

clean:
	rm -rf .venv .begat begat-demo dist .mypy_cache .ruff_cache .pytest_cache .hypothesis
