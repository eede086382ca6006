# Everything runs in .venv, which the first target that needs it creates from requirements.txt.
PYTHON ?= python3
# Any Python that the newest JAX supports.
PYTHON_NEWEST ?= python3.13
BIN := .venv/bin
PORT ?= 8000
# Tests run side by side, one process a core.
JOBS ?= 2
# Options of JupyterLab: make lab LAB="--ip 0.0.0.0 --port 9000".
LAB ?=
# One chapter, as part/name; all of them if none is named.
CHAPTER ?=

# Without compiled modules every kernel would spend five seconds on compiling its imports.
unexport PYTHONDONTWRITEBYTECODE

# Without the project's own options: in the kernels, not here, the library is at work.
NBVAL := -o addopts= -q -p no:cacheprovider --nbval-lax --nbval-current-env --nbval-cell-timeout=300 --dist loadscope -n $(JOBS)
# Of a test of the library half the time is compilation; without fusion kernels made by MLIR that is half as long. What
# is compiled for users is compiled as theirs: docstrings, chapters, the known sums, and everything in `compatibility`.
QUICK := XLA_FLAGS=--xla_cpu_use_fusion_emitters=false
LIBRARY := tests --ignore tests/book --ignore tests/site --ignore tests/packaging --ignore tests/test_benchmarks.py --ignore tests/test_optimizers_compared.py --ignore tests/test_pasted.py

.PHONY: book test check library doctests chapters site compatibility oldest newest seeds serve lab bench stamp lock clean

book: .venv/ready
	$(BIN)/python -m kexue.book build

# In this order: what nbval has executed is not executed once more for the site.
test: check library doctests chapters site

check: .venv/ready
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/mypy

library: .venv/ready
	$(QUICK) $(BIN)/python -m pytest -n $(JOBS) --dist loadfile --no-loadscope-reorder tests --ignore tests/test_reductions.py
	$(BIN)/python -m pytest tests/test_reductions.py

doctests: .venv/ready
	$(BIN)/python -m pytest -n $(JOBS) --dist loadfile --doctest-modules lib/kexue

chapters: .venv/ready
	$(BIN)/python -m pytest $(NBVAL) -p kexue.book.running.nbval chapters

# What is timed, and JupyterLab with its kernel, have the machine for themselves.
site: book
	$(BIN)/python -m pytest -n $(JOBS) --dist loadscope -m "not alone" tests/site
	$(BIN)/python -m pytest -m alone tests/site

# The whole library once more, with the oldest and the newest versions of everything; the chapters with the newest.
# Here the tests are compiled as users compile, with all optimisations.
oldest newest: export JAX_DISABLE_MOST_OPTIMIZATIONS = 0
compatibility: oldest newest

oldest: .venv-oldest/ready
	.venv-oldest/bin/python -m pytest -n $(JOBS) --dist loadfile $(LIBRARY) --ignore tests/test_import.py --ignore tests/test_house.py
	.venv-oldest/bin/python -m pytest -n $(JOBS) --dist loadfile --doctest-modules lib/kexue --ignore lib/kexue/book

newest: .venv-newest/ready
	.venv-newest/bin/python -m pytest -n $(JOBS) --dist loadfile $(LIBRARY)
	.venv-newest/bin/python -m pytest -n $(JOBS) --dist loadfile --doctest-modules lib/kexue \
	  --ignore lib/kexue/book/running --ignore lib/kexue/book/pages --ignore lib/kexue/book/readers
	.venv-newest/bin/python -m pytest $(NBVAL) chapters

seeds: .venv/ready
	$(BIN)/python -m kexue.book seeds $(if $(CHAPTER),--chapter $(CHAPTER))

serve: book
	@echo "http://localhost:$(PORT)"
	$(BIN)/python -m kexue.book serve --port $(PORT)

# Copies of the readers' notebooks: what is done there touches no file of the repository, and is kept.
lab: .venv-lab/ready
	mkdir -p _build/lab
	cp -Rn notebooks/. _build/lab
	.venv-lab/bin/jupyter lab $(if $(filter 0,$(shell id -u)),--allow-root) $(LAB) _build/lab

bench: .venv/bench
	$(BIN)/python benchmarks/run.py

stamp: .venv/ready
	$(BIN)/python -m kexue.book stamp $(REPOSITORY)

# The newest versions that fit together, with the hashes of their files for every platform and Python.
lock:
	$(PYTHON) -m venv --clear .venv-lock
	.venv-lock/bin/pip install --quiet --disable-pip-version-check uv
	.venv-lock/bin/uv pip compile pyproject.toml --extra book --extra site --extra test --universal --python-version 3.11 \
	  --generate-hashes --no-annotate --no-header --constraint constraints.txt --output-file requirements.txt --quiet
	rm -rf .venv-lock

clean:
	rm -rf _build build dist .venv-lab .venv-oldest .venv-newest .pytest_cache .mypy_cache .ruff_cache .hypothesis
	find . -name __pycache__ -not -path './.venv/*' -prune -exec rm -rf {} +

# The mark is written last: an interrupted installation is taken up again.
.venv/ready: requirements.txt pyproject.toml
	@$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 11))' || \
	  { echo "Python 3.11 or newer is needed; say which one: make $(MAKECMDGOALS) PYTHON=python3.12"; exit 1; }
	test -x $(BIN)/pip || $(PYTHON) -m venv --clear .venv
	$(BIN)/pip install --quiet --no-compile --disable-pip-version-check --require-hashes -r requirements.txt
	$(BIN)/pip install --quiet --no-compile --disable-pip-version-check --no-build-isolation --no-deps --editable .
	$(BIN)/python tests/packaging/environments.py pinned > .venv/pins.txt
	$(BIN)/python -m compileall -q -j 0 .venv/lib >/dev/null 2>&1 || true
	@touch $@

# What a reader needs, without the tools that build and test the book.
.venv-lab/ready: requirements.txt pyproject.toml
	@echo "Installing JupyterLab and the library into .venv-lab: this takes about two minutes, once."
	$(PYTHON) -m venv --clear .venv-lab
	$(PYTHON) tests/packaging/environments.py pinned > .venv-lab/pins.txt
	.venv-lab/bin/pip install --quiet --disable-pip-version-check --constraint .venv-lab/pins.txt --editable '.[book,lab]'
	@touch $@

# The peers of some workloads; a torch that is there already is kept.
.venv/bench: .venv/ready
	$(BIN)/pip install --quiet --disable-pip-version-check --no-build-isolation --constraint .venv/pins.txt --editable '.[bench]'
	@touch $@

.venv-oldest/ready: pyproject.toml requirements.txt
	$(PYTHON) -m venv --clear .venv-oldest
	$(PYTHON) tests/packaging/environments.py oldest > .venv-oldest/packages.txt
	.venv-oldest/bin/pip install --quiet --disable-pip-version-check -r .venv-oldest/packages.txt
	.venv-oldest/bin/pip install --quiet --disable-pip-version-check --no-deps --editable .
	@touch $@

.venv-newest/ready: pyproject.toml
	$(PYTHON_NEWEST) -m venv --clear .venv-newest
	.venv-newest/bin/pip install --quiet --disable-pip-version-check --upgrade --editable '.[book,test]' jax jaxlib ipykernel
	@touch $@
