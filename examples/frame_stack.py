"""The last images as one array, for an agent that must see motion: frame_stack.py [--backend sim] [--count 100].

Needs only numpy. The stack is a contiguous view of an array for twice as many images. Images are moved only when the
view reaches the end of the array.
"""

from __future__ import annotations

import argparse

import numpy as np
import numpy.typing as npt

import rustcam


class FrameStack:
    """The last `depth` images, the newest last."""

    def __init__(self, depth: int, height: int, width: int, channels: int) -> None:
        self._depth, self._end = depth, depth
        self._memory = np.zeros((2 * depth, height, width, channels), np.uint8)

    @property
    def images(self) -> npt.NDArray[np.uint8]:
        """A view (depth, height, width, channels), valid until the next image is added."""
        return self._memory[self._end - self._depth : self._end]

    def next_slot(self) -> npt.NDArray[np.uint8]:
        """Adds an image to the stack and returns its memory, which the caller has to fill."""
        if self._end == len(self._memory):
            self._memory[: self._depth - 1] = self._memory[self._end - self._depth + 1 :]
            self._end = self._depth - 1
        self._end += 1
        return self._memory[self._end - 1]


def main() -> None:
    parser = argparse.ArgumentParser(description="Keep the last images of the screen in one array.")
    parser.add_argument("--backend", default="auto")
    parser.add_argument("--count", type=int, default=100)
    parser.add_argument("--depth", type=int, default=4)
    arguments = parser.parse_args()

    with rustcam.Capturer(cursor=False, backend=arguments.backend) as screen:
        stack = FrameStack(arguments.depth, screen.height, screen.width, 1)
        for _ in range(arguments.count):
            # The engine writes directly into the stack: no further copy is needed.
            slot = stack.next_slot()
            if screen.grab(33, "gray", out=slot) is None:
                screen.grab(0, "gray", out=slot, new_frame_only=False)  # the same image again
        motion = np.abs(np.diff(stack.images.astype(np.int16), axis=0))
        print(f"stack {stack.images.shape}, mean change per image {motion.mean():.3f}")


if __name__ == "__main__":
    main()
