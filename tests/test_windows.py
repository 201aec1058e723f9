"""One window: how it is chosen, and what every way to capture makes of it when it changes or goes away."""

from __future__ import annotations

import asyncio
import gc
import re
import sys
import threading
import time
import weakref
from typing import Any, Callable

import numpy as np
import pytest

import rustcam
from conftest import must, sim

pytestmark = pytest.mark.sim

W, H = 90, 70
SIDES, TOP = 4, 24

# Virtual clock: time passes only while a call waits.
DESKTOP = "size 640x360; static; pointer still; clock virtual\n"
EDITOR = f'window "Editor" at 40,30 size {W}x{H} app "notes" pid 7\n'
SCRIPT = f'{DESKTOP}{EDITOR}window "Player 1" at 60,40 size 64x48\nwindow "Player 2" at -20,-10 size 32x24 minimized\n'
# Real clock: for streams and threads.
REAL = "size 640x360; static; pointer still\n"


def script_of(events: str, beginning: str = DESKTOP) -> str:
    """A script in which this happens to the window: `"1s close; 2s open"`."""
    times = [event.split(" ", 1) for event in events.split("; ") if event]
    return beginning + EDITOR + "\n".join(f'at {time} window "Editor" {event}' for time, event in times)


def editor(events: str = "", **options: Any) -> rustcam.Capturer:
    """A capturer of the window in virtual time."""
    return sim(script_of(events), **{"window": "editor", "cursor": False, **options})


def live(events: str, **options: Any) -> rustcam.Capturer:
    """A capturer of the window in real time."""
    return sim(script_of(events, REAL), **{"window": "editor", "cursor": False, **options})


def lost(capturer: rustcam.Capturer) -> str:
    return capturer.stats.lost or ""


# Listing and choosing


def test_windows_are_listed_from_the_top_with_all_that_is_known() -> None:
    player2, player1, notes = rustcam.list_windows("sim", sim=SCRIPT)
    assert notes == {
        "handle": 1001,
        "title": "Editor",
        "app": "notes",
        "pid": 7,
        "left": 40,
        "top": 30,
        "width": W,
        "height": H,
        "minimized": False,
        "backend": "sim",
    }
    assert (player1["title"], player1["app"], player1["pid"]) == ("Player 1", "", None)
    assert (player2["minimized"], player2["left"], player2["top"]) == (True, -20, -10)
    assert list(notes) == list(rustcam.WindowInfo.__annotations__)
    assert rustcam.list_windows(backend="SIM", sim="static") == []


class Title:
    """What behaves like a compiled expression."""

    pattern = "editor"

    def __init__(self) -> None:
        self.lock = threading.Lock()
        self.titles: list[str] = []

    def search(self, title: str) -> Any:
        with self.lock:
            self.titles.append(title)
        return 1 if title == "Editor" else None


class Index:
    def __index__(self) -> int:
        return 1001


CHOICES: dict[str, Any] = {
    "handle": 1001,
    "handle of numpy": np.uint64(1001),
    "handle of an object": Index(),
    "title": "Editor",
    "beginning of the title": "EDIT",
    "part of the title": "dito",
    "expression from the start": re.compile("^Edi"),
    "expression to the end": re.compile("(?i)TOR$"),
    "expression in the middle": re.compile(r"d.t"),
    "object that searches": Title(),
    "dict": {"handle": 1001},
    "dict without a process": {"handle": 1001, "pid": None},
    "dict of numpy": {"handle": np.int64(1001), "pid": np.int64(7), "title": "something else"},
}


@pytest.mark.parametrize("window", CHOICES.values(), ids=CHOICES)
@pytest.mark.parametrize("area", ["client", "whole"])
def test_every_kind_of_choice(window: Any, area: Any) -> None:
    size = (H, W, 4) if area == "client" else (H + TOP + SIDES, W + 2 * SIDES, 4)
    with sim(SCRIPT, window=window, window_area=area) as capturer:
        assert must(capturer.grab()).shape == size
    assert rustcam.screenshot(backend="sim", sim=SCRIPT, window=window, window_area=area.upper()).shape[:2] == size[:2]


def test_what_list_windows_returns_is_a_choice() -> None:
    for window in rustcam.list_windows("sim", sim=SCRIPT):
        with sim(SCRIPT, window=window) as capturer:
            assert (capturer.height, capturer.width) == (window["height"], window["width"])


def test_several_windows_are_an_error_that_lists_them() -> None:
    for several in ("player", re.compile("^P")):
        with pytest.raises(
            ValueError, match=r'2 windows have title.*"Player 2" \(handle 1003, 32x24\), "Player 1" \(handle 1002'
        ):
            sim(SCRIPT, window=several)
    for none in ("Browser", 1004, re.compile("^editor"), {"handle": 1001, "pid": 8}):
        with pytest.raises(
            ValueError, match=r'no window has .*; there is "Player 2" .*"Editor" \(handle 1001, 90x70\)'
        ):
            sim(SCRIPT, window=none)


def test_a_window_and_an_output_exclude_each_other() -> None:
    for options in ({"output": 1}, {"output": "SIM-1"}, {"device": 1}):
        with pytest.raises(ValueError, match="window= and output= exclude each other"):
            sim(SCRIPT, window="Editor", **options)
        with pytest.raises(ValueError, match="exclude each other"):
            rustcam.screenshot(backend="sim", sim=SCRIPT, window="Editor", **options)  # type: ignore[arg-type]
    with sim(SCRIPT, output=0, device=0, window="Editor", window_area="CLIENT") as capturer:
        assert capturer.width == W


def test_a_dict_is_read_and_not_kept() -> None:
    window: Any = {"handle": 1001}
    with sim(SCRIPT, window=window) as capturer:
        window.clear()
        must(capturer.grab())


# What a capturer of a window is


def test_properties_and_repr_also_after_closing() -> None:
    capturer = sim(SCRIPT, window="Editor")
    expected = {"width": W, "height": H, "region": (0, 0, W, H), "output_idx": 0, "device_idx": 0, "rotation": 0}
    expected.update({"backend": "sim", "refresh_hz": 60.0, "is_capturing": False, "frame_info": None, "closed": False})
    for closed in (False, True):
        expected["closed"] = closed
        assert {name: getattr(capturer, name) for name in expected} == expected
        assert not capturer.color.hdr
        state = "closed" if closed else "open"
        assert repr(capturer) == f'<rustcam.Capturer sim window="Editor" 90x70 region=(0, 0, 90, 70) {state}>'
        capturer.close()
    with pytest.raises(RuntimeError, match="Capturer is closed"):
        capturer.grab()


def test_the_whole_window_is_the_client_area_in_its_frame() -> None:
    with editor(cursor=False) as inside, editor(cursor=False, window_area="whole") as around:
        client, whole = must(inside.grab()), must(around.grab())
    assert np.array_equal(whole[TOP:-SIDES, SIDES:-SIDES], client)
    y, x = np.indices(whole.shape[:2])
    frame = np.dstack([x % 256, y % 256, np.full_like(x, 96), np.full_like(x, 255)])
    frame[TOP:-SIDES, SIDES:-SIDES] = client
    assert np.array_equal(whole, frame)


def test_every_format_and_way_shows_the_same_pixels() -> None:
    with editor() as capturer:
        bgra = must(capturer.grab())
        out = np.zeros((H, W, 3), np.uint8)
        current = {"new_frame_only": False}
        assert capturer.grab(fmt="rgb", out=out, **current) is out
        assert np.array_equal(out, bgra[..., 2::-1])
        read_only = must(capturer.grab(copy=False, **current))
        assert not read_only.flags.writeable
        assert np.array_equal(read_only, bgra)
        part = must(capturer.grab(region=(10, 20, 30, 60), **current))
        assert np.array_equal(part, bgra[20:60, 10:30])
        assert must(capturer.grab(fmt="rgba16f", **current)).shape == (H, W, 4)
        assert np.array_equal(next(iter(capturer.frames(60)))[0], bgra)
    shot = rustcam.screenshot(backend="sim", sim=SCRIPT, window="Editor", region=(1, 2, 3, 4), fmt="bgra")
    assert np.array_equal(shot, bgra[2:4, 1:3])
    with pytest.raises(rustcam.CaptureError, match=r"GPU|textures"), editor() as capturer:
        capturer.grab_gpu()


def test_regions_are_in_coordinates_of_the_window() -> None:
    with pytest.raises(ValueError, match=r"bounds are \(0, 0, 90, 70\).*at \(40, 30\).*would be \(55, 45, 70, 60\)"):
        editor(region=(95, 75, 110, 90))
    with editor(region=(0, 0, W, H), window_area="whole") as capturer:
        assert capturer.region == (0, 0, W, H)
        with pytest.raises(ValueError, match="not inside the window"):
            capturer.grab(region=(0, 0, W + 9, H))
    damage = "10ms present dirty 5,6,20,30"
    for area, (x, y) in {"client": (0, 0), "whole": (SIDES, TOP)}.items():
        with editor(damage, window_area=area) as capturer:
            must(capturer.grab())
            must(capturer.grab())
            assert must(capturer.frame_info).dirty == [(5 + x, 6 + y, 20 + x, 30 + y)]  # type: ignore[type-var]


def test_the_pointer_is_relative_to_the_window_and_drawn_into_it() -> None:
    script = f'{DESKTOP}{EDITOR}at 1s pointer 50,50; at 2s window "Editor" move 45,30; at 3s pointer 300,300'
    with sim(script, window="Editor") as shown, editor() as hidden:
        clean = must(hidden.grab())
        assert np.array_equal(must(shown.grab(5000)), clean)
        for x in (10, 5):
            frame = must(shown.grab(5000))
            assert shown.frame_info is not None
            assert (shown.frame_info.pointer.x, shown.frame_info.pointer.y) == (x, 20)
            assert shown.frame_info.pointer.visible
            assert (frame != clean).any()
            assert np.array_equal(frame[:20], clean[:20])
        assert np.array_equal(must(shown.grab(5000)), clean)


# What happens to it


def test_what_is_no_news() -> None:
    script = script_of('1ms move 0,0; 2ms title "x"; 3ms raise; 4ms open; 5ms restore')
    script += "\nat 6ms present full; at 7ms pointer 60,60; at 8ms mode 320x200; at 9ms unplug for ever"
    with sim(script, window="Editor", cursor=False) as capturer:
        must(capturer.grab())
        assert capturer.grab(5000) is None
        assert capturer.stats.lost is None
        assert capturer.stats.recoveries == 0


def test_a_new_size_is_followed() -> None:
    events = "1s resize 50x40; 2s resize 120x100; 3s resize 10x10"
    with editor(events, region=(20, 10, 80, 60)) as capturer:
        must(capturer.grab())
        for size, region, clamped in [((50, 40), (20, 10, 50, 40), True), ((120, 100), (20, 10, 80, 60), False)]:
            frame = must(capturer.grab(5000))
            assert frame.shape == (region[3] - region[1], region[2] - region[0], 4)
            assert ((capturer.width, capturer.height), capturer.region) == (size, region)
            assert capturer.stats.region_clamped is clamped
        with pytest.raises(rustcam.CaptureError, match=r"nothing is left of region.*since the window became 10x10"):
            capturer.grab(5000)
        assert must(capturer.grab(region=(0, 0, 10, 10))).shape == (10, 10, 4)


def test_an_array_of_the_old_size_is_refused_and_stays_as_it_is() -> None:
    with editor("1s resize 50x40") as capturer:
        out = np.zeros((H, W, 4), np.uint8)
        must(capturer.grab())
        with pytest.raises(rustcam.CaptureError, match="became 50x40 while waiting"):
            capturer.grab(5000, out=out)
        assert not out.any()
        assert must(capturer.grab(out=np.zeros((40, 50, 4), np.uint8))).any()


def test_a_held_read_only_frame_stays_as_it_is() -> None:
    with editor("1s resize 50x40; 2s minimize; 3s restore; 4s close; 5s open") as capturer:
        held = []
        while capturer.stats.frames < 4:
            frame = capturer.grab(5000, copy=False)
            if frame is not None:
                held.append((frame, frame.copy()))
        assert all(np.array_equal(frame, before) for frame, before in held)


@pytest.mark.parametrize("state", ["", "0s minimize; "])
def test_a_minimised_window_gives_none_and_says_why(state: str) -> None:
    with editor(f"{state}1s minimize; 60s restore") as capturer:
        assert (capturer.grab(0) is None) == bool(state)
        for _ in range(9):
            assert capturer.grab(5000) is None
        assert "the window is minimised" in lost(capturer)
        assert (capturer.width, capturer.height) == (W, H)
        assert must(capturer.grab(60_000)).shape == (H, W, 4)
        assert capturer.stats.lost is None


def test_a_closed_window_that_was_named_by_its_handle_is_an_error_for_ever() -> None:
    (window,) = rustcam.list_windows("sim", sim=DESKTOP + EDITOR)
    for chosen in (window["handle"], window):
        with editor("1s close; 2s open", window=chosen) as capturer:
            must(capturer.grab())
            for call in (capturer.grab, capturer.grab, lambda: next(iter(capturer.frames(60)))):
                with pytest.raises(rustcam.AccessLost, match='the window "Editor" was closed') as caught:
                    call(*([5000] if call == capturer.grab else []))
                assert caught.value.hresult is None
                assert caught.value.hint
            capturer.start()
            with pytest.raises(rustcam.AccessLost, match="was closed"):
                capturer.get_latest_frame(5000)
            assert not capturer.is_capturing
            assert (capturer.width, capturer.closed) == (W, False)


def test_a_handle_that_is_used_again_is_not_the_window() -> None:
    script = f'{DESKTOP}window "A" handle 5\nwindow "B" handle 5 size 64x48 closed\n'
    script += 'at 1s window "A" close; at 1s window "B" open'
    with sim(script, window=5) as capturer:
        must(capturer.grab())
        for _ in range(3):
            with pytest.raises(rustcam.AccessLost, match='the window "A" was closed'):
                capturer.grab(5000)


@pytest.mark.parametrize("chosen", ["Editor", re.compile("^Edit"), Title()], ids=["title", "expression", "object"])
def test_a_closed_window_that_was_named_by_its_title_is_looked_for_again(chosen: Any) -> None:
    script = f'{DESKTOP}{EDITOR}window "Other" size 64x48 closed\nat 1s window "Editor" close\n'
    script += 'at 1s window "Other" title "Editor"; at 9s window "Other" open'
    with sim(script, window=chosen, cursor=False) as capturer:
        must(capturer.grab())
        assert capturer.grab(4000) is None
        assert re.match(r'the window "Editor" was closed; no window has title .*; there is none', lost(capturer))
        assert must(capturer.grab(60_000)).shape == (48, 64, 4)
        assert (capturer.width, capturer.height) == (64, 48)
        assert 'window="Editor" 64x48' in repr(capturer)


def test_a_window_is_not_looked_for_while_several_have_its_title() -> None:
    script = f'{DESKTOP}{EDITOR}window "2nd editor" closed\nwindow "3rd editor" size 64x48 closed\n'
    script += 'at 1s window "Editor" close; at 2s window "2nd editor" open; at 2s window "3rd editor" open\n'
    script += 'at 9s window "2nd editor" close'
    with sim(script, window="EDITOR", cursor=False) as capturer:
        must(capturer.grab())
        assert capturer.grab(5000) is None
        assert "2 windows have title" in lost(capturer)
        assert "3rd editor" in lost(capturer)
        assert must(capturer.grab(60_000)).shape == (48, 64, 4)


def test_a_window_is_followed_when_its_title_changes() -> None:
    with editor('1s title "Browser"; 2s minimize; 3s restore; 4s resize 64x48') as capturer:
        must(capturer.grab())
        must(capturer.grab(5000))
        assert must(capturer.grab(5000)).shape == (48, 64, 4)
        assert 'window="Browser"' in repr(capturer)


# Constant rates and streams


def test_frames_repeat_the_image_of_a_minimised_window() -> None:
    with editor("1s minimize; 3601s resize 64x48; 3601s restore") as capturer:
        shapes = []
        with capturer.frames(1, patience_s=0) as frames:
            for image, seconds in frames:
                shapes.append(image.shape)
                assert seconds == len(shapes) - 1
                if len(shapes) > 3605:
                    break
            assert frames.repeated == 3604
        assert shapes == [(H, W, 4)] * 3601 + [(48, 64, 4)] * 5


def test_frames_end_with_a_window_named_by_its_handle() -> None:
    with editor("1s close", window=1001) as capturer:
        images = []
        with pytest.raises(rustcam.AccessLost, match="was closed"):
            images.extend(image for image, _ in capturer.frames(10))
        assert not capturer.is_capturing
    with editor("1s close; 60s open") as capturer, capturer.frames(10) as frames:
        assert [next(frames)[1] for _ in range(700)][-1] == 69.9


def test_the_first_image_of_a_minimised_window_does_not_come() -> None:
    with editor("0s minimize") as capturer:
        with pytest.raises(rustcam.CaptureTimeout, match="no first image within 700 ms: the window is minimised"):
            next(capturer.frames(60, timeout_ms=700))
        capturer.start()
        with pytest.raises(rustcam.CaptureTimeout, match="no new frame within 300 ms: the window is minimised"):
            capturer.get_latest_frame(300)


@pytest.mark.parametrize(("gone", "back"), [("minimize", "restore"), ("close", "open"), ("resize 64x48", "raise")])
def test_a_stream_goes_on_when_its_window_is_back(gone: str, back: str) -> None:
    with live(f"200ms {gone}; 600ms {back}") as capturer:
        capturer.start(patience_s=0)
        assert capturer.get_latest_frame(9000).shape == (H, W, 4)
        assert capturer.get_latest_frame(9000).shape == ((48, 64, 4) if "resize" in gone else (H, W, 4))
        assert capturer.stats.recoveries == 1


def test_video_mode_is_silent_while_its_window_is_minimised() -> None:
    with live("200ms minimize; 700ms restore") as capturer:
        capturer.start(100, video_mode=True)
        end = time.monotonic() + 1.2
        while time.monotonic() < end:
            assert capturer.get_latest_frame(9000).shape == (H, W, 4)
        assert capturer.stats.recoveries == 1


def test_a_stream_ends_with_its_window() -> None:
    with live("300ms close", window=1001) as capturer:
        capturer.start(patience_s=None)
        capturer.get_latest_frame()
        with pytest.raises(rustcam.AccessLost, match='the window "Editor" was closed'):
            capturer.get_latest_frame()
        with pytest.raises(rustcam.AccessLost):
            capturer.grab()


def test_an_asynchronous_stream_ends_with_its_window() -> None:
    async def shapes(capturer: rustcam.Capturer, count: int) -> list[Any]:
        seen: list[Any] = []
        async with capturer.stream() as stream:
            async for frame in stream:
                seen.append(frame.shape)
                if len(seen) == count:
                    break
        return seen

    with live("300ms close", window=1001) as capturer, pytest.raises(rustcam.AccessLost, match="was closed"):
        asyncio.run(asyncio.wait_for(shapes(capturer, 2), 10))
    with live("200ms resize 64x48; 300ms minimize; 600ms restore") as capturer:
        assert asyncio.run(asyncio.wait_for(shapes(capturer, 3), 10)) == [(H, W, 4), (48, 64, 4), (48, 64, 4)]


def test_a_screenshot_of_a_window_that_goes_away() -> None:
    for events in ("0s minimize", "1ms minimize"):
        script = script_of(events, f"{DESKTOP}slow reads 50ms\n")
        with pytest.raises(rustcam.CaptureTimeout, match="no image within 5000 ms: the window is minimised"):
            rustcam.screenshot(backend="sim", sim=script, window="Editor")
    script = script_of("20ms close", f"{DESKTOP}slow reads 50ms\n")
    with pytest.raises(rustcam.AccessLost, match="was closed"):
        rustcam.screenshot(backend="sim", sim=script, window=1001)


def grab(capturer: rustcam.Capturer) -> Any:
    return capturer.grab(5000)


def grab_into(capturer: rustcam.Capturer) -> Any:
    return capturer.grab(5000, out=np.zeros((H, W, 4), np.uint8))


def grab_read_only(capturer: rustcam.Capturer) -> Any:
    return capturer.grab(5000, copy=False)


def constant_rate(capturer: rustcam.Capturer) -> Any:
    with capturer.frames(60) as frames:
        for _ in range(400):
            next(frames)


def stream(capturer: rustcam.Capturer) -> Any:
    capturer.start(0)
    try:
        while True:
            capturer.get_latest_frame(5000)
    finally:
        capturer.stop()


@pytest.mark.parametrize("call", [grab, grab_into, grab_read_only, constant_rate, stream])
@pytest.mark.parametrize("slow", ["", "slow reads 40ms; ", "slow damage 40ms; ", "memory direct; slow reads 40ms; "])
def test_a_window_is_closed_during_every_call(call: Callable[[rustcam.Capturer], Any], slow: str) -> None:
    """At many moments of waiting, asking for damage and reading."""
    beginning = f"{slow}refresh 20; size 64x64; pointer still; clock virtual\n"
    with pytest.raises(ValueError, match="there is none"):
        sim(script_of("0ms close", beginning), window=1001)
    for at in (1, 15, 35, 60, 200):
        capturer = sim(script_of(f"{at}ms close", beginning), window=1001, cursor=False)
        with capturer, pytest.raises(rustcam.AccessLost, match='the window "Editor" was closed'):
            for _ in range(20):
                call(capturer)


# Expressions


def test_an_expression_that_raises_does_not_match(monkeypatch: pytest.MonkeyPatch) -> None:
    failed: list[Any] = []
    monkeypatch.setattr(sys, "unraisablehook", lambda failure: failed.append(failure.exc_value))

    class Raises(Title):
        wrong = True

        def search(self, title: str) -> Any:
            if title and self.wrong:
                raise OSError(title)
            return super().search(title)

    pattern: Any = Raises()
    with pytest.raises(ValueError, match='no window has title matching "editor"'):
        sim(SCRIPT, window=pattern)
    assert sorted(str(error) for error in failed) == ["Editor", "Player 1", "Player 2"]
    pattern.wrong = False
    with editor("1s close; 9s open", window=pattern) as capturer:
        must(capturer.grab())
        pattern.wrong = True
        assert capturer.grab(20_000) is None
        pattern.wrong = False
        must(capturer.grab())


def test_an_expression_that_cannot_search_is_refused_at_once() -> None:
    class Refuses(Title):
        def search(self, title: str) -> Any:
            raise LookupError("never")

    with pytest.raises(LookupError, match="never"):
        sim(SCRIPT, window=Refuses())
    with pytest.raises(TypeError):
        sim(SCRIPT, window=type("NoCall", (), {"pattern": "x", "search": 5})())
    with pytest.raises(TypeError, match="not of bytes"):
        sim(SCRIPT, window=type("Number", (Title,), {"pattern": 5})())


def test_an_expression_may_use_the_capturer() -> None:
    class Curious(Title):
        capturer: Any = None

        def search(self, title: str) -> Any:
            if self.capturer is not None:
                assert self.capturer.width == W
                assert self.capturer.stats.lost is None or "closed" in self.capturer.stats.lost
                self.capturer.close()
            return super().search(title)

    pattern = Curious()
    capturer = live('100ms close\nwindow "Player"', window=pattern)
    must(capturer.grab())
    pattern.capturer = capturer
    with pytest.raises(RuntimeError, match="Capturer is closed"):
        capturer.grab(20_000)


@pytest.mark.parametrize("end", ["stop", "close"])
def test_an_expression_may_end_the_stream_that_searches_with_it(end: str) -> None:
    class Impatient(Title):
        capturer: Any = None

        def search(self, title: str) -> Any:
            if self.capturer is not None:
                getattr(self.capturer, end)()
            return super().search(title)

    pattern = Impatient()
    with live('200ms close; 400ms open\nwindow "Player"', window=pattern) as capturer:
        capturer.start()
        capturer.get_latest_frame(9000)
        pattern.capturer = capturer
        with pytest.raises(RuntimeError, match="the stream was stopped" if end == "stop" else "Capturer is closed"):
            capturer.get_latest_frame(9000)
        assert not capturer.is_capturing
        pattern.capturer = None
        capturer.stop()
        if end == "stop":
            must(capturer.grab(9000))


def test_threads_share_an_expression() -> None:
    pattern = Title()
    failures: list[BaseException] = []

    def capture() -> None:
        try:
            with live("100ms close; 300ms open; 500ms close; 700ms open", window=pattern) as capturer:
                while capturer.stats.recoveries < 2:
                    capturer.grab(200)
        except BaseException as error:
            failures.append(error)

    threads = [threading.Thread(target=capture) for _ in range(6)]
    for thread in threads:
        thread.start()
    while any(thread.is_alive() for thread in threads):
        pattern.search("x")
    assert failures == []
    assert {"", "Editor"} <= set(pattern.titles)


def test_an_expression_lives_as_long_as_its_capturer() -> None:
    pattern = Title()
    seen = weakref.ref(pattern)
    capturer = sim(SCRIPT, window=pattern)
    del pattern
    gc.collect()
    assert seen() is not None
    capturer.close()
    del capturer
    gc.collect()
    assert seen() is None


# Threads, processes, and the end of the interpreter


def test_closing_ends_a_call_that_waits_for_a_window() -> None:
    for events in ("0s minimize", "1ms close"):
        capturer = live(events, any_thread=True)
        timer = threading.Timer(0.2, capturer.close)
        timer.start()
        start = time.monotonic()
        with pytest.raises(RuntimeError, match="Capturer is closed"):
            while True:
                capturer.grab(20_000)
        assert time.monotonic() - start < 5
        timer.join()


ENDING = f"""
import re, sys, threading, time, rustcam
script = '''{REAL}{EDITOR}at 50ms window "Editor" close'''
capturer = rustcam.Capturer(backend="sim", sim=script, window=re.compile("Edit"), any_thread=True)
capturer.grab()
"""


@pytest.mark.parametrize(
    "ending",
    [
        "time.sleep(0.1)",
        "capturer.start(); time.sleep(0.2)",
        "capturer.start(); keep = [capturer]; keep.append(keep); time.sleep(0.2); sys.exit(0)",
        "threading.Thread(target=lambda: capturer.grab(60_000), daemon=True).start(); time.sleep(0.2)",
        "frames = capturer.frames(60, timeout_ms=100)",
    ],
    ids=["idle", "stream", "cycle", "reader", "frames"],
)
def test_exit_is_silent_while_a_window_is_looked_for(python: Any, ending: str) -> None:
    result = python(ENDING + ending)
    assert (result.returncode, result.stdout, result.stderr) == (0, "", "")


@pytest.mark.linux
def test_a_forked_child_has_no_window(python: Any) -> None:
    source = f"""{ENDING}
import os, warnings
warnings.simplefilter("ignore")
time.sleep(0.1)
assert capturer.grab(50) is None
child = os.fork()
if child == 0:
    try:
        capturer.grab(1000)
    except RuntimeError as error:
        assert "belongs to the process" in str(error), error
        capturer.close()
        with rustcam.Capturer(backend="sim", sim=script, window="Editor") as own:
            assert own.grab() is not None
        os._exit(0)
    os._exit(1)
assert os.waitpid(child, 0)[1] == 0
assert "closed" in capturer.stats.lost
"""
    result = python(source)
    assert (result.returncode, result.stdout, result.stderr) == (0, "", "")


def test_a_thousand_windows_opened_and_closed_leave_nothing_behind() -> None:
    before = threading.active_count()
    pattern = Title()
    references = sys.getrefcount(pattern)
    for index in range(1000):
        with sim(SCRIPT, window=(pattern, "Editor", 1001)[index % 3]) as capturer:
            must(capturer.grab(region=(0, 0, 4, 4)))
    assert threading.active_count() == before
    assert sys.getrefcount(pattern) == references
