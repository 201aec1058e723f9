"""What public bug reports of other capture packages would break here: cameras and capturers in forked processes.

`docs/field-reports.md` lists the kinds of reports and the tests that hold them.
"""

from __future__ import annotations

from typing import Any

import pytest

from desktops import LIVE, STILL_FOR_REAL
from rustcam.compat import dxcam

FORKED = """
import os, signal, sys, time, warnings
warnings.simplefilter("ignore")
from rustcam.compat import {package} as package
camera = package.create(backend="sim", sim={script!r})
camera.{state}

def child(call):
    signal.alarm(5)  # a call that never returns ends here
    began = time.perf_counter()
    try:
        eval("camera." + call)
    except RuntimeError as error:
        print(call, "process" in str(error), time.perf_counter() - began < 1, flush=True)
    camera.stop()
    with package.create(backend="sim", sim={script!r}) as own:
        assert own is not camera and own.grab() is not None
    camera.release()

for call in {calls!r}:
    started = os.fork()
    if started == 0:
        status = 1
        try:
            child(call)
            status = 0
        finally:
            os._exit(status)
    assert os.waitpid(started, 0)[1] == 0, call
assert camera.grab(new_frame_only=False) is not None
camera.release()
"""

CAMERA_CALLS = [
    "get_latest_frame()",
    "get_latest_frame(with_timestamp=True)",
    "get_latest_frame_view()",
    "grab()",
    "grab_view()",
    "start()",
    "latest_frame_time",
    "latest_frame_ticks",
]


@pytest.mark.linux
@pytest.mark.parametrize("package", ["dxcam", "bettercam"])
@pytest.mark.parametrize("state", ["start()", "start(video_mode=True)", "grab()", "stop()"])
def test_a_camera_in_a_forked_child_is_a_runtime_error(python: Any, package: str, state: str) -> None:
    done = python(FORKED.format(package=package, script=STILL_FOR_REAL, state=state, calls=CAMERA_CALLS))
    assert (done.stderr, done.stdout.splitlines()) == ("", [f"{call} True True" for call in CAMERA_CALLS])


@pytest.mark.linux
@pytest.mark.parametrize(
    "call", ["get_latest_frame()", "grab()", "start()", "frames(30)", "grab_gpu()", "stream().__anext__().send(None)"]
)
def test_a_capturer_in_a_forked_child_is_a_runtime_error_and_not_capturing(python: Any, call: str) -> None:
    source = f"""
import os, signal, sys, time, warnings
warnings.simplefilter("ignore")
import rustcam
screen = rustcam.Capturer(backend="sim", sim={LIVE!r})
screen.start()
screen.get_latest_frame()
child = os.fork()
if child:
    _, status = os.waitpid(child, 0)
    assert screen.get_latest_frame(5000) is not None
    sys.exit(status)
signal.alarm(5)  # a call that never returns ends here
try:
    made = screen.{call}
    while True:
        made.send(None)
except RuntimeError as error:
    print("process" in str(error), screen.is_capturing, flush=True)
screen.stop()
screen.close()
os._exit(0)
"""
    if call.startswith("stream"):
        source = source.replace("made = screen.stream().__anext__().send(None)", "made = screen.stream().__anext__()")
    done = python(source)
    assert (done.returncode, done.stdout) == (0, "True False\n"), done.stderr


def test_a_camera_that_fails_in_a_way_it_does_not_know_does_not_spin(monkeypatch: pytest.MonkeyPatch) -> None:
    class Failing:
        """A capturer whose stream runs and whose calls fail."""

        is_capturing, closed = True, False

        def get_latest_frame(self, *_: Any, **__: Any) -> Any:
            raise RuntimeError("unheard of")

        def close(self) -> None: ...

    with dxcam.create(backend="sim", sim=STILL_FOR_REAL) as camera:
        monkeypatch.setattr(camera, "_capturer", Failing())
        for call in (camera.get_latest_frame, camera.grab, lambda: camera.latest_frame_time):
            with pytest.raises(RuntimeError, match="unheard of"):
                call()
