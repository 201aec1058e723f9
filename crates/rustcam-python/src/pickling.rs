//! What describes frames as plain values, for pickles and copies: the arguments of the functions in `unpickling` that make it again.

use std::sync::Arc;

use pyo3::prelude::*;
use pyo3::types::PyBytes;
use rustcam::capture::Stats as EngineStats;
use rustcam::frame::{FrameInfo as EngineInfo, Pointer, PointerShape as EngineShape, ShapeKind};
use rustcam::geometry::Rect;

/// `(left, top, right, bottom)`.
pub type Edges = (i32, i32, i32, i32);

/// The rectangle as a tuple for Python.
pub fn edges(r: Rect) -> Edges {
    (r.left, r.top, r.right, r.bottom)
}

/// What `__reduce__` returns.
pub type Reduced<'py, T> = PyResult<(Bound<'py, PyAny>, T)>;

/// Kind, width, height, pitch, hot spot, and rows.
pub type ShapeArguments = (String, u32, u32, usize, (i32, i32), Py<PyBytes>);
pub type PointerArguments = ((i32, i32), bool, Option<ShapeArguments>);
/// Present time in nanoseconds, sequence, accumulated, `is_new`, dirty, moves, pointer, protected.
pub type InfoArguments = (u64, u64, u64, bool, Vec<Edges>, Vec<((i32, i32), Edges)>, PointerArguments, bool);
/// Frames, timeouts, missed, and the counters of the session.
pub type StatsArguments = (u64, u64, u64, SessionCounters);
/// Pointer wake-ups, recoveries, lost, bytes copied, region clamped, threads, fallback, and the counters of the source.
pub type SessionCounters = (u64, u64, Option<String>, u64, bool, usize, Option<String>, SourceCounters);
/// Copies on the device, their bytes, reads in place, and the two priorities.
pub type SourceCounters = (u64, u64, u64, Option<bool>, Option<bool>);

pub const KINDS: [(ShapeKind, &str); 4] = [
    (ShapeKind::Monochrome, "monochrome"),
    (ShapeKind::Color, "color"),
    (ShapeKind::Premultiplied, "premultiplied"),
    (ShapeKind::MaskedColor, "masked_color"),
];

/// The name of a kind of shape.
pub fn kind_name(kind: ShapeKind) -> &'static str {
    KINDS.iter().find(|(known, _)| *known == kind).map_or("unknown", |(_, name)| name)
}

/// The value of `__reduce__`: the function of the extension module called `maker`, and its arguments.
pub fn reduced<'py, T>(py: Python<'py>, maker: &str, arguments: T) -> Reduced<'py, T> {
    Ok((py.import("rustcam._rustcam")?.getattr(maker)?, arguments))
}

pub fn shape_arguments(py: Python<'_>, shape: &EngineShape) -> ShapeArguments {
    let EngineShape { kind, size, pitch, hot_spot, data } = shape;
    let name = kind_name(*kind).to_owned();
    (name, size.width, size.height, *pitch, (hot_spot.x, hot_spot.y), PyBytes::new(py, data).unbind())
}

pub fn pointer_arguments(py: Python<'_>, pointer: &Pointer) -> PointerArguments {
    let shape = pointer.shape.as_ref().map(|shape| shape_arguments(py, shape));
    ((pointer.position.x, pointer.position.y), pointer.visible, shape)
}

pub fn info_arguments(py: Python<'_>, info: &EngineInfo) -> InfoArguments {
    let present = u64::try_from(info.present_time.as_nanos()).unwrap_or(u64::MAX);
    let dirty = info.damage.dirty.iter().copied().map(edges).collect();
    let moves = info.damage.moves.iter().map(|m| ((m.source.x, m.source.y), edges(m.destination))).collect();
    let pointer = pointer_arguments(py, &info.pointer);
    (present, info.sequence, info.accumulated, info.is_new, dirty, moves, pointer, info.protected)
}

pub fn stats_arguments(stats: &EngineStats) -> StatsArguments {
    let session = &stats.session;
    let source = &session.source;
    let text = |text: &Option<Arc<str>>| text.as_deref().map(str::to_owned);
    let counted = (
        session.pointer_wakeups,
        session.recoveries,
        text(&session.lost),
        session.bytes_copied,
        session.region_clamped,
        session.threads,
        text(&session.fallback),
        (source.device_copies, source.device_bytes, source.reads_in_place, source.gpu_priority, source.thread_priority),
    );
    (stats.frames, stats.timeouts, stats.missed, counted)
}
