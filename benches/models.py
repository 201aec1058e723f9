"""Frames for models and encoders: what they are for, and the keywords of a capturer that returns them."""

from __future__ import annotations

from typing import Any

DEPTH = 4  # of a stack

KEYWORDS: dict[str, dict[str, Any]] = {
    "classifier": {"fmt": "rgb", "size": (224, 224), "layout": "chw", "dtype": "float32"},
    "detector": {"fmt": "rgb", "size": (640, 640), "layout": "chw", "dtype": "float16"},
    "agent": {"fmt": "gray", "size": (84, 84), "stack": DEPTH},
    "encoder": {"fmt": "nv12"},
}
