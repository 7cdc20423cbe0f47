"""Imports run one way. The rules of DESIGN.md's "The house", read from the code itself with ``ast``."""

from __future__ import annotations

import ast
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[1]
ROOMS = ("addons", "detectors", "models", "audit")
PACKAGES = {*ROOMS, "tests"}

MAY_IMPORT = {
    "coatcheck": {"coatcheck", *ROOMS, "tests"},  # tests: `coatcheck demo` runs the demonstration that lies there
    "addons": {"addons", "detectors", "models", "audit"},
    "detectors": {"detectors", "models"},
    "models": {"models"},
    "audit": {"audit"},
}

SANS_IO = ("addons.wire", "addons.policy", "addons.masking")
KEEPS_STATE = ("addons.masking.vault",)
"""The part of a sans-IO room that may do I/O: the vault keeps placeholders beyond a request."""
IO_MODULES = {
    *("aiohttp", "asyncio", "anyio", "ftplib", "httpx", "httpx2", "http", "requests", "select", "selectors", "smtplib"),
    *("socket", "socketserver", "ssl", "subprocess", "urllib3", "uvicorn", "starlette", "websockets", "wsproto"),
    *("sqlite3", "sqlalchemy", "shelve", "dbm", "pathlib", "shutil", "tempfile", "glob", "io", "mmap", "fileinput"),
    *("logging", "signal", "threading", "multiprocessing", "concurrent"),
}
IO_IN = {"urllib": "urllib.request"}
"""Packages of which only one module does I/O."""
TRAINING = {"torch", "transformers", "optimum", "datasets", "accelerate", "onnx", "safetensors", "faker"}


@dataclass(frozen=True)
class Import:
    """One name that a module imports."""

    module: str
    name: str
    line: int
    lazy: bool
    """Inside a function, or under ``if TYPE_CHECKING``: not when the module is loaded."""

    @property
    def top(self) -> str:
        return self.name.partition(".")[0]

    def __str__(self) -> str:
        return f"{self.module}:{self.line} imports {self.name}"


def module_name(path: Path) -> str:
    parts = path.relative_to(ROOT).with_suffix("").parts
    return ".".join(parts[:-1] if parts[-1] == "__init__" else parts)


def trees() -> Iterator[tuple[str, Path, ast.Module]]:
    for path in [ROOT / "coatcheck.py", *(path for room in ROOMS for path in sorted((ROOT / room).rglob("*.py")))]:
        yield module_name(path), path, ast.parse(path.read_text(), str(path))


def imports_of(module: str, is_package: bool, tree: ast.Module) -> Iterator[Import]:
    def walk(node: ast.AST, lazy: bool) -> Iterator[Import]:
        if isinstance(node, ast.Import):
            for alias in node.names:
                yield Import(module, alias.name, node.lineno, lazy)
        elif isinstance(node, ast.ImportFrom):
            base = node.module or ""
            if node.level:
                parents = module.split(".")
                keep = len(parents) - node.level + is_package
                base = ".".join([*parents[:keep], *filter(None, [base])])
            for alias in node.names:
                yield Import(module, f"{base}.{alias.name}", node.lineno, lazy)
        elif isinstance(node, ast.Call) and isinstance(node.func, ast.Name | ast.Attribute):
            called = node.func.id if isinstance(node.func, ast.Name) else node.func.attr
            first = node.args[0] if node.args else None
            names_one = isinstance(first, ast.Constant) and isinstance(first.value, str)
            if called in {"import_module", "__import__"} and names_one:
                yield Import(module, first.value, node.lineno, lazy)
        for child in ast.iter_child_nodes(node):
            inside = isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef | ast.Lambda)
            typing_only = isinstance(node, ast.If) and child in node.body and "TYPE_CHECKING" in ast.unparse(node.test)
            yield from walk(child, lazy or inside or typing_only)

    return walk(tree, lazy=False)


@pytest.fixture(scope="module")
def imports() -> list[Import]:
    found = [one for module, path, tree in trees() for one in imports_of(module, path.name == "__init__.py", tree)]
    assert {one.top for one in found} & set(ROOMS), "no import of ours was seen: this test looks in the wrong place"
    return found


def within(name: str, packages: tuple[str, ...]) -> bool:
    return any(name == package or name.startswith(package + ".") for package in packages)


def test_only_the_named_packages_exist() -> None:
    assert {path.parent.name for path in ROOT.glob("*/__init__.py")} <= PACKAGES
    assert [path.name for path in ROOT.glob("*.py")] == ["coatcheck.py"]


def test_rooms_import_only_what_lies_below_them(imports: list[Import]) -> None:
    ours = {"coatcheck", *PACKAGES}
    wrong = [one for one in imports if one.top in ours - MAY_IMPORT[one.module.partition(".")[0]]]
    assert not wrong, "\n".join(map(str, wrong))


def test_mitmproxy_is_known_to_addons_alone_and_not_to_the_pipeline(imports: list[Import]) -> None:
    wrong = [
        one
        for one in imports
        if one.top == "mitmproxy" and (not within(one.module, ("addons",)) or one.module == "addons.pipeline")
    ]
    assert not wrong, "\n".join(map(str, wrong))


def test_wire_policy_and_masking_do_no_io(imports: list[Import]) -> None:
    wrong = [
        one
        for one in imports
        if within(one.module, SANS_IO)
        and not within(one.module, KEEPS_STATE)
        and (one.top in {*IO_MODULES, "mitmproxy"} or within(one.name, (IO_IN.get(one.top, "-"),)))
    ]
    assert not wrong, "\n".join(map(str, wrong))


def test_wire_policy_and_masking_open_no_files() -> None:
    wrong = [
        f"{module}:{node.lineno}"
        for module, _, tree in trees()
        if within(module, SANS_IO) and not within(module, KEEPS_STATE)
        for node in ast.walk(tree)
        if isinstance(node, ast.Call) and isinstance(node.func, ast.Name) and node.func.id in {"open", "print", "input"}
    ]
    assert not wrong, "\n".join(wrong)


def test_wire_does_not_detect_and_has_no_clock(imports: list[Import]) -> None:
    wrong = [one for one in imports if within(one.module, ("addons.wire",)) and one.top in {"detectors", "time"}]
    assert not wrong, "\n".join(map(str, wrong))


def test_training_packages_stay_in_the_training_modules(imports: list[Import]) -> None:
    outside = [one for one in imports if one.top in TRAINING and not within(one.module, ("models.ner",))]
    assert not outside, "\n".join(map(str, outside))


def test_nothing_that_runs_loads_a_training_package(imports: list[Import]) -> None:
    """What the front door, the gateway, the detectors and the audit room load when they are imported."""
    eager: dict[str, list[Import]] = {}
    for one in imports:
        if not one.lazy:
            eager.setdefault(one.module, []).append(one)
    modules = {module for module, _, _ in trees()}
    reached: set[str] = set()
    waiting = [module for module in modules if not within(module, ("models",))]
    while waiting:
        module = waiting.pop()
        if module in reached or module not in modules:
            continue
        reached.add(module)
        for one in eager.get(module, []):
            # `from a.b import c` loads a, a.b and, if it is a module, a.b.c
            parts = one.name.split(".")
            waiting += [".".join(parts[: n + 1]) for n in range(len(parts))]
    wrong = [one for module in sorted(reached) for one in eager.get(module, []) if one.top in TRAINING]
    assert not wrong, "\n".join(map(str, wrong))


class TestReadsImports:
    """The reader above sees what it must, or the rules would hold in vain."""

    @pytest.mark.parametrize(
        ("code", "name", "lazy"),
        [
            ("import socket", "socket", False),
            ("import a.b as c", "a.b", False),
            ("from addons.wire import types", "addons.wire.types", False),
            ("from . import types", "addons.wire.types", False),
            ("from ..policy import engine", "addons.policy.engine", False),
            ("def f():\n    import torch", "torch", True),
            ("try:\n    import torch\nexcept ImportError:\n    pass", "torch", False),
            ("class A:\n    import torch", "torch", False),
            ("from typing import TYPE_CHECKING\nif TYPE_CHECKING:\n    import torch", "torch", True),
            ("import importlib\nimportlib.import_module('torch')", "torch", False),
            ("async def f():\n    __import__('torch')", "torch", True),
        ],
    )
    def test_wherever_it_stands(self, code: str, name: str, lazy: bool) -> None:
        found = list(imports_of("addons.wire.chat", False, ast.parse(code)))
        assert (name, lazy) in [(one.name, one.lazy) for one in found]

    def test_relative_to_a_package(self) -> None:
        (found,) = imports_of("addons.wire", True, ast.parse("from .types import Segment"))
        assert found.name == "addons.wire.types.Segment"
