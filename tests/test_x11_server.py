"""X servers that are missing, refuse the connection, crash, restart or freeze."""

from __future__ import annotations

import logging
import os
import socket
import struct
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any, Callable

import numpy as np
import pytest

import rustcam
from conftest import must
from desktops import HEIGHT, WIDTH, Painter, XServer

pytestmark = pytest.mark.x11

LATE = 0.05  # seconds by which a call may exceed its deadline
BUSY = 0.15  # additional seconds on a busy machine
OPENING = 5  # seconds after which opening an unresponsive server fails


@pytest.mark.parametrize("backend", ["auto", "x11"])
@pytest.mark.parametrize("call", ["Capturer", "list_outputs", "screenshot", "device_info", "output_info"])
@pytest.mark.parametrize("display", [None, "", ":32123", "nonsense", ":-1", ":99999999999999999999"])
def test_a_missing_display_is_reported(
    monkeypatch: pytest.MonkeyPatch, backend: str, call: str, display: str | None
) -> None:
    if display is None:
        monkeypatch.delenv("DISPLAY", raising=False)
    else:
        monkeypatch.setenv("DISPLAY", display)
    with pytest.raises(rustcam.CaptureError) as caught:
        getattr(rustcam, call)(backend=backend)
    assert "DISPLAY" in str(caught.value)
    assert caught.value.hint
    if call == "Capturer":
        assert isinstance(caught.value, rustcam.DuplicationError)


@contextmanager
def impostor(answer: Callable[[socket.socket], None]) -> Iterator[str]:
    """A display whose server handles every connection with `answer`."""
    for number in range(700, 800):
        path = Path(f"/tmp/.X11-unix/X{number}")
        if not path.exists():
            break
    path.parent.mkdir(mode=0o1777, exist_ok=True)
    listener = socket.socket(socket.AF_UNIX)
    listener.bind(str(path))
    listener.listen()
    open_ends = []

    def serve() -> None:
        try:
            while True:
                client, _ = listener.accept()
                open_ends.append(client)
                answer(client)
        except OSError:
            pass

    thread = threading.Thread(target=serve, daemon=True)
    thread.start()
    try:
        yield f":{number}"
    finally:
        listener.shutdown(socket.SHUT_RDWR)
        listener.close()
        thread.join(5)
        for client in open_ends:
            client.close()
        path.unlink()


def refuse(client: socket.socket) -> None:
    """Refuses the connection: X11 protocol, chapter 8, Connection Setup."""
    client.recv(4096)
    reason = b"Go away, please."
    client.sendall(struct.pack("<BBHHH", 0, len(reason), 11, 0, len(reason) // 4) + reason)


def hang_up(client: socket.socket) -> None:
    client.recv(4096)
    client.shutdown(socket.SHUT_RDWR)


def babble(client: socket.socket) -> None:
    client.recv(4096)
    client.sendall(b"HTTP/1.1 400 Bad Request\r\n\r\n")
    client.shutdown(socket.SHUT_RDWR)


def say_nothing(client: socket.socket) -> None:
    client.recv(4096)


@pytest.mark.parametrize("answer", [refuse, hang_up, babble, say_nothing])
def test_a_refused_connection_is_an_error(
    monkeypatch: pytest.MonkeyPatch, answer: Callable[[socket.socket], None]
) -> None:
    with impostor(answer) as display:
        monkeypatch.setenv("DISPLAY", display)
        start = time.perf_counter()
        with pytest.raises(rustcam.DuplicationError) as caught:
            rustcam.Capturer(backend="x11")
        assert time.perf_counter() - start < OPENING + LATE + BUSY
    if answer is refuse:
        assert "Go away" in str(caught.value)


def test_a_killed_server_is_an_error_and_its_successor_is_captured(
    server: XServer, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.INFO, "rustcam")
    with rustcam.Capturer(backend="x11", cursor=False) as capturer:
        must(capturer.grab())
        server.kill()
        start = time.perf_counter()
        with pytest.raises(rustcam.CaptureError) as caught:
            capturer.grab(300)
        assert time.perf_counter() - start < 0.3 + LATE + BUSY
        assert str(caught.value)
        with pytest.raises(rustcam.CaptureError):
            capturer.grab(0)

        successor = XServer(number=server.number)
        try:
            painter = Painter(successor.display)
            painter.fill((0, 0, WIDTH, HEIGHT), 0x3366CC)
            painter.close()
            frame = must(capturer.grab(10_000))
            assert (frame == [0xCC, 0x66, 0x33, 255]).all()
            assert capturer.stats.recoveries == 1
            assert capturer.grab(0) is None
            lost, regained = [message for name, _, message in caplog.record_tuples if name == "rustcam"]
            assert "lost" in lost
            assert "regained after" in regained
        finally:
            successor.stop()


def test_a_killed_server_ends_a_wait(server: XServer) -> None:
    with rustcam.Capturer(backend="x11", cursor=False) as capturer:
        must(capturer.grab())
        killer = threading.Timer(0.1, server.kill)
        killer.start()
        start = time.perf_counter()
        with pytest.raises(rustcam.CaptureError):
            capturer.grab(1000)
        assert time.perf_counter() - start < 1 + LATE + BUSY
        killer.join()


def test_a_server_that_restarts_during_a_wait_is_captured(server: XServer) -> None:
    with rustcam.Capturer(backend="x11", cursor=False) as capturer:
        must(capturer.grab())
        server.kill()
        successors: list[XServer] = []
        starter = threading.Timer(0.3, lambda: successors.append(XServer(number=server.number)))
        starter.start()
        try:
            assert capturer.grab(15_000) is not None
        finally:
            starter.join()
            successors[0].stop()


def test_frames_of_a_killed_server_never_change(server: XServer) -> None:
    painter = Painter(server.display)
    painter.fill((0, 0, WIDTH, HEIGHT), 0x102030)
    painter.close()
    with rustcam.Capturer(backend="x11", cursor=False) as capturer:
        copy = must(capturer.grab())
        view = must(capturer.grab(copy=False, new_frame_only=False))
        server.kill()
        with pytest.raises(rustcam.CaptureError):
            capturer.grab(50)
        for frame in (copy, view):
            assert (frame == [0x30, 0x20, 0x10, 255]).all()


def test_close_after_the_server_died(server: XServer) -> None:
    capturer = rustcam.Capturer(backend="x11")
    must(capturer.grab())
    server.kill()
    capturer.close()


@pytest.mark.parametrize("options", [{}, {"copy": False}, {"fmt": "rgb"}, {"new_frame_only": False}])
@pytest.mark.parametrize("timeout_ms", [0, 200])
def test_a_frozen_server_does_not_delay_deadlines(server: XServer, timeout_ms: int, options: dict[str, Any]) -> None:
    painter = Painter(server.display)
    with rustcam.Capturer(backend="x11", cursor=False) as capturer:
        must(capturer.grab())
        painter.fill((0, 0, WIDTH, HEIGHT), 0x112233)
        server.freeze()
        start = time.perf_counter()
        capturer.grab(timeout_ms, **options)
        assert time.perf_counter() - start < timeout_ms / 1000 + LATE + BUSY
        server.thaw()
        frame = must(capturer.grab(10_000, new_frame_only=False))
        assert (frame == [0x33, 0x22, 0x11, 255]).all()
    painter.close()


def test_a_frozen_server_delays_close_and_construction_for_a_bounded_time(server: XServer) -> None:
    capturer = rustcam.Capturer(backend="x11")
    must(capturer.grab())
    server.freeze()
    start = time.perf_counter()
    capturer.close()
    assert time.perf_counter() - start < LATE + BUSY
    start = time.perf_counter()
    with pytest.raises(rustcam.CaptureError):
        rustcam.Capturer(backend="x11")
    assert time.perf_counter() - start < OPENING + LATE + BUSY


def test_repeated_reconnections_leak_no_descriptor(server: XServer) -> None:
    with rustcam.Capturer(backend="x11", cursor=False) as capturer:
        must(capturer.grab())
        before = len(os.listdir("/proc/self/fd"))  # noqa: PTH208
        for _ in range(4):
            server.kill()
            with pytest.raises(rustcam.CaptureError):
                capturer.grab(20)
            server.process = XServer(number=server.number).process
            must(capturer.grab(10_000))
        assert len(os.listdir("/proc/self/fd")) == before  # noqa: PTH208
        assert capturer.stats.recoveries == 4


def test_black_screen_is_black(server: XServer) -> None:
    assert not np.any(rustcam.screenshot(backend="x11"))
