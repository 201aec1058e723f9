"""What the benchmarks count is what was delivered, and what they compare is what was recorded."""

from __future__ import annotations

import json
import random
import subprocess
import sys
import threading
from pathlib import Path
from typing import Any
from xml.etree import ElementTree

import numpy as np
import pytest

sys.path.insert(0, str(Path(__file__).resolve().parents[1]))

from benches import contenders, idle, kernels, measure, models, ratios, render, report, run, trace

import rustcam

ROOT = Path(__file__).resolve().parents[1]
RECORDINGS = ROOT / "benches" / "results"
BLOCKS = 5
DESKTOP = "size 640x360; refresh 60; full; pointer still; clock virtual"


def delivered(count: int) -> list[Any]:
    with rustcam.Capturer(backend="sim", sim=DESKTOP, cursor=False) as capturer:
        return [capturer.grab() for _ in range(count)]


def account_of(*images: Any) -> measure.Account:
    """Of images that arrive 10 ms after each other."""
    times = iter(range(100, 1000, 10))
    account = measure.Account(lambda: next(times))
    for image in images:
        account.add(image)
    return account


def test_numbers_are_read_from_the_pixels() -> None:
    numbers = [measure.frame_number(image) for image in delivered(3)]
    assert numbers == sorted(set(numbers))
    assert numbers == [measure.frame_number(image, -4) for image in delivered(3)]


def test_an_account_of_good_frames() -> None:
    first, second = delivered(2)
    # Every frame was shown at its number in milliseconds.
    found = account_of(first, second, second).summary(float)
    assert (found["frames"], found["repeated"], found["faults"]) == (2, 1, 0)
    numbers = [measure.frame_number(first), measure.frame_number(second), measure.frame_number(second)]
    latencies = sorted(100 + 10 * i - number for i, number in enumerate(numbers))
    assert (found["p50_ms"], found["p99_ms"]) == (latencies[1], latencies[1])


def test_an_image_of_two_frames_is_torn() -> None:
    first, second = delivered(2)
    first[180:] = second[180:]
    account = account_of(first)
    assert account.torn == 1
    assert account.summary(float)["faults"] == 1


def test_memory_that_changes_after_its_delivery_is_noticed() -> None:
    first, second = delivered(2)
    kept = first.copy()
    account = measure.Account(lambda: 0.0)
    account.add(kept)
    kept[:] = second
    account.add(second)
    assert account.changed == 1
    assert account.summary(float)["faults"] == 1


def test_the_first_frame_is_kept_for_a_comparison() -> None:
    image = np.zeros((16, 512, 4), np.uint8)
    account = measure.Account(lambda: 0.0)
    account.add(image)
    (sample,) = account.samples
    assert sample[0] == account.newest == 0
    assert sample[1] is image


def test_frames_without_numbers_are_only_counted() -> None:
    account = measure.Account(lambda: 0.0, numbered=False)
    for image in delivered(3):
        account.add(image)
    assert account.summary(float) == {"frames": 3, "faults": 0}


def test_rounds_are_added_up() -> None:
    results = run.Results({}, {})
    for frames in (40, 20):
        block = {"seconds": 2.0, "cpu_ms": 30.0, "lab_ms": 10.0, "presents": 50, "repeated": 1, "p50_ms": frames / 10}
        results.add("w", "rustcam", {"frames": frames, **block})
    cell = results.cell("w", "rustcam")
    assert (cell.total("frames"), cell.missed, cell.total("repeated"), cell.share) == (60, 40, 2, 60)
    found = [report.value(cell, column) for column in ("fps", "cpu", "lab", "net")]
    assert found == pytest.approx([15, 1, 1 / 3, 2 / 3])
    assert cell.median("p50_ms") == 3.0
    assert cell.middle("cpu_ms", "lab_ms") == (0.5 + 1.0) / 2


def test_all_take_turns() -> None:
    names = list(run.turns("abc", 50))
    rounds = [names[i : i + 3] for i in range(0, len(names), 3)]
    assert all(sorted(turn) == ["a", "b", "c"] for turn in rounds)
    assert len({tuple(turn) for turn in rounds}) > 1


def test_samples_become_a_summary_that_survives_its_file(tmp_path: Path) -> None:
    results = run.Results({"cpu": "x"}, {})
    for middle in (1.0, 2.0, 3.0):
        results.add("w", "a", {"ms": [middle, middle, 9 * middle], "frames": 12345678})
    before = results.cell("w", "a")
    results.write(tmp_path / "results.json")
    read = run.Results.read(tmp_path / "results.json")
    assert read.machine == {"cpu": "x"}
    after = read.cell("w", "a")
    for metric in ("ms", "ms_p50", "ms_p95", "samples", "frames"):
        assert after[metric] == pytest.approx(before[metric])
    assert after["ms"] == [1, 2, 3]
    assert (after["ms_p50"], after["samples"], after["frames"]) == ([3], [9], [12345678] * 3)


CLAIM = "w: `grab()` | {} | ratio cpu | w: ours & theirs"


@pytest.mark.parametrize(
    ("target", "verdict"),
    [("≤ 0.5× the peer", "met"), ("< 0.5× the peer", "missed"), ("≥ 0.51× the peer", "missed"), ("≤ 0.4×", "missed")],
)
def test_a_claim_is_judged_by_its_target(target: str, verdict: str) -> None:
    results = run.Results({}, {})
    for name, cpu in (("ours", 5.0), ("theirs", 10.0)):
        results.add("w", name, {"frames": 1, "cpu_ms": cpu})
    assert report.judged(results, CLAIM.format(target)) == ["w: `grab()`", target, "0.50×", verdict]


def test_a_claim_about_what_was_not_measured_has_no_verdict() -> None:
    row = report.judged(run.Results({}, {}), CLAIM.format("≤ 0.5×"))
    assert row == ["w: `grab()`", "≤ 0.5×", "not measured yet", ""]


def test_a_claim_about_a_metric_that_an_older_recording_lacks_has_no_verdict() -> None:
    results = run.Results({}, {})
    for name in ("ours", "theirs"):
        results.add("w", name, {"frames": 1, "cpu_ms": 1.0})
    assert report.judged(results, "w | ≤ 0.5× | spread call | w: ours & theirs")[2:] == ["not measured yet", ""]
    with pytest.raises(KeyError, match="no such column"):
        report.judged(results, "w | ≤ 0.5× | spread no such column | w: ours & theirs")


@pytest.mark.parametrize(("theirs", "verdict"), [(10.0, "met"), (8.5, "missed"), (6.5, "missed")])
def test_a_claim_about_total_and_net_is_judged_by_the_worse(theirs: float, verdict: str) -> None:
    results = run.Results({}, {})
    for name, call in (("ours", 4.0), ("theirs", theirs)):
        results.add("w", name, {"frames": 2, "call_ms": call, "lab_ms": 2.0, "cpu_ms": 1.0})
    _, _, words, found = report.judged(results, "w | ≤ 0.45× | net call, net call | w: ours & theirs")
    assert words == f"{4 / theirs:.2f}× total, {2 / (theirs - 2):.2f}× net"
    assert found == verdict


@pytest.mark.parametrize(
    ("threads", "woken", "cpu", "verdict"),
    [(4, 0, 0.1, "met"), (4, 1, 0.1, "missed"), (4, 0, 2.0, "missed"), (0, 0, 0.0, "missed")],
)
def test_threads_are_asleep_if_there_are_some_and_nothing_wakes_them(
    threads: int, woken: int, cpu: float, verdict: str
) -> None:
    results = run.Results({}, {})
    results.add("idle", "rustcam", {"seconds": 10.0, "threads": threads, "wake_ups": woken, "cpu_ms": cpu})
    assert report.judged(results, "w | < 0.01 % | asleep | idle: rustcam")[3] == verdict


@pytest.mark.linux
def test_a_thread_that_wakes_is_counted() -> None:
    over, woken = threading.Event(), threading.Event()

    def wake() -> None:
        while not over.wait(0.001):
            woken.set()

    before = idle.watched(0.05)
    thread = threading.Thread(target=wake)
    thread.start()
    try:
        assert woken.wait(5)
        found = idle.watched(0.2)
    finally:
        over.set()
        thread.join()
    assert found["threads"] == before["threads"] + 1
    assert found["wake_ups"] >= 10
    assert found["cpu_ms"] > 0


@pytest.mark.linux
def test_the_threads_of_large_frames_are_watched() -> None:
    found = idle.idle(0.1)
    assert found["threads"] >= idle.THREADS - 1


QUIET = [0.500, 0.504, 0.498, 0.502, 0.496]


def times(values: list[float], factor: float) -> list[float]:
    return [value * factor for value in values]


def test_a_ratio_that_is_worse_fails() -> None:
    verdict = ratios.judge("a", QUIET, times(QUIET, 1.1))
    assert not verdict.good
    assert (verdict.recorded, verdict.now, verdict.words) == (0.5, pytest.approx(0.55), "WORSE")


def test_a_ratio_that_is_better_passes() -> None:
    verdict = ratios.judge("a", QUIET, times(QUIET, 0.8))
    assert verdict.good
    assert verdict.words == "better"


def test_noise_passes() -> None:
    assert ratios.judge("a", QUIET, times(QUIET, 1.01)).words == "as recorded"
    # The same 1.1 is nothing where the blocks of the recording, or those of now, differ that much among themselves.
    loud = [0.40, 0.62, 0.50, 0.45, 0.56]
    assert ratios.judge("a", loud, times(QUIET, 1.1)).good
    assert ratios.judge("a", QUIET, times(loud, 1.1)).good


def test_nothing_is_measured_better_than_two_percent() -> None:
    assert ratios.judge("a", [1.0] * 5, [1.02] * 5).good
    assert not ratios.judge("a", [1.0] * 5, [1.021] * 5).good


def test_chance_fails_seldom_and_a_loss_is_found() -> None:
    chance = random.Random(1)

    def blocks(middle: float) -> list[float]:
        return [middle * chance.lognormvariate(0, 0.05) for _ in range(BLOCKS)]

    assert sum(not ratios.judge("a", blocks(1.0), blocks(1.0)).good for _ in range(2000)) <= 20
    assert sum(not ratios.judge("a", blocks(1.0), blocks(1.5)).good for _ in range(2000)) >= 1980


def test_what_was_not_recorded_cannot_be_worse() -> None:
    (verdict,) = ratios.compare({}, {"a": [1.0, 2.0]})
    assert verdict.good
    assert verdict.words == "not recorded"


def test_one_block_does_not_show_the_noise() -> None:
    with pytest.raises(ValueError, match="does not show the noise"):
        ratios.judge("a", [1.0], [1.0])


def test_ratios_are_read_block_by_block() -> None:
    results = run.Results({}, {})
    for ours in (1, 2, 3, 4, 5):
        for name, middle in (("rustcam bgra", ours), ("raw", 2)):
            results.add("1920x1080 calls", name, {"ms": [middle, middle, 9 * middle]})
    (found,) = ratios.ratios(results).items()
    assert found == ("1920x1080 calls, ms: rustcam bgra / raw", [0.5, 1.0, 1.5, 2.0, 2.5])


def recorded(**changes: list[float]) -> dict[str, list[float]]:
    """The ratios of `make bench-check`, of recordings in which `rustcam bgra` took other times."""
    recording = json.loads((RECORDINGS / "x11.json").read_text(encoding="utf-8"))
    recording["cells"]["1920x1080 calls"]["rustcam bgra"].update(changes)
    return ratios.ratios(run.Results(**recording))


def test_a_recording_is_as_good_as_itself(capsys: pytest.CaptureFixture[str]) -> None:
    found = {**recorded(), **ratios.ratios(run.Results.read(RECORDINGS / "windows.json"))}
    assert len(found) == len(ratios.RATIOS)
    assert all(len(blocks) > 1 for blocks in found.values())
    verdicts = ratios.compare(found, found)
    assert all(verdict.words == "as recorded" for verdict in verdicts)
    ratios.print_table(verdicts)
    assert f"{len(found)} ratios, 0 worse than recorded" in capsys.readouterr().out


def test_a_recording_whose_own_times_double_is_worse() -> None:
    cell = run.Results.read(RECORDINGS / "x11.json").cell("1920x1080 calls", "rustcam bgra")
    verdicts = ratios.compare(recorded(), recorded(ms=times(cell["ms"], 2)))
    worse = {verdict.name for verdict in verdicts if not verdict.good}
    assert worse == {f"1920x1080 calls, ms: rustcam bgra / {other}" for other in ("raw", "mss bgra")}


@pytest.mark.parametrize("page", ["performance.md", "profile.md"])
def test_a_page_is_made_of_its_recordings(page: str, tmp_path: Path) -> None:
    render.render(tmp_path / page, [], draw=False)
    assert [path.name for path in tmp_path.iterdir()] == [page]
    kept = (ROOT / "docs" / page).read_text(encoding="utf-8")
    assert (tmp_path / page).read_text(encoding="utf-8") == kept, f"make {page} anew"


def words(picture: Path) -> list[str]:
    """All text of an SVG; lines and curves differ between versions of matplotlib."""
    return [element.text or "" for element in ElementTree.parse(picture).iter("{http://www.w3.org/2000/svg}text")]


# The Windows interpreters of the Wine lanes have no matplotlib.
@pytest.mark.linux
def test_pictures_are_drawn_from_the_recordings(tmp_path: Path) -> None:
    render.render(tmp_path / "performance.md", [])
    names = sorted(path.name for path in (tmp_path / "plots").iterdir())
    assert {"x11-contenders.svg", "windows-contenders.svg"} <= set(names)
    assert names == sorted(path.name for path in (ROOT / "docs" / "plots").iterdir())
    for name in names:
        assert words(tmp_path / "plots" / name) == words(ROOT / "docs" / "plots" / name), f"make {name} anew"
    p50 = run.Results.read(RECORDINGS / "x11.json").cell("1920x1080 full@60 bgra free", "pillow").median("p50_ms")
    assert any(word.startswith(f"{p50:.2f}, ") for word in words(tmp_path / "plots" / "x11-contenders.svg"))


KERNELS = ("memcpy", "bgra", "bgr", "rgb", "gray")


def test_the_example_of_the_tone_mapping_is_read_where_one_thread_worked() -> None:
    output = "map_sdr_x1 0.004 2.25\nclip_one_percent_bright_x1 0.003 2.0\nmap_sdr_x2 0.002 1.5\n"
    assert list(kernels.tone(output)) == [
        ("1920x1080 tone", "map, sdr", {"median_ms": 4.0, "to_copy": 2.25}),
        ("1920x1080 tone", "clip, one percent bright", {"median_ms": 3.0, "to_copy": 2.0}),
    ]


def printed(one: float, **facts: Any) -> str:
    """What the example `kernels` prints: `n` threads need an `n`th of the time, or twice that with streaming stores."""
    ways = {}
    for way in report.WAYS:
        ms = one / int(way[0]) * len(way)
        ways[way] = {"warm": ms, "paused": 2 * ms, "read": 3 * ms, "cpu": 10 * ms}
    times = {"median_ms": one, "best_ms": one, "ratio_median": 1.0, "ways": ways}
    about = {"cpu": "Some CPU", "cores": 16, "system": "Linux 6", "date": 86399, "cpu_path": "avx2", **facts}
    return json.dumps({**about, "sizes": {"64x64": dict.fromkeys(KERNELS, times)}}) + "\n"


def test_kernels_of_another_machine_become_a_recording() -> None:
    results = kernels.recorded([printed(8.0), "\n", printed(4.0), printed(6.0)])
    facts = {"date": "1970-01-01", "cpu": "Some CPU", "cores": 16, "system": "Linux 6", "cpu_path": "avx2"}
    assert results.machine == facts
    assert results.cell("64x64 kernels", "memcpy")["median_ms"] == [8.0, 4.0, 6.0]
    # A plain copy is made by one thread whatever the way is called.
    assert results.contenders("64x64 threads") == [name for name in KERNELS if name != "memcpy"]
    shown = {column: report.text(results, "64x64 threads", "bgr", f"{column} 4s") for column in report.BY_WAY}
    assert shown == {"warm": "3.00", "reading": "15.00", "spent": "30.00"}
    claim = "bgr | ≤ 0.25× | single gain 4 | 64x64 threads: bgr"
    assert report.judged(results, claim) == ["bgr", "≤ 0.25×", "0.25×", "met"]


@pytest.mark.parametrize("runs", [[], [printed(1.0), printed(1.0, cores=8)]])
def test_kernels_of_no_machine_or_of_two_are_no_recording(runs: list[str]) -> None:
    with pytest.raises(ValueError, match="expected runs of one machine"):
        kernels.recorded(runs)


@pytest.mark.linux
def test_a_plot_of_threads_shows_every_number(tmp_path: Path) -> None:
    from benches import plots

    results = kernels.recorded([printed(8.0)])
    plots.write("threads", "By threads", results, ["64x64 threads"], tmp_path / "threads.svg")
    found = words(tmp_path / "threads.svg")
    times = [
        report.text(results, "64x64 threads", "bgr", f"{kind} {way}") for kind in report.BY_WAY for way in report.WAYS
    ]
    assert set(times) <= set(found)
    assert "By threads" in found


def test_a_recording_that_is_missing_leaves_no_picture(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    page = "{{none cpu}}; {{none size, fps | a; b}}; {{none plot threads: Title | a; b}}"
    (tmp_path / "pages").mkdir()
    (tmp_path / "pages" / "page.md").write_text(page, encoding="utf-8")
    monkeypatch.setattr(render, "PAGES", tmp_path / "pages")
    render.render(tmp_path / "page.md", [])
    text = "–; Not measured yet.; Not measured yet."
    assert (tmp_path / "page.md").read_text(encoding="utf-8") == text
    assert not (tmp_path / "plots").exists()


def test_a_page_with_marks_keeps_what_is_around_them(tmp_path: Path) -> None:
    readme = (ROOT / "README.md").read_text(encoding="utf-8")
    page = tmp_path / "README.md"
    page.write_text(readme.replace("`grab()` takes ", "`grab()` takes about "), encoding="utf-8")
    render.render(page, [])
    assert page.read_text(encoding="utf-8") == readme


def test_every_workload_of_a_page_has_contenders() -> None:
    for desktop in ("x11", "windows"):
        works = contenders.matrix(desktop)
        assert works["rustcam"]
        assert {work.way for work in works["rustcam"]} <= {"free", "paced", "stream", "beside"}
        assert all(works.values())


def test_a_device_as_of_hardware_is_for_rustcam_alone() -> None:
    devices = {name: {work.device for work in works} for name, works in contenders.matrix("windows").items()}
    assert devices.pop("rustcam") == {"", *contenders.DEVICES}
    assert all(found == {""} for found in devices.values())


def test_only_what_captures_by_windows_graphics_capture_is_measured_there() -> None:
    works = contenders.matrix("windows")
    by_wgc = {name for name, found in works.items() if any(work.wgc for work in found)}
    assert by_wgc == {"rustcam", "rustcam window", "windows-capture", "dxcam winrt", "wgc-python"}
    assert all(work.wgc for name in by_wgc - {"rustcam"} for work in works[name])
    assert all(work.numbered for name in by_wgc - {"rustcam", "rustcam window"} for work in works[name])


def test_a_claim_that_is_net_of_the_lab_is_judged_by_the_best_peer() -> None:
    results = run.Results({}, {})
    for name, cpu in (("ours", 4.0), ("one", 8.0), ("other", 12.0)):
        results.add("w", name, {"frames": 1, "cpu_ms": cpu, "lab_ms": 3.0})
    row = report.judged(results, "w | ≤ 0.2× | only_net | w: ours & other & one")
    assert row[2:] == ["0.50× total, 0.20× net", "met"]


# The Windows interpreters of the Wine lanes have no OpenCV.
@pytest.mark.linux
@pytest.mark.parametrize("use", models.KEYWORDS)
def test_opencv_makes_what_a_capturer_returns(use: str) -> None:
    from benches.by_opencv import by_opencv

    desktop = {"backend": "sim", "sim": "size 1280x960; refresh 60; full; clock virtual", "cursor": False}
    with rustcam.Capturer(**desktop, **models.KEYWORDS[use]) as ours, rustcam.Capturer(**desktop) as plain:
        theirs = by_opencv(use, plain.grab)
        for _ in range(6):
            one, other = ours.grab(), theirs()
            assert one is not None
            assert (one.squeeze().shape, one.dtype) == (other.shape, other.dtype)
            apart = np.abs(one.squeeze().astype(float) - other)
            # Those for encoders have other weights.
            assert apart.max() <= (2 if one.dtype == np.uint8 else 1.1 / 255) or use == "encoder"
    assert by_opencv(use, lambda: None)() is None


@pytest.mark.x11
def test_the_window_that_is_measured_is_painted_everywhere(session_server: Any, monkeypatch: Any) -> None:
    monkeypatch.setenv("DISPLAY", session_server.display)
    from benches import x11

    window = x11.Window((20, 30, 100, 80))
    try:
        for color in (0x123456, 0xFEDCBA):
            window.fill(color)
            shown = rustcam.screenshot(region=(20, 30, 120, 110), backend="x11")
            assert (shown == [color >> 16, color >> 8 & 255, color & 255]).all()
    finally:
        window.close()


@pytest.mark.linux
def test_a_call_of_the_bare_program_begins_before_the_lab_works(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.syspath_prepend(str(ROOT / "scripts"))
    from benches.windows import with_call_time

    found = with_call_time({"work": "copy", "frames": 20, "lab_ms": 5.0, "cpu_ms": 9.0, "call_us": 250.0})
    assert found == {"frames": 20, "lab_ms": 5.0, "cpu_ms": 9.0, "call_ms": 10.0}
    results = run.Results({}, {})
    results.add("w", "copy", found)
    assert report.value(results.cell("w", "copy"), "net call") == 0.25
    # Before it told the time.
    assert with_call_time({"work": "copy", "frames": 20}) == {"frames": 20}


# The Windows interpreters of the Wine lanes do not import from the current folder.
@pytest.mark.linux
@pytest.mark.parametrize("device", ["", *contenders.DEVICES])
def test_the_lab_is_told_how_its_device_behaves(device: str) -> None:
    name = f"1920x1080 full@180 bgra paced region {device}".strip()
    code = f"from benches import contenders, lab; print(lab.script(contenders.workload({name!r})))"
    done = subprocess.run([sys.executable, "-c", code], cwd=ROOT, check=True, capture_output=True, text=True)
    statements = set(done.stdout.strip().split("; "))
    assert ({"lab claims hardware", "lab events prompt"} <= statements) == bool(device)
    assert any(statement.startswith("lab copies take ") for statement in statements) == (device == "asynchronous")
    assert contenders.workload(name).region == contenders.REGION


# A call from 1000 to 2000: process 7 captures, 8 is the server. The one processor goes from 7 to 8 and back.
TRACE = """
    7/7     0.000001100: raw_syscalls:sys_enter: NR 46 (4, 7ffc, 0, 10, 2, 557c)
    7/7     0.000001150: sched:sched_switch: prev_comm=a b prev_pid=7 prev_prio=120 prev_state=S ==> next_comm=X next_pid=8 next_prio=120
    8/8     0.000001160:  raw_syscalls:sys_exit: NR 232 = 1
    8/9     0.000001200: raw_syscalls:sys_enter: NR 1 (0, 0, 0, 0, 0, 0)
    8/8     0.000001560: raw_syscalls:sys_enter: NR 20 (9, 7ffc, 1, 0, 1, 1)
    8/8     0.000001570:  raw_syscalls:sys_exit: NR 20 = 40
    8/8     0.000001580: raw_syscalls:sys_enter: NR 232 (3, 7ffc, 100, 92261, 1, 0)
    8/8     0.000001600: sched:sched_switch: prev_comm=X prev_pid=8 prev_prio=120 prev_state=S ==> next_comm=swapper/0 next_pid=0 next_prio=120
    0/0     0.000001630: sched:sched_switch: prev_comm=swapper/0 prev_pid=0 prev_prio=120 prev_state=R ==> next_comm=a b next_pid=7 next_prio=120
    7/7     0.000001650:  raw_syscalls:sys_exit: NR 46 = 24
    7/7     0.000001930: raw_syscalls:sys_enter: NR 202 (557c, 81, 7fff, 7, 557c, 4)
    7/7     0.000001940:  raw_syscalls:sys_exit: NR 202 = 0
"""  # noqa: E501


def test_a_call_has_counts_of_both_processes(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(trace, "WRITES", (20, 46))  # writev and sendmsg of x86-64
    events = list(trace.events(TRACE.splitlines()))
    # One per line of the main threads, and two per switch.
    assert len(events) == 14
    assert trace.counts(events, 7) == [2, 1, 1]
    assert trace.counts(events, 8) == [2, 1, 1]


def test_the_longest_work_of_a_call() -> None:
    events = list(trace.events(TRACE.splitlines()))
    assert trace.longest(events, 8, 1000, 2000, on=False) == (1160, 1560)
    assert trace.longest(events, 7, 1560, 2000, on=False) == (1650, 1930)
    assert trace.longest(events, 7, 1000, 2000) == (1650, 1930)


def test_a_call_that_asks_nobody_is_all_ours() -> None:
    assert trace.longest([], 7, 1000, 2000) == (1000, 2000)
    assert trace.longest([], 8, 1000, 2000, on=False) == (2000, 2000)
    assert trace.counts([], 7) == [0, 0, 0]
