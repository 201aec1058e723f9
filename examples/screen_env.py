"""The screen as an environment for reinforcement learning: screen_env.py [--backend sim] [--steps 60].

An observation is a stack of the last images, gray and of 84x84 pixels, so that it shows motion: what Gymnasium's
`AtariPreprocessing` and `FrameStackObservation` make of a game, made by the engine. Override `act` and `reward` for
your game; here `act` does nothing, and the reward is the share of pixels that changed.
"""

from __future__ import annotations

import argparse
from typing import Any, Optional

import gymnasium
import numpy as np
import numpy.typing as npt

import rustcam

Stack = npt.NDArray[np.uint8]


class ScreenEnv(gymnasium.Env[Stack, int]):
    """Observations of shape (stack, height, width), gray, at `fps` steps per second."""

    def __init__(self, fps: int = 15, stack: int = 4, size: tuple[int, int] = (84, 84), **screen: Any) -> None:
        self._capturer = rustcam.Capturer(cursor=False, fmt="gray", size=size, layout="chw", stack=stack, **screen)
        self._fps = fps
        self.observation_space = gymnasium.spaces.Box(0, 255, (stack, size[1], size[0]), np.uint8)
        self.action_space = gymnasium.spaces.Discrete(2)

    def reset(
        self, *, seed: Optional[int] = None, options: Optional[dict[str, Any]] = None
    ) -> tuple[Stack, dict[str, Any]]:
        super().reset(seed=seed)
        self._capturer.stop()
        # Constant rate: a step takes the same time whether or not the screen changes. A new stream begins a new stack.
        self._capturer.start(self._fps, video_mode=True)
        return self._look(), {}

    def step(self, action: int) -> tuple[Stack, float, bool, bool, dict[str, Any]]:
        self.act(action)
        observation = self._look()
        info = self._capturer.frame_info
        sequence = info.sequence if info else 0
        return observation, self.reward(observation), False, False, {"sequence": sequence}

    def act(self, action: int) -> None:
        """Override it to send the action to the game, for example as key presses."""

    def reward(self, observation: Stack) -> float:
        return float(np.mean(observation[-2] != observation[-1]))

    def close(self) -> None:
        self._capturer.close()

    def _look(self) -> Stack:
        # An array of its own, which a replay buffer may keep. Gray has one channel.
        return self._capturer.get_latest_frame(5000)[:, 0]


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
