"""The screen as an environment for reinforcement learning: screen_env.py [--backend sim] [--steps 60].

An observation is a stack of the last images, reduced in size, so that it shows motion. Override `act` and `reward` for
your game; here `act` does nothing, and the reward is the share of pixels that changed.
"""

from __future__ import annotations

import argparse
from collections import deque
from typing import Any, Optional

import gymnasium
import numpy as np
import numpy.typing as npt

import rustcam

Image = npt.NDArray[np.uint8]


class ScreenEnv(gymnasium.Env[Image, int]):
    """Observations of shape (stack, height, width), gray, at `fps` steps per second."""

    def __init__(self, fps: int = 15, stack: int = 4, shrink: int = 8, **screen: Any) -> None:
        self._capturer = rustcam.Capturer(cursor=False, **screen)
        self._shrink, self._fps = shrink, fps
        self._images: deque[Image] = deque(maxlen=stack)
        height, width = -(-self._capturer.height // shrink), -(-self._capturer.width // shrink)
        self.observation_space = gymnasium.spaces.Box(0, 255, (stack, height, width), np.uint8)
        self.action_space = gymnasium.spaces.Discrete(2)

    def reset(
        self, *, seed: Optional[int] = None, options: Optional[dict[str, Any]] = None
    ) -> tuple[Image, dict[str, Any]]:
        super().reset(seed=seed)
        self._capturer.stop()
        # Constant rate: a step takes the same time whether or not the screen changes.
        self._capturer.start(self._fps, video_mode=True, fmt="gray")
        self._images.extend([self._look()] * (self._images.maxlen or 0))
        return np.stack(self._images), {}

    def step(self, action: int) -> tuple[Image, float, bool, bool, dict[str, Any]]:
        self.act(action)
        before = self._images[-1]
        self._images.append(self._look())
        info = self._capturer.frame_info
        return np.stack(self._images), self.reward(before), False, False, {"sequence": info.sequence if info else 0}

    def act(self, action: int) -> None:
        """Override it to send the action to the game, for example as key presses."""

    def reward(self, before: Image) -> float:
        return float(np.mean(before != self._images[-1]))

    def close(self) -> None:
        self._capturer.close()

    def _look(self) -> Image:
        image = self._capturer.get_latest_frame(5000, copy=False)
        return image[:: self._shrink, :: self._shrink, 0].copy()


def main() -> None:
    parser = argparse.ArgumentParser(description="Run random steps in an environment that shows the screen.")
    parser.add_argument("--backend", default="auto")
    parser.add_argument("--steps", type=int, default=60)
    arguments = parser.parse_args()
    env = ScreenEnv(backend=arguments.backend)
    observation, _ = env.reset(seed=1)
    total = 0.0
    for _ in range(arguments.steps):
        observation, reward, *_ = env.step(int(env.action_space.sample()))
        total += reward
    env.close()
    print(f"observations {observation.shape}, mean reward {total / arguments.steps:.4f}")


if __name__ == "__main__":
    main()
