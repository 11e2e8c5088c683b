"""The house stands as CONTRIBUTING draws it: derived from the tree itself, so that no new module can escape."""

from __future__ import annotations

import ast
import json
import subprocess
import sys
from functools import cache
from graphlib import TopologicalSorter
from pathlib import Path

import pytest

import bnviz

ROOT = Path(__file__).parents[1]
FLOORS = (
    "awake", "leash", "config", "presets", "frames", "lineup", "closeup", "history", "recording", "source",  # values
    "data", "models", "ics", "landscape", "probe", "motion", "training",  # data, nets, measures, training
    "watching", "integrations", "linting",  # somebody else's nets
    "verdict", "charts", "lessons", "comparing", "sweeping", "laws",
    "as_pytorch",  # judgement, pictures, questions, what must hold
    "serve", "ui", "cli",  # processes, the page, the command
)  # fmt: skip
"""From the top down: each imports only those before it."""
SHOWS_ITSELF = ("bnviz.recording", "bnviz.charts.notebook")
"""A recording shows itself in a notebook: what draws it lies above it, and is imported when it is asked to."""
WITH_TORCH = {
    "models",
    "ics",
    "landscape",
    "probe",
    "motion",
    "training",
    "watching",
    "integrations",
    "linting",
    "comparing",
}
"""Importing these brings torch; no other may. (A law's own module is imported when it is measured.)"""
WITH_STREAMLIT = {"bnviz.serve.app", "bnviz.serve.launch", "bnviz.ui"}
OPTIONAL = {"bnviz.integrations.lightning", "bnviz.integrations.huggingface"}
"""These bring a framework along, which is the user's own and need not be there."""
SWEEPS = {f"bnviz.sweeping.{name}" for name in ("cell", "cost", "running", "sweep")}
"""A sweep that is planned or read takes no torch; one that is run does."""
LAW_MODULES = {"bnviz.laws.law", "bnviz.laws.batchnorm", "bnviz.laws.shift", "bnviz.laws.at_init", "bnviz.laws.trained"}


@cache
def modules() -> dict[str, Path]:
    """Every module of the package, by its dotted name."""
    found = {}
    for path in (ROOT / "bnviz").rglob("*.py"):
        parts = path.relative_to(ROOT).with_suffix("").parts
        found[".".join(parts[:-1] if parts[-1] == "__init__" else parts)] = path
    return found


def floor(module: str) -> str:
    return module.split(".")[1] if "." in module else ""


@cache
def imports(module: str, top: bool = False) -> frozenset[str]:
    """The modules of bnviz that a module imports, anywhere in its text; with `top`, those at its top level alone."""
    tree = ast.parse(modules()[module].read_text())
    nodes = [node for node in tree.body if not _type_checking(node)] if top else ast.walk(tree)
    found = set()
    for node in nodes:
        if isinstance(node, ast.Import):
            found |= {alias.name for alias in node.names}
        elif isinstance(node, ast.ImportFrom):
            assert not node.level, f"{module} imports relatively: say the whole name"
            names = {f"{node.module}.{alias.name}" for alias in node.names}
            found |= {name if name in modules() else str(node.module) for name in names}
    return frozenset(name for name in found if name in modules() and name != module)


def _type_checking(node: ast.stmt) -> bool:
    return isinstance(node, ast.If) and ast.unparse(node.test) == "TYPE_CHECKING"


def test_every_module_has_its_place():
    placed = {floor(module) for module in modules()} - {""}
    assert placed == set(FLOORS)


@pytest.mark.parametrize("module", sorted(modules()))
def test_imports_point_down(module):
    if module == "bnviz":
        return  # lists the public names, and imports none before it is asked
    allowed = FLOORS[: FLOORS.index(floor(module)) + 1]
    beyond = {each for each in imports(module) if each != "bnviz" and floor(each) not in allowed}
    beyond -= {SHOWS_ITSELF[1]} if module == SHOWS_ITSELF[0] else set()
    assert not beyond, f"{module} imports {beyond}: {floor(module)} may import {', '.join(allowed)}"


def test_no_circle():
    graph = {module: imports(module, top=True) - {"bnviz"} for module in modules() if module != "bnviz"}
    tuple(TopologicalSorter(graph).static_order())  # CycleError names the circle


def library(module: str) -> str:
    """What takes seconds to import and the module may bring: it is there already when that module is imported."""
    if floor(module) in WITH_TORCH or module in LAW_MODULES | SWEEPS:
        return "torch"
    return "streamlit" if floor(module) == "ui" or module in WITH_STREAMLIT else "sys"


@cache
def loaded(library: str, names: tuple[str, ...]) -> dict[str, list[str]]:
    """What each module brings along: every one imported in an interpreter forked from one that has a library alone."""
    code = (
        "import importlib, json, os, sys, LIBRARY\n"
        "found = {}\n"
        "for name in json.load(sys.stdin):\n"
        "    read, write = os.pipe()\n"
        "    if os.fork() == 0:\n"
        "        importlib.import_module(name)\n"
        "        os.write(write, json.dumps([m for m in HEAVY if m in sys.modules]).encode())\n"
        "        os._exit(0)\n"
        "    os.close(write)\n"
        "    with open(read) as pipe: found[name] = json.loads(pipe.read() or 'null')\n"
        "    os.wait()\n"
        "print(json.dumps(found))\n"
    )
    code = code.replace("HEAVY", repr(HEAVY)).replace("LIBRARY", library)
    result = subprocess.run(
        [sys.executable, "-c", code], input=json.dumps(names), capture_output=True, text=True, check=True, cwd=ROOT
    )
    return json.loads(result.stdout)


HEAVY = ("torch", "streamlit", "plotly", "sklearn", "pandas")
IMPORTED = sorted(set(modules()) - {"bnviz.ui.page"} - OPTIONAL)


@pytest.mark.parametrize("module", IMPORTED)
def test_what_a_module_brings_along(module):
    alike = tuple(each for each in IMPORTED if library(each) == library(module))
    brought = loaded(library(module), alike)[module]
    assert brought is not None, "it cannot be imported by itself"
    if floor(module) not in WITH_TORCH and module not in LAW_MODULES | SWEEPS:
        assert "torch" not in brought, "torch costs over 2 s and 200 MB"
    if module not in WITH_STREAMLIT and floor(module) not in ("ui",):
        assert not {"streamlit", "pandas", "plotly"} & set(brought)
    assert "sklearn" not in brought


def test_only_the_rim_names_streamlit():
    naming = {
        module
        for module, path in modules().items()
        if any(
            (isinstance(node, ast.Import) and any(alias.name.split(".")[0] == "streamlit" for alias in node.names))
            or (isinstance(node, ast.ImportFrom) and str(node.module).split(".")[0] == "streamlit")
            for node in ast.walk(ast.parse(path.read_text()))
        )
    }
    assert {module for module in naming if floor(module) != "ui"} <= WITH_STREAMLIT


def test_public_names_come_when_asked_for():
    code = (
        "import sys, bnviz\n"
        "assert not {'torch', 'numpy', 'streamlit'} & set(sys.modules)\n"
        "bnviz.RunConfig, bnviz.Arm, bnviz.Frame, bnviz.Event, bnviz.Recording, bnviz.PRESETS\n"
        "assert 'torch' not in sys.modules\n"
        "for name in bnviz.__all__: assert getattr(bnviz, name).__class__, name\n"
    )
    subprocess.run([sys.executable, "-c", code], check=True, cwd=ROOT)
    assert set(bnviz.__all__) <= set(dir(bnviz))
    with pytest.raises(AttributeError, match="bnviz has no 'nothing'"):
        _ = bnviz.nothing


def test_no_drawer_for_odds_and_ends():
    names = {path.stem for path in modules().values()}
    assert not names & {"utils", "util", "base", "common", "manager", "helpers", "misc"}


def test_files_stay_readable():
    long = {
        str(path.relative_to(ROOT)): count
        for folder in ("bnviz", "tests", "benchmarks", "tools")
        for path in (ROOT / folder).rglob("*.[pj][ys]")
        if (count := len(path.read_text().splitlines())) > 250
    }
    assert not long


NOT_ON_WINDOWS = {
    "os": {"fork", "forkpty", "kill", "killpg", "setsid", "setpgid", "getuid", "geteuid", "nice", "wait", "mkfifo",
           "sysconf", "statvfs", "getloadavg", "sched_getaffinity", "posix_spawn"},
    "signal": {"SIGKILL", "SIGSTOP", "SIGCONT", "SIGCHLD", "SIGHUP", "SIGALRM", "alarm", "setitimer", "pthread_kill"},
    "subprocess": {"preexec_fn", "start_new_session", "pass_fds"},
    "": {"fcntl", "resource", "termios", "pty", "pwd", "grp"},
}  # fmt: skip
"""What handling processes does without. (`os.kill` is there, but ends a process whatever the signal.)"""
WHERE_WORKERS_ARE_FORKED = {"bnviz.serve.forked", "bnviz.serve.nursery"}
"""On Linux, and not used elsewhere: tests/serve/test_elsewhere.py."""


@pytest.mark.parametrize("module", sorted(
    module for module in modules() if floor(module) in ("serve", "training") and module not in WHERE_WORKERS_ARE_FORKED
))  # fmt: skip
def test_processes_are_handled_by_what_every_system_has(module):
    """Where something is used if it is there, the text says so: `hasattr(os, "name")`, or `except ImportError`."""
    text, found = modules()[module].read_text(), set()
    for node in ast.walk(ast.parse(text)):
        if isinstance(node, ast.Attribute) and isinstance(node.value, ast.Name):
            if node.attr in NOT_ON_WINDOWS.get(node.value.id, ()) and f'"{node.attr}"' not in text:
                found.add(f"{node.value.id}.{node.attr}")
        elif isinstance(node, ast.keyword) and node.arg in NOT_ON_WINDOWS["subprocess"]:
            found.add(node.arg)
        elif isinstance(node, ast.Import) and "ImportError" not in text:
            found |= {alias.name for alias in node.names} & NOT_ON_WINDOWS[""]
    assert not found


def test_functions_stay_readable():
    long = {
        f"{path.relative_to(ROOT)}: {node.name}"
        for folder in ("bnviz", "tests", "benchmarks", "tools")
        for path in (ROOT / folder).rglob("*.py")
        for node in ast.walk(ast.parse(path.read_text()))
        if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef) and node.end_lineno - node.lineno >= 40
    }
    assert not long
