"""Watches the screen in an asyncio program: async_stream.py [--backend sim] [--seconds 3].

One task looks at every new image, another one goes about its business. Neither waits for the other.
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
            # On a screen where nothing changes no image comes, so the limit is needed.
            await asyncio.wait_for(watch(screen, seconds), seconds + 1)
        except asyncio.TimeoutError:
            print("the screen stands still")
    ticking.cancel()


def main() -> None:
    parser = argparse.ArgumentParser(description="Watch the screen in an asyncio program.")
    parser.add_argument("--backend", default="auto")
    parser.add_argument("--seconds", type=float, default=3.0)
    arguments = parser.parse_args()
    asyncio.run(run(arguments.backend, arguments.seconds))


if __name__ == "__main__":
    main()
