# Everything runs in .venv, which the first target that needs it creates from requirements.txt.
PYTHON ?= python3
BIN := .venv/bin
PORT ?= 8000

# Without compiled modules every kernel would spend five seconds on compiling its imports.
unexport PYTHONDONTWRITEBYTECODE

.PHONY: book test check serve lab bench stamp clean

book: .venv/ready
	$(BIN)/python -m kexue.book build

test: .venv/ready
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/mypy
	$(BIN)/python -m pytest -n 2 --dist loadfile tests
	$(BIN)/python -m pytest --doctest-modules lib/kexue
	$(MAKE) --no-print-directory book
	JAX_COMPILATION_CACHE_DIR=$(CURDIR)/_build/jax_cache $(BIN)/python -m pytest --nbval-lax --nbval-current-env --nbval-cell-timeout=300 -n 2 --dist loadscope chapters
	$(BIN)/python -m pytest tests/site

serve: book
	@echo "http://localhost:$(PORT)"
	$(BIN)/python -m http.server $(PORT) --bind 127.0.0.1 --directory _build/html

lab: .venv/lab
	$(BIN)/jupyter lab chapters

bench: .venv/bench
	$(BIN)/python benchmarks/run.py

stamp: .venv/ready
	$(BIN)/python -m kexue.book stamp $(REPOSITORY)

clean:
	rm -rf _build build dist .pytest_cache .mypy_cache .ruff_cache .hypothesis
	find . -name __pycache__ -not -path './.venv/*' -prune -exec rm -rf {} +

# The mark is written last: an interrupted installation is taken up again.
.venv/ready: requirements.txt pyproject.toml
	@$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 11))' || \
	  { echo "Python 3.11 or newer is needed; say which one: make $(MAKECMDGOALS) PYTHON=python3.12"; exit 1; }
	test -x $(BIN)/pip || $(PYTHON) -m venv --clear .venv
	$(BIN)/pip install --quiet --no-compile --disable-pip-version-check -r requirements.txt
	$(BIN)/pip install --quiet --no-compile --disable-pip-version-check --no-build-isolation --no-deps --editable .
	$(BIN)/python -m compileall -q -j 0 .venv/lib >/dev/null 2>&1 || true
	@touch $@

# JupyterLab is for reading and writing chapters; building and testing the book do without it.
.venv/lab: .venv/ready
	$(BIN)/pip install --quiet --disable-pip-version-check --no-build-isolation --constraint requirements.txt --editable '.[lab]'
	@touch $@

# The peers of some workloads; a torch that is there already is kept.
.venv/bench: .venv/ready
	$(BIN)/pip install --quiet --disable-pip-version-check --no-build-isolation --constraint requirements.txt --editable '.[bench]'
	@touch $@
