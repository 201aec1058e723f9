"""What public bug reports of other capture packages would break here: reloads, numpy, and imports that freezers see.

`docs/field-reports.md` lists the kinds of reports and the tests that hold them.
"""

from __future__ import annotations

import ast
import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from desktops import HEIGHT, LIVE, STILL, STILL_FOR_REAL, WIDTH

ROOT = Path(__file__).parent.parent
SOURCES = ROOT / "crates" / "rustcam-python" / "src"
PACKAGE = ROOT / "python" / "rustcam"

# What makes the package anew, as notebooks and development servers do it.
RELOADS = {
    "reload": "importlib.reload(rustcam)",
    "reload of the errors": "importlib.reload(rustcam._errors)",
    "reload of both": "importlib.reload(rustcam._errors); importlib.reload(rustcam)",
    "reload of everything": "for m in [m for n, m in sorted(sys.modules.items()) if n.startswith('rustcam') and"
    " n != 'rustcam._rustcam']: importlib.reload(m)",
    "import again": "for n in [n for n in sys.modules if n.split('.')[0] == 'rustcam']: del sys.modules[n]\n"
    "import rustcam",
    "import again without the extension module": "for n in [n for n in sys.modules if n.split('.')[0] == 'rustcam'"
    " and n != 'rustcam._rustcam']: del sys.modules[n]\nimport rustcam",
}


@pytest.mark.parametrize("how", RELOADS)
@pytest.mark.parametrize("raised_before", [False, True])
def test_exceptions_are_caught_after_a_reload(python: Any, how: str, raised_before: bool) -> None:
    source = f"""
import asyncio, importlib, pickle, sys
import rustcam, rustcam.compat.dxcam
from rustcam import CaptureError, CaptureTimeout, DuplicationError
first = rustcam

def caught(call, *classes):
    for cls in classes:
        try:
            call()
        except cls as error:
            assert pickle.loads(pickle.dumps(error)).args == error.args
        else:
            raise AssertionError("nothing was raised")

def refused():
    rustcam.Capturer(backend="sim", sim="refuse 0x887A0022")

def late():
    with rustcam.Capturer(backend="sim", sim="{STILL_FOR_REAL}") as screen:
        screen.start()
        screen.get_latest_frame(5000)
        screen.get_latest_frame(1)

camera = rustcam.compat.dxcam.create(backend="sim", sim="{STILL_FOR_REAL}")
if {raised_before}:
    caught(refused, CaptureError)
for _ in range(3):
    exec({RELOADS[how]!r})
    caught(refused, rustcam.CaptureError, rustcam.DuplicationError, CaptureError, DuplicationError, first.CaptureError)
    caught(late, rustcam.CaptureTimeout, CaptureTimeout, TimeoutError)
    # Objects from before know only the classes from before.
    camera.start()
    assert camera.get_latest_frame() is not None
    assert camera.latest_frame_time is not None
    camera.stop()
async def stream():
    with rustcam.Capturer(backend="sim", sim="{LIVE}") as screen:
        async with screen.stream() as frames:
            assert isinstance(frames, rustcam.FrameStream)
            for _ in range(3):
                await frames.__anext__()
asyncio.run(stream())
print("caught")
"""
    done = python(source)
    assert (done.returncode, done.stdout) == (0, "caught\n"), done.stderr


WITHOUT_NUMPY = {
    "no module": "sys.modules['numpy'] = None",
    "a finder that refuses": """
class Refusing:
    def find_spec(name, path=None, target=None):
        if name.split(".")[0] == "numpy":
            raise ModuleNotFoundError(f"No module named {name!r}", name=name)
sys.meta_path.insert(0, Refusing)
""",
    "nothing in the path": """
import importlib.machinery
real = importlib.machinery.PathFinder.find_spec
class Sparse:
    def find_spec(name, path=None, target=None):
        return None if name.split(".")[0] == "numpy" else real(name, path, target)
sys.meta_path = [f for f in sys.meta_path if f is not importlib.machinery.PathFinder] + [Sparse]
""",
    "an import that fails": """
class Broken:
    def find_spec(name, path=None, target=None):
        if name == "numpy":
            return importlib.machinery.ModuleSpec(name, Broken)
    def create_module(spec):
        return None
    def exec_module(module):
        raise ImportError("DLL load failed: a file is damaged")
import importlib.machinery
sys.meta_path.insert(0, Broken)
""",
}

ENTRANCES = {
    "screenshot": "import rustcam; rustcam.screenshot(backend='sim')",
    "Capturer": "import rustcam; rustcam.Capturer(backend='sim')",
    "dxcam": "from rustcam.compat import dxcam; dxcam.create(backend='sim')",
    "bettercam": "from rustcam.compat import bettercam; bettercam.create(backend='sim')",
    "doctor": "import rustcam.doctor; rustcam.doctor.examine('sim')",
}


@pytest.mark.parametrize("how", WITHOUT_NUMPY)
@pytest.mark.parametrize("entrance", ENTRANCES)
def test_without_numpy_every_entrance_is_an_import_error_with_advice(python: Any, how: str, entrance: str) -> None:
    source = f"""
import sys
{WITHOUT_NUMPY[how]}
for _ in range(2):
    try:
        {ENTRANCES[entrance]}
    except ImportError as error:
        print(error.name, error, repr(error.__cause__))
"""
    done = python(source)
    lines = done.stdout.splitlines()
    assert (done.returncode, len(lines), done.stderr) == (0, 2, "")
    for line in lines:
        assert re.match(r"numpy rustcam needs numpy.*pip install", line), line
        assert "damaged" in line or how != "an import that fails"


@pytest.mark.parametrize("how", ["no module", "a finder that refuses", "nothing in the path"])
@pytest.mark.parametrize("command", ["list", "doctor", "shot", "record -o x.y4m", "bench"])
def test_without_numpy_the_command_line_says_what_to_install(
    python: Any, how: str, command: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    source = f"""
import runpy, sys
{WITHOUT_NUMPY[how]}
sys.argv = ["rustcam", *{command.split()!r}, "--backend", "sim"]
runpy.run_module("rustcam", run_name="__main__")
"""
    done = python(source)
    assert done.returncode != 0
    assert re.search(r"rustcam needs numpy.*pip install", done.stderr.splitlines()[-1]), done.stderr
    assert "Panic" not in done.stderr
    assert list(tmp_path.iterdir()) == []


def array_module() -> str:
    return "numpy._core.multiarray" if int(np.__version__.split(".")[0]) >= 2 else "numpy.core.multiarray"


@pytest.mark.parametrize("loaded", [False, True], ids=["first import", "numpy imported before"])
@pytest.mark.parametrize("name", ["numpy", "numpy.lib", array_module()])
@pytest.mark.parametrize(
    "call",
    [
        "rustcam.screenshot(backend='sim', sim=script)",
        "rustcam.Capturer(backend='sim', sim=script)",
        "dxcam.create(backend='sim', sim=script)",
    ],
)
def test_an_interrupt_while_numpy_is_loaded_is_a_keyboard_interrupt(
    python: Any, call: str, name: str, loaded: bool
) -> None:
    """The signal arrives during the import of one module: without the thread for loading, in the middle of it."""
    source = f"""
import builtins, signal, sys, threading
import rustcam
from rustcam.compat import dxcam
script = {STILL!r}
if {loaded}:
    import numpy
real, sent = builtins.__import__, []
def interrupted(name, *rest, **options):
    module = real(name, *rest, **options)
    if name == {name!r} and not sent:
        sent.append(name)
        signal.raise_signal(signal.SIGINT)
    return module
builtins.__import__ = interrupted
try:
    {call}
except KeyboardInterrupt as error:
    print(type(error).__name__, bool(sent))
print({call} is not None, rustcam.screenshot(backend="sim", sim=script).shape, threading.active_count())
"""
    done = python(source)
    expected = ["KeyboardInterrupt True", f"True ({HEIGHT}, {WIDTH}, 3) 1"]
    assert (done.stdout.splitlines(), done.stderr) == (expected, "")


@pytest.mark.linux
def test_an_interrupt_at_any_moment_of_the_first_screenshot_is_a_keyboard_interrupt(python: Any) -> None:
    source = f"""
import os, signal, sys, time
import rustcam
signal.signal(signal.SIGALRM, signal.default_int_handler)
outcomes = set()
for step in range(60):
    child = os.fork()
    if child == 0:
        status = 1
        try:
            try:
                # From the moment of the call to the end of it.
                signal.setitimer(signal.ITIMER_REAL, 0.0001 + 0.005 * step)
                rustcam.screenshot(backend="sim", sim={STILL!r})
                time.sleep(1)
            except KeyboardInterrupt:
                pass
            status = 0 if rustcam.screenshot(backend="sim", sim={STILL!r}).shape else 2
        finally:
            os._exit(status)
    outcomes.add(os.waitpid(child, 0)[1])
print(outcomes)
"""
    done = python(source)
    assert (done.stdout, done.stderr) == ("{0}\n", "")


def imports_of_the_extension_module() -> set[str]:
    text = "".join(path.read_text(encoding="utf-8") for path in SOURCES.rglob("*.rs"))
    # Also of exceptions: `import_exception!(module, Class)`.
    found = re.findall(r'\bimport\((?:intern!\(\w+, )?"([\w.]+)"', text)
    found += re.findall(r"import_exception!\(([\w.]+),", text)
    assert len(re.findall(r"\bimport\(", text)) <= len(found), "an import that this test cannot read"
    return set(found)


def imports_of(path: Path) -> Iterator[str]:
    """What a program that packs applications sees: every import statement that is not for type checkers only."""
    package = "rustcam" if path.parent == PACKAGE else f"rustcam.{path.parent.name}"
    tree = ast.parse(path.read_text(encoding="utf-8"))
    for_checkers = {
        node
        for test in ast.walk(tree)
        if isinstance(test, ast.If) and ast.unparse(test.test) == "TYPE_CHECKING"
        for node in ast.walk(test)
    }
    for node in ast.walk(tree):
        if node in for_checkers:
            continue
        if isinstance(node, ast.Import):
            yield from (alias.name for alias in node.names)
        elif isinstance(node, ast.ImportFrom):
            parts = package.split(".")[: len(package.split(".")) + 1 - node.level] if node.level else []
            base = ".".join([*parts, *([node.module] if node.module else [])])
            yield base
            yield from (f"{base}.{alias.name}" for alias in node.names)


def reachable_imports() -> set[str]:
    """The imports of `rustcam` and of the modules of the package that it imports, directly or through others."""
    seen: set[str] = set()
    todo = [PACKAGE / "__init__.py"]
    done = set()
    while todo:
        path = todo.pop()
        if path in done:
            continue
        done.add(path)
        for name in imports_of(path):
            seen.add(name)
            below = PACKAGE.joinpath(*name.split(".")[1:]) if name.split(".")[0] == "rustcam" else None
            if below is not None:
                todo += [file for file in (below.with_suffix(".py"), below / "__init__.py") if file.exists()]
    return seen


def test_every_import_of_the_extension_module_is_an_import_statement_of_the_package() -> None:
    hidden = imports_of_the_extension_module() - reachable_imports()
    assert hidden == set()
    assert "numpy" in reachable_imports()


def test_only_modules_that_import_statements_name_are_imported_at_run_time(python: Any) -> None:
    """A packed application has no others. Standard modules that the interpreter itself has loaded do not count."""
    source = f"""
import asyncio, logging, sys, time
logging.basicConfig(level=0, stream=open(__import__("os").devnull, "w"))
import numpy
visible = set({sorted(reachable_imports())!r})
import rustcam
class Packed:
    def find_spec(name, path=None, target=None):
        if name not in visible and name.split(".")[0] != "numpy":
            print("not in the packed application:", name)
sys.meta_path.insert(0, Packed)
for name in list(sys.modules):
    # As if only the package had imported them.
    if name in ("fractions", "decimal", "threading") and name not in visible:
        sys.modules[name] = None
script = "size 96x64; refresh 200; pointer still; at 20ms lose access for 30ms; at 200ms unplug for ever"
with rustcam.Capturer(backend="sim", sim=script) as screen:
    end = time.perf_counter() + 0.15
    while time.perf_counter() < end:
        screen.grab(50, copy=False)
        screen.frame_info.pointer.shape, screen.frame_info.present_time, screen.stats
    next(screen.frames(59.94))
    async def one():
        async with screen.stream() as frames:
            await frames.__anext__()
    asyncio.run(one())
    screen.start(patience_s=0)
    try:
        while True:
            screen.get_latest_frame(2000)
    except rustcam.AccessLost:
        print("lost")
rustcam.screenshot(backend="sim", sim=script)
"""
    done = python(source)
    assert (done.stdout, done.stderr) == ("lost\n", "")
