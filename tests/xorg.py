"""A real Xorg without hardware: outputs that come and go, and modes with clocks. Xvfb has neither."""

from __future__ import annotations

import os
import shutil
import subprocess
from pathlib import Path
from typing import Optional

from desktops import XServer

SERVERS = ("/usr/lib/xorg/Xorg", "/usr/libexec/Xorg", "Xorg")
DRIVERS = (Path("/usr/lib/xorg/modules/drivers/dummy_drv.so"), Path("/usr/lib64/xorg/modules/drivers/dummy_drv.so"))

# Sixteen outputs, DUMMY0 to DUMMY15, of which the first is connected.
CONFIGURATION = """
Section "ServerFlags"
    Option "AutoAddDevices" "false"
    Option "AutoEnableDevices" "false"
    Option "AutoAddGPU" "false"
EndSection
Section "Device"
    Identifier "dummy"
    Driver "dummy"
    VideoRam 65536
EndSection
Section "Monitor"
    Identifier "monitor"
    HorizSync 5.0-1000.0
    VertRefresh 5.0-200.0
EndSection
Section "Screen"
    Identifier "screen"
    Device "dummy"
    Monitor "monitor"
    DefaultDepth 24
    SubSection "Display"
        Depth 24
        Modes "1024x768"
        Virtual 2048 2048
    EndSubSection
EndSection
"""


def missing() -> Optional[str]:
    """What is not installed, `None` if everything is there."""
    if not any(shutil.which(server) for server in SERVERS):
        return "no Xorg: install xserver-xorg-core"
    if not any(driver.exists() for driver in DRIVERS):
        return "no dummy driver of Xorg: install xserver-xorg-video-dummy"
    return None


class Xorg(XServer):
    """An Xorg with the dummy driver, on a free display. Its files are in `folder`."""

    def __init__(self, folder: Path) -> None:
        configuration = folder / "xorg.conf"
        configuration.write_text(CONFIGURATION, encoding="utf-8")
        server = next(server for server in SERVERS if shutil.which(server))
        reader, writer = os.pipe()
        command = [
            server,
            "-displayfd",
            str(writer),
            "-config",
            str(configuration),
            "-logfile",
            str(folder / "xorg.log"),
        ]
        command += ["-noreset", "-nolisten", "tcp", "-novtswitch", "-sharevts"]
        quiet = subprocess.DEVNULL
        self.process = subprocess.Popen(command, pass_fds=[writer], stdin=quiet, stdout=quiet, stderr=quiet)
        os.close(writer)
        with os.fdopen(reader) as ready:
            number = ready.readline()
        assert number, (folder / "xorg.log").read_text(encoding="utf-8", errors="replace")
        self.number = int(number)
        self.display = f":{self.number}"

    def plug_in(self, output: int, mode: str, *options: str) -> None:
        """Switches `DUMMY<output>` on."""
        name = f"DUMMY{output}"
        self.xrandr("--addmode", name, mode)
        self.xrandr("--output", name, "--mode", mode, *options)

    def unplug(self, output: int) -> None:
        self.xrandr("--output", f"DUMMY{output}", "--off")
