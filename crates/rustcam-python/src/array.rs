//! Frames as numpy arrays, and numpy arrays as destinations.

use half::f16;
use numpy::ndarray::ArrayView3;
use numpy::{Element, PyArray3, PyArrayDescrMethods, PyArrayMethods, PyUntypedArray, PyUntypedArrayMethods};
use pyo3::exceptions::{PyTypeError, PyValueError};
use pyo3::prelude::*;
use rustcam::capture::{Buffer, Frame, Image};
use rustcam::frame::{ImageMut, PixelFormat};
use rustcam::geometry::Size;

use crate::numpy_api;

/// Owns the memory of an array; it is the array's `base`. When it is freed, on any thread, the memory returns to the capturer.
#[pyclass(frozen, module = "rustcam._rustcam")]
struct FrameMemory {
    _buffer: Buffer,
}

/// An array on the frame's own memory, without a copy.
pub fn from_frame(py: Python<'_>, frame: Frame, writable: bool) -> PyResult<Bound<'_, PyAny>> {
    numpy_api::load(py)?;
    let Some(Image { buffer, size, format, .. }) = frame.into_image() else {
        return Err(PyValueError::new_err("the frame is not in memory of its own"));
    };
    // SAFETY: the format says what the channels are, and bytes are half floats, too.
    unsafe {
        if format.is_half_float() {
            over_buffer::<f16>(py, buffer, size, format, writable)
        } else {
            over_buffer::<u8>(py, buffer, size, format, writable)
        }
    }
}

/// # Safety
/// The buffer must hold channels of type `T`, `format` and `size` being those of its pixels; every bit pattern must be a `T`.
unsafe fn over_buffer<T: Element>(
    py: Python<'_>,
    buffer: Buffer,
    size: Size,
    format: PixelFormat,
    writable: bool,
) -> PyResult<Bound<'_, PyAny>> {
    let shape = (size.height as usize, size.width as usize, format.channels());
    // Memory of frames is aligned to cache lines.
    let start: *const T = buffer.as_ptr().cast();
    let owner = Bound::new(py, FrameMemory { _buffer: buffer })?.into_any();
    // SAFETY: the buffer holds `shape` channels without padding as long as `owner` lives, which numpy keeps as the array's base. Nothing
    // else reads or writes them: the session does not use the buffer until it is dropped.
    let array = unsafe { PyArray3::<T>::borrow_from_array(&ArrayView3::from_shape_ptr(shape, start), owner) };
    if !writable {
        array.readwrite().make_nonwriteable();
    }
    Ok(array.into_any())
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
        numpy_api::load(out.py())?;
        let array = out
            .cast::<PyUntypedArray>()
            .map_err(|_| PyTypeError::new_err(format!("out must be a numpy array, not {}", out.get_type())))?;
        let wanted = [size.height as usize, size.width as usize, format.channels()];
        let (dtype, name) = if format.is_half_float() {
            (numpy::dtype::<f16>(out.py()), "float16")
        } else {
            (numpy::dtype::<u8>(out.py()), "uint8")
        };
        if !array.dtype().is_equiv_to(&dtype) {
            return Err(PyValueError::new_err(format!(
                "out must have dtype {name} for {format}, not {}",
                array.dtype()
            )));
        }
        if array.shape() != wanted {
            return Err(PyValueError::new_err(format!("out must have shape {wanted:?}, not {:?}", array.shape())));
        }
        if !out.getattr("flags")?.getattr("writeable")?.is_truthy()? {
            return Err(PyValueError::new_err("out is read-only"));
        }
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
