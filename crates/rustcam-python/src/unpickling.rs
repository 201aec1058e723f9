//! Makes what describes frames of the plain values that `pickling` gives.

use std::sync::Arc;
use std::time::Duration;

use pyo3::exceptions::PyValueError;
use pyo3::prelude::*;
use pyo3::types::PyBytes;
use rustcam::capture::Stats as EngineStats;
use rustcam::frame::{Damage, FrameInfo as EngineInfo, Move, Pointer, PointerShape as EngineShape};
use rustcam::geometry::{Point, Rect, Size};

use crate::info::{FrameInfo, Stats};
use crate::pickling::{Edges, PointerArguments, SessionCounters, ShapeArguments, KINDS};
use crate::pointer::{PointerInfo, PointerShape};

fn shape(py: Python<'_>, (name, width, height, pitch, (x, y), data): ShapeArguments) -> PyResult<Arc<EngineShape>> {
    let kind = KINDS.iter().find(|(_, known)| *known == name).map(|(kind, _)| *kind);
    let kind = kind.ok_or_else(|| PyValueError::new_err(format!("no kind of pointer shape: {name:?}")))?;
    let (size, hot_spot) = (Size::new(width, height), Point::new(x, y));
    Ok(Arc::new(EngineShape { kind, size, pitch, hot_spot, data: data.as_bytes(py).to_vec() }))
}

fn pointer(py: Python<'_>, ((x, y), visible, arguments): PointerArguments) -> PyResult<Pointer> {
    let shape = arguments.map(|arguments| shape(py, arguments)).transpose()?;
    Ok(Pointer { position: Point::new(x, y), visible, shape })
}

#[pyfunction]
#[pyo3(signature = (present_time, sequence, accumulated, is_new, dirty, moves, pointer, protected, /))]
#[allow(clippy::too_many_arguments, reason = "one per field")]
pub fn _frame_info(
    py: Python<'_>,
    present_time: u64,
    sequence: u64,
    accumulated: u64,
    is_new: bool,
    dirty: Vec<Edges>,
    moves: Vec<((i32, i32), Edges)>,
    pointer: PointerArguments,
    protected: bool,
) -> PyResult<FrameInfo> {
    let rect = |(left, top, right, bottom): Edges| Rect::new(left, top, right, bottom);
    let moved = |((x, y), to): ((i32, i32), Edges)| Move { source: Point::new(x, y), destination: rect(to) };
    let mut info = EngineInfo::default();
    info.present_time = Duration::from_nanos(present_time);
    info.sequence = sequence;
    info.accumulated = accumulated;
    info.is_new = is_new;
    info.damage =
        Damage { dirty: dirty.into_iter().map(rect).collect(), moves: moves.into_iter().map(moved).collect() };
    info.pointer = self::pointer(py, pointer)?;
    info.protected = protected;
    Ok(FrameInfo(info))
}

#[pyfunction]
#[pyo3(signature = (position, visible, shape, /))]
pub fn _pointer_info(
    py: Python<'_>,
    position: (i32, i32),
    visible: bool,
    shape: Option<ShapeArguments>,
) -> PyResult<PointerInfo> {
    pointer(py, (position, visible, shape)).map(PointerInfo)
}

#[pyfunction]
#[pyo3(signature = (kind, width, height, pitch, hot_spot, data, /))]
pub fn _pointer_shape(
    py: Python<'_>,
    kind: String,
    width: u32,
    height: u32,
    pitch: usize,
    hot_spot: (i32, i32),
    data: Py<PyBytes>,
) -> PyResult<PointerShape> {
    let shape = shape(py, (kind, width, height, pitch, hot_spot, data))?;
    PointerShape::new(py, &shape)?.ok_or_else(|| PyValueError::new_err("the pointer shape is malformed"))
}

#[pyfunction]
#[pyo3(signature = (frames, timeouts, missed, session, /))]
pub fn _stats(frames: u64, timeouts: u64, missed: u64, session: SessionCounters) -> Stats {
    let (pointer_wakeups, recoveries, lost, bytes_copied, region_clamped, threads, fallback, source) = session;
    let mut stats = EngineStats::default();
    (stats.frames, stats.timeouts, stats.missed) = (frames, timeouts, missed);
    stats.session.pointer_wakeups = pointer_wakeups;
    stats.session.recoveries = recoveries;
    stats.session.lost = lost.map(Arc::from);
    stats.session.bytes_copied = bytes_copied;
    stats.session.region_clamped = region_clamped;
    stats.session.threads = threads;
    stats.session.fallback = fallback.map(Arc::from);
    let of_source = &mut stats.session.source;
    (of_source.device_copies, of_source.device_bytes, of_source.reads_in_place, ..) = source;
    (.., of_source.gpu_priority, of_source.thread_priority) = source;
    Stats(stats)
}
