//! Frames as numpy arrays, and numpy arrays as destinations.

use half::f16;
use numpy::ndarray::ArrayViewD;
use numpy::{
    Element, PyArrayDescr, PyArrayDescrMethods, PyArrayDyn, PyArrayMethods, PyUntypedArray, PyUntypedArrayMethods,
};
use pyo3::exceptions::{PyTypeError, PyValueError};
use pyo3::prelude::*;
use rustcam::capture::{Buffer, Frame, Image};
use rustcam::frame::{ImageMut, PixelFormat};
use rustcam::frame_format::{Element as Type, FrameFormat};
use rustcam::geometry::Size;

use crate::numpy_api;

/// Owns the memory of an array; it is the array's `base`. When it is freed, on any thread, the memory returns to the capturer.
#[pyclass(frozen, module = "rustcam._rustcam")]
struct FrameMemory {
    _buffer: Buffer,
}

/// An array on the frame's own memory, without a copy.
pub fn from_frame(py: Python<'_>, frame: Frame, writable: bool) -> PyResult<Bound<'_, PyAny>> {
    match frame.into_image() {
        Some(image) => from_image(py, image, writable),
        None => Err(PyValueError::new_err("the frame is not in memory of its own")),
    }
}

/// An array on the image's own memory, without a copy.
pub fn from_image(py: Python<'_>, image: Image, writable: bool) -> PyResult<Bound<'_, PyAny>> {
    numpy_api::load(py)?;
    // SAFETY: the format says what the elements are, and every bit pattern is one.
    unsafe {
        match image.format.element() {
            Type::Uint8 => over_image::<u8>(py, image, writable),
            Type::Uint16 => over_image::<u16>(py, image, writable),
            Type::Float16 => over_image::<f16>(py, image, writable),
            Type::Float32 => over_image::<f32>(py, image, writable),
        }
    }
}

/// # Safety
/// The elements of the image must be of type `T`; every bit pattern must be a `T`.
unsafe fn over_image<T: Element>(py: Python<'_>, image: Image, writable: bool) -> PyResult<Bound<'_, PyAny>> {
    let (shape, start) = (image.shape(), image.as_ptr().cast_const().cast::<T>());
    let owner = Bound::new(py, FrameMemory { _buffer: image.buffer })?.into_any();
    // SAFETY: the image holds `shape` elements without padding as long as `owner` lives, which numpy keeps as the array's base. Memory of
    // frames is aligned to cache lines, and a frame of a stack begins at a whole number of elements. Nothing else writes them: the session
    // does not use the buffer until it is dropped.
    let array = unsafe { PyArrayDyn::<T>::borrow_from_array(&ArrayViewD::from_shape_ptr(shape, start), owner) };
    if !writable {
        array.readwrite().make_nonwriteable();
    }
    Ok(array.into_any())
}

/// The numpy type of the elements.
pub fn dtype(py: Python<'_>, element: Type) -> Bound<'_, PyArrayDescr> {
    match element {
        Type::Uint8 => numpy::dtype::<u8>(py),
        Type::Uint16 => numpy::dtype::<u16>(py),
        Type::Float16 => numpy::dtype::<f16>(py),
        Type::Float32 => numpy::dtype::<f32>(py),
    }
}

/// The array that `out=` names, if a frame of `shape` in `format` fits into it.
///
/// # Errors
/// `TypeError` for something that is not an array, `ValueError` for an array of wrong dtype or shape, or that is read-only.
fn checked<'a, 'py>(
    out: &'a Bound<'py, PyAny>,
    shape: &[usize],
    format: FrameFormat,
) -> PyResult<&'a Bound<'py, PyUntypedArray>> {
    numpy_api::load(out.py())?;
    let array = out
        .cast::<PyUntypedArray>()
        .map_err(|_| PyTypeError::new_err(format!("out must be a numpy array, not {}", out.get_type())))?;
    let element = format.element();
    if !array.dtype().is_equiv_to(&dtype(out.py(), element)) {
        let (name, got) = (element.name(), array.dtype());
        return Err(PyValueError::new_err(format!("out must have dtype {name} for {format}, not {got}")));
    }
    if array.shape() != shape {
        return Err(PyValueError::new_err(format!("out must have shape {shape:?}, not {:?}", array.shape())));
    }
    if !out.getattr("flags")?.getattr("writeable")?.is_truthy()? {
        return Err(PyValueError::new_err("out is read-only"));
    }
    Ok(array)
}

/// The bytes of the caller's `out=` array, which has no padding.
pub struct Contiguous {
    start: *mut u8,
    len: usize,
}

// SAFETY: the pointer is used by one thread at a time; the array it points into is kept alive by the call's own reference.
unsafe impl Send for Contiguous {}

impl Contiguous {
    /// Checks that `out` can hold a frame of `shape` in `format`.
    ///
    /// # Errors
    /// As for `out=` of any frame; `ValueError` if it is not C-contiguous.
    pub fn new(out: &Bound<'_, PyAny>, shape: &[usize], format: FrameFormat) -> PyResult<Self> {
        let array = checked(out, shape, format)?;
        if !array.is_c_contiguous() {
            return Err(PyValueError::new_err("out must be C-contiguous"));
        }
        // SAFETY: a `PyUntypedArray` is a valid numpy array object.
        let start = unsafe { (*array.as_array_ptr()).fields.data.cast::<u8>() };
        Ok(Self { start, len: shape.iter().product::<usize>() * format.element().bytes() })
    }

    /// The array's bytes.
    ///
    /// # Safety
    /// As for [`Destination::image`].
    pub unsafe fn bytes<'a>(&self) -> &'a mut [u8] {
        // SAFETY: `new` has checked shape and strides.
        unsafe { std::slice::from_raw_parts_mut(self.start, self.len) }
    }
}

/// The pixels of the caller's `out=` array.
pub struct Destination {
    first_row: *mut u8,
    /// Distance between rows, never negative.
    stride: usize,
    bottom_up: bool,
    size: Size,
    format: PixelFormat,
}

// SAFETY: the pointer is used by one thread at a time; the array it points into is kept alive by the call's own reference.
unsafe impl Send for Destination {}

impl Destination {
    /// Checks that `out` can hold a picture of `size` in `format`.
    ///
    /// # Errors
    /// `TypeError` for something that is not an array, `ValueError` for an array of wrong dtype, shape or layout, or that is read-only.
    pub fn new(out: &Bound<'_, PyAny>, size: Size, format: PixelFormat) -> PyResult<Self> {
        let wanted = [size.height as usize, size.width as usize, format.channels()];
        let array = checked(out, &wanted, FrameFormat::packed(format))?;
        let [rows, columns, channels] = [array.strides()[0], array.strides()[1], array.strides()[2]];
        let pixel = format.bytes();
        let (row_bytes, channel) = (wanted[1] * pixel, (pixel / wanted[2]) as isize);
        let tight_pixels = (channels == channel || wanted[2] == 1) && (columns == pixel as isize || wanted[1] == 1);
        if !tight_pixels || (rows.unsigned_abs() < row_bytes && wanted[0] > 1) {
            return Err(PyValueError::new_err(
                "out must hold the pixels of each row side by side (rows themselves may be strided)",
            ));
        }
        // SAFETY: a `PyUntypedArray` is a valid numpy array object.
        let first_row = unsafe { (*array.as_array_ptr()).fields.data.cast::<u8>() };
        Ok(Self {
            first_row,
            stride: rows.unsigned_abs().max(row_bytes),
            bottom_up: rows < 0 && wanted[0] > 1,
            size,
            format,
        })
    }

    /// The array's pixels.
    ///
    /// # Safety
    /// The array must be alive. The documentation requires that nothing else accesses it during the call, as for every function that fills
    /// an array without the interpreter lock.
    pub unsafe fn image<'a>(&self) -> ImageMut<'a> {
        let height = self.size.height as usize;
        let span = (height - 1) * self.stride;
        let row_bytes = self.size.width as usize * self.format.bytes();
        // SAFETY: `new` has checked shape and strides; with rows from the bottom up the last row has the lowest address.
        let bytes = unsafe {
            let lowest = if self.bottom_up { self.first_row.sub(span) } else { self.first_row };
            std::slice::from_raw_parts_mut(lowest, span + row_bytes)
        };
        let image = ImageMut::new(bytes, self.stride, self.size, self.format);
        if self.bottom_up {
            image.bottom_up()
        } else {
            image
        }
    }
}
