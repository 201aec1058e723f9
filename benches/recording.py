"""What a recording costs beside the encoder, with frames as it takes them and with BGRA that FFmpeg converts.

recording.py FORMAT SECONDS prints a line; `DISPLAY` names a server on which something moves. The encoder gets every
frame of `rustcam record` to an .mp4 file, and throws it away.
"""

from __future__ import annotations

import json
import sys
import tempfile
import time
from fractions import Fraction
from pathlib import Path
from typing import Any

import rustcam
from rustcam.cli.video import Encoded

FPS = 30
WARM_UP = 10  # frames


def main() -> None:
    fmt, seconds = sys.argv[1], float(sys.argv[2])
    with tempfile.TemporaryDirectory() as folder, rustcam.Capturer(backend="x11", cursor=False) as screen:
        video: Any = Encoded(str(Path(folder) / "a.mp4"), screen.width, screen.height, Fraction(FPS))
        encoder = video._stream

        class Nothing:
            pix_fmt = encoder.pix_fmt

            def encode(self, frame: Any) -> list[Any]:
                return []

        video._stream = Nothing()
        with screen.frames(FPS, fmt, copy=False) as frames:  # type: ignore[arg-type]
            cpu, count = 0.0, 0
            for image, slot in frames:
                if count == WARM_UP:
                    cpu = time.process_time()
                video.write(image)
                count += 1
                if slot >= seconds:
                    break
            found = {"frames": count - WARM_UP, "cpu_ms": 1000 * (time.process_time() - cpu)}
        print(json.dumps([f"1920x1080 record@{FPS}", fmt, found]))


if __name__ == "__main__":
    main()
