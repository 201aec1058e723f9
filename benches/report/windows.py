"""The Windows wheel and its rivals, on a simulated duplication under Wine."""

from __future__ import annotations

from typing import Any

from . import gpu
from .cells import Cell, Results
from .plots import Bars
from .table import Row, table, targets

TITLE = "Full HD, simulated duplication under Wine, 180 presents a second, streams 240"
OURS = "rustcam"
PEERS = ("dxcam", "bettercam", "rustcam 0.1.2")
DESKTOPS = ("full", "ordinary")
FORMATS = ("bgra", "bgr", "rgb")
# Of the best peer's processor time.
MOST = {"bgra": 0.7, "bgr": 0.5, "rgb": 0.5}
FIELD = (OURS, *PEERS)
# Where a part of the screen changes: what it is, and what it may cost beside the best peer, if that was decided.
PARTS = {
    "little": ("1 % changed", 0.1),
    "video": ("a video of 1280×720 runs", None),
}
REGION = 640 * 360 * 4
# Counting begins in the middle of a frame and ends in one.
NOISE = 0.01


def peers(results: Results, *cell: str) -> list[Cell]:
    return [results.cell(peer, *cell) for peer in PEERS]


def ratio(ours: float, theirs: float) -> float:
    return ours / theirs if theirs > 0 else float("inf")


def grab_rows(results: Results) -> list[Row]:
    rows = []
    for desktop in DESKTOPS:
        for fmt, most in MOST.items():
            ours, others = results.cell(OURS, "grab", desktop, fmt), peers(results, "grab", desktop, fmt)
            work = f'{desktop}: `grab(fmt="{fmt}")`'
            rows += [delivered(work, ours, others), cpu(work, ours, others, most)]
            ours, others = results.cell(OURS, "paced", desktop, fmt), peers(results, "paced", desktop, fmt)
            rows.append(cpu(f"{work}, paced", ours, others, most))
    for desktop in DESKTOPS:
        bgra = results.cell(OURS, "paced", desktop, "bgra")
        rows += [beside(desktop, fmt, results.cell(OURS, "paced", desktop, fmt), bgra) for fmt in ("bgr", "rgb")]
    if results.has(OURS, "large", "bgra"):
        for fmt in ("bgra", "bgr"):
            ours, others = results.cell(OURS, "large", fmt), peers(results, "large", fmt)
            rows.append(cpu(f'4K, full: `grab(fmt="{fmt}")`, paced', ours, others, MOST[fmt]))
    return rows


def beside(desktop: str, fmt: str, ours: Cell, bgra: Cell) -> Row:
    total, net = ratio(ours.cpu, bgra.cpu), ratio(ours.net, bgra.net)
    return Row(
        f'{desktop}: `grab(fmt="{fmt}")`, paced, CPU per frame',
        "≤ 1.15× that of BGRA, net of the laboratory",
        f"{total:.2f}× total, {net:.2f}× net",
        net <= 1.15,
    )


def delivered(work: str, ours: Cell, others: list[Cell]) -> Row:
    best = max(other.share for other in others)
    return Row(
        work,
        "delivers what the best peer delivers",
        f"{ours.fps:.0f} fps, {100 * ours.share:.1f} % of the presents (best peer {100 * best:.1f} %)",
        ours.share >= best - NOISE,
    )


def cpu(work: str, ours: Cell, others: list[Cell], most: float) -> Row:
    """Judged with and without what the laboratory itself costs."""
    total = ratio(ours.cpu, min(other.cpu for other in others))
    least = min(other.net for other in others)
    net = ratio(ours.net, least)
    # On a busy machine the laboratory's waits for a processor look like its work.
    told = f"{net:.2f}× net of the laboratory" if least > 0 else "net cannot be told: the machine was busy"
    return Row(
        f"{work}, CPU per frame",
        f"≤ {most:g}× the best peer, total and net",
        f"{total:.2f}× total, {told}",
        total <= most and net <= most,
    )


def part_rows(results: Results) -> list[Row]:
    region = results.cell(OURS, "region")
    mapped = region.count("bytes_mapped") / max(1, region.count("maps"))
    little, full = results.cell(OURS, "little"), results.cell(OURS, "paced", "full", "bgra")
    total, net = ratio(little.cpu, full.cpu), ratio(little.net, full.net)
    return [
        Row("640×360 region", f"maps {REGION} bytes per frame", f"{mapped:.0f} bytes", round(mapped) == REGION),
        Row(
            "1 % changed, `copy=False`, CPU per frame",
            "≤ 0.2× a full frame, total and net",
            f"{total:.2f}× total, {net:.2f}× net",
            total <= 0.2 and net <= 0.2,
        ),
        *(
            cpu(f"{what}, `copy=False`", results.cell(OURS, work), peers(results, work), most)
            for work, (what, most) in PARTS.items()
            if most and results.has(OURS, work)
        ),
    ]


def idle_rows(results: Results) -> list[Row]:
    rows = []
    for work, name in (("static", "static desktop"), ("storm", "pointer at 1000 Hz, `cursor=False`")):
        cell = results.cell(OURS, work)
        gpu = sum(cell.count(counter) for counter in ("copy_resource", "copy_region", "maps"))
        measured = f"{cell.frames:.0f} frames, {gpu} copies and maps"
        rows.append(Row(name, "no frame, no work of the GPU", measured, not cell.frames and not gpu))
    return rows


def stream_rows(results: Results) -> list[Row]:
    rows = []
    for desktop in DESKTOPS:
        cell = ("stream", desktop, "bgra")
        ours, others = results.cell(OURS, *cell), peers(results, *cell)
        work = f"{desktop}, 240 Hz: `start(0)`, `get_latest_frame()`"
        best = min(other.latency(95) for other in others)
        late = ratio(ours.latency(95), best)
        rows += [
            delivered(work, ours, others),
            Row(
                f"{work}, p95 from present to array",
                "≤ 0.8× the best peer",
                f"{late:.2f}× ({ours.latency(95):.2f} to {best:.2f} ms)",
                late <= 0.8,
            ),
            tail(f"{work}, p99 from present to array", ours),
        ]
    return rows


def tail(work: str, ours: Cell) -> Row:
    usual, late = ours.latency(50), ours.latency(99)
    measured = f"{ratio(late, usual):.2f}× ({late:.2f} to {usual:.2f} ms)"
    return Row(work, "≤ 1.5× the median", measured, late <= 1.5 * usual)


def pointer_row(results: Results) -> Row:
    drawn, bare = (results.cell(OURS, work).fps for work in ("pointer drawn", "pointer not drawn"))
    return Row(
        "full, pointer at 1000 Hz: `cursor=True`",
        "≥ 0.98× the frame rate of `cursor=False`",
        f"{ratio(drawn, bare):.2f}×",
        drawn >= 0.98 * bare,
    )


def rows(result: dict[str, Any]) -> list[Row]:
    results = Results(result["rounds"])
    return [
        *grab_rows(results),
        *part_rows(results),
        *idle_rows(results),
        *stream_rows(results),
        pointer_row(results),
        *gpu.rows(result["rounds"]),
    ]


def frame_cells(name: str, cell: Cell) -> list[str]:
    return [
        name,
        f"{cell.fps:.0f}",
        str(cell.missed),
        str(cell.repeated),
        *(f"{cell.latency(percent):.2f}" for percent in (50, 95, 99)),
        *cpu_cells(cell),
        str(cell.faults),
    ]


def cpu_cells(cell: Cell) -> list[str]:
    return [f"{cell.cpu:.2f}", f"{cell.lab:.2f}", f"{cell.net:.2f}"]


COST = ["CPU ms:", "laboratory ms:", "net ms:"]
FRAMES = ["", "fps:", "missed:", "repeated:", "p50 ms:", "p95 ms:", "p99 ms:", *COST, "faults:"]


def frames(results: Results, work: str, desktop: str, fmt: str) -> list[str]:
    return table(FRAMES, [frame_cells(name, results.cell(name, work, desktop, fmt)) for name in FIELD])


COSTS = [
    "Paced. Where a part of a screen that stands still changes, rustcam lends its picture (`copy=False`); the others",
    "have no such thing.",
]


def costs(results: Results) -> list[str]:
    """The cost of a frame without the wait for it, beside what nobody can avoid."""
    works = [("paced", desktop, fmt) for desktop in DESKTOPS for fmt in FORMATS]
    lines = [
        [desktop, fmt, name, *cpu_cells(results.cell(name, work, desktop, fmt))]
        for work, desktop, fmt in works
        for name in FIELD
    ]
    for work, what in (("glance", "acquire and release"), ("copy", "and copy, map, memcpy")):
        lines += [[desktop, "", what, *cpu_cells(results.cell("bare", work, desktop))] for desktop in DESKTOPS]
    others = {("region",): ("640×360", "bgra"), **{(work,): (what, "bgra") for work, (what, _) in PARTS.items()}}
    others.update({("large", fmt): ("4K full", fmt) for fmt in ("bgra", "bgr")})
    for place, (what, fmt) in others.items():
        if results.has(OURS, *place):
            lines += [[what, fmt, name, *cpu_cells(results.cell(name, *place))] for name in FIELD]
    return table(["desktop", "format", "", *COST], lines)


def idle(results: Results) -> list[str]:
    lines = []
    for work, what in (("static", "static"), ("storm", "pointer at 1000 Hz, not drawn")):
        for name in FIELD:
            cell = results.cell(name, work)
            copies = cell.count("copy_resource") + cell.count("copy_region")
            busy = 100 * cell.total("cpu_ms") / (1000 * cell.total("seconds"))
            lines.append([what, name, f"{cell.frames:.0f}", str(copies), str(cell.count("maps")), f"{busy:.0f}"])
    return table(["desktop", "", "frames:", "copies:", "maps:", "% of a processor:"], lines)


def spinning(results: Results) -> list[str]:
    lines = []
    for name in FIELD:
        cell = results.cell(name, "spin")
        lost = 1 - cell.total("beside") / cell.total("alone")
        lines.append([name, f"{100 * lost:.0f}", f"{cell.fps:.0f}"])
    return table(["", "lost %:", "fps:"], lines)


def real(results: Results) -> list[str]:
    works = [("mss", "bgra"), ("mss", "rgb"), ("pillow", "rgb")]
    cells = [(name, fmt, results.cell(name, "real", fmt)) for name, fmt in works]
    lines = [[name, fmt, f"{c.fps:.0f}", f"{c.total('cpu_ms') / c.frames:.2f}"] for name, fmt, c in cells]
    return table(["", "format", "grabs per second:", "CPU ms per grab:"], lines)


def bars(result: dict[str, Any]) -> Bars:
    """What the picture shows."""
    results = Results(result["rounds"])
    works = [("grab", desktop, fmt) for desktop in DESKTOPS for fmt in ("bgra", "bgr")]
    works += [("stream", desktop, "bgra") for desktop in DESKTOPS]
    return {", ".join(work): [(name, results.cell(name, *work)) for name in FIELD] for work in works}


def section(result: dict[str, Any], source: str) -> list[str]:
    results, machine = Results(result["rounds"]), result["machine"]
    versions = ", ".join(
        f"{name} {version}" if name != "rustcam 0.1.2" else f"the published rustcam {version}"
        for name, version in result["versions"].items()
    )
    absent = [f"- Not here: {name}, which cannot be imported ({why})." for name, why in result["absent"].items() if why]
    lines = [
        "## Windows: simulated duplication under Wine",
        "",
        f"Written by `make bench-windows` from `{source}`, which holds every sample.",
        "",
        f"- Measured on {machine['date']}: {machine['cpu']}, {machine['cores']} cores, {machine['system']},",
        f"  {machine['wine']}; load of the machine before the run: {machine['load']:.1f}.",
        f"- Windows CPython 3.11; {versions}. `rustcam` is the wheel of `make wheels`.",
        *absent,
        f"- {len(result['rounds'])} rounds; in each, every contender in a random order and in a process of its own.",
        "- The desktop is the [laboratory](lab.md)'s, 1920x1080 at 180 Hz, over real D3D11 textures. *full* changes",
        "  every pixel at every present; *ordinary* moves a window of 320×200 and a clock. Every array belongs to its",
        "  caller. A frame is told by the number in its pixels, looked at again after the next grab, and samples are",
        "  compared with the oracle; *faults* counts what was torn, changed afterwards, or wrong.",
        "- Scrolling is measured on Linux only: the laboratory remembers every move since the beginning, and would",
        "  paint longer than anybody captures.",
        "- *paced* sleeps until something was presented and then grabs once. Otherwise a grab follows the other, as in",
        "  the packages' examples: dxcam and bettercam cannot wait, so they poll.",
        "- CPU is the time of the whole process. The laboratory paints and uploads its frames inside that process:",
        "  *net* is without it. Acquire and release alone shows how well that is known.",
        "- Memory is not told: the laboratory's pictures are in the same process.",
        "- Direct3D commands run where they are called (`csmt=0`), and a graphics card is a library on the processor.",
        "  So bytes, presents and the ratios of what the processor does mean something here; the speed of a real card,",
        "  of its driver and its compositor is not in these numbers.",
        "",
        "### Targets on Windows",
        "",
        *targets(rows(result)),
    ]
    for desktop in DESKTOPS:
        for fmt in FORMATS:
            lines += [
                "",
                f"### {desktop.capitalize()} desktop, {fmt.upper()}",
                "",
                *frames(results, "grab", desktop, fmt),
            ]
    lines += ["", "### What a frame costs", "", *COSTS, "", *costs(results)]
    lines += [
        "",
        "### Frames that stay on the device",
        "",
        "In virtual time. *CPU* is the calling thread's without the laboratory and without the calls of the device,",
        "which is what is left where the device is real. The device computes in software here, inside its calls",
        "(`LP_NUM_THREADS=0`): it copies what changed, and for `grab_gpu` it also draws that with a shader, which",
        "makes every pixel opaque. It makes the same calls whatever the size is, so the tiny desktop shows what they",
        "cost where the device has next to nothing to do, and caches are warm. `shared_handle` is needed once for each",
        "`memory_id`; a reader that asks for every texture's pays for two calls of the kernel more.",
        "",
        *gpu.lines(result["rounds"]),
    ]
    for desktop in DESKTOPS:
        title = f"### Stream at 240 Hz, {desktop} desktop, BGRA"
        lines += ["", title, "", *frames(results, "stream", desktop, "bgra")]
    lines += ["", "### Nothing to see", "", *idle(results)]
    spin = "Turns of a loop in Python that are lost while another thread grabs BGR of the full desktop."
    lines += ["", "### The GIL", "", spin, "", *spinning(results)]
    gdi = "mss and Pillow draw with GDI and see the real display, not the laboratory's; nothing changes on it."
    lines += ["", "### Beside it: GDI", "", gdi, "", *real(results)]
    return lines
