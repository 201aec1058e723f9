"""Frames in other packages: the same pixels where those scale and convert, and no copy where none is needed."""

from __future__ import annotations

from itertools import islice
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
import pytest

from conftest import must, sim

# They use packages that only `make test` installs.
pytestmark = [pytest.mark.sim, pytest.mark.linux]

STILL = "size 640x360; static; pointer still; clock virtual"
MODEL: dict[str, Any] = {"fmt": "rgb", "size": (224, 224), "layout": "chw", "dtype": "float32"}

SIZES = [(224, 224), (84, 84), (320, 180), (213, 90), (640, 120), (100, 360), (639, 359)]


def desktop(fmt: str = "rgb") -> npt.NDArray[np.uint8]:
    with sim(STILL, fmt=fmt) as screen:
        return must(screen.grab())


def difference(one: Any, other: Any) -> int:
    return int(np.abs(np.asarray(one).astype(int) - np.asarray(other).astype(int)).max())


@pytest.mark.parametrize("size", SIZES)
def test_opencv_scales_the_same(size: tuple[int, int]) -> None:
    """Within 1, because it calculates in floats and rounds half to even."""
    import cv2

    with sim(STILL, fmt="rgb", size=size) as screen:
        assert difference(must(screen.grab()), cv2.resize(desktop(), size, interpolation=cv2.INTER_AREA)) <= 1


@pytest.mark.parametrize("size", [(700, 400), (1280, 720), (641, 361)])
def test_opencv_enlarges_the_same(size: tuple[int, int]) -> None:
    import cv2

    for resample in ("area", "bilinear"):
        with sim(STILL, fmt="rgb", size=size, resample=resample) as screen:
            assert difference(must(screen.grab()), cv2.resize(desktop(), size, interpolation=cv2.INTER_LINEAR)) <= 1


@pytest.mark.parametrize("size", [(320, 180), (160, 90), (80, 120), (64, 36), (1, 1)])
def test_pillow_scales_the_same(size: tuple[int, int]) -> None:
    """Within 1, because it rounds once per axis. Its boxes hold whole pixels, so only whole ratios are the same."""
    from PIL import Image

    with sim(STILL, fmt="rgb", size=size) as screen:
        assert difference(must(screen.grab()), Image.fromarray(desktop()).resize(size, Image.Resampling.BOX)) <= 1


@pytest.mark.parametrize(("fmt", "name"), [("nv12", "nv12"), ("i420", "yuv420p")])
def test_ffmpeg_makes_the_same_planes(fmt: str, name: str) -> None:
    """Nearly: its fast conversion from RGB is within 2 of the formula, and takes chroma of fewer pixels at edges."""
    import av

    with sim(STILL, fmt=fmt) as screen:
        planes = must(screen.grab())
    theirs = av.VideoFrame.from_ndarray(desktop(), "rgb24").reformat(
        format=name, dst_colorspace="ITU709", dst_color_range="MPEG"
    )
    apart = np.abs(planes.astype(int) - theirs.to_ndarray().astype(int))
    assert apart[:360].max() <= 2
    assert np.median(apart[360:]) <= 1
    assert np.percentile(apart[360:], 95) <= 2
    # Back in RGB they show the same.
    frame = av.VideoFrame.from_numpy_buffer(planes, name)
    frame.colorspace, frame.color_range = 1, 1
    shown, expected = (each.to_ndarray(format="rgb24").astype(int) for each in (frame, theirs))
    assert np.median(np.abs(shown - expected)) <= 2
    assert np.abs(shown.mean((0, 1)) - expected.mean((0, 1))).max() < 1


def test_a_frame_of_pyav_keeps_its_image_as_it_is() -> None:
    import av

    with sim("size 640x360; refresh 60; full; clock virtual", fmt="nv12") as screen:
        frames = []
        for _ in range(4):
            image = must(screen.grab(copy=False))
            frames.append((av.VideoFrame.from_numpy_buffer(image, "nv12"), image.copy()))
            del image
        for frame, image in frames:
            assert np.array_equal(frame.to_ndarray(), image)


def test_opencv_writes_a_video(tmp_path: Path) -> None:
    import cv2

    file = str(tmp_path / "a.avi")
    writer = cv2.VideoWriter(file, cv2.VideoWriter.fourcc(*"MJPG"), 30, (320, 180))
    assert writer.isOpened()
    with sim("size 640x360; refresh 60; clock virtual", cursor=False, fmt="bgr", size=(320, 180)) as screen:
        for image, _ in islice(screen.frames(30, copy=False), 15):
            writer.write(image)
    writer.release()
    reader = cv2.VideoCapture(file)
    images = [image for done, image in iter(reader.read, (False, None)) if done]
    assert len(images) == 15
    assert images[0].shape == (180, 320, 3)
    with sim("size 640x360; refresh 60; clock virtual", cursor=False, fmt="bgr", size=(320, 180)) as screen:
        assert np.median(np.abs(images[0].astype(int) - must(screen.grab()))) <= 3


def test_memory_is_shared_by_dlpack_and_by_the_buffer_protocol() -> None:
    with sim(STILL, **MODEL) as screen:
        array = must(screen.grab())
        shared = np.from_dlpack(array)
        assert shared.ctypes.data == array.ctypes.data
        assert np.array_equal(shared, array)
        with memoryview(array) as view:
            assert (view.shape, view.format, view.c_contiguous) == ((3, 224, 224), "f", True)
        view_of_bytes = memoryview(must(screen.grab(copy=False, new_frame_only=False)))
        assert view_of_bytes.readonly


def test_frames_outlive_their_capturer_in_other_packages() -> None:
    with sim(STILL, **MODEL) as screen:
        shared = np.from_dlpack(must(screen.grab()))
        expected = shared.copy()
    del screen
    assert np.array_equal(shared, expected)


@pytest.mark.torch
def test_a_tensor_is_made_without_a_copy() -> None:
    import torch

    with sim(STILL, **MODEL) as screen:
        array = must(screen.grab())
        for tensor in (torch.from_numpy(array), torch.from_dlpack(array)):
            assert tensor.data_ptr() == array.ctypes.data
            assert (tuple(tensor.shape), tensor.dtype) == ((3, 224, 224), torch.float32)
            assert tensor.is_contiguous()
            assert torch.equal(tensor, torch.tensor(array))


@pytest.mark.torch
@pytest.mark.parametrize("dtype", ["uint8", "float16", "float32"])
def test_a_frame_is_written_into_a_tensor(dtype: str) -> None:
    import torch

    options = {**MODEL, "dtype": dtype, "stack": 2}
    pinned = torch.cuda.is_available()
    with sim(STILL, **options) as screen:
        tensor = torch.zeros(screen.frame_shape, dtype=getattr(torch, dtype), pin_memory=pinned)
        screen.grab(out=tensor.numpy())
        assert tensor.is_pinned() == pinned
        expected = must(screen.grab(new_frame_only=False))
        assert torch.equal(tensor, torch.from_numpy(expected))


@pytest.mark.torch
def test_torch_scales_the_same() -> None:
    """Its adaptive mean is that of whole pixels, so sizes that divide the screen's are equal."""
    import torch

    with sim(STILL, fmt="rgb", size=(160, 90), layout="chw", dtype="float32") as screen:
        array = must(screen.grab())
    image = torch.from_numpy(desktop()).permute(2, 0, 1).float() / 255
    scaled = torch.nn.functional.interpolate(image[None], (90, 160), mode="area")[0]
    assert (scaled - torch.from_numpy(array)).abs().max() <= 0.51 / 255
