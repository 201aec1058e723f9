//! One capture session: an item, a pool of textures, and what is captured how.

use std::sync::Arc;
use std::time::Duration;

use windows::core::{IInspectable, Interface, Ref};
use windows::Foundation::{TimeSpan, TypedEventHandler};
use windows::Graphics::Capture::{
    Direct3D11CaptureFramePool, GraphicsCaptureDirtyRegionMode, GraphicsCaptureItem, GraphicsCaptureSession,
};
use windows::Graphics::DirectX::DirectXPixelFormat;
use windows::Graphics::SizeInt32;
use windows::Win32::Graphics::Direct3D11::ID3D11Texture2D;
use windows::Win32::System::WinRT::Direct3D11::IDirect3DDxgiInterfaceAccess;

use super::activation::{direct3d_device, refused, PoolDevice};
use super::arrivals::{Arrivals, Arrived, Signal, TEXTURES};
use super::closing::Closing;
use crate::clock::Clock;
use crate::color::TextureFormat;
use crate::error::Result;
use crate::geometry::Size;
use crate::source::d3d11::device::Device;
use crate::source::d3d11::failure::failed;
use crate::source::d3d11::formats::dxgi_format;
use crate::source::verdict::Call;

/// The least time between two images, in units of 100 ns. Everything below a millisecond, also the default, limits captures to about 50
/// images per second.
const LEAST_INTERVAL: i64 = 10_000;

/// How a session captures.
pub(super) struct Settings {
    pub(super) format: TextureFormat,
    /// Whether the pointer is part of the images.
    pub(super) cursor: bool,
    /// The time between two images of the screen.
    pub(super) interval: Duration,
    pub(super) signal: Arc<Signal>,
    pub(super) clock: Arc<dyn Clock>,
    /// A session was there before, so most refusals pass by themselves.
    pub(super) before: bool,
}

/// A session that runs.
pub(super) struct CaptureSession {
    objects: Objects,
    device: PoolDevice,
    arrivals: Arc<Arrivals>,
    format: TextureFormat,
    /// The pointer is part of the images although it should not be.
    pub(super) pointer_stays: bool,
    /// Images come with a list of what changed in them.
    lists_changes: bool,
    /// A list was not empty: the driver fills them in.
    has_listed: bool,
}

/// The objects of the system that make a session.
struct Objects {
    item: GraphicsCaptureItem,
    pool: Direct3D11CaptureFramePool,
    session: Option<GraphicsCaptureSession>,
    on_arrival: Option<i64>,
    on_closing: Option<i64>,
}

impl Objects {
    /// Closes everything. It may hang.
    fn close(&self) {
        // What cannot be closed is closed already, or ends with the last reference.
        let _ = self.on_arrival.map(|token| self.pool.RemoveFrameArrived(token));
        let _ = self.on_closing.map(|token| self.item.RemoveClosed(token));
        let _ = self.session.as_ref().map(GraphicsCaptureSession::Close);
        let _ = self.pool.Close();
    }
}

impl CaptureSession {
    /// Begins to capture `item` on `device`.
    ///
    /// # Errors
    /// `Duplication`, or a loss if there was a session before.
    pub(super) fn begin(
        item: GraphicsCaptureItem,
        device: &Device,
        settings: Settings,
        closing: &mut Closing,
    ) -> Result<Self> {
        let Settings { format, cursor, interval, signal, clock, before } = settings;
        let refused = |error: windows::core::Error| refused(&error, before);
        let direct3d = direct3d_device(&device.object)?;
        let size = item.Size().map_err(refused)?;
        let size = SizeInt32 { Width: size.Width.max(1), Height: size.Height.max(1) };
        let textures = TEXTURES as i32;
        let pool = Direct3D11CaptureFramePool::CreateFreeThreaded(&direct3d.0, pixel_format(format), textures, size);
        let pool = pool.map_err(refused)?;
        let mut capture = Self {
            objects: Objects { item, pool, session: None, on_arrival: None, on_closing: None },
            device: direct3d,
            arrivals: Arc::new(Arrivals::new(signal, clock, interval)),
            format,
            pointer_stays: false,
            lists_changes: false,
            has_listed: false,
        };
        match capture.start(cursor) {
            Ok(()) => Ok(capture),
            Err(error) => {
                capture.close(closing);
                Err(refused(error))
            }
        }
    }

    fn start(&mut self, cursor: bool) -> windows::core::Result<()> {
        let Self { objects, arrivals, .. } = self;
        let session = objects.session.insert(objects.pool.CreateCaptureSession(&objects.item)?);
        // A version of Windows that lacks a property lacks its interface.
        self.pointer_stays = session.SetIsCursorCaptureEnabled(cursor).is_err() && !cursor;
        // It may be ignored, or take effect and fail.
        let _ = session.SetIsBorderRequired(false);
        let _ = session.SetMinUpdateInterval(TimeSpan { Duration: LEAST_INTERVAL });
        self.lists_changes = session.SetDirtyRegionMode(GraphicsCaptureDirtyRegionMode::ReportOnly).is_ok();
        // The handlers own what they use: they may run while they are removed.
        let arrivals_of_pool = Arc::clone(arrivals);
        let on_arrival = move |pool: Ref<Direct3D11CaptureFramePool>, _: Ref<IInspectable>| {
            arrivals_of_pool.arrived(pool.ok()?);
            Ok(())
        };
        objects.on_arrival = Some(objects.pool.FrameArrived(&TypedEventHandler::new(on_arrival))?);
        let arrivals_of_item = Arc::clone(arrivals);
        let on_closing = move |_: Ref<GraphicsCaptureItem>, _: Ref<IInspectable>| {
            arrivals_of_item.item_was_closed();
            Ok(())
        };
        // A hint only: most threads never hear it.
        objects.on_closing = objects.item.Closed(&TypedEventHandler::new(on_closing)).ok();
        session.StartCapture()
    }

    /// Whether the system has ended it: another item has to be made.
    pub(super) fn has_ended(&self) -> bool {
        self.arrivals.is_item_closed()
    }

    /// The newest image that was not taken yet.
    ///
    /// # Errors
    /// A loss.
    pub(super) fn take(&self) -> Result<Option<Arrived>> {
        self.arrivals.take(&self.objects.pool)
    }

    /// Gives an image back.
    pub(super) fn release(&self, arrived: &Arrived) {
        self.arrivals.release(&self.objects.pool, arrived);
    }

    /// Keeps an image that was taken until it is taken again.
    pub(super) fn put_back(&self, arrived: Arrived) {
        self.arrivals.put_back(arrived);
    }

    /// Gives back what has arrived.
    pub(super) fn discard(&self) {
        self.arrivals.discard(&self.objects.pool);
    }

    /// Whether nothing changed since the image before, as the system says. Only where it has listed changes before: some drivers never do.
    pub(super) fn is_unchanged(&mut self, arrived: &Arrived) -> bool {
        if !self.lists_changes {
            return false;
        }
        let changes = arrived.frame.DirtyRegions().and_then(|list| list.Size());
        self.has_listed |= changes.as_ref().is_ok_and(|number| *number > 0);
        self.has_listed && arrived.count == 1 && changes.is_ok_and(|number| number == 0)
    }

    /// Makes the textures of the pool as large as `content`. Images that are there are lost, and must have been given back.
    ///
    /// # Errors
    /// A loss.
    pub(super) fn resize(&self, content: Size) -> Result<()> {
        self.discard();
        let size = SizeInt32 { Width: content.width as i32, Height: content.height as i32 };
        let recreated = self.objects.pool.Recreate(&self.device.0, pixel_format(self.format), TEXTURES as i32, size);
        recreated.map_err(|e| failed(&e, Call::Take))
    }

    /// Ends it.
    pub(super) fn close(self, closing: &mut Closing) {
        let Self { objects, device, arrivals, .. } = self;
        closing.begin(move || {
            arrivals.close();
            objects.close();
            drop((objects, device));
        });
    }
}

/// The texture of an image, and the size of the content, of which as much is there as the texture holds.
///
/// # Errors
/// A loss.
pub(super) fn texture(arrived: &Arrived) -> Result<(ID3D11Texture2D, Size)> {
    let read = || {
        let content = arrived.frame.ContentSize()?;
        let access: IDirect3DDxgiInterfaceAccess = arrived.frame.Surface()?.cast()?;
        // SAFETY: the surface is an object of Direct3D; the result is checked.
        let texture = unsafe { access.GetInterface::<ID3D11Texture2D>() }?;
        Ok((texture, Size::new(content.Width.max(0) as u32, content.Height.max(0) as u32)))
    };
    read().map_err(|e| failed(&e, Call::Take))
}

fn pixel_format(format: TextureFormat) -> DirectXPixelFormat {
    // The numbers are the same.
    DirectXPixelFormat(dxgi_format(format).0)
}
