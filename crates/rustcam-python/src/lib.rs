//! The Python extension module `rustcam._rustcam`: arguments, arrays and errors. Everything else is done by the engine.

// The docstrings are in the stub `_rustcam.pyi`, which is the API reference.
#![allow(missing_docs)]
// The binding passes owned arguments and `self` to every function, even if it does not need them.
#![allow(clippy::needless_pass_by_value, clippy::unused_self)]

mod arguments;
mod array;
mod capture;
mod capturer;
mod color;
mod errors;
mod frame_options;
mod frames;
mod info;
mod interrupt;
mod logging;
mod numpy_api;
mod outputs;
mod perf_counter;
mod pickling;
mod pointer;
mod repr;
mod stream;
mod texture;
mod unpickling;
mod window;

/// `rustcam._rustcam`. Correct without the global interpreter lock: every class is frozen, and mutable state is behind a mutex.
#[pyo3::pymodule(gil_used = false)]
mod _rustcam {
    #[pymodule_export]
    use super::arguments::_region;
    #[pymodule_export]
    use super::capture::_end_streams;
    #[pymodule_export]
    use super::capturer::Capturer;
    #[pymodule_export]
    use super::color::{_color, Color};
    #[pymodule_export]
    use super::frames::FrameIterator;
    #[pymodule_export]
    use super::info::{FrameInfo, Stats};
    #[pymodule_export]
    use super::outputs::{_adapters, _server, list_outputs, screenshot};
    #[pymodule_export]
    use super::pointer::{PointerInfo, PointerShape};
    #[pymodule_export]
    use super::stream::OwnedStream;
    #[pymodule_export]
    use super::texture::GpuTexture;
    #[pymodule_export]
    use super::unpickling::{_frame_info, _pointer_info, _pointer_shape, _stats};
    #[pymodule_export]
    use super::window::list_windows;

    use pyo3::prelude::*;

    #[pymodule_init]
    fn init(module: &Bound<'_, PyModule>) -> PyResult<()> {
        super::logging::install();
        let backends: Vec<_> = rustcam::source::Backend::names().collect();
        module.add("__version__", env!("CARGO_PKG_VERSION"))?;
        module.add("_backends", backends)?;
        module.add("_exceptions", super::errors::classes(module.py()))?;
        module.add("_cpu_path", rustcam::pixels::cpu_path())?;
        module.add("_debug_build", cfg!(debug_assertions))
    }
}
