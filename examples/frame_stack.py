"""The last images as one array, for an agent that needs to see motion: frame_stack.py [--backend sim] [--count 100].

Needs nothing but numpy. One array holds twice as many images as the stack, so that the last ones are always next to
each other in memory: a stack is a view of it, and nothing is moved until the end is reached.
"""

from __future__ import annotations

import argparse

import numpy as np
import numpy.typing as npt

import rustcam


class FrameStack:
    """The last `depth` images, the newest one last."""

    def __init__(self, depth: int, height: int, width: int, channels: int) -> None:
        self._depth, self._end = depth, depth
        self._memory = np.zeros((2 * depth, height, width, channels), np.uint8)

    @property
    def images(self) -> npt.NDArray[np.uint8]:
        """A view (depth, height, width, channels), good until the next image is added."""
        return self._memory[self._end - self._depth : self._end]

    def next_slot(self) -> npt.NDArray[np.uint8]:
        """Where the next image has to be written; it is the newest one from then on."""
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
            # Written by the engine to its place: there is no copy after that.
            slot = stack.next_slot()
            if screen.grab(33, "gray", out=slot) is None:
                screen.grab(0, "gray", out=slot, new_frame_only=False)  # the same image again
        motion = np.abs(np.diff(stack.images.astype(np.int16), axis=0))
        print(f"stack {stack.images.shape}, mean change per image {motion.mean():.3f}")


if __name__ == "__main__":
    main()
