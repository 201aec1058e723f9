//! The colour of an output, as a small immutable Python object.

use std::hash::{Hash, Hasher};

use pyo3::prelude::*;
use rustcam::color::{Color as EngineColor, ColorSpace};

use crate::pickling::{reduced, Reduced};
use crate::repr::python_bool;

/// Whether it is HDR, the name of its space, bits, and SDR white, maximum and minimum in nits.
type Arguments = (bool, &'static str, u32, f64, f64, f64);

#[pyclass(frozen, eq, hash, module = "rustcam")]
#[derive(PartialEq)]
pub struct Color(pub EngineColor);

impl Hash for Color {
    fn hash<H: Hasher>(&self, state: &mut H) {
        (self.0.hdr, self.0.space, self.0.bits).hash(state);
    }
}

#[pymethods]
impl Color {
    #[getter]
    fn hdr(&self) -> bool {
        self.0.hdr
    }

    #[getter]
    fn space(&self) -> &'static str {
        self.0.space.name()
    }

    #[getter]
    fn bits(&self) -> u32 {
        self.0.bits
    }

    #[getter]
    fn sdr_white_nits(&self) -> f64 {
        self.0.sdr_white_nits
    }

    #[getter]
    fn max_nits(&self) -> f64 {
        self.0.max_nits
    }

    #[getter]
    fn min_nits(&self) -> f64 {
        self.0.min_nits
    }

    fn __reduce__<'py>(&self, py: Python<'py>) -> Reduced<'py, Arguments> {
        let EngineColor { hdr, space, bits, sdr_white_nits, max_nits, min_nits } = self.0;
        reduced(py, "_color", (hdr, space.name(), bits, sdr_white_nits, max_nits, min_nits))
    }

    fn __repr__(&self) -> String {
        let EngineColor { hdr, space, bits, sdr_white_nits, max_nits, min_nits } = self.0;
        format!(
            "Color(hdr={}, space='{}', bits={bits}, sdr_white_nits={sdr_white_nits:?}, max_nits={max_nits:?}, min_nits={min_nits:?})",
            python_bool(hdr),
            space.name(),
        )
    }
}

#[pyfunction]
#[pyo3(signature = (hdr, space, bits, sdr_white_nits, max_nits, min_nits, /))]
pub fn _color(hdr: bool, space: &str, bits: u32, sdr_white_nits: f64, max_nits: f64, min_nits: f64) -> PyResult<Color> {
    let spaces = [ColorSpace::Srgb, ColorSpace::Scrgb, ColorSpace::Hdr10];
    let space = spaces.into_iter().find(|known| known.name() == space);
    let space = space.ok_or_else(|| pyo3::exceptions::PyValueError::new_err("no such colour space"))?;
    Ok(Color(EngineColor { hdr, space, bits, sdr_white_nits, max_nits, min_nits }))
}
