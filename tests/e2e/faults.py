"""Faults in a real gateway process: a ``sitecustomize.py`` on its ``PYTHONPATH`` makes named functions raise or hang.

The child reads ``faults.json`` (stage -> ``raise`` or ``hang``) at each call: one process serves for all faults.
It says in ``hits`` that the fault was met: a test that injects nothing proves nothing.
"""

from __future__ import annotations

import json
from pathlib import Path
from typing import Self

SITECUSTOMIZE = '''
import importlib.abc, importlib.machinery, importlib, json, pathlib, sys, threading

HERE = pathlib.Path(__file__).parent
QUOTED = "a traceback that quotes Maria Gonzalez, maria.gonzalez@example.com"

def hit(stage):
    try:
        fault = json.loads((HERE / "faults.json").read_text()).get(stage)
    except (OSError, ValueError):
        return
    if fault is None:
        return
    with (HERE / "hits").open("a") as file:
        file.write(stage + "\\n")
    while fault == "hang" and stage in (HERE / "faults.json").read_text():
        threading.Event().wait(0.02)
    raise RuntimeError(QUOTED)

def faulty(stage, function):
    def wrapped(*args, **kwargs):
        hit(stage)
        return function(*args, **kwargs)
    return wrapped

def patch(path):
    """``module:Class.name`` or ``module:name``; a guarded hook is patched inside its boundary."""
    module, _, name = path.partition(":")
    owner = sys.modules[module]
    *outer, last = name.split(".")
    for part in outer:
        owner = getattr(owner, part)
    function = getattr(owner, last)
    code = getattr(function, "__code__", None)
    cells = dict(zip(code.co_freevars, function.__closure__ or ())) if code else {}
    if "hook" in cells:
        cells["hook"].cell_contents = named(faulty(path, cells["hook"].cell_contents), last)
    else:
        setattr(owner, last, faulty(path, function))

def named(function, name):
    function.__name__ = name
    return function

STAGES = json.loads((HERE / "stages.json").read_text())

class Finder(importlib.abc.MetaPathFinder):
    def find_spec(self, name, path, target=None):
        wanted = [stage for stage in STAGES if stage.partition(":")[0] == name]
        if not wanted:
            return None
        sys.meta_path.remove(self)
        try:
            spec = importlib.util.find_spec(name)
        finally:
            sys.meta_path.insert(0, self)
        execute = spec.loader.exec_module
        def exec_module(module):
            execute(module)
            for stage in wanted:
                patch(stage)
        spec.loader.exec_module = exec_module
        return spec

import importlib.util
sys.meta_path.insert(0, Finder())
'''


class Faults:
    """The switchboard of one gateway process; ``environment`` is what its process needs."""

    def __init__(self, directory: Path, stages: list[str]) -> None:
        directory.mkdir(parents=True)
        self._directory = directory
        (directory / "sitecustomize.py").write_text(SITECUSTOMIZE, encoding="utf-8")
        (directory / "stages.json").write_text(json.dumps(stages), encoding="utf-8")
        self.environment = {"PYTHONPATH": str(directory)}

    def inject(self, stage: str, kind: str = "raise") -> Self:
        """From now on (or, in a ``with`` block, for its length) this stage fails."""
        (self._directory / "hits").unlink(missing_ok=True)
        self._write({stage: kind})
        return self

    def _write(self, faults: dict[str, str]) -> None:
        fresh = self._directory / "faults.new"
        fresh.write_text(json.dumps(faults), encoding="utf-8")
        fresh.replace(self._directory / "faults.json")

    @property
    def hits(self) -> int:
        """How often the fault was met since it was injected."""
        file = self._directory / "hits"
        return len(file.read_text().splitlines()) if file.exists() else 0

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self._write({})
