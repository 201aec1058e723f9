"""What every benchmark writes down: the machine, and the samples as JSON."""

from __future__ import annotations

import datetime
import json
import os
import platform
import re
from pathlib import Path
from typing import Any


def machine() -> dict[str, Any]:
    cpu = re.search(r"^model name\s*:\s*(.+)$", Path("/proc/cpuinfo").read_text(encoding="utf-8"), re.MULTILINE)
    return {
        "date": datetime.datetime.now(datetime.timezone.utc).date().isoformat(),
        "cpu": cpu[1] if cpu else platform.machine(),
        "cores": os.cpu_count(),
        "system": f"{platform.system()} {platform.release()}",
        "load": os.getloadavg()[0],
    }


def write(path: Path, result: dict[str, Any]) -> None:
    """One line per list of numbers."""
    text = json.dumps(result, indent=1)
    text = re.sub(
        r"\[\s*(-?\d[^\[\]{}\"]*)\]", lambda match: "[" + ",".join(match[1].replace(",", " ").split()) + "]", text
    )
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(text + "\n", encoding="utf-8")
