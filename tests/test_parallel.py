"""Large frames are converted by several threads, which change no byte and cost nothing between frames."""

from __future__ import annotations

import os
import sys
from textwrap import dedent
from typing import Any

import numpy as np
import pytest

import rustcam

pytestmark = pytest.mark.sim

LARGE = "size 2560x1440; refresh 60; pointer still; clock virtual"
COUNT = """
    import os, threading
    def threads():
        return [open(f"/proc/self/task/{task}/comm").read().strip() for task in os.listdir("/proc/self/task")]
    def converting():
        return sum(name.startswith("rustcam-") for name in threads())
"""


@pytest.mark.parametrize("rotate", [0, 90, 180, 270])
@pytest.mark.parametrize("fmt", ["bgra", "rgba", "bgr", "rgb", "gray"])
def test_every_number_of_threads_gives_the_same_bytes(fmt: Any, rotate: int) -> None:
    script = f"{LARGE}; rotation {rotate}" if rotate else LARGE
    region = (3, 5, 1401, 1399)
    images = []
    for threads in (1, 2, 3, 8, 64):
        with rustcam.Capturer(backend="sim", sim=script, threads=threads) as screen:
            assert screen.stats.threads == threads
            images.append((screen.grab(fmt=fmt), screen.grab(fmt=fmt, region=region), screen.grab(fmt=fmt, copy=False)))
    for image in images[1:]:
        assert all(np.array_equal(a, b) for a, b in zip(image, images[0]))


def test_the_default_is_one_thread_per_core_up_to_four() -> None:
    cores = len(os.sched_getaffinity(0)) if sys.platform == "linux" else os.cpu_count() or 1
    with rustcam.Capturer(backend="sim", sim=LARGE) as screen:
        assert 1 <= screen.stats.threads <= min(4, cores)
        assert "threads=" in repr(screen.stats)


@pytest.mark.parametrize("threads", [0, -1, 65, 2**70])
def test_an_impossible_number_of_threads_is_refused(threads: int) -> None:
    with pytest.raises(ValueError, match=f"threads must be 1 to 64, got {threads}"):
        rustcam.Capturer(backend="sim", sim=LARGE, threads=threads)


@pytest.mark.parametrize("threads", ["2", 2.0, b"2", [2]])
def test_a_number_of_threads_is_an_integer(threads: Any) -> None:
    with pytest.raises(TypeError, match="threads"):
        rustcam.Capturer(backend="sim", sim=LARGE, threads=threads)


@pytest.mark.linux
def test_all_capturers_share_the_threads_and_the_last_one_ends_them(python: Any) -> None:
    done = python(
        dedent(COUNT)
        + dedent(f"""
        import rustcam
        small = rustcam.Capturer(backend="sim", sim="size 640x360; clock virtual", threads=4)
        small.grab()
        print(converting())
        screens = [rustcam.Capturer(backend="sim", sim={LARGE!r}, threads=4, any_thread=True) for _ in range(200)]
        for screen in screens[:20]:
            screen.grab()
        print(converting())
        workers = [threading.Thread(target=screen.grab) for screen in screens[:8]]
        for worker in workers: worker.start()
        for worker in workers: worker.join()
        print(converting())
        for screen in screens: screen.close()
        del screens, screen, workers, worker
        small.close()
        print(converting())
        """)
    )
    assert done.stdout.split() == ["0", "3", "3", "0"]


@pytest.mark.linux
def test_the_threads_sleep_between_frames(python: Any) -> None:
    done = python(
        dedent(f"""
        import glob, time, rustcam
        def switches():
            found = {{}}
            for task in glob.glob("/proc/self/task/*"):
                if open(task + "/comm").read().startswith("rustcam-"):
                    status = open(task + "/status").read()
                    found[task] = [line for line in status.splitlines() if "ctxt_switches" in line]
            return found
        screen = rustcam.Capturer(backend="sim", sim={LARGE!r}, threads=3)
        for _ in range(5):
            screen.grab()
        time.sleep(0.5)
        before = switches()
        time.sleep(1)
        print(len(before), switches() == before)
        """)
    )
    assert done.stdout.split() == ["2", "True"]


@pytest.mark.linux
def test_a_forked_process_needs_no_threads_of_its_parent(python: Any) -> None:
    done = python(
        dedent(f"""
        import os, sys, warnings, rustcam
        warnings.simplefilter("ignore", DeprecationWarning)
        screen = rustcam.Capturer(backend="sim", sim={LARGE!r}, threads=4)
        screen.grab()
        child = os.fork()
        if child == 0:
            with rustcam.Capturer(backend="sim", sim={LARGE!r}, threads=4) as own:
                shape = own.grab().shape
            del screen
            os._exit(7 if shape == (1440, 2560, 4) else 1)
        print(os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]), screen.grab().shape)
        """)
    )
    assert done.stdout.split() == ["7", "(1440,", "2560,", "4)"]


@pytest.mark.linux
@pytest.mark.skipif(sys.platform != "win32" and os.geteuid() != 0, reason="only root may become somebody else")
def test_where_the_system_refuses_threads_one_does_the_work_and_stats_say_so(python: Any) -> None:
    done = python(
        dedent(f"""
        import os, resource, rustcam
        # Loads what this process may read only as long as it is root.
        rustcam.Capturer(backend="sim", sim="size 64x48").close()
        os.setgroups([]); os.setgid(65534); os.setuid(65534)
        resource.setrlimit(resource.RLIMIT_NPROC, (1, 1))
        with rustcam.Capturer(backend="sim", sim={LARGE!r}, threads=4) as screen:
            print(screen.grab().shape[0], screen.stats.threads, "one thread" in screen.stats.fallback)
        """)
    )
    assert done.stdout.split() == ["1440", "1", "True"]


@pytest.mark.linux
@pytest.mark.parametrize("how", ["", "screen.start()", "del screen"])
def test_leaving_the_interpreter_with_threads_is_silent(python: Any, how: str) -> None:
    done = python(
        dedent(f"""
        import rustcam
        screen = rustcam.Capturer(backend="sim", sim={LARGE!r}, threads=4)
        screen.grab()
        {how}
        print("left")
        """)
    )
    assert (done.stdout, done.stderr) == ("left\n", "")
