"""The installed package: files, exports, version and stub."""

from __future__ import annotations

import ast
import importlib.metadata
import inspect
import re
import sys
from pathlib import Path
from typing import Any

import numpy as np
import pytest

import rustcam
from desktops import STILL
from package import MODULES
from rustcam import _rustcam

ROOT = Path(__file__).parent.parent
PACKAGE = [*MODULES, "_rustcam.pyd" if sys.platform == "win32" else "_rustcam.abi3.so"]
STUB = ast.parse((ROOT / "python" / "rustcam" / "_rustcam.pyi").read_text(encoding="utf-8"))


def stub_classes() -> dict[str, ast.ClassDef]:
    return {node.name: node for node in STUB.body if isinstance(node, ast.ClassDef)}


def stub_functions() -> dict[str, ast.FunctionDef]:
    return {node.name: node for node in STUB.body if isinstance(node, ast.FunctionDef)}


def test_all_is_complete_and_sorted() -> None:
    public = {name for name in vars(rustcam) if not name.startswith("_") and not inspect.ismodule(vars(rustcam)[name])}
    assert set(rustcam.__all__) == public | {"__version__"}
    assert rustcam.__all__ == sorted(rustcam.__all__)


def test_the_public_names() -> None:
    assert set(rustcam.__all__) == {
        "AccessLost",
        "CaptureError",
        "CaptureTimeout",
        "Capturer",
        "Color",
        "DeviceError",
        "DuplicationError",
        "FrameInfo",
        "FrameIterator",
        "FrameStream",
        "GpuTexture",
        "OutputInfo",
        "PixelFormat",
        "PointerInfo",
        "PointerShape",
        "Stats",
        "WindowInfo",
        "__version__",
        "device_info",
        "list_outputs",
        "list_windows",
        "output_info",
        "screenshot",
    }


def test_one_version_everywhere() -> None:
    manifest = (ROOT / "Cargo.toml").read_text(encoding="utf-8")
    (version,) = re.findall(r'^version = "(.+)"$', manifest, re.MULTILINE)
    assert rustcam.__version__ == version == importlib.metadata.version("rustcam")
    assert f"## [{version}]" in (ROOT / "CHANGELOG.md").read_text(encoding="utf-8")


def test_numpy_is_the_only_dependency() -> None:
    required = [line for line in importlib.metadata.requires("rustcam") or [] if "extra ==" not in line]
    assert [re.split(r"[<>=! ]", line)[0] for line in required] == ["numpy"]


def test_installed_files() -> None:
    files = importlib.metadata.files("rustcam") or []
    installed = {f.as_posix() for f in files if f.parts[0] == "rustcam" and f.suffix != ".pyc"}
    assert installed == {f"rustcam/{name}" for name in PACKAGE}


def test_release_build() -> None:
    assert _rustcam._debug_build is False


def test_debug_builds_warn(python: Any) -> None:
    source = """
import importlib, warnings
import rustcam
rustcam._rustcam._debug_build = True
with warnings.catch_warnings(record=True) as caught:
    warnings.simplefilter("always")
    importlib.reload(rustcam)
(warning,) = caught
assert warning.category is RuntimeWarning
"""
    result = python(source)
    assert (result.returncode, result.stderr) == (0, "")


def test_backends_of_this_platform() -> None:
    assert "sim" in _rustcam._backends
    if sys.platform == "linux":
        assert "x11" in _rustcam._backends


def test_importing_is_silent_and_starts_no_thread(python: Any) -> None:
    source = """
import sys
sys.path.insert(0, sys.argv[1])
import numpy, system
before = system.threads()
import rustcam
print(system.threads() - before)
"""
    result = python(source, str(ROOT / "tests"), DISPLAY=None)
    assert (result.returncode, result.stdout, result.stderr) == (0, "0\n", "")


def test_importing_imports_neither_numpy_nor_asyncio(python: Any) -> None:
    source = "import sys, rustcam; print([name for name in ('numpy', 'asyncio') if name in sys.modules])"
    assert python(source).stdout == "[]\n"


def test_opening_imports_numpy(python: Any) -> None:
    source = """
import sys, rustcam
with rustcam.Capturer(backend="sim", sim="size 96x64"):
    print("numpy.core" in sys.modules or "numpy._core" in sys.modules)
"""
    assert python(source).stdout == "True\n"


def test_importing_does_not_enable_the_gil(python: Any) -> None:
    source = """
import sys
enabled = getattr(sys, "_is_gil_enabled", lambda: True)
before = enabled()
import rustcam
print(before == enabled())
"""
    assert python(source).stdout == "True\n"


@pytest.mark.parametrize("name", sorted(stub_classes()))
def test_stub_has_the_members_of_the_class(name: str) -> None:
    members = {node.name for node in stub_classes()[name].body if isinstance(node, ast.FunctionDef)}
    actual = {member for member in dir(getattr(_rustcam, name)) if not member.startswith("_")}
    assert {member for member in members if not member.startswith("_")} == actual


@pytest.mark.parametrize(
    "name",
    [
        *("list_outputs", "list_windows", "screenshot"),
        *("grab", "grab_gpu", "start", "get_latest_frame", "stop", "frames", "stream", "_when_ready", "close"),
    ],
)
def test_stub_has_the_parameters_of_the_function(name: str) -> None:
    owner: Any = rustcam if hasattr(rustcam, name) else rustcam.Capturer
    methods = {node.name: node for node in stub_classes()["Capturer"].body if isinstance(node, ast.FunctionDef)}
    node = {**stub_functions(), **methods}[name]
    actual = list(inspect.signature(getattr(owner, name)).parameters)
    assert [argument.arg for argument in node.args.args + node.args.kwonlyargs] == actual


def test_everything_public_in_the_stub_is_documented() -> None:
    for node in ast.walk(STUB):
        if isinstance(node, (ast.ClassDef, ast.FunctionDef)):
            assert ast.get_docstring(node), node.name


def test_outputs_have_the_fields_of_their_type() -> None:
    (output,) = rustcam.list_outputs("sim", sim=STILL)
    assert set(output) == set(rustcam.OutputInfo.__annotations__)
    assert {name: type(value).__name__ for name, value in output.items()} == {
        "device_idx": "int",
        "output_idx": "int",
        "name": "str",
        "output_name": "str",
        "id": "str",
        "width": "int",
        "height": "int",
        "rotation": "int",
        "is_primary": "bool",
        "left": "int",
        "top": "int",
        "refresh_hz": "float",
        "hdr": "bool",
        "bits": "int",
        "backend": "str",
    }


def test_info_texts() -> None:
    assert re.match(r"Device\[0\]:<Name:.+ VRAM:\d+MB.*>", rustcam.device_info("sim", sim=STILL))
    expected = r"Device\[0\] Output\[0\]: Res:\(640, 360\) Rot:0 Primary:True"
    assert re.match(expected, rustcam.output_info("sim", sim=STILL))


def test_screenshot_returns_one_rgb_image() -> None:
    image = rustcam.screenshot(backend="sim", sim=STILL)
    assert (image.shape, image.dtype, image.flags.c_contiguous) == ((360, 640, 3), np.uint8, True)
    part = rustcam.screenshot(0, (10, 20, 30, 50), "bgra", backend="sim", sim=STILL)
    assert part.shape == (30, 20, 4)
    assert np.array_equal(part[:, :, 2::-1], image[20:50, 10:30])
