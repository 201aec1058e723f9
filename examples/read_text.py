"""Reads lines of text on the screen: read_text.py LEFT,TOP,RIGHT,BOTTOM... [--backend sim] [--seconds 3].

Needs `pip install onnxruntime rapidocr-onnxruntime`, which ships the model (PP-OCRv4). One call returns all lines of
one image, scaled and arranged as the model wants them: a batch `(lines, 3, 48, width)` of floats.
"""

from __future__ import annotations

import argparse
import importlib.util
import time
from pathlib import Path

import numpy as np
import numpy.typing as npt
import onnxruntime

import rustcam

Floats = npt.NDArray[np.float32]
HEIGHT = 48  # of a line, for this model


class Reader:
    """A model for lines of text."""

    def __init__(self) -> None:
        # Found without importing the package, which would need more packages.
        package = importlib.util.find_spec("rapidocr_onnxruntime")
        assert package
        assert package.origin
        model = Path(package.origin).parent / "models" / "ch_PP-OCRv4_rec_infer.onnx"
        self._session = onnxruntime.InferenceSession(str(model), providers=["CPUExecutionProvider"])
        characters = self._session.get_modelmeta().custom_metadata_map["character"].splitlines()
        self._characters = ["", *characters, " "]

    def read(self, lines: Floats) -> list[str]:
        """The text of each image of a batch."""
        (scores,) = self._session.run(None, {"x": lines * 2 - 1})  # the model wants -1 to 1
        return [self._text(line) for line in scores.argmax(axis=2)]

    def _text(self, indices: npt.NDArray[np.int64]) -> str:
        """The same character in a row is one, and an empty one stands between two."""
        kept = indices[np.insert(indices[1:] != indices[:-1], 0, True)]
        return "".join(self._characters[index] for index in kept).strip()


def main() -> None:
    parser = argparse.ArgumentParser(description="Read lines of text on the screen.")
    parser.add_argument("regions", nargs="+", metavar="LEFT,TOP,RIGHT,BOTTOM")
    parser.add_argument("--backend", default="auto")
    parser.add_argument("--seconds", type=float, default=3.0)
    arguments = parser.parse_args()

    regions = [tuple(int(edge) for edge in region.split(",")) for region in arguments.regions]
    # Lines of one size keep their proportions; among others, the longest does.
    width = max(HEIGHT * (right - left) // (bottom - top) for left, top, right, bottom in regions)
    reader, before = Reader(), list[str]()
    with rustcam.Capturer(
        cursor=False,
        fmt="bgr",
        regions=regions,
        size=(width, HEIGHT),
        layout="chw",
        dtype="float32",
        backend=arguments.backend,
    ) as screen:
        end = time.perf_counter() + arguments.seconds
        while time.perf_counter() < end:
            lines = screen.grab(1000)
            if lines is not None and (texts := reader.read(lines)) != before:
                print(*texts, sep="\n")
                before = texts


if __name__ == "__main__":
    main()
