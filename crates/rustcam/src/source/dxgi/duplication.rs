//! One `IDXGIOutputDuplication`: creation, acquiring frames, releasing them.

use std::time::Duration;

use windows::core::{Interface, HRESULT};
use windows::Win32::Graphics::Direct3D11::ID3D11Texture2D;
use windows::Win32::Graphics::Dxgi::{
    IDXGIOutput, IDXGIOutput1, IDXGIOutput5, IDXGIOutputDuplication, IDXGIResource, DXGI_OUTDUPL_DESC,
    DXGI_OUTDUPL_FRAME_INFO,
};

use crate::color::TextureFormat;
use crate::error::{Loss, Result};
use crate::frame::ImageRef;
use crate::geometry::Size;
use crate::source::d3d11::device::Device;
use crate::source::d3d11::failure::failed;
use crate::source::d3d11::formats::dxgi_format;
use crate::source::displays::dpi::PhysicalPixels;
use crate::source::hresult;
use crate::source::verdict::{self, Call, Verdict};

/// The result of acquiring.
pub(super) enum Acquired {
    /// Nothing changed.
    Nothing,
    /// A frame, which is held until [`Duplication::release`].
    Frame(DXGI_OUTDUPL_FRAME_INFO, Option<ID3D11Texture2D>),
}

/// By these codes the newer way to duplicate an output says that it cannot, where the older one perhaps can.
const CANNOT: [u32; 4] = [hresult::UNSUPPORTED, hresult::E_INVALIDARG, hresult::E_NOINTERFACE, hresult::E_NOTIMPL];

/// The duplication of one output. The system allows one per output and process.
pub(super) struct Duplication {
    pub(super) object: IDXGIOutputDuplication,
    held: bool,
    /// Whether the desktop is in system memory, so that [`Duplication::read`] can read it.
    pub(super) in_system_memory: bool,
}

impl Duplication {
    /// Duplicates `output`, which belongs to the adapter of `device`, with images of the `accepted` formats. `call` is `Duplicate` or
    /// `DuplicateAgain`.
    ///
    /// # Errors
    /// `Duplication` the first time, otherwise a loss.
    pub(super) fn create(
        output: &IDXGIOutput,
        device: &Device,
        accepted: &[TextureFormat],
        call: Call,
    ) -> Result<Self> {
        let _pixels = PhysicalPixels::for_this_thread();
        let device = &device.object;
        // The newer function delivers images unconverted in the formats that the caller accepts. BGRA must always be among them.
        let formats: Vec<_> = accepted.iter().map(|format| dxgi_format(*format)).collect();
        let newer = output.cast::<IDXGIOutput5>().and_then(|output| {
            // SAFETY: valid objects; no flags are defined.
            unsafe { output.DuplicateOutput1(device, 0, &formats) }
        });
        // The newer function may refuse because of DPI awareness or formats; the older one refuses because of the desktop only. Its images
        // are BGRA, whatever the desktop is: so where another format is expected and the refusal may pass, that is waited for.
        let converts = accepted.first() != Some(&TextureFormat::Bgra8);
        let object = newer.or_else(|error| {
            if converts && !CANNOT.contains(&(error.code().0 as u32)) {
                return Err(error);
            }
            let output = output.cast::<IDXGIOutput1>()?;
            // SAFETY: valid objects.
            unsafe { output.DuplicateOutput(device) }
        });
        let object = object.map_err(|e| failed(&e, call))?;
        let mut duplication = Self { object, held: false, in_system_memory: false };
        duplication.in_system_memory = duplication.desc().DesktopImageInSystemMemory.as_bool();
        Ok(duplication)
    }

    /// Mode and rotation at the time of the creation.
    pub(super) fn desc(&self) -> DXGI_OUTDUPL_DESC {
        // SAFETY: no preconditions.
        unsafe { self.object.GetDesc() }
    }

    /// Waits at most `timeout` for a frame, and holds the lock of the device meanwhile.
    ///
    /// # Errors
    /// A loss.
    pub(super) fn acquire(&mut self, timeout: Duration) -> Result<Acquired> {
        // Rounded up: a wait of less than a millisecond that does not wait at all would be repeated without end.
        let ms = timeout.as_nanos().div_ceil(1_000_000).min(1000) as u32;
        let (mut code, mut info, mut resource) = self.acquire_raw(ms);
        if verdict::classify(code, Call::Acquire) == Verdict::ReleaseAndRetry {
            // Observed while HDR is switched: the system believes that a frame is still held.
            self.held = true;
            self.release()?;
            (code, info, resource) = self.acquire_raw(ms);
        }
        match verdict::classify(code, Call::Acquire) {
            Verdict::Success => {}
            Verdict::NoFrame => return Ok(Acquired::Nothing),
            _ => return Err(verdict::error(code, Call::Acquire)),
        }
        self.held = true;
        // A resource that is not a texture counts as a frame without an image.
        let texture = resource.and_then(|resource| resource.cast().ok());
        Ok(Acquired::Frame(info, texture))
    }

    /// The call itself: through the vtable, because the safe wrapper takes the positive codes for success, and with an empty output
    /// parameter, because a previous value would leak.
    fn acquire_raw(&self, ms: u32) -> (u32, DXGI_OUTDUPL_FRAME_INFO, Option<IDXGIResource>) {
        let mut info = DXGI_OUTDUPL_FRAME_INFO::default();
        let mut resource = None::<IDXGIResource>;
        let place = (&raw mut resource).cast();
        // SAFETY: `Option` of an interface is one pointer, null for `None`; both pointers are valid during the call.
        let HRESULT(code) =
            unsafe { (self.object.vtable().AcquireNextFrame)(self.object.as_raw(), ms, &raw mut info, place) };
        (code as u32, info, resource)
    }

    /// Passes the desktop, an image in system memory, to `read` while a frame is held. `None` if the system does not let it be
    /// mapped.
    ///
    /// # Errors
    /// A loss, also if it cannot be unmapped: then the frame cannot be released.
    pub(super) fn read<T>(
        &mut self,
        (size, format): (Size, TextureFormat),
        read: impl FnOnce(ImageRef<'_>) -> T,
    ) -> Result<Option<T>> {
        // SAFETY: no preconditions.
        let mapped = match unsafe { self.object.MapDesktopSurface() } {
            Ok(mapped) => mapped,
            Err(error) => {
                let code = error.code().0 as u32;
                return match verdict::classify(code, Call::MapDesktop) {
                    Verdict::Harmless | Verdict::Failed => Ok(None),
                    _ => Err(verdict::error(code, Call::MapDesktop)),
                };
            }
        };
        let row = size.width as usize * format.bytes();
        let stride = usize::try_from(mapped.Pitch).unwrap_or_default();
        let plausible = !mapped.pBits.is_null() && stride >= row && size.height > 0;
        let result = plausible.then(|| {
            let len = (size.height as usize - 1) * stride + row;
            // SAFETY: the system maps the whole desktop, whose size is that of the images, and nothing writes to it until the frame is
            // released, which happens after the call of `UnMapDesktopSurface` below.
            let bytes = unsafe { std::slice::from_raw_parts(mapped.pBits.cast_const(), len) };
            read(ImageRef::of(format, bytes, stride, size))
        });
        // SAFETY: mapped above.
        if let Err(error) = unsafe { self.object.UnMapDesktopSurface() } {
            self.held = false;
            let code = error.code().0 as u32;
            return Err(verdict::error(code, Call::MapDesktop).into_loss(Loss::Transient));
        }
        Ok(result)
    }

    /// Releases the frame, if one is held. Copies that were queued before still read its content.
    ///
    /// # Errors
    /// A loss.
    pub(super) fn release(&mut self) -> Result<()> {
        if !std::mem::take(&mut self.held) {
            return Ok(());
        }
        // SAFETY: no preconditions.
        let result = unsafe { self.object.ReleaseFrame() };
        let code = result.map_or_else(|e| e.code().0 as u32, |()| hresult::S_OK);
        match verdict::classify(code, Call::Release) {
            Verdict::Success | Verdict::Harmless => Ok(()),
            _ => Err(verdict::error(code, Call::Release)),
        }
    }
}

impl Drop for Duplication {
    fn drop(&mut self) {
        // A lost duplication fails once more, which does not matter.
        let _ = self.release();
    }
}
