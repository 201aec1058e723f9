"""The wheels in dist/: contents, metadata, and the DLLs that they import."""

from __future__ import annotations

import base64
import csv
import email
import hashlib
import io
import re
import zipfile
from email.message import Message
from pathlib import Path

import pytest

from imports import X86_64, Image
from package import MODULES

pytestmark = pytest.mark.wheels

ROOT = Path(__file__).parent.parent
DIST = ROOT / "dist"
EXTENSION = {"linux": "_rustcam.abi3.so", "windows": "_rustcam.pyd"}
INFO = ["METADATA", "RECORD", "WHEEL", "entry_points.txt", "licenses/LICENSE"]

# Every Windows 10 has these; python3.dll comes with each CPython.
WINDOWS_DLLS = {
    "advapi32.dll",
    "bcryptprimitives.dll",
    "combase.dll",
    "d3d11.dll",
    "dwmapi.dll",
    "dxgi.dll",
    "gdi32.dll",
    "kernel32.dll",
    "msvcrt.dll",
    "ntdll.dll",
    "ole32.dll",
    "oleaut32.dll",
    "python3.dll",
    "user32.dll",
    "winmm.dll",
}
API_SET = re.compile(r"api-ms-win-[\w-]+\.dll")


def version() -> str:
    (found,) = re.findall(r'^version = "(.+)"$', (ROOT / "Cargo.toml").read_text(encoding="utf-8"), re.MULTILINE)
    return str(found)


class Wheel:
    def __init__(self, system: str) -> None:
        (self.path,) = DIST.glob(f"rustcam-*{'win' if system == 'windows' else 'linux'}*.whl")
        self.extension = f"rustcam/{EXTENSION[system]}"
        self.info = f"rustcam-{version()}.dist-info"
        with zipfile.ZipFile(self.path) as archive:
            self.files = {name: archive.read(name) for name in archive.namelist() if not name.endswith("/")}

    def header(self, name: str) -> Message:
        return email.message_from_bytes(self.files[f"{self.info}/{name}"])


@pytest.fixture(params=["linux", "windows"])
def wheel(request: pytest.FixtureRequest) -> Wheel:
    return Wheel(request.param)


@pytest.fixture
def windows() -> Wheel:
    return Wheel("windows")


def test_dist_holds_exactly_two_wheels() -> None:
    assert len(list(DIST.glob("[!.]*"))) == 2


def test_exact_contents(wheel: Wheel) -> None:
    package = {f"rustcam/{name}" for name in MODULES} | {wheel.extension}
    assert set(wheel.files) == package | {f"{wheel.info}/{name}" for name in INFO}


def test_files_are_those_of_the_tree(wheel: Wheel) -> None:
    for name in MODULES:
        assert wheel.files[f"rustcam/{name}"] == (ROOT / "python" / "rustcam" / name).read_bytes()
    assert wheel.files[f"{wheel.info}/licenses/LICENSE"] == (ROOT / "LICENSE").read_bytes()


def test_record_lists_every_file_with_its_hash(wheel: Wheel) -> None:
    rows = list(csv.reader(io.StringIO(wheel.files[f"{wheel.info}/RECORD"].decode())))
    assert {name for name, _, _ in rows} == set(wheel.files)
    for name, checksum, size in rows:
        if name == f"{wheel.info}/RECORD":
            assert (checksum, size) == ("", "")
        else:
            digest = base64.urlsafe_b64encode(hashlib.sha256(wheel.files[name]).digest()).rstrip(b"=")
            assert (checksum, int(size)) == (f"sha256={digest.decode()}", len(wheel.files[name]))


def test_tags(wheel: Wheel) -> None:
    name, number, python, abi, platform = wheel.path.stem.split("-")
    assert (name, number, python, abi) == ("rustcam", version(), "cp39", "abi3")
    if wheel.extension.endswith(".pyd"):
        assert platform == "win_amd64"
    tags = wheel.header("WHEEL").get_all("Tag") or []
    assert set(tags) == {f"cp39-abi3-{part}" for part in platform.split(".")}
    assert wheel.header("WHEEL")["Root-Is-Purelib"] == "false"


def test_metadata(wheel: Wheel) -> None:
    metadata = wheel.header("METADATA")
    assert (metadata["Name"], metadata["Version"]) == ("rustcam", version())
    assert metadata["Requires-Python"] == ">=3.9"
    assert metadata["License-Expression"] == "MIT"
    needed = [line for line in metadata.get_all("Requires-Dist") or [] if "extra ==" not in line]
    assert [re.split(r"[<>=! ]", line)[0] for line in needed] == ["numpy"]
    classifiers = metadata.get_all("Classifier") or []
    for system in ("POSIX :: Linux", "Microsoft :: Windows"):
        assert f"Operating System :: {system}" in classifiers
    assert str(metadata.get_payload()).startswith("# rustcam\n")


def test_the_command_is_registered(wheel: Wheel) -> None:
    assert b"rustcam=rustcam.cli:main" in wheel.files[f"{wheel.info}/entry_points.txt"]


def test_no_path_of_the_build_machine(wheel: Wheel) -> None:
    for name, data in wheel.files.items():
        for place in (ROOT, Path.home()):
            assert f"{place}/".encode() not in data, name


def test_a_wheel_is_small(wheel: Wheel) -> None:
    assert wheel.path.stat().st_size < 1_500_000


def test_windows_extension_is_for_x86_64(windows: Wheel) -> None:
    assert Image(windows.files[windows.extension]).machine == X86_64


def test_windows_extension_imports_system_dlls_only(windows: Wheel) -> None:
    imports = Image(windows.files[windows.extension]).imports()
    assert {"python3.dll", "kernel32.dll"} <= imports
    assert {name for name in imports if not API_SET.fullmatch(name)} <= WINDOWS_DLLS
