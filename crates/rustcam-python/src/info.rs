//! Information about frames and captures, as small immutable Python objects.

use std::hash::{Hash, Hasher};

use pyo3::prelude::*;
use rustcam::capture::Stats as EngineStats;
use rustcam::frame::FrameInfo as EngineInfo;

use crate::perf_counter;
use crate::pickling::{edges, info_arguments, reduced, stats_arguments, Edges, InfoArguments, Reduced, StatsArguments};
use crate::pointer::PointerInfo;
use crate::repr::{python_bool, quoted};

#[pyclass(frozen, eq, hash, module = "rustcam")]
#[derive(PartialEq)]
pub struct FrameInfo(pub EngineInfo);

impl Hash for FrameInfo {
    fn hash<H: Hasher>(&self, state: &mut H) {
        (self.0.present_time, self.0.sequence).hash(state);
    }
}

#[pymethods]
impl FrameInfo {
    #[getter]
    fn present_time(&self, py: Python<'_>) -> PyResult<f64> {
        perf_counter::perf_counter(py, self.0.present_time)
    }

    #[getter]
    fn sequence(&self) -> u64 {
        self.0.sequence
    }

    #[getter]
    fn accumulated(&self) -> u64 {
        self.0.accumulated
    }

    #[getter]
    fn is_new(&self) -> bool {
        self.0.is_new
    }

    #[getter]
    fn dirty(&self) -> Vec<Edges> {
        self.0.damage.dirty.iter().copied().map(edges).collect()
    }

    #[getter]
    fn moves(&self) -> Vec<((i32, i32), Edges)> {
        self.0.damage.moves.iter().map(|m| ((m.source.x, m.source.y), edges(m.destination))).collect()
    }

    #[getter]
    fn pointer(&self) -> PointerInfo {
        PointerInfo(self.0.pointer.clone())
    }

    #[getter]
    fn protected(&self) -> bool {
        self.0.protected
    }

    fn __reduce__<'py>(&self, py: Python<'py>) -> Reduced<'py, InfoArguments> {
        reduced(py, "_frame_info", info_arguments(py, &self.0))
    }

    fn __repr__(&self, py: Python<'_>) -> PyResult<String> {
        Ok(format!(
            "FrameInfo(present_time={:.6}, sequence={}, accumulated={}, is_new={}, dirty={} rects, moves={}, pointer={}, protected={})",
            self.present_time(py)?,
            self.0.sequence,
            self.0.accumulated,
            python_bool(self.0.is_new),
            self.0.damage.dirty.len(),
            self.0.damage.moves.len(),
            self.pointer().__repr__(),
            python_bool(self.0.protected)
        ))
    }
}

#[pyclass(frozen, eq, hash, module = "rustcam")]
#[derive(PartialEq)]
pub struct Stats(pub EngineStats);

impl Hash for Stats {
    fn hash<H: Hasher>(&self, state: &mut H) {
        (self.0.frames, self.0.timeouts, self.0.missed).hash(state);
    }
}

#[pymethods]
impl Stats {
    #[getter]
    fn frames(&self) -> u64 {
        self.0.frames
    }

    #[getter]
    fn timeouts(&self) -> u64 {
        self.0.timeouts
    }

    #[getter]
    fn pointer_wakeups(&self) -> u64 {
        self.0.session.pointer_wakeups
    }

    #[getter]
    fn missed(&self) -> u64 {
        self.0.missed
    }

    #[getter]
    fn recoveries(&self) -> u64 {
        self.0.session.recoveries
    }

    #[getter]
    fn lost(&self) -> Option<&str> {
        self.0.session.lost.as_deref()
    }

    #[getter]
    fn bytes_copied(&self) -> u64 {
        self.0.session.bytes_copied
    }

    #[getter]
    fn region_clamped(&self) -> bool {
        self.0.session.region_clamped
    }

    #[getter]
    fn threads(&self) -> usize {
        self.0.session.threads
    }

    #[getter]
    fn device_copies(&self) -> u64 {
        self.0.session.source.device_copies
    }

    #[getter]
    fn device_bytes(&self) -> u64 {
        self.0.session.source.device_bytes
    }

    #[getter]
    fn reads_in_place(&self) -> u64 {
        self.0.session.source.reads_in_place
    }

    #[getter]
    fn gpu_priority(&self) -> Option<bool> {
        self.0.session.source.gpu_priority
    }

    #[getter]
    fn thread_priority(&self) -> Option<bool> {
        self.0.session.source.thread_priority
    }

    #[getter]
    fn fallback(&self) -> Option<&str> {
        self.0.session.fallback.as_deref()
    }

    fn __reduce__<'py>(&self, py: Python<'py>) -> Reduced<'py, StatsArguments> {
        reduced(py, "_stats", stats_arguments(&self.0))
    }

    fn __repr__(&self) -> String {
        let s = &self.0;
        format!(
            "Stats(frames={}, timeouts={}, pointer_wakeups={}, missed={}, recoveries={}, lost={}, bytes_copied={}, region_clamped={}, threads={}, fallback={})",
            s.frames,
            s.timeouts,
            s.session.pointer_wakeups,
            s.missed,
            s.session.recoveries,
            quoted(s.session.lost.as_deref()),
            s.session.bytes_copied,
            python_bool(s.session.region_clamped),
            s.session.threads,
            quoted(s.session.fallback.as_deref())
        )
    }
}
