"""The last images as one array, for an agent that must see motion: frame_stack.py [--backend sim] [--count 100].

The engine scales, makes gray and stacks in one pass: an array `(4, 84, 84, 1)`, the newest image last. With
`copy=False` no older image is copied.
"""

from __future__ import annotations

import argparse

import numpy as np

import rustcam


def main() -> None:
    parser = argparse.ArgumentParser(description="Keep the last images of the screen in one array.")
    parser.add_argument("--backend", default="auto")
    parser.add_argument("--count", type=int, default=100)
    parser.add_argument("--depth", type=int, default=4)
    arguments = parser.parse_args()

    motion = []
    with rustcam.Capturer(
        cursor=False, fmt="gray", size=(84, 84), stack=arguments.depth, backend=arguments.backend
    ) as screen:
        for _ in range(arguments.count):
            # If nothing changes, the same image again: every step adds one.
            stack = screen.grab(33, copy=False)
            if stack is None:
                stack = screen.grab(0, copy=False, new_frame_only=False)
            assert stack is not None
            motion.append(np.abs(np.diff(stack.astype(np.int16), axis=0)).mean())
            del stack  # its memory is used again
        print(f"stack {screen.frame_shape}, mean change per image {np.mean(motion):.3f}")


if __name__ == "__main__":
    main()
