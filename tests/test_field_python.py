"""What public bug reports of other capture packages would break here: the Python layer.

`docs/field-reports.md` lists the kinds of reports and the tests that hold them.
"""

from __future__ import annotations

import array
import ast
import asyncio
import collections
import copy
import gc
import pickle
import re
from collections.abc import Iterator
from pathlib import Path
from textwrap import dedent
from typing import Any, Callable

import numpy as np
import pytest

import rustcam
from conftest import must
from desktops import HEIGHT, LIVE, STILL, STILL_FOR_REAL, WIDTH
from rustcam.compat import bettercam, dxcam

ROOT = Path(__file__).parent.parent
SOURCES = ROOT / "crates" / "rustcam-python" / "src"
PACKAGE = ROOT / "python" / "rustcam"

EDGES = (10, 20, 110, 100)
Named = collections.namedtuple("Named", "left top right bottom")

# Four integers, in everything that programs keep them in.
REGIONS: dict[str, Any] = {
    "tuple": EDGES,
    "list": list(EDGES),
    "namedtuple": Named(*EDGES),
    "deque": collections.deque(EDGES),
    "range": range(10, 50, 10),
    "array.array": array.array("i", EDGES),
    "tuple of numpy integers": tuple(np.array(EDGES)),
    "array of objects": np.array(EDGES, object),
    "slice of an array": np.arange(40).reshape(2, 20)[1, 3:11:2],
    **{f"array of {kind}": np.array(EDGES, kind) for kind in ("i1", "u1", "i2", "u2", "i4", "u4", "i8", "u8", ">i4")},
}

# What is no region: the value, the exception, words of the message.
NO_REGIONS: dict[str, tuple[Any, Any, str]] = {
    "bytes": (bytes(EDGES), TypeError, "region.*bytes"),
    "bytearray": (bytearray(EDGES), TypeError, "region.*bytearray"),
    "memoryview": (memoryview(bytes(EDGES)), TypeError, "region.*memoryview"),
    "text": ("10,20,110,100", TypeError, "region.*str"),
    "four letters": ("abcd", TypeError, "region.*str"),
    "dict": (dict.fromkeys(EDGES), TypeError, "region.*dict"),
    "dict of mss": ({"left": 10, "top": 20, "width": 100, "height": 80}, TypeError, "region.*dict"),
    "set": (set(EDGES), TypeError, "region.*set"),
    "frozenset": (frozenset(EDGES), TypeError, "region.*frozenset"),
    "number": (5, TypeError, "region.*int"),
    "numpy number": (np.int64(5), TypeError, "region.*int64"),
    "false": (False, TypeError, "region.*bool"),
    "zero": (0, TypeError, "region.*int"),
    "array without dimensions": (np.array(5), TypeError, "region.*ndarray"),
    "empty tuple": ((), ValueError, "exactly four"),
    "empty list": ([], ValueError, "exactly four"),
    "empty array": (np.array([], int), ValueError, "exactly four"),
    "three": ((10, 20, 110), ValueError, "exactly four"),
    "five": (np.arange(5), ValueError, "exactly four"),
    "two corners": (((10, 20), (110, 100)), ValueError, "exactly four"),
    "array of two corners": (np.array(EDGES).reshape(2, 2), ValueError, "exactly four"),
    "column": (np.array(EDGES).reshape(4, 1), ValueError, "integers"),
    "floats": ((10.0, 20.0, 110.0, 100.0), ValueError, "integers"),
    "array of floats": (np.array(EDGES, float), ValueError, "integers"),
    "zeros": (np.zeros(4, int), ValueError, "empty"),
}


def opened(region: Any = None) -> rustcam.Capturer:
    return rustcam.Capturer(region=region, backend="sim", sim=STILL)


def by_capturer(region: Any) -> Any:
    with opened(region) as screen:
        assert screen.region == (tuple(int(edge) for edge in region))
        return screen.grab()


def by_grab(region: Any) -> Any:
    with opened() as screen:
        return screen.grab(region=region)


def by_grab_into(region: Any) -> Any:
    with opened() as screen:
        return screen.grab(region=region, out=np.zeros((80, 100, 4), np.uint8))


def by_start(region: Any) -> Any:
    with rustcam.Capturer(backend="sim", sim=STILL_FOR_REAL) as screen:
        screen.start(region=region)
        return screen.get_latest_frame(5000)


def by_frames(region: Any) -> Any:
    with opened() as screen:
        return next(screen.frames(30, region=region))[0]


def by_stream(region: Any) -> Any:
    async def first() -> Any:
        with rustcam.Capturer(backend="sim", sim=STILL_FOR_REAL) as screen:
            async with screen.stream(region=region) as stream:
                return await stream.__anext__()

    return asyncio.run(first())


def by_screenshot(region: Any) -> Any:
    return rustcam.screenshot(region=region, backend="sim", sim=STILL)


def by_create(package: Any) -> Callable[[Any], Any]:
    def call(region: Any) -> Any:
        with package.create(region=region, backend="sim", sim=STILL) as camera:
            assert camera.region == tuple(int(edge) for edge in region)
            return camera.grab()

    return call


def by_camera_grab(package: Any, method: str = "grab") -> Callable[[Any], Any]:
    def call(region: Any) -> Any:
        with package.create(backend="sim", sim=STILL) as camera:
            return getattr(camera, method)(region=region)

    return call


def by_camera_start(package: Any) -> Callable[[Any], Any]:
    def call(region: Any) -> Any:
        with package.create(backend="sim", sim=STILL_FOR_REAL) as camera:
            camera.start(region=region)
            assert camera.region == tuple(int(edge) for edge in region)
            frame = camera.get_latest_frame()
            assert np.array_equal(camera.grab(region=region), frame)
            return frame

    return call


WAYS: dict[str, Callable[[Any], Any]] = {
    "Capturer": by_capturer,
    "grab": by_grab,
    "grab(out=)": by_grab_into,
    "start": by_start,
    "frames": by_frames,
    "stream": by_stream,
    "screenshot": by_screenshot,
    **{f"{package.__name__}.create": by_create(package) for package in (dxcam, bettercam)},
    **{f"{package.__name__}.grab": by_camera_grab(package) for package in (dxcam, bettercam)},
    "dxcam.grab_view": by_camera_grab(dxcam, "grab_view"),
    **{f"{package.__name__}.start": by_camera_start(package) for package in (dxcam, bettercam)},
}


@pytest.mark.parametrize("way", WAYS)
def test_four_integers_are_a_region_whatever_holds_them(way: str) -> None:
    for what, region in REGIONS.items():
        left, top, right, bottom = (int(edge) for edge in region)
        if way == "grab(out=)" and (right - left, bottom - top) != (100, 80):
            continue
        frame = WAYS[way](region)
        assert frame.shape[:2] == (bottom - top, right - left), what


@pytest.mark.parametrize("way", WAYS)
@pytest.mark.parametrize("what", NO_REGIONS)
def test_anything_else_is_no_region(way: str, what: str) -> None:
    region, error, words = NO_REGIONS[what]
    with pytest.raises(error, match=words):
        WAYS[way](region)


@pytest.mark.parametrize("package", [dxcam, bettercam])
def test_a_wrong_region_leaves_a_camera_as_it_was(package: Any) -> None:
    with package.create(region=EDGES, backend="sim", sim=STILL_FOR_REAL) as camera:
        for region, error, _ in NO_REGIONS.values():
            for call in (camera.grab, camera.grab_view, camera.start):
                with pytest.raises(error):
                    call(region)
        assert (camera.region, camera.is_capturing) == (EDGES, False)
        assert camera.grab().shape == (80, 100, 3)
        camera.start()
        assert camera.get_latest_frame().shape == (80, 100, 3)
        for region, error, _ in NO_REGIONS.values():
            with pytest.raises(error):
                camera.grab(region)


def test_a_camera_keeps_the_numbers_of_a_region_and_not_the_object() -> None:
    region = np.array(EDGES)
    with dxcam.create(backend="sim", sim=STILL_FOR_REAL) as camera:
        camera.start(region)
        camera.stop()
        region[:] = 0
        assert camera.region == EDGES
        assert [type(edge) for edge in camera.region] == [int] * 4
        assert must(camera.grab(new_frame_only=False)).shape == (80, 100, 3)


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
            # From the moment of the call to the end of it.
            signal.setitimer(signal.ITIMER_REAL, 0.0001 + 0.005 * step)
            try:
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


FORKED = """
import os, signal, sys, time, warnings
warnings.simplefilter("ignore")
from rustcam.compat import {package} as package
camera = package.create(backend="sim", sim={script!r})
camera.{state}

def child(call):
    signal.alarm(5)  # a call that never returns ends here
    began = time.perf_counter()
    try:
        eval("camera." + call)
    except RuntimeError as error:
        print(call, "process" in str(error), time.perf_counter() - began < 1, flush=True)
    camera.stop()
    with package.create(backend="sim", sim={script!r}) as own:
        assert own is not camera and own.grab() is not None
    camera.release()

for call in {calls!r}:
    started = os.fork()
    if started == 0:
        status = 1
        try:
            child(call)
            status = 0
        finally:
            os._exit(status)
    assert os.waitpid(started, 0)[1] == 0, call
assert camera.grab(new_frame_only=False) is not None
camera.release()
"""

CAMERA_CALLS = [
    "get_latest_frame()",
    "get_latest_frame(with_timestamp=True)",
    "get_latest_frame_view()",
    "grab()",
    "grab_view()",
    "start()",
    "latest_frame_time",
    "latest_frame_ticks",
]


@pytest.mark.linux
@pytest.mark.parametrize("package", ["dxcam", "bettercam"])
@pytest.mark.parametrize("state", ["start()", "start(video_mode=True)", "grab()", "stop()"])
def test_a_camera_in_a_forked_child_is_a_runtime_error(python: Any, package: str, state: str) -> None:
    done = python(FORKED.format(package=package, script=STILL_FOR_REAL, state=state, calls=CAMERA_CALLS))
    assert (done.stderr, done.stdout.splitlines()) == ("", [f"{call} True True" for call in CAMERA_CALLS])


@pytest.mark.linux
@pytest.mark.parametrize(
    "call", ["get_latest_frame()", "grab()", "start()", "frames(30)", "grab_gpu()", "stream().__anext__().send(None)"]
)
def test_a_capturer_in_a_forked_child_is_a_runtime_error_and_not_capturing(python: Any, call: str) -> None:
    source = f"""
import os, signal, sys, time, warnings
warnings.simplefilter("ignore")
import rustcam
screen = rustcam.Capturer(backend="sim", sim={LIVE!r})
screen.start()
screen.get_latest_frame()
child = os.fork()
if child:
    _, status = os.waitpid(child, 0)
    assert screen.get_latest_frame(5000) is not None
    sys.exit(status)
signal.alarm(5)  # a call that never returns ends here
try:
    made = screen.{call}
    while True:
        made.send(None)
except RuntimeError as error:
    print("process" in str(error), screen.is_capturing, flush=True)
screen.stop()
screen.close()
os._exit(0)
"""
    if call.startswith("stream"):
        source = source.replace("made = screen.stream().__anext__().send(None)", "made = screen.stream().__anext__()")
    done = python(source)
    assert (done.returncode, done.stdout) == (0, "True False\n"), done.stderr


def test_a_camera_that_fails_in_a_way_it_does_not_know_does_not_spin(monkeypatch: pytest.MonkeyPatch) -> None:
    class Failing:
        """A capturer whose stream runs and whose calls fail."""

        is_capturing, closed = True, False

        def get_latest_frame(self, *_: Any, **__: Any) -> Any:
            raise RuntimeError("unheard of")

        def close(self) -> None: ...

    with dxcam.create(backend="sim", sim=STILL_FOR_REAL) as camera:
        monkeypatch.setattr(camera, "_capturer", Failing())
        for call in (camera.get_latest_frame, camera.grab, lambda: camera.latest_frame_time):
            with pytest.raises(RuntimeError, match="unheard of"):
                call()


def test_break_out_of_a_stream_ends_it() -> None:
    async def main() -> None:
        with rustcam.Capturer(backend="sim", sim=LIVE) as screen:
            for _ in range(3):
                async for frame in screen.stream():
                    assert frame is not None
                    break
                gc.collect()
                assert not screen.is_capturing
                assert must(screen.grab(new_frame_only=False)).shape == (HEIGHT, WIDTH, 4)

    asyncio.run(main())


def test_an_error_in_the_body_of_async_for_ends_the_stream() -> None:
    async def body(screen: rustcam.Capturer) -> None:
        async for _ in screen.stream():
            raise LookupError

    with rustcam.Capturer(backend="sim", sim=LIVE) as screen:
        with pytest.raises(LookupError):
            asyncio.run(body(screen))
        gc.collect()
        assert must(screen.grab(new_frame_only=False)).shape == (HEIGHT, WIDTH, 4)


@pytest.mark.parametrize("call", ["grab()", "grab_gpu()", "start()", "frames(30)", "grab(out=1)"])
def test_a_stream_that_was_not_finished_is_named_with_what_to_do(call: str) -> None:
    async def main() -> None:
        with rustcam.Capturer(backend="sim", sim=LIVE) as screen:
            stream = screen.stream()
            async for _ in stream:
                break
            method, _, argument = call.partition("(")
            options = {"out": np.zeros((HEIGHT, WIDTH, 4), np.uint8)} if "out" in argument else {}
            with pytest.raises(RuntimeError) as refused:
                getattr(screen, method)(*([30] if "30" in argument else []), **options)
            words = str(refused.value)
            assert "stream()" in words
            assert "aclose()" in words
            assert "stop()" in words
            assert "start() is active" not in words
            await stream.aclose()
            assert screen.grab(new_frame_only=False) is not None

    asyncio.run(main())


@pytest.mark.parametrize("end", ["aclose", "drop"])
def test_the_end_of_an_old_stream_does_not_end_a_new_one(end: str) -> None:
    async def main() -> None:
        with rustcam.Capturer(backend="sim", sim=LIVE) as screen:
            old = screen.stream()
            await old.__anext__()
            screen.stop()
            screen.start()
            if end == "aclose":
                await old.aclose()
            else:
                del old
                gc.collect()
            assert screen.is_capturing
            assert must(screen.get_latest_frame(5000)).shape == (HEIGHT, WIDTH, 4)

    asyncio.run(main())


# Where an output lies, and a region in coordinates of the desktop.
TWO = f"{STILL}; outputs 2"
ON_SECOND = (WIDTH, 0, 2 * WIDTH, HEIGHT)


@pytest.mark.parametrize(
    ("output", "region", "words"),
    [
        (1, ON_SECOND, rf"lies at \({WIDTH}, 0\) on the desktop.*\(0, 0, {WIDTH}, {HEIGHT}\)"),
        (1, (WIDTH + 10, 20, WIDTH + 30, 60), rf"lies at \({WIDTH}, 0\).*\(10, 20, 30, 60\)"),
        (1, (WIDTH, 0, 2**40, HEIGHT), rf"lies at \({WIDTH}, 0\) on the desktop"),
        (1, (5000, 5000, 6000, 6000), rf"lies at \({WIDTH}, 0\) on the desktop"),
        (0, ON_SECOND, r"lies at \(0, 0\) on the desktop.*output="),
        (0, (-10, 0, 10, 10), r"lies at \(0, 0\) on the desktop"),
    ],
)
def test_a_region_in_coordinates_of_the_desktop_is_told_where_the_output_lies(
    output: int, region: Any, words: str
) -> None:
    def refused(call: Callable[..., object], **options: Any) -> None:
        with pytest.raises(ValueError, match=rf"relative to (the|its) output|{words}") as error:
            call(**options)
        assert re.search(words, str(error.value)), error.value
        assert "relative to" in str(error.value)

    refused(rustcam.Capturer, output=output, region=region, backend="sim", sim=TWO)
    refused(rustcam.screenshot, output=output, region=region, backend="sim", sim=TWO)
    refused(dxcam.create, output_idx=output, region=region, backend="sim", sim=TWO)
    with rustcam.Capturer(output, backend="sim", sim=TWO) as screen:
        refused(screen.grab, region=region)
        refused(screen.grab, region=region, out=np.zeros((HEIGHT, WIDTH, 4), np.uint8))
        refused(screen.start, region=region)
        refused(screen.frames, fps=30, region=region)


SHAPES = ["arrow", "hand", "bitmap", "ibeam", "masked", "premultiplied", "narrow", "huge"]


def infos(shape: str) -> list[Any]:
    """Values of every class that describes frames, with something in every field."""
    script = (
        f"size {WIDTH}x{HEIGHT}; refresh 60; static; clock virtual; at 0ms shape {shape}; at 10ms pointer 5,-3;"
        "at 20ms present dirty 10,10,50,50 dirty 60,60,70,70 move 100,100>10,100,60,150; at 30ms protect on;"
        "at 40ms present full; at 50ms lose access for 100s"
    )
    found: list[Any] = []
    with rustcam.Capturer(backend="sim", sim=script) as screen:
        while len(found) < 40 and screen.stats.lost is None:
            if screen.grab(20) is not None:
                info = screen.frame_info
                assert info is not None
                found += [info, info.pointer, info.pointer.shape, screen.stats]
        return [*(value for value in found if value is not None), screen.stats]


def fields(value: Any) -> dict[str, Any]:
    return {name: getattr(value, name) for name in dir(value) if not name.startswith("_")}


def same(one: Any, other: Any) -> bool:
    if isinstance(one, np.ndarray):
        return bool(np.array_equal(one, other)) and one.flags.writeable == other.flags.writeable
    if type(one).__module__ == "rustcam":
        return type(one) is type(other) and all(same(value, fields(other)[name]) for name, value in fields(one).items())
    return type(one) is type(other) and one == other


COPIES: dict[str, Callable[[Any], Any]] = {
    "copy": copy.copy,
    "deepcopy": copy.deepcopy,
    **{f"pickle {n}": lambda v, n=n: pickle.loads(pickle.dumps(v, n)) for n in range(pickle.HIGHEST_PROTOCOL + 1)},
}


@pytest.mark.parametrize("shape", SHAPES)
@pytest.mark.parametrize("how", COPIES)
def test_values_about_frames_can_be_copied_and_pickled(how: str, shape: str) -> None:
    values = infos(shape)
    assert {type(value).__name__ for value in values} >= {"FrameInfo", "PointerInfo", "Stats"}
    assert any(value.dirty and value.moves for value in values if isinstance(value, rustcam.FrameInfo))
    assert any(value.protected for value in values if isinstance(value, rustcam.FrameInfo))
    for value in values:
        twin = COPIES[how](value)
        assert same(value, twin), value
        assert value == twin
        assert hash(value) == hash(twin)
        assert repr(value) == repr(twin)
    frames = [value for value in values if isinstance(value, rustcam.FrameInfo)]
    assert len(set(frames)) == len(frames) > 1
    assert frames[0] != frames[1]
    assert frames[0] != object()


def test_values_are_unpickled_in_a_process_that_has_captured_nothing(python: Any) -> None:
    values = [*infos("arrow"), rustcam.list_outputs("sim", sim=STILL), rustcam.AccessLost("gone", hresult=1)]
    source = """
import pickle, sys
values = pickle.loads(bytes.fromhex(sys.stdin.read() if len(sys.argv) < 2 else sys.argv[1]))
print([type(value).__name__ for value in values])
shapes = [value for value in values if type(value).__name__ == "PointerShape"]
print(shapes[0].image.shape, values[0].pointer.shape.image.sum())
"""
    done = python(source, pickle.dumps(values).hex())
    shape = next(value for value in values if isinstance(value, rustcam.PointerShape))
    assert done.stdout.splitlines() == [
        str([type(value).__name__ for value in values]),
        f"{shape.image.shape} {shape.image.sum()}",
    ], done.stderr


ODD = [
    None,
    -1,
    0,
    2**31 - 1,
    2**32 - 1,
    2**64 - 1,
    2**64,
    -(2**63),
    0.5,
    "",
    "color",
    b"",
    b"x",
    (),
    (1, 2),
    [(1, 2, 3, 4)],
]


def leaves(value: Any, path: tuple[int, ...] = ()) -> Iterator[tuple[int, ...]]:
    """The place of every part of nested tuples and lists."""
    yield path
    if isinstance(value, (tuple, list)):
        for index, part in enumerate(value):
            yield from leaves(part, (*path, index))


def replaced(value: Any, path: tuple[int, ...], new: Any) -> Any:
    if not path:
        return new
    parts = list(value)
    parts[path[0]] = replaced(parts[path[0]], path[1:], new)
    return type(value)(parts)


@pytest.mark.parametrize("shape", SHAPES)
def test_damaged_pickles_are_values_or_errors(shape: str) -> None:
    for value in {type(value): value for value in infos(shape)}.values():
        make, arguments = value.__reduce__()
        for path in leaves(arguments):
            for odd in ODD:
                damaged = replaced(arguments, path, odd)
                if not isinstance(damaged, tuple):
                    continue
                try:
                    again = make(*damaged)
                except (TypeError, ValueError, OverflowError):
                    continue
                assert type(again) is type(value)
                assert again == make(*damaged)
                assert isinstance(repr([repr(again), *fields(again).values()]), str)


@pytest.mark.parametrize("make", ["screen", "screen.frames(30)"])
def test_what_holds_the_screen_cannot_be_copied_and_says_so(make: str) -> None:
    with opened() as screen:
        value = eval(make, {"screen": screen})
        for duplicate in COPIES.values():
            with pytest.raises(TypeError, match=type(value).__name__):
                duplicate(value)


@pytest.mark.linux
@pytest.mark.parametrize("use", ["grab", "grab(copy=False)", "frames", "start", "dxcam", "out"])
def test_after_a_memory_error_a_capturer_works_as_before(python: Any, use: str) -> None:
    done = python(
        dedent(f"""
        import resource, numpy, rustcam
        from rustcam.compat import dxcam
        script = "size 1920x1080; refresh 1000; full; pointer still"
        use = {use!r}
        screen = rustcam.Capturer(backend="sim", sim=script)
        camera = dxcam.create(backend="sim", sim=script) if use == "dxcam" else None
        screen.grab()
        used = int(open("/proc/self/statm").read().split()[0]) * resource.getpagesize()
        resource.setrlimit(resource.RLIMIT_AS, (used + (120 << 20), -1))
        held, frames = [], screen.frames(1000) if use == "frames" else None
        if use == "start":
            screen.start(0)
        def one():
            if use == "frames":
                return next(frames)[0]
            if use == "start":
                return screen.get_latest_frame(5000)
            if use == "dxcam":
                return camera.grab(new_frame_only=False)
            if use == "out":
                return screen.grab(out=numpy.empty((1080, 1920, 4), numpy.uint8))
            return screen.grab(copy=use == "grab")
        try:
            while len(held) < 100:
                held.append(one())
        except MemoryError as error:
            print("MemoryError", len(held) > 2)
        print(screen.is_capturing, screen.width)
        del held[:]
        if use == "start":
            screen.start(0)
        for _ in range(3):
            print(one().shape)
        """)
    )
    shape = "(1080, 1920, 3)" if use == "dxcam" else "(1080, 1920, 4)"
    state = f"{use == 'frames'} 1920"
    assert done.stdout.splitlines() == ["MemoryError True", state, *[shape] * 3], done.stderr


@pytest.mark.parametrize("chosen", ["SIM-2", "sim-2"])
def test_every_call_chooses_outputs_by_index_name_or_id(chosen: str) -> None:
    outputs = rustcam.list_outputs("sim", sim=TWO)
    assert [output["output_name"] for output in outputs] == ["SIM-1", "SIM-2"]
    expected = rustcam.screenshot(1, backend="sim", sim=TWO)
    for output in (chosen, outputs[1]["id"], 1, np.int64(1)):
        assert np.array_equal(rustcam.screenshot(output, backend="sim", sim=TWO), expected)
        with rustcam.Capturer(output, backend="sim", sim=TWO) as screen:
            assert (screen.output_idx, screen.device_idx) == (1, 0)
