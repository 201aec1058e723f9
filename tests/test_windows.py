"""One window: how it is chosen, what a capturer of it is, and what happens to it."""

from __future__ import annotations

import re
from typing import Any

import numpy as np
import pytest

import rustcam
from conftest import must, sim
from scripted_window import DESKTOP, EDITOR, SCRIPT, SIDES, TOP, H, Title, W, editor, lost, script_of

pytestmark = pytest.mark.sim


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
