"""`grab_gpu` on the lab's desktop: exact textures, handles, keys and lifetimes. The lab is also the reader."""

from __future__ import annotations

import ctypes
import gc
import threading
import weakref
from typing import Any

import numpy as np
import numpy.typing as npt
import pytest

import rustcam
from conftest import must
from desktops import HEIGHT, MOVING, STILL, WIDTH
from lab import DYING, HANGING, Lab

pytestmark = pytest.mark.dxgi

SYNCS = ["none", "keyed"]


def grab_gpu(capturer: rustcam.Capturer, sync: Any = "none") -> rustcam.GpuTexture:
    texture = capturer.grab_gpu(5000, sync=sync)
    assert texture is not None
    return texture


def process_handles() -> int:
    kernel: Any = vars(ctypes)["windll"].kernel32
    count = ctypes.c_uint32()
    assert kernel.GetProcessHandleCount(ctypes.c_void_p(-1), ctypes.byref(count))
    return count.value


def frame(lab: Lab) -> npt.NDArray[np.uint8]:
    """What is on the desktop now, without a pointer."""
    return lab.oracle(lab.present(), WIDTH, HEIGHT)


@pytest.mark.parametrize("sync", SYNCS)
def test_a_texture_describes_itself(lab: Lab, sync: str) -> None:
    lab.start(STILL)
    with rustcam.Capturer(cursor=False) as capturer, grab_gpu(capturer, sync) as texture:
        assert (texture.width, texture.height) == (WIDTH, HEIGHT)
        assert (texture.format, texture.size_bytes) == ("bgra", WIDTH * HEIGHT * 4)
        assert texture.sync == sync
        keys = (1, 0) if sync == "keyed" else (None, None)
        assert (texture.acquire_key, texture.release_key) == keys
        low, high = texture.luid
        assert 0 <= low < 2**32
        assert -(2**31) <= high < 2**31
        assert (low, high) != (0, 0)
        assert texture.shared_handle > 0
        assert texture.shared_handle == texture.shared_handle
        assert texture.memory_id > 0
        assert not texture.stale
        assert not texture.closed
        assert texture.frame_info.sequence >= 1
        assert texture.frame_info.sequence == capturer.frame_info.sequence  # type: ignore[union-attr]
        assert f"{WIDTH}x{HEIGHT}" in repr(texture)
        assert sync in repr(texture)


@pytest.mark.parametrize("sync", SYNCS)
@pytest.mark.parametrize("desktop", [STILL, f"{STILL}; color hdr; white 240; max 1000", f"{STILL}; lab format rgb10"])
def test_half_floats_equal_those_of_grab(lab: Lab, desktop: str, sync: Any) -> None:
    # A static desktop, so that both show the same frame.
    lab.start(desktop)
    with rustcam.Capturer(cursor=False) as capturer:
        expected = must(capturer.grab(fmt="rgba16f"))
    with rustcam.Capturer(cursor=False) as capturer:
        texture = capturer.grab_gpu(5000, sync=sync, fmt="rgba16f")
        assert texture is not None
        with texture:
            assert (texture.format, texture.size_bytes) == ("rgba16f", WIDTH * HEIGHT * 8)
            assert "rgba16f" in repr(texture)
            assert np.array_equal(lab.read(texture), expected)


@pytest.mark.parametrize("fmt", ["bgra", "rgba16f"])
@pytest.mark.parametrize("resample", [None, "area", "bilinear", "nearest"])
def test_a_scaled_texture_equals_the_scaled_image_of_grab(lab: Lab, fmt: Any, resample: Any) -> None:
    # A static desktop, so that both show the same frame.
    lab.start(f"{STILL}; rotation 90; at 0ms shape masked")
    own = "bilinear"
    with rustcam.Capturer(cursor=False, size=(64, 40), resample=resample or own, fmt=fmt) as capturer:
        expected = must(capturer.grab())
    with rustcam.Capturer(cursor=False, size=(5, 5), resample=own) as capturer:
        texture = capturer.grab_gpu(5000, fmt=fmt, size=(64, 40), resample=resample)
        assert texture is not None
        with texture:
            assert (texture.width, texture.height) == (64, 40)
            assert texture.size_bytes == 64 * 40 * (8 if fmt == "rgba16f" else 4)
            seen = lab.read(texture)
    if fmt == "bgra":
        assert np.abs(seen.astype(int) - expected).max() <= 1
    else:
        np.testing.assert_allclose(seen.astype(float), expected.astype(float), rtol=2**-10, atol=2**-24)


def test_without_a_size_a_texture_shows_the_region(lab: Lab) -> None:
    lab.start(STILL)
    with rustcam.Capturer(cursor=False, size=(5, 5)) as capturer, grab_gpu(capturer) as texture:
        assert (texture.width, texture.height) == (WIDTH, HEIGHT)


def test_a_texture_too_large_to_scale_to_is_refused(lab: Lab) -> None:
    lab.start(STILL)
    with rustcam.Capturer(cursor=False) as capturer:
        with pytest.raises(rustcam.CaptureError, match="at most 8192"):
            capturer.grab_gpu(5000, size=(8193, 1))
        with pytest.raises(ValueError, match="each side of size"):
            capturer.grab_gpu(5000, size=(0, 1))


@pytest.mark.parametrize(("fmt", "mapped"), [("bgra", 4), ("rgb", 4), ("gray", 4), ("nv12", 1.5)])
def test_frames_that_the_device_scales_map_only_the_result(lab: Lab, fmt: Any, mapped: float) -> None:
    lab.start(STILL)
    with rustcam.Capturer(cursor=False, size=(64, 40), fmt=fmt) as capturer:
        must(capturer.grab())
        before = lab.counters()["bytes_mapped"]
        must(capturer.grab(new_frame_only=False))
        assert lab.counters()["bytes_mapped"] - before == 64 * 40 * mapped


def test_a_closed_texture_says_so(lab: Lab) -> None:
    lab.start(STILL)
    with rustcam.Capturer(cursor=False) as capturer:
        texture = grab_gpu(capturer)
        with texture as same:
            assert same is texture
        texture.close()
        with pytest.raises(RuntimeError, match="GpuTexture is closed"):
            _ = texture.shared_handle
        with pytest.raises(RuntimeError, match="GpuTexture is closed"), texture:
            pass
        assert texture.closed
        assert not texture.stale
        assert (texture.width, texture.height, texture.sync) == (WIDTH, HEIGHT, "none")
        assert texture.memory_id > 0
        assert "closed" in repr(texture)
    assert lab.counters()["open_handles"] == 0


@pytest.mark.parametrize("rotation", [0, 90, 180, 270])
@pytest.mark.parametrize("region", [None, (101, 33, 340, 280)])
def test_a_texture_equals_the_image_of_grab(lab: Lab, rotation: int, region: Any) -> None:
    # A static desktop, so that both show the same frame.
    lab.start(f"{STILL}; rotation {rotation}; at 0ms shape masked")
    with rustcam.Capturer(region=region) as capturer:
        expected = must(capturer.grab())
    for sync in SYNCS:
        with rustcam.Capturer(region=region) as capturer, grab_gpu(capturer, sync) as texture:
            assert np.array_equal(lab.read(texture), expected), sync


@pytest.mark.parametrize("sync", SYNCS)
def test_every_frame_is_exact_and_never_read_back(lab: Lab, sync: str) -> None:
    lab.start(MOVING)
    with rustcam.Capturer(cursor=False) as capturer:
        grab_gpu(capturer, sync).close()
        before = lab.counters()
        for _ in range(30):
            with grab_gpu(capturer, sync) as texture:
                assert np.array_equal(lab.read(texture), frame(lab))
        after = lab.counters()
    for work in ("maps", "bytes_mapped"):
        assert after[work] == before[work]
    assert after["draws"] - before["draws"] >= 30


@pytest.mark.parametrize("sync", SYNCS)
def test_a_held_texture_keeps_its_frame(lab: Lab, sync: str) -> None:
    lab.start(MOVING)
    with rustcam.Capturer(cursor=False) as capturer:
        held = []
        for _ in range(4):
            texture = grab_gpu(capturer, sync)
            held.append((texture, frame(lab)))
        assert len({texture.shared_handle for texture, _ in held}) == 4
        for _ in range(12):
            grab_gpu(capturer, sync).close()
        for texture, picture in held:
            assert np.array_equal(lab.read(texture), picture)
    # Textures outlive their capturer.
    assert not held[0][0].stale
    for texture, _ in held:
        texture.close()
    assert lab.counters()["open_handles"] == 0


def test_memory_ids_identify_reused_textures(lab: Lab) -> None:
    lab.start(MOVING)
    with rustcam.Capturer(cursor=False) as capturer:
        with grab_gpu(capturer) as one, grab_gpu(capturer) as two:
            assert one.memory_id != two.memory_id
            known = {one.memory_id, two.memory_id}
        for _ in range(6):
            with grab_gpu(capturer) as again:
                assert again.memory_id in known
        assert lab.counters()["shared_textures"] == len(known)
        with grab_gpu(capturer, "keyed") as other:
            assert other.memory_id not in known
            known.add(other.memory_id)
    with rustcam.Capturer(cursor=False) as capturer, grab_gpu(capturer) as new:
        assert new.memory_id not in known


def test_a_handle_is_created_on_first_access(lab: Lab) -> None:
    lab.start(MOVING)
    with rustcam.Capturer(cursor=False) as capturer, grab_gpu(capturer) as texture:
        assert lab.counters()["open_handles"] == 1, "that of the memory"
        handle = texture.shared_handle
        assert lab.counters()["open_handles"] == 2
        assert texture.shared_handle == handle
        assert lab.counters()["open_handles"] == 2


def test_ten_thousand_textures_leak_no_handle(lab: Lab) -> None:
    lab.start("size 64x48; refresh 1000; pointer still; clock virtual")
    with rustcam.Capturer(cursor=False) as capturer:
        for _ in range(50):
            grab_gpu(capturer).close()
        before, made = process_handles(), lab.counters()["shared_textures"]
        for i in range(10_000):
            texture = grab_gpu(capturer)
            assert texture.shared_handle
            if i % 3 == 0:
                texture.close()
            # The others are dropped when `texture` is assigned again.
        del texture
        gc.collect()
        counters = lab.counters()
        assert counters["shared_textures"] - made <= 1, "two textures alternate"
        assert counters["open_handles"] == counters["shared_textures"], "only one per texture, that of the memory"
        assert abs(process_handles() - before) <= 8
    assert lab.counters()["open_handles"] == 0


def test_too_many_held_textures_are_an_error(lab: Lab) -> None:
    lab.start(MOVING)
    with rustcam.Capturer(cursor=False) as capturer:
        held = [grab_gpu(capturer) for _ in range(8)]
        with pytest.raises(rustcam.CaptureError, match="8 textures") as caught:
            capturer.grab_gpu()
        assert "Close" in str(caught.value.hint)
        held.pop().close()
        # The frame of the failed call was not lost.
        held.append(must(capturer.grab_gpu(0)))  # type: ignore[arg-type]


def test_a_slow_reader_gets_its_own_frames_in_order(lab: Lab) -> None:
    lab.start(MOVING)
    seen: list[int] = []
    waiting: list[tuple[rustcam.GpuTexture, npt.NDArray[np.uint8]]] = []
    with rustcam.Capturer(cursor=False) as capturer:
        for step in range(30):
            texture = grab_gpu(capturer, "keyed")
            waiting.append((texture, frame(lab)))
            # The reader is six frames behind.
            if step >= 6:
                texture, picture = waiting.pop(0)
                assert np.array_equal(lab.read(texture), picture)
                seen.append(texture.frame_info.sequence)
                texture.close()
        waiting.clear()
    assert seen == sorted(set(seen))
    assert len(seen) == 24


def test_dying_readers_lose_only_their_textures(lab: Lab) -> None:
    lab.start(MOVING)
    with rustcam.Capturer(cursor=False) as capturer:
        for step in range(60):
            with grab_gpu(capturer, "keyed") as texture:
                if step % 3:
                    lab.read(texture, DYING if step % 3 == 1 else HANGING)
                else:
                    assert np.array_equal(lab.read(texture), frame(lab))
        counters = lab.counters()
        assert counters["open_handles"] <= 8
    assert lab.counters()["open_handles"] == 0


@pytest.mark.parametrize(
    ("call", "code"),
    [("CreateSharedHandle", code) for code in (0x80004001, 0x887A002B, 0x887A002C)]
    + [(call, code) for call in ("AcquireSync", "ReleaseSync") for code in (0x102, 0x80, 0x80004005)],
)
def test_failures_are_raised_once(lab: Lab, call: str, code: int) -> None:
    lab.start(MOVING)
    with rustcam.Capturer(cursor=False) as capturer:
        lab.inject(call, code, 1)
        with pytest.raises(rustcam.CaptureError) as caught:
            capturer.grab_gpu(sync="keyed")
        assert type(caught.value) is rustcam.CaptureError
        assert caught.value.hresult == code
        with grab_gpu(capturer, "keyed") as texture:
            assert np.array_equal(lab.read(texture), frame(lab))


def test_after_the_loss_of_the_device_old_textures_are_stale(lab: Lab) -> None:
    lab.start(MOVING)
    with rustcam.Capturer(cursor=False) as capturer:
        old = grab_gpu(capturer)
        assert not old.stale
        lab.inject("AcquireNextFrame", 0x887A0005, 1)
        new = grab_gpu(capturer)
        assert capturer.stats.recoveries == 1
        assert [old.stale, new.stale] == [True, False]
        assert np.array_equal(lab.read(new), frame(lab))
        old.close()
        assert not old.stale


def test_a_timeout_is_none_and_causes_no_device_work(lab: Lab) -> None:
    lab.start(f"size {WIDTH}x{HEIGHT}; refresh 60; static; pointer storm 1000; clock virtual")
    with rustcam.Capturer(cursor=False) as capturer:
        grab_gpu(capturer).close()
        before = lab.counters()
        assert capturer.grab_gpu(0) is None
        assert capturer.grab_gpu(500) is None
        after = lab.counters()
    for work in ("draws", "copy_region", "copy_resource", "textures", "maps"):
        assert after[work] == before[work]


def test_a_pointer_move_makes_a_new_frame(lab: Lab) -> None:
    lab.start(f"size {WIDTH}x{HEIGHT}; refresh 60; static; pointer path; clock virtual")
    with rustcam.Capturer() as capturer:
        grab_gpu(capturer).close()
        with grab_gpu(capturer) as texture:
            assert texture.frame_info.accumulated == 0
            pointer = texture.frame_info.pointer
            changed = (lab.read(texture) != frame(lab)).any(axis=2)
            rows, columns = np.nonzero(changed)
            assert pointer.visible
            assert rows.min() >= pointer.y
            assert columns.min() >= pointer.x


def test_textures_may_be_closed_and_dropped_in_any_thread(lab: Lab) -> None:
    lab.start(MOVING)
    with rustcam.Capturer(cursor=False) as capturer:
        closed, dropped = grab_gpu(capturer), [grab_gpu(capturer)]
        gone = weakref.ref(dropped[0])
        for work in (closed.close, dropped.clear):
            thread = threading.Thread(target=work)
            thread.start()
            thread.join()
        assert closed.closed
        assert gone() is None
        counters = lab.counters()
        assert counters["open_handles"] == counters["shared_textures"]


def test_another_thread_may_not_capture(lab: Lab) -> None:
    lab.start(MOVING)
    caught: list[BaseException] = []
    with rustcam.Capturer() as capturer:

        def work() -> None:
            try:
                capturer.grab_gpu()
            except RuntimeError as error:
                caught.append(error)

        thread = threading.Thread(target=work)
        thread.start()
        thread.join()
    assert "thread" in str(caught[0])
