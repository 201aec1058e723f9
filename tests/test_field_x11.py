"""What public bug reports of other capture packages would break here: X servers.

`docs/field-reports.md` lists the kinds of reports and the tests that hold them.
"""

from __future__ import annotations

import socket
import struct
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from textwrap import dedent
from typing import Any, Callable

import pytest

import rustcam
from conftest import must
from desktops import HEIGHT, WIDTH, Painter, XServer
from rustcam.cli import main
from rustcam.doctor import examine, linux
from test_x11_server import BUSY, LATE, impostor, say_nothing

pytestmark = pytest.mark.x11

RED, GREEN = [0, 0, 255, 255], [0, 255, 0, 255]  # BGRA
HALF = WIDTH // 2
LEFT, RIGHT = f"{HALF}/80x{HEIGHT}/90+0+0", f"{HALF}/80x{HEIGHT}/90+{HALF}+0"


@contextmanager
def running(monkeypatch: pytest.MonkeyPatch, **options: Any) -> Iterator[XServer]:
    """A server with these options; `DISPLAY` points to it."""
    server = XServer(**options)
    monkeypatch.setenv("DISPLAY", server.display)
    try:
        yield server
    finally:
        server.stop()


def test_a_server_that_resets_itself_fails_no_call(monkeypatch: pytest.MonkeyPatch) -> None:
    """Each call is the only client, so that the server resets after it and hangs up on the next one."""
    with running(monkeypatch, resets=True):
        for _ in range(40):
            assert rustcam.screenshot().shape == (HEIGHT, WIDTH, 3)
            with rustcam.Capturer() as capturer:
                assert must(capturer.grab()).shape == (HEIGHT, WIDTH, 4)
            (output,) = rustcam.list_outputs()
            assert output["width"] == WIDTH


@pytest.mark.parametrize("thread", [False, True])
def test_an_interrupt_ends_connecting_to_a_server_that_says_nothing(python: Any, thread: bool) -> None:
    program = f"""
        import os, rustcam, signal, threading, time
        def killer():
            time.sleep(0.3)
            os.kill(os.getpid(), signal.SIGINT)
        if {thread}:
            threading.Thread(target=killer, daemon=True).start()
        else:
            signal.signal(signal.SIGALRM, signal.default_int_handler)
            signal.setitimer(signal.ITIMER_REAL, 0.3)
        began = time.perf_counter()
        try:
            rustcam.Capturer(open_timeout_ms=20_000)
        except KeyboardInterrupt:
            print(0.2 < time.perf_counter() - began < 0.3 + {LATE + BUSY})
    """
    with impostor(say_nothing) as display:
        done = python(dedent(program), DISPLAY=display)
    assert (done.stdout, done.stderr) == ("True\n", "")


@pytest.mark.parametrize("open_timeout_ms", [0, 300])
def test_opening_at_a_frozen_server_keeps_its_time(server: XServer, open_timeout_ms: int) -> None:
    server.freeze()
    start = time.perf_counter()
    with pytest.raises(rustcam.DuplicationError, match="does not answer"):
        rustcam.Capturer(open_timeout_ms=open_timeout_ms)
    assert time.perf_counter() - start < max(open_timeout_ms / 1000, 0.1) + LATE + BUSY


@contextmanager
def screen_saver(display: str) -> Iterator[Callable[[], bool]]:
    """Makes the screen saver start after one second without input. The function says whether it has started."""
    from Xlib import X
    from Xlib.display import Display

    connection = Display(display)
    connection.set_screen_saver(1, 0, X.DefaultBlanking, X.DefaultExposures)
    connection.force_screen_saver(X.ScreenSaverReset)
    connection.sync()
    yield lambda: connection.screen().root.screensaver_query_info().state == 1
    connection.close()


def starts_during(frames: Any, started: Callable[[], bool], seconds: float) -> bool:
    """Whether the screen saver starts while `frames` are taken for so long."""
    end = time.perf_counter() + seconds
    while time.perf_counter() < end:
        if started():
            return True
        next(frames)
    return False


def test_frames_keep_the_display_on_if_told_so(server: XServer) -> None:
    with rustcam.Capturer(cursor=False) as capturer:
        with screen_saver(server.display) as started, capturer.frames(20) as frames:
            assert starts_during(frames, started, 10)
        with screen_saver(server.display) as started:
            with capturer.frames(20, keep_awake=True) as frames:
                assert not starts_during(frames, started, 2.5)
            # The capturer is still open, but keeps nothing awake any more.
            end = time.perf_counter() + 10
            while not started():
                assert time.perf_counter() < end
                time.sleep(0.05)


def test_the_display_stays_on_at_the_successor_of_a_server(server: XServer) -> None:
    with rustcam.Capturer(cursor=False) as capturer, capturer.frames(20, keep_awake=True) as frames:
        next(frames)
        server.kill()
        server.process = XServer(number=server.number).process
        with screen_saver(server.display) as started:
            assert not starts_during(frames, started, 2.5)
        assert capturer.stats.recoveries == 1


def test_a_server_without_a_screen_saver_is_captured_all_the_same(monkeypatch: pytest.MonkeyPatch) -> None:
    bare = running(monkeypatch, options=["-extension", "MIT-SCREEN-SAVER"])
    with bare, rustcam.Capturer(cursor=False) as capturer, capturer.frames(20, keep_awake=True) as frames:
        assert next(frames)[0].shape == (HEIGHT, WIDTH, 4)
        assert next(frames)[1] == 1 / 20


@pytest.fixture
def monitors(server: XServer) -> Iterator[Painter]:
    """Two monitors: the left one red, the right one green."""
    painter = Painter(server.display)
    painter.point_to(WIDTH - 1, HEIGHT - 1)
    server.xrandr("--setmonitor", "*left", LEFT, "screen")
    server.xrandr("--setmonitor", "right", RIGHT, "none")
    painter.fill((0, 0, HALF, HEIGHT), 0xFF0000)
    painter.fill((HALF, 0, WIDTH, HEIGHT), 0x00FF00)
    yield painter
    painter.close()


def test_outputs_are_opened_by_id_and_name(monitors: Painter) -> None:
    outputs = rustcam.list_outputs()
    assert len({output["id"] for output in outputs}) == 2
    for output in outputs:
        for name in (output["id"], output["output_name"], output["output_name"].upper()):
            with rustcam.Capturer(name, cursor=False) as capturer:
                assert (must(capturer.grab()) == (GREEN if output["left"] else RED)).all()
    with pytest.raises(ValueError, match=r"(?s)left.*right|right.*left"):
        rustcam.Capturer("middle")


@pytest.mark.parametrize("reuse", [False, True])
def test_a_monitor_that_goes_is_never_replaced_by_another_one(server: XServer, monitors: Painter, reuse: bool) -> None:
    with rustcam.Capturer("left", cursor=False) as capturer:
        assert (must(capturer.grab()) == RED).all()
        server.xrandr("--delmonitor", "left")
        if reuse:
            server.xrandr("--delmonitor", "right")
            server.xrandr("--setmonitor", "left", RIGHT, "none")
        monitors.fill((HALF, 0, WIDTH, 10), 0x00FF00)
        for timeout_ms in (0, 300):
            with pytest.raises(rustcam.AccessLost, match="left is gone"):
                capturer.grab(timeout_ms, new_frame_only=False)
        server.xrandr("--delmonitor", "left" if reuse else "right")
        server.xrandr("--setmonitor", "left", LEFT, "screen")
        frame = must(capturer.grab(5000, new_frame_only=False))
        assert frame.shape == (HEIGHT, HALF, 4)
        assert (frame == RED).all()


def authority(path: Path, cookie: bytes) -> str:
    """Writes an authority file with one entry, for every server on this machine (Xau's file format)."""
    fields = [socket.gethostname().encode(), b"", b"MIT-MAGIC-COOKIE-1", cookie]
    path.write_bytes(struct.pack(">H", 256) + b"".join(struct.pack(">H", len(field)) + field for field in fields))
    return str(path)


def test_an_untrusted_connection_is_refused_at_once_and_named(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    from Xlib.display import Display
    from Xlib.ext import security

    trusted = authority(tmp_path / "trusted", bytes(range(16)))
    monkeypatch.setenv("XAUTHORITY", trusted)
    with running(monkeypatch, options=["-auth", trusted]) as server:
        display = Display(server.display)
        answer = security.generate_authorization(
            display, "MIT-MAGIC-COOKIE-1", trust_level=security.SecurityClientUntrusted, timeout=60
        )
        monkeypatch.setenv("XAUTHORITY", authority(tmp_path / "untrusted", bytes(answer.auth_data_return)))
        for call in (rustcam.Capturer, rustcam.screenshot):
            start = time.perf_counter()
            with pytest.raises(rustcam.DuplicationError, match="does not let this program read its screen") as caught:
                call()
            assert time.perf_counter() - start < 1
            assert "untrusted" in str(caught.value.hint)
            assert "lock screen" not in str(caught.value)
        monkeypatch.setenv("XAUTHORITY", authority(tmp_path / "wrong", bytes(16)))
        with pytest.raises(rustcam.DuplicationError, match="refused the connection") as caught:
            rustcam.Capturer()
        assert "XAUTHORITY" in str(caught.value.hint)
        display.close()


@pytest.mark.parametrize(
    "form", [":{n}", ":{n}.0", "unix:{n}", "unix:{n}.0", "unix/:{n}", "local/:{n}", "{path}", "unix:{path}", "{path}.0"]
)
def test_a_server_on_this_machine_is_found_by_every_name(
    session_server: XServer, monkeypatch: pytest.MonkeyPatch, form: str
) -> None:
    monkeypatch.setenv("DISPLAY", form.format(n=session_server.number, path=socket_of(session_server)))
    with rustcam.Capturer() as capturer:
        assert capturer.stats.fallback is None
        assert must(capturer.grab()).shape == (HEIGHT, WIDTH, 4)


@pytest.mark.parametrize(
    "form", ["localhost:{n}", "localhost:{n}.0", "tcp/localhost:{n}", "127.0.0.1:{n}", "inet/:{n}"]
)
def test_a_server_is_found_over_the_network(monkeypatch: pytest.MonkeyPatch, form: str) -> None:
    with running(monkeypatch, options=["-listen", "tcp", "-ac"]) as server:
        monkeypatch.setenv("DISPLAY", form.format(n=server.number))
        with rustcam.Capturer() as capturer:
            assert "network" in str(capturer.stats.fallback)
            assert must(capturer.grab()).shape == (HEIGHT, WIDTH, 4)


def test_a_server_is_found_in_the_abstract_namespace(server: XServer) -> None:
    """As from another container that shares the network, but not the files."""
    socket_of(server).unlink()
    with rustcam.Capturer() as capturer:
        assert must(capturer.grab()).shape == (HEIGHT, WIDTH, 4)
    with pytest.raises(rustcam.DuplicationError, match="cannot reach"), pytest.MonkeyPatch.context() as patch:
        patch.setenv("DISPLAY", str(socket_of(server)))
        rustcam.Capturer()


def socket_of(server: XServer) -> Path:
    return Path(f"/tmp/.X11-unix/X{server.number}")


def test_a_server_that_is_full_says_so_and_is_waited_for(monkeypatch: pytest.MonkeyPatch) -> None:
    with running(monkeypatch, options=["-maxclients", "64"]) as server:
        clients = []
        for _ in range(70):
            client = socket.socket(socket.AF_UNIX)
            client.connect(str(socket_of(server)))
            client.sendall(struct.pack("<BxHHHHxx", ord("l"), 11, 0, 0, 0))
            clients.append(client)
            client.settimeout(5)
            if client.recv(1) == b"\0":
                break
        with pytest.raises(rustcam.DuplicationError, match="Maximum number of clients") as caught:
            rustcam.Capturer(open_timeout_ms=200)
        assert "-maxclients" in str(caught.value.hint)
        assert "XAUTHORITY" not in str(caught.value)
        leaving = threading.Timer(0.3, lambda: [client.close() for client in clients])
        leaving.start()
        with rustcam.Capturer(open_timeout_ms=10_000) as capturer:
            assert must(capturer.grab()).shape == (HEIGHT, WIDTH, 4)
        leaving.join()


@pytest.mark.parametrize(
    ("options", "words"),
    [
        (["-screen", "0", "640x480x16"], ["unsupported depth", "1920x1080x24"]),
        (["-screen", "0", "640x480x8"], ["unsupported depth", "1920x1080x24"]),
        (["-screen", "0", "640x480x24", "-cc", "5"], ["from a table", "TrueColor"]),
    ],
)
def test_unusual_pixels_come_with_fitting_advice(
    monkeypatch: pytest.MonkeyPatch, options: list[str], words: list[str]
) -> None:
    with running(monkeypatch, options=options):
        with pytest.raises(rustcam.DuplicationError) as caught:
            rustcam.Capturer()
        assert words[0] in str(caught.value)
        assert words[1] in str(caught.value.hint)


def test_the_doctor_recognises_xwayland_by_its_outputs(
    server: XServer, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    """As over SSH or in a service, where nothing but DISPLAY says which session this is."""
    monkeypatch.delenv("WAYLAND_DISPLAY", raising=False)
    monkeypatch.delenv("XDG_SESSION_TYPE", raising=False)
    server.xrandr("--setmonitor", "XWAYLAND0", f"{WIDTH}/160x{HEIGHT}/90+0+0", "screen")
    assert main(["doctor", "--backend", "x11"]) == 1
    out = " ".join(capsys.readouterr().out.split())
    assert "it is Xwayland" in out
    assert "the windows of all programs" in out
    assert "choose the X11 session" in out


def test_an_xwayland_with_a_desktop_of_its_own_is_only_noted(server: XServer) -> None:
    server.xrandr("--setmonitor", "XWAYLAND0", f"{WIDTH}/160x{HEIGHT}/90+0+0", "screen")
    painter = Painter(server.display)
    painter.fill((0, 0, WIDTH, HEIGHT), 0x336699)
    report = examine("x11")
    assert not [finding for finding in report.findings if finding.about != "session" and finding.level == "problem"]
    assert any("Xwayland" in finding.message for finding in report.findings)
    painter.close()


@pytest.mark.parametrize(
    ("name", "over_network"),
    [
        (":5", False),
        ("unix:5", False),
        ("unix/:5", False),
        ("unix/host:5", False),
        ("/tmp/.X11-unix/X5", False),
        ("unix:/run/socket:5", False),
        ("host:5", True),
        ("tcp/host:5", True),
        ("tcp/:5", True),
        ("[::1]:5", True),
        ("::1:5", True),
    ],
)
def test_the_doctor_knows_which_displays_are_reached_over_a_network(name: str, over_network: bool) -> None:
    assert bool(list(linux.forwarded({"DISPLAY": name}))) == over_network


def test_a_hidden_pointer_is_drawn_and_the_documents_say_so(server: XServer) -> None:
    """XFIXES can hide the pointer, but has no request that tells whether it is hidden."""
    from Xlib.display import Display

    painter = Painter(server.display)
    painter.square_pointer(8, 0xFF0000)
    painter.point_to(100, 50)
    display = Display(server.display)
    display.xfixes_query_version()
    display.screen().root.xfixes_hide_cursor()
    display.sync()
    with rustcam.Capturer() as capturer:
        assert (must(capturer.grab())[50:58, 100:108] == RED).all()
    with rustcam.Capturer(cursor=False) as capturer:
        assert not must(capturer.grab())[:, :, :3].any()
    documents = Path(__file__).parent.parent
    for page, words in [
        ("docs/guides/pointer.md", "HideCursor"),
        ("python/rustcam/_rustcam.pyi", "hidden on an X server"),
    ]:
        assert words in (documents / page).read_text(encoding="utf-8")
    display.close()
    painter.close()
