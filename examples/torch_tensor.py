"""Captures the screen into PyTorch tensors: torch_tensor.py [--backend sim] [--batches 5] [--device cpu].

The engine scales and writes floats, channel by channel, into the memory of the tensor: for a GPU that is pinned memory,
so the only copy is the one to the device.
"""

from __future__ import annotations

import argparse
from collections.abc import Iterator

import torch

import rustcam


def batches(screen: rustcam.Capturer, size: int, device: torch.device) -> Iterator[torch.Tensor]:
    """Tensors (size, 3, height, width) of floats between 0 and 1."""
    images = torch.empty((size, *screen.frame_shape), dtype=torch.float32, pin_memory=device.type == "cuda")
    places = [image.numpy() for image in images]
    while True:
        for place in places:
            if screen.grab(33, out=place) is None:
                screen.grab(0, out=place, new_frame_only=False)  # the same image again
        yield images.to(device)


def main() -> None:
    parser = argparse.ArgumentParser(description="Capture the screen into PyTorch tensors.")
    parser.add_argument("--backend", default="auto")
    parser.add_argument("--batches", type=int, default=5)
    parser.add_argument("--size", type=int, default=4)
    parser.add_argument("--device", default="cuda" if torch.cuda.is_available() else "cpu")
    arguments = parser.parse_args()

    model = torch.nn.AvgPool2d(8).to(arguments.device)
    with (
        rustcam.Capturer(
            cursor=False, fmt="rgb", size=(224, 224), layout="chw", dtype="float32", backend=arguments.backend
        ) as screen,
        torch.inference_mode(),
    ):
        for number, batch in enumerate(batches(screen, arguments.size, torch.device(arguments.device)), 1):
            print(f"batch {tuple(batch.shape)} -> {tuple(model(batch).shape)}, mean {batch.mean():.4f}")
            if number == arguments.batches:
                break


if __name__ == "__main__":
    main()
