"""Captures the screen in an asyncio program: async_stream.py [--backend sim] [--seconds 3].

One task processes new images, another task does other work at the same time.
"""

from __future__ import annotations

import argparse
import asyncio
import time

import rustcam


async def watch(screen: rustcam.Capturer, seconds: float) -> None:
    count, end = 0, time.perf_counter() + seconds
    async with screen.stream(fmt="gray", copy=False) as images:
        async for image in images:
            count += 1
            if count % 20 == 0:
                print(f"{count} images, brightness {image.mean():.1f}")
            if time.perf_counter() > end:
                break
    print(f"{count / seconds:.1f} images per second")


async def tick() -> None:
    while True:
        print("tick")
        await asyncio.sleep(0.5)


async def run(backend: str, seconds: float) -> None:
    ticking = asyncio.create_task(tick())
    with rustcam.Capturer(backend=backend) as screen:
        try:
            # The limit is for static screens, where no image comes.
            await asyncio.wait_for(watch(screen, seconds), seconds + 1)
        except asyncio.TimeoutError:
            print("the screen does not change")
    ticking.cancel()


def main() -> None:
    parser = argparse.ArgumentParser(description="Capture the screen in an asyncio program.")
    parser.add_argument("--backend", default="auto")
    parser.add_argument("--seconds", type=float, default=3.0)
    arguments = parser.parse_args()
    asyncio.run(run(arguments.backend, arguments.seconds))


if __name__ == "__main__":
    main()
