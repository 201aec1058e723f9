//! What frames are like: the keywords that a capturer is made with, and what a single call changes.

use pyo3::exceptions::{PyTypeError, PyValueError};
use pyo3::prelude::*;
use pyo3::types::{PyBool, PyString};
use pyo3::Borrowed;
use rustcam::frame::PixelFormat;
use rustcam::frame_format::{Element, FrameFormat, FrameSpec, Layout, Resample, YuvFormat};
use rustcam::geometry::{Rect, Size};
use rustcam::source::scaling::Scale;
use rustcam::source::Output;

use crate::arguments::{self, integer, shown, text, wrong_type};
use crate::errors::to_python;

/// The longest side of a scaled frame.
const LONGEST: u32 = 65_535;

/// The most frames of a stack.
const MOST_STACKED: u32 = 1024;

/// The most regions of a frame.
const MOST_REGIONS: usize = 1024;

/// `fmt=`.
#[derive(Clone, Copy, PartialEq, Eq)]
pub enum Format {
    Pixels(PixelFormat),
    Yuv(YuvFormat),
}

impl Format {
    /// Lower-case name.
    pub fn name(self) -> &'static str {
        match self {
            Self::Pixels(format) => format.name(),
            Self::Yuv(format) => FrameFormat::Yuv(format).name(),
        }
    }
}

impl<'a, 'py> FromPyObject<'a, 'py> for Format {
    type Error = PyErr;

    fn extract(value: Borrowed<'a, 'py, PyAny>) -> PyResult<Self> {
        let name = text("fmt", &value)?;
        match name.to_ascii_lowercase().as_str() {
            "nv12" => Ok(Self::Yuv(YuvFormat::Nv12)),
            "i420" => Ok(Self::Yuv(YuvFormat::I420)),
            _ => name.parse().map(Self::Pixels).map_err(|_| {
                let pixels = PixelFormat::ALL.iter().map(|format| format.name());
                let names: Vec<&str> = pixels.chain(["nv12", "i420"]).collect();
                PyValueError::new_err(format!("unknown pixel format {name:?}; choose one of {}", names.join(", ")))
            }),
        }
    }
}

/// `size=`: width and height.
#[derive(Clone, Copy)]
pub struct FrameSize(Size);

impl<'a, 'py> FromPyObject<'a, 'py> for FrameSize {
    type Error = PyErr;

    fn extract(value: Borrowed<'a, 'py, PyAny>) -> PyResult<Self> {
        let wrong = || wrong_type("size", "(width, height)", &value);
        if value.is_instance_of::<PyString>() {
            return Err(wrong());
        }
        let sides: Vec<Bound<'_, PyAny>> = value.try_iter().map_err(|_| wrong())?.take(3).collect::<PyResult<_>>()?;
        let [width, height]: [Bound<'_, PyAny>; 2] = sides
            .try_into()
            .map_err(|_| PyValueError::new_err(format!("size must be (width, height), got {}", shown(&value))))?;
        let side = |side: &Bound<'_, PyAny>| {
            let number = if side.is_instance_of::<PyBool>() { None } else { integer(side)? };
            let number = number.ok_or_else(|| {
                PyTypeError::new_err(format!("size must hold integers, got {} in {}", shown(side), shown(&value)))
            })?;
            number.extract::<u32>().ok().filter(|side| (1..=LONGEST).contains(side)).ok_or_else(|| {
                PyValueError::new_err(format!("each side of size must be 1 to {LONGEST}, got {}", shown(&value)))
            })
        };
        Ok(Self(Size::new(side(&width)?, side(&height)?)))
    }
}

/// `stack=`.
#[derive(Clone, Copy)]
pub struct StackArgument(usize);

impl<'a, 'py> FromPyObject<'a, 'py> for StackArgument {
    type Error = PyErr;

    fn extract(value: Borrowed<'a, 'py, PyAny>) -> PyResult<Self> {
        let wrong = || wrong_type("stack", "an integer or None", &value);
        let number = if value.is_instance_of::<PyBool>() { None } else { integer(&value)? };
        let number = number.ok_or_else(wrong)?.extract::<u32>().ok();
        let number = number.filter(|count| (1..=MOST_STACKED).contains(count));
        number
            .map(|count| Self(count as usize))
            .ok_or_else(|| PyValueError::new_err(format!("stack must be 1 to {MOST_STACKED}, got {}", shown(&value))))
    }
}

/// `regions=`: what its items hold is checked when the output is known.
pub struct RegionList<'py>(Vec<Bound<'py, PyAny>>);

impl<'a, 'py> FromPyObject<'a, 'py> for RegionList<'py> {
    type Error = PyErr;

    fn extract(value: Borrowed<'a, 'py, PyAny>) -> PyResult<Self> {
        let wrong = || wrong_type("regions", "a list of (left, top, right, bottom)", &value);
        if value.is_instance_of::<PyString>() {
            return Err(wrong());
        }
        let items: Vec<_> = value.try_iter().map_err(|_| wrong())?.take(MOST_REGIONS + 1).collect::<PyResult<_>>()?;
        if items.is_empty() || items.len() > MOST_REGIONS {
            return Err(PyValueError::new_err(format!("regions must hold 1 to {MOST_REGIONS} regions")));
        }
        Ok(Self(items))
    }
}

impl RegionList<'_> {
    /// The regions on `output`.
    ///
    /// # Errors
    /// As for `region=`.
    pub fn on(&self, output: &Output) -> PyResult<Vec<Rect>> {
        let regions = self.0.iter().enumerate();
        regions.map(|(index, region)| arguments::rect(&format!("regions[{index}]"), region, output)).collect()
    }
}

/// Arguments that are one of some names.
macro_rules! names {
    ($($name:ident($type:ty) = $argument:literal),+ $(,)?) => {$(
        #[doc = concat!("`", $argument, "=`.")]
        #[derive(Clone, Copy)]
        pub struct $name($type);

        impl $name {
            pub fn default() -> Self {
                Self(<$type>::default())
            }
        }

        impl<'a, 'py> FromPyObject<'a, 'py> for $name {
            type Error = PyErr;

            fn extract(value: Borrowed<'a, 'py, PyAny>) -> PyResult<Self> {
                Ok(Self(text($argument, &value)?.parse().map_err(|e| to_python(value.py(), &e))?))
            }
        }
    )+};
}

names! {
    ResampleArgument(Resample) = "resample",
    LayoutArgument(Layout) = "layout",
}

/// `dtype=`: a name, or whatever numpy takes for a type.
#[derive(Clone, Copy)]
pub struct DType(Element);

impl DType {
    pub const UINT8: Self = Self(Element::Uint8);
}

impl<'a, 'py> FromPyObject<'a, 'py> for DType {
    type Error = PyErr;

    fn extract(value: Borrowed<'a, 'py, PyAny>) -> PyResult<Self> {
        let py = value.py();
        if value.is_none() {
            return Err(wrong_type("dtype", "\"uint8\", \"float16\" or \"float32\"", &value));
        }
        let name = if value.is_instance_of::<PyString>() {
            text("dtype", &value)?
        } else {
            let dtype = py.import("numpy")?.getattr("dtype")?.call1((&*value,));
            let dtype = dtype.map_err(|_| wrong_type("dtype", "\"uint8\", \"float16\" or \"float32\"", &value))?;
            dtype.getattr("name")?.extract()?
        };
        name.parse().map(Self).map_err(|e| to_python(py, &e))
    }
}

/// The keywords as they were given.
pub struct Keywords<'py> {
    pub fmt: Format,
    pub size: Option<FrameSize>,
    pub resample: ResampleArgument,
    pub layout: LayoutArgument,
    pub dtype: DType,
    pub regions: Option<RegionList<'py>>,
    pub stack: Option<StackArgument>,
}

/// What the frames of a capturer are like.
#[derive(Clone, Copy)]
pub struct FrameOptions {
    pub format: Format,
    layout: Layout,
    element: Element,
    size: Option<Size>,
    resample: Resample,
    /// How many regions each frame shows, if they are a list.
    listed: Option<usize>,
    pub stack: Option<usize>,
}

impl FrameOptions {
    /// What `keywords` say, except for where the regions are.
    ///
    /// # Errors
    /// `ValueError` for keywords that exclude each other.
    pub fn new(keywords: &Keywords<'_>) -> PyResult<Self> {
        let listed = keywords.regions.as_ref().map(|regions| regions.0.len());
        if listed.is_some() && keywords.size.is_none() {
            return Err(PyValueError::new_err("regions needs size=: all parts of a frame have the same size"));
        }
        let options = Self {
            format: keywords.fmt,
            layout: keywords.layout.0,
            element: keywords.dtype.0,
            size: keywords.size.map(|size| size.0),
            resample: keywords.resample.0,
            listed,
            stack: keywords.stack.map(|stack| stack.0),
        };
        options.spec(None, None)?;
        Ok(options)
    }

    /// Checks whether a region may be given.
    ///
    /// # Errors
    /// `ValueError` if there is a list of them.
    pub fn check_region(&self, given: bool) -> PyResult<()> {
        if given && self.listed.is_some() {
            return Err(PyValueError::new_err("region= and regions= exclude each other"));
        }
        Ok(())
    }

    /// The frames of a call with `fmt=` and `region=`.
    ///
    /// # Errors
    /// `ValueError` for a format that does not go with the capturer's layout, type or size, and for a call that changes what a stack or a
    /// list of regions holds.
    pub fn spec(&self, fmt: Option<Format>, region: Option<Rect>) -> PyResult<FrameSpec> {
        let format = fmt.unwrap_or(self.format);
        if self.stack.is_some() && format != self.format {
            return Err(PyValueError::new_err(format!(
                "fmt={:?} cannot be given to a call while stacking: the stack holds {:?}",
                format.name(),
                self.format.name()
            )));
        }
        self.check_region(region.is_some())?;
        if region.is_some() && self.stack.is_some() {
            return Err(PyValueError::new_err("region= cannot be given to a call while stacking"));
        }
        let format = match format {
            Format::Yuv(yuv) => {
                if self.layout == Layout::Chw {
                    return Err(PyValueError::new_err(format!("fmt={:?} has no layout=\"chw\"", format.name())));
                }
                if self.element != Element::Uint8 {
                    let name = self.element.name();
                    return Err(PyValueError::new_err(format!("fmt={:?} has no dtype={name:?}", format.name())));
                }
                FrameFormat::Yuv(yuv)
            }
            Format::Pixels(format) => {
                let own = format.is_half_float() && self.element == Element::Uint8;
                let element = if own { Element::Float16 } else { self.element };
                FrameFormat::Pixels { format, layout: self.layout, element }
            }
        };
        Ok(FrameSpec { format, size: self.size, resample: self.resample })
    }

    /// [`FrameOptions::spec`], whose frames show regions of this size.
    ///
    /// # Errors
    /// Those of [`FrameOptions::spec`]; `ValueError` for an odd size where chroma belongs to 2×2 pixels.
    pub fn spec_of(
        &self,
        py: Python<'_>,
        fmt: Option<Format>,
        region: Option<Rect>,
        size: Size,
    ) -> PyResult<FrameSpec> {
        let spec = self.spec(fmt, region)?;
        spec.format.check_size(spec.size_of(size)).map_err(|e| to_python(py, &e))?;
        Ok(spec)
    }

    /// How a texture is scaled that is wanted in `size`: by the capturer's own `resample` unless there is another one.
    pub fn scale(&self, size: Option<FrameSize>, resample: Option<ResampleArgument>) -> Option<Scale> {
        let resample = resample.map_or(self.resample, |resample| resample.0);
        size.map(|FrameSize(size)| Scale { size, resample })
    }

    /// The shape of the array of a frame with this spec, which shows a region of this size.
    pub fn shape(&self, spec: &FrameSpec, region: Size) -> Vec<usize> {
        self.stack.into_iter().chain(self.listed).chain(spec.format.shape(spec.size_of(region))).collect()
    }
}
