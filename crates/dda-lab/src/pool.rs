//! The textures of a duplication: few, real, and used in turn.

use std::collections::BTreeMap;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::sync::Arc;

use rustcam::geometry::{Rect, Size};
use rustcam::source::sim::{Canvas, World};
use windows::Win32::Graphics::Direct3D11::{
    ID3D11Device, ID3D11DeviceContext, ID3D11Texture2D, D3D11_BIND_RENDER_TARGET, D3D11_BIND_SHADER_RESOURCE,
    D3D11_BOX, D3D11_TEXTURE2D_DESC, D3D11_USAGE_DEFAULT,
};
use windows::Win32::Graphics::Dxgi::Common::{
    DXGI_FORMAT, DXGI_FORMAT_R16G16B16A16_FLOAT, DXGI_FORMAT_R8G8B8A8_UNORM, DXGI_SAMPLE_DESC,
};
use windows_core::{IUnknown, Interface};

use crate::counters::count;
use crate::device::quietly;
use crate::lock;
use crate::pixels::{self, Converter};
use crate::stage::Stage;

/// Windows uses no more.
const TEXTURES: usize = 3;
/// More parts than this are uploaded as one.
const MOST_PARTS: usize = 16;
/// Bytes of textures kept by one duplication to save painting.
const MOST_KEPT: usize = 1100 << 20;
/// What textures hold that hold no image: as BGRA a glaring pink, as half floats no number at all.
const POISON: [u8; 4] = [0xFF, 0x7F, 0xFF, 0x7F];

/// What is known about a texture while its duplication lives.
pub(crate) struct Slot {
    /// Index of the output.
    output: usize,
    /// Whether it may hold an image at all.
    image: bool,
    size: Size,
    format: DXGI_FORMAT,
    owned: AtomicBool,
    /// The frame that the desktop showed when the guest gave the texture back.
    released: AtomicU64,
    /// Whether it was overwritten since.
    spoiled: AtomicBool,
}

struct Texture {
    object: ID3D11Texture2D,
    slot: Arc<Slot>,
    /// The frame whose pixels it has.
    content: Option<u64>,
}

/// What a texture is to show.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Show {
    Frame,
    /// The upper half of the frame, black below.
    Half,
    Black,
    /// Nothing that anybody should look at.
    Nothing,
}

pub(crate) struct Pool {
    device: ID3D11Device,
    context: ID3D11DeviceContext,
    output: usize,
    size: Size,
    format: DXGI_FORMAT,
    converter: Converter,
    textures: Vec<Texture>,
    turn: usize,
    nothing: Option<Texture>,
    buffer: Vec<u8>,
    /// One frame and its copy of each variety of a picture that changes everywhere all the time.
    varieties: BTreeMap<u32, (u64, ID3D11Texture2D)>,
}

impl Pool {
    pub(crate) fn new(
        device: ID3D11Device,
        output: usize,
        size: Size,
        format: DXGI_FORMAT,
        converter: Converter,
    ) -> windows_core::Result<Self> {
        // SAFETY: every device has an immediate context.
        let context = unsafe { device.GetImmediateContext() }?;
        Ok(Self {
            device,
            context,
            output,
            size,
            format,
            converter,
            textures: Vec::new(),
            turn: 0,
            nothing: None,
            buffer: Vec::new(),
            varieties: BTreeMap::new(),
        })
    }

    /// The next texture, with what it is to show, owned by the guest from now on.
    pub(crate) fn lend(
        &mut self,
        stage: &Stage,
        canvas: &mut Canvas,
        frame: u64,
        show: Show,
    ) -> windows_core::Result<(ID3D11Texture2D, Arc<Slot>)> {
        let before: Vec<_> = lock(&stage.slots)
            .values()
            .filter(|slot| stage.settings.eager_poison && slot.output == self.output)
            .cloned()
            .collect();
        let lent = quietly(|| {
            for slot in before {
                self.poison(&slot, stage);
            }
            if show == Show::Nothing {
                return self.lend_nothing(stage);
            }
            if self.textures.len() < TEXTURES && self.turn == self.textures.len() {
                let texture = self.make(stage, self.format, true)?;
                self.textures.push(texture);
            }
            let turn = self.turn;
            self.turn = (turn + 1) % TEXTURES;
            let spoiled = self.textures[turn].slot.spoiled.swap(false, Ordering::AcqRel);
            let content = self.textures[turn].content.filter(|_| !spoiled);
            match show {
                Show::Frame => self.upload_frame(stage, canvas, turn, content, frame),
                Show::Half | Show::Black => self.upload_start(stage, canvas, turn, show),
                Show::Nothing => {}
            }
            self.textures[turn].content = Some(frame).filter(|_| show == Show::Frame);
            Ok((self.textures[turn].object.clone(), Arc::clone(&self.textures[turn].slot)))
        });
        if let Ok((_, slot)) = &lent {
            slot.owned.store(true, Ordering::Release);
        }
        lent
    }

    /// One of the laboratory's own textures overwritten, if it is not owned.
    fn poison(&self, slot: &Arc<Slot>, stage: &Stage) {
        let texture = self.textures.iter().find(|texture| Arc::ptr_eq(&texture.slot, slot));
        if let Some(texture) = texture.filter(|_| !slot.owned.load(Ordering::Acquire) && slot.outdated(stage)) {
            slot.spoil(&self.context, &texture.object);
        }
    }

    fn lend_nothing(&mut self, stage: &Stage) -> windows_core::Result<(ID3D11Texture2D, Arc<Slot>)> {
        if self.nothing.is_none() {
            let halves = self.format == DXGI_FORMAT_R16G16B16A16_FLOAT;
            // Another format than the images have.
            let format = if halves { DXGI_FORMAT_R8G8B8A8_UNORM } else { DXGI_FORMAT_R16G16B16A16_FLOAT };
            let texture = self.make(stage, format, false)?;
            texture.slot.spoil(&self.context, &texture.object);
            self.nothing = Some(texture);
        }
        let texture = self.nothing.as_ref().ok_or(windows::Win32::Foundation::E_FAIL)?;
        Ok((texture.object.clone(), Arc::clone(&texture.slot)))
    }

    /// A new texture as duplications have them.
    fn texture(&self, format: DXGI_FORMAT) -> windows_core::Result<ID3D11Texture2D> {
        let desc = D3D11_TEXTURE2D_DESC {
            Width: self.size.width,
            Height: self.size.height,
            MipLevels: 1,
            ArraySize: 1,
            Format: format,
            SampleDesc: DXGI_SAMPLE_DESC { Count: 1, Quality: 0 },
            Usage: D3D11_USAGE_DEFAULT,
            BindFlags: (D3D11_BIND_RENDER_TARGET.0 | D3D11_BIND_SHADER_RESOURCE.0) as u32,
            CPUAccessFlags: 0,
            MiscFlags: 0,
        };
        let mut texture = None;
        // SAFETY: both pointers are valid for the call.
        unsafe { self.device.CreateTexture2D(&raw const desc, None, Some(&raw mut texture)) }?;
        texture.ok_or_else(|| windows::Win32::Foundation::E_FAIL.into())
    }

    fn make(&self, stage: &Stage, format: DXGI_FORMAT, image: bool) -> windows_core::Result<Texture> {
        let texture = self.texture(format)?;
        let slot = Arc::new(Slot {
            output: self.output,
            image,
            size: self.size,
            format,
            owned: AtomicBool::new(false),
            released: AtomicU64::new(0),
            spoiled: AtomicBool::new(false),
        });
        lock(&stage.slots).insert(texture.as_raw() as usize, Arc::clone(&slot));
        Ok(Texture { object: texture, slot, content: None })
    }

    /// Brings texture `turn` from the frame `content` to `frame`: only what differs is uploaded.
    fn upload_frame(&mut self, stage: &Stage, canvas: &mut Canvas, turn: usize, content: Option<u64>, frame: u64) {
        let world: &World = &stage.worlds[self.output];
        let whole = self.size.rect();
        let parts = match content {
            None => vec![whole],
            Some(content) => {
                let (rotation, desktop) = (world.rotation(frame), world.size(frame));
                let damage = world.damage(content, frame);
                let changed = damage.dirty.into_iter().chain(damage.moves.iter().map(|m| m.destination));
                merged(changed.map(|part| rotation.to_texture(part, desktop)).collect())
            }
        };
        if parts == [whole] && stage.script.is_full() {
            if let Some(variety) = world.variety(frame) {
                return self.upload_variety(world, canvas, turn, frame, variety);
            }
        }
        self.upload_parts(world, canvas, turn, &parts);
    }

    /// Brings a texture to a frame that changed everywhere, with the help of an earlier one that looked almost the same. Copying a
    /// texture costs less than uploading it.
    fn upload_variety(&mut self, world: &World, canvas: &mut Canvas, turn: usize, frame: u64, variety: u32) {
        if let Some((known, texture)) = self.varieties.get(&variety) {
            // SAFETY: both live, of the same size and format.
            unsafe { self.context.CopyResource(&self.textures[turn].object, texture) };
            let (rotation, desktop) = (world.rotation(frame), world.size(frame));
            let parts = world.difference(*known, frame).into_iter().map(|part| rotation.to_texture(part, desktop));
            return self.upload_parts(world, canvas, turn, &merged(parts.collect()));
        }
        self.upload_parts(world, canvas, turn, &[self.size.rect()]);
        self.keep_variety(turn, frame, variety);
    }

    /// Keeps what a texture shows, if there is room. Says whether there was.
    fn keep_variety(&mut self, turn: usize, frame: u64, variety: u32) -> bool {
        let bytes = self.size.area() as usize * pixels::bytes(self.format);
        let room = (self.varieties.len() + 1) * bytes <= MOST_KEPT;
        let Some(copy) = room.then(|| self.texture(self.format)).and_then(Result::ok) else { return false };
        // SAFETY: both live, of the same size and format.
        unsafe { self.context.CopyResource(&copy, &self.textures[turn].object) };
        self.varieties.insert(variety, (frame, copy));
        true
    }

    /// Paints every variety of a picture that changes everywhere, from `frame` on, as far as there is room.
    pub(crate) fn paint_ahead(&mut self, stage: &Stage, frame: u64) -> windows_core::Result<()> {
        let world = &stage.worlds[self.output];
        quietly(|| {
            if self.textures.is_empty() {
                let texture = self.make(stage, self.format, true)?;
                self.textures.push(texture);
            }
            let mode = |frame| (world.size(frame), world.rotation(frame));
            let mut canvas = Canvas::new(world, frame, 0);
            for next in (frame..).take_while(|&next| mode(next) == mode(frame)) {
                let Some(variety) = world.variety(next).filter(|variety| !self.varieties.contains_key(variety)) else {
                    break;
                };
                canvas.show(world, next);
                self.upload_parts(world, &mut canvas, 0, &[self.size.rect()]);
                if !self.keep_variety(0, next, variety) {
                    break;
                }
            }
            Ok(())
        })
    }

    fn upload_parts(&mut self, world: &World, canvas: &mut Canvas, turn: usize, parts: &[Rect]) {
        for &part in parts {
            let image = canvas.view(world, part);
            let stride =
                if part.height() > 1 { image.row(1).as_ptr() as usize - image.row(0).as_ptr() as usize } else { 0 };
            if self.converter.idle() {
                // SAFETY: the rows of the view, `stride` bytes apart.
                unsafe { self.upload(turn, part, image.row(0).as_ptr(), stride) };
                continue;
            }
            let mut buffer = std::mem::take(&mut self.buffer);
            buffer.clear();
            for y in 0..part.height() as usize {
                self.converter.convert(image.row(y), &mut buffer);
            }
            // SAFETY: the converted rows, without padding.
            unsafe { self.upload(turn, part, buffer.as_ptr(), buffer.len() / part.height() as usize) };
            self.buffer = buffer;
        }
    }

    /// A first frame that is not all there.
    fn upload_start(&mut self, stage: &Stage, canvas: &mut Canvas, turn: usize, show: Show) {
        let pitch = self.size.width as usize * pixels::bytes(self.format);
        let mut rows = Vec::with_capacity(pitch * self.size.height as usize);
        if show == Show::Half {
            let half = Rect { bottom: (self.size.height / 2).max(1) as i32, ..self.size.rect() };
            let image = canvas.view(&stage.worlds[self.output], half);
            for y in 0..half.height() as usize {
                self.converter.convert(image.row(y), &mut rows);
            }
        }
        rows.resize(pitch * self.size.height as usize, 0);
        // SAFETY: the rows, without padding.
        unsafe { self.upload(turn, self.size.rect(), rows.as_ptr(), pitch) };
    }

    /// # Safety
    /// `rows` are as many rows as `part` has, `pitch` bytes apart.
    unsafe fn upload(&self, turn: usize, part: Rect, rows: *const u8, pitch: usize) {
        // SAFETY: as the caller promises; the box is inside the texture, as all parts are.
        unsafe { upload(&self.context, &self.textures[turn].object, part, rows, pitch) };
    }

    /// Number of references to the textures that are not the pool's own.
    pub(crate) fn foreign_refs(&self) -> u64 {
        let all = self.textures.iter().chain(&self.nothing);
        all.map(|texture| u64::from(refs(&texture.object)).saturating_sub(1)).sum()
    }

    /// Takes the textures off the books.
    pub(crate) fn forget(&self, stage: &Stage) {
        let mut slots = lock(&stage.slots);
        for texture in self.textures.iter().chain(&self.nothing) {
            slots.remove(&(texture.object.as_raw() as usize));
        }
    }
}

/// # Safety
/// `rows` are as many rows as `part` has, `pitch` bytes apart; `part` is inside `texture`.
unsafe fn upload(context: &ID3D11DeviceContext, texture: &ID3D11Texture2D, part: Rect, rows: *const u8, pitch: usize) {
    let place = D3D11_BOX {
        left: part.left as u32,
        top: part.top as u32,
        front: 0,
        right: part.right as u32,
        bottom: part.bottom as u32,
        back: 1,
    };
    // SAFETY: as the caller promises.
    unsafe { context.UpdateSubresource(texture, 0, Some(&raw const place), rows.cast(), pitch as u32, 0) };
}

fn refs(texture: &ID3D11Texture2D) -> u32 {
    let raw = texture.as_raw();
    // SAFETY: every interface begins with `IUnknown`, and the object lives.
    unsafe { IUnknown::from_raw_borrowed(&raw) }.map_or(0, |object| {
        let table = object.vtable();
        // SAFETY: `AddRef` and `Release` of a live object, in balance.
        unsafe {
            (table.AddRef)(raw);
            (table.Release)(raw)
        }
    })
}

impl Slot {
    /// The guest gave the texture back while the desktop showed `frame`.
    pub(crate) fn give_back(&self, frame: u64) {
        self.released.store(frame, Ordering::Release);
        self.owned.store(false, Ordering::Release);
    }

    /// Whether the desktop has presented since the texture was given back: then Windows may have overwritten it.
    fn outdated(&self, stage: &Stage) -> bool {
        stage.worlds[self.output].frame_at(stage.now()) > self.released.load(Ordering::Acquire)
    }

    fn spoil(&self, context: &ID3D11DeviceContext, texture: &ID3D11Texture2D) {
        let pitch = self.size.width as usize * pixels::bytes(self.format);
        let rows: Vec<u8> = POISON.iter().copied().cycle().take(pitch * self.size.height as usize).collect();
        // SAFETY: the rows, without padding; the whole texture.
        unsafe { upload(context, texture, self.size.rect(), rows.as_ptr(), pitch) };
        self.spoiled.store(true, Ordering::Release);
    }
}

/// Notices a copy out of a texture that its frame does not own any more, and makes sure that what is copied is of no use if the
/// desktop has changed since. So nothing needs to be overwritten as long as nobody breaks the rule.
pub(crate) fn check_source(stage: &Stage, context: &ID3D11DeviceContext, resource: usize) {
    let Some(slot) = lock(&stage.slots).get(&resource).cloned() else { return };
    if !slot.image {
        count(&stage.counting.read_without_image);
    }
    if slot.owned.load(Ordering::Acquire) {
        return;
    }
    count(&stage.counting.read_after_release);
    if slot.outdated(stage) && !slot.spoiled.load(Ordering::Acquire) {
        let raw = resource as *mut std::ffi::c_void;
        // SAFETY: the address is in the books, so the pool that made the texture still holds it.
        if let Some(texture) = unsafe { ID3D11Texture2D::from_raw_borrowed(&raw) } {
            quietly(|| slot.spoil(context, texture));
        }
    }
}

/// Rectangles that cover the same, without those that are cheaper together.
fn merged(mut parts: Vec<Rect>) -> Vec<Rect> {
    parts.retain(|part| !part.is_empty());
    if parts.len() > MOST_PARTS {
        return vec![parts.iter().fold(Rect::default(), |all, part| all.union(*part))];
    }
    let mut i = 0;
    while i < parts.len() {
        let together =
            (i + 1..parts.len()).find(|&j| parts[i].union(parts[j]).area() <= parts[i].area() + parts[j].area());
        if let Some(j) = together {
            parts[i] = parts[i].union(parts.swap_remove(j));
            i = 0;
        } else {
            i += 1;
        }
    }
    parts
}
