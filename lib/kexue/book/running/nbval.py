"""A pytest plugin: what nbval has executed is kept, so that the build need not execute it once more.

``python -m pytest --nbval-lax -p kexue.book.running.nbval chapters`` leaves the outputs of every notebook whose cells have
all passed in ``_build/nbval``; `execute` takes them into the cache if nothing has changed since.
"""

import os
import time
from collections import defaultdict
from collections.abc import Generator
from pathlib import Path
from typing import Any

import nbformat
import pytest
from nbval.kernel import RunningKernel
from nbval.plugin import IPyNbCell

from .execute import fingerprint, keep_run

_RUNS: dict[Path, dict[str, Any]] = defaultdict(lambda: {"start": time.perf_counter(), "cells": {}, "outputs": []})


def _execute_with_history(self: RunningKernel, cell_input: str, allow_stdin: bool | None = None) -> str:
    """Without a history, which nbval 0.11 leaves out, IPython does not see the semicolon that ends a cell."""
    return self.kc.execute(cell_input, allow_stdin=allow_stdin, stop_on_error=False)


_get_message = RunningKernel.get_message


def _get_message_and_status(self: RunningKernel, stream: str, timeout: float | None = None) -> Any:
    """Keep the status of the last reply: after a misspelt magic it is an error, which nbval 0.11 does not look at."""
    message = _get_message(self, stream, timeout)
    if stream == "shell":
        self.status = message["content"].get("status")
    return message


def pytest_configure(config: pytest.Config) -> None:
    """The kernels draw pages as those of the build do."""
    os.environ["KEXUE_BOOK"] = "1"
    RunningKernel.execute_cell_input = _execute_with_history
    RunningKernel.get_message = _get_message_and_status


@pytest.hookimpl(tryfirst=True)
def pytest_runtest_setup(item: pytest.Item) -> None:
    """The clock of a notebook starts before its kernel does."""
    if isinstance(item, IPyNbCell):
        _RUNS[item.path]


@pytest.hookimpl(wrapper=True)
def pytest_runtest_call(item: pytest.Item) -> Generator[None, None, None]:
    """A cell whose reply is an error has failed, as it does in the build."""
    yield
    if isinstance(item, IPyNbCell) and item.parent.kernel.status == "error":
        raise RuntimeError(f"cell {item.cell_num} ended with an error that only its error stream tells")


def pytest_runtest_makereport(item: pytest.Item, call: pytest.CallInfo[None]) -> None:
    """What a cell that passed has shown."""
    if isinstance(item, IPyNbCell) and call.when == "call" and call.excinfo is None and item.test_outputs is not None:
        _RUNS[item.path]["cells"][item.cell_num] = call.duration
        _RUNS[item.path]["outputs"].append(item.test_outputs)


def pytest_runtest_teardown(item: pytest.Item, nextitem: pytest.Item | None) -> None:
    """After the last cell of a notebook: keep the run, if it is whole."""
    if not isinstance(item, IPyNbCell) or (nextitem is not None and nextitem.path == item.path):
        return
    run = _RUNS.pop(item.path)
    root, notebook = item.config.rootpath, nbformat.read(item.path, as_version=4)
    code = [cell for cell in notebook.cells if cell.cell_type == "code"]
    if len(run["cells"]) != len(code):
        return
    for count, (cell, outputs) in enumerate(zip(code, run["outputs"], strict=True), 1):
        cell.outputs, cell.execution_count = nbformat.from_dict(outputs), count
    result = {
        "notebook": nbformat.writes(notebook),
        "error": "",
        "seconds": time.perf_counter() - run["start"],
        "cells": sum(run["cells"].values()),
    }
    keep_run(root, item.path, fingerprint(root, item.path), result)
