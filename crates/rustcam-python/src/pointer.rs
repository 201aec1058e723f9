//! The pointer as data: its position and its shape.

use std::hash::{Hash, Hasher};
use std::sync::Arc;

use numpy::{PyArray1, PyArray3, PyArrayMethods};
use pyo3::prelude::*;
use rustcam::frame::{Pointer, PointerShape as EngineShape};
use rustcam::pixels::PointerImage;

use crate::numpy_api;
use crate::pickling::{
    kind_name, pointer_arguments, reduced, shape_arguments, PointerArguments, Reduced, ShapeArguments,
};
use crate::repr::python_bool;

#[pyclass(frozen, eq, hash, module = "rustcam")]
#[derive(PartialEq)]
pub struct PointerInfo(pub Pointer);

impl Hash for PointerInfo {
    fn hash<H: Hasher>(&self, state: &mut H) {
        (self.0.position, self.0.visible).hash(state);
    }
}

#[pymethods]
impl PointerInfo {
    #[getter]
    fn x(&self) -> i32 {
        self.0.position.x
    }

    #[getter]
    fn y(&self) -> i32 {
        self.0.position.y
    }

    #[getter]
    fn visible(&self) -> bool {
        self.0.visible
    }

    #[getter]
    fn shape(&self, py: Python<'_>) -> PyResult<Option<PointerShape>> {
        self.0.shape.as_ref().map_or(Ok(None), |shape| PointerShape::new(py, shape))
    }

    fn __reduce__<'py>(&self, py: Python<'py>) -> Reduced<'py, PointerArguments> {
        reduced(py, "_pointer_info", pointer_arguments(py, &self.0))
    }

    pub fn __repr__(&self) -> String {
        format!("PointerInfo(x={}, y={}, visible={})", self.x(), self.y(), python_bool(self.0.visible))
    }
}

#[pyclass(frozen, eq, hash, module = "rustcam")]
pub struct PointerShape {
    shape: Arc<EngineShape>,
    image: Py<PyArray3<u8>>,
}

impl PointerShape {
    /// `None` for a malformed shape, which is not drawn either.
    pub fn new(py: Python<'_>, shape: &Arc<EngineShape>) -> PyResult<Option<Self>> {
        numpy_api::load(py)?;
        let Some(image) = PointerImage::decode(shape) else { return Ok(None) };
        let size = image.size();
        let pixels = PyArray1::from_vec(py, image.bgra());
        let image = pixels.reshape([size.height as usize, size.width as usize, 4])?;
        image.readwrite().make_nonwriteable();
        Ok(Some(Self { shape: Arc::clone(shape), image: image.unbind() }))
    }
}

impl PartialEq for PointerShape {
    fn eq(&self, other: &Self) -> bool {
        self.shape == other.shape
    }
}

impl Hash for PointerShape {
    fn hash<H: Hasher>(&self, state: &mut H) {
        self.shape.data.hash(state);
    }
}

#[pymethods]
impl PointerShape {
    #[getter]
    fn kind(&self) -> &'static str {
        kind_name(self.shape.kind)
    }

    #[getter]
    fn width(&self) -> u32 {
        self.shape.size.width
    }

    #[getter]
    fn height(&self) -> u32 {
        self.shape.size.height
    }

    #[getter]
    fn hot_spot(&self) -> (i32, i32) {
        (self.shape.hot_spot.x, self.shape.hot_spot.y)
    }

    #[getter]
    fn image(&self, py: Python<'_>) -> Py<PyArray3<u8>> {
        self.image.clone_ref(py)
    }

    fn __reduce__<'py>(&self, py: Python<'py>) -> Reduced<'py, ShapeArguments> {
        reduced(py, "_pointer_shape", shape_arguments(py, &self.shape))
    }

    fn __repr__(&self) -> String {
        format!("PointerShape({}, {:?}, hot_spot={:?})", self.shape.size, self.kind(), self.hot_spot())
    }
}
