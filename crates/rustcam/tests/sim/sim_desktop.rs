//! An open simulated desktop in virtual time, and its oracle.

use std::sync::Arc;
use std::time::Duration;

use rustcam::clock::{Clock, VirtualClock};
use rustcam::color::{srgb_decode, SCRGB_UNIT_NITS};
use rustcam::error::{Error, ErrorKind, Loss, Result};
use rustcam::frame::{Damage, Move, Pointer};
use rustcam::geometry::{Point, Rect, Size};
use rustcam::source::sim::{frame_pixel, Script, SimSource, World};
use rustcam::source::{Backend, Change, OpenOptions, Outcome, Source, WindowArea, WindowChoice, WindowTarget};

pub const ZERO: Duration = Duration::ZERO;
pub const LONG: Duration = Duration::from_secs(100);

pub fn ms(n: u64) -> Duration {
    Duration::from_millis(n)
}

/// An open simulated desktop in virtual time, and the world that is its oracle.
pub struct SimDesktop {
    pub clock: Arc<VirtualClock>,
    pub source: SimSource,
    pub world: World,
    script: Script,
    /// Of a whole window: where its client area is in it.
    inset: Option<Point>,
}

/// Widths of the frame of a window whose script says nothing about it.
const FRAME: Point = Point::new(4, 24);

pub fn titled(title: &str) -> WindowChoice {
    WindowChoice::Title(title.to_owned())
}

pub fn handle(handle: u64) -> WindowChoice {
    WindowChoice::Handle { handle, pid: None }
}

/// The options that open a window of the desktop that `script` describes.
pub fn window_options(script: &str, choice: WindowChoice, area: WindowArea, clock: &Arc<VirtualClock>) -> OpenOptions {
    options(script, 0, clock).window(WindowTarget { choice, area })
}

pub fn options(script: &str, output: usize, clock: &Arc<VirtualClock>) -> OpenOptions {
    OpenOptions::new(Backend::Sim(parsed(script))).output(output).clock(Arc::clone(clock) as Arc<dyn Clock>)
}

pub fn parsed(script: &str) -> Script {
    Script::parse(script).expect("a script")
}

/// Opens an output of the desktop that `script` describes.
pub fn open(script: &str, output: usize, clock: &Arc<VirtualClock>) -> Result<SimSource> {
    SimSource::open(&parsed(script), &options(script, output, clock))
}

impl SimDesktop {
    pub fn of(script: &str, output: usize, watch_pointer: bool) -> Self {
        let clock = Arc::new(VirtualClock::new());
        let world = World::new(&parsed(script), output);
        let options = options(script, output, &clock).watch_pointer(watch_pointer);
        let script = parsed(script);
        Self { source: SimSource::open(&script, &options).expect("an output"), clock, world, script, inset: None }
    }

    /// A window of a desktop, with pointer.
    ///
    /// # Errors
    /// Those of opening.
    pub fn window(script: &str, choice: WindowChoice, area: WindowArea) -> Result<Self> {
        let clock = Arc::new(VirtualClock::new());
        let options = window_options(script, choice, area, &clock);
        let script = parsed(script);
        let source = SimSource::open(&script, &options)?;
        let world = World::window(&script, &source.output().name).expect("a window of the script");
        let inset = (area == WindowArea::Whole).then_some(FRAME);
        Ok(Self { clock, source, world, script, inset })
    }

    /// The client area of the window with this title.
    pub fn titled(script: &str, title: &str) -> Self {
        Self::window(script, titled(title), WindowArea::Client).expect("a window")
    }

    /// Makes one attempt to get the window back. The oracle is then that of the window that the source has found, which must still have
    /// its first title.
    ///
    /// # Errors
    /// Those of the source.
    pub fn rebuild_window(&mut self) -> Result<()> {
        self.source.rebuild(ZERO)?;
        self.world = World::window(&self.script, &self.source.output().name).expect("a window of the script");
        Ok(())
    }

    /// Without pointer.
    pub fn new(script: &str) -> Self {
        Self::of(script, 0, false)
    }

    /// With pointer.
    pub fn pointing(script: &str) -> Self {
        Self::of(script, 0, true)
    }

    pub fn now(&self) -> Duration {
        self.clock.now()
    }

    pub fn frame(&self) -> u64 {
        self.world.frame_at(self.now())
    }

    pub fn wait(&mut self) -> Change {
        self.source.wait(LONG).expect("a wait")
    }

    /// Lets time pass until `time`, so that the next wait reports everything up to then.
    pub fn skip_to(&mut self, time: Duration) {
        self.clock.sleep(time.saturating_sub(self.now()));
    }

    pub fn damage(&mut self) -> Damage {
        self.source.damage(LONG).expect("damage")
    }

    /// Bytes per pixel of the texture.
    pub fn pixel(&self) -> usize {
        if self.source.color().hdr {
            8
        } else {
            4
        }
    }

    /// Bytes of the whole texture without padding.
    pub fn bytes(&self) -> usize {
        self.source.output().texture_size().area() as usize * self.pixel()
    }

    /// The whole texture, without padding.
    pub fn read(&mut self) -> Vec<u8> {
        let mut image = vec![0; self.bytes()];
        self.read_parts(&[self.source.output().texture_size().rect()], &mut image);
        image
    }

    pub fn read_parts(&mut self, parts: &[Rect], image: &mut [u8]) {
        let pixel = self.pixel();
        let stride = self.source.output().texture_size().width as usize * pixel;
        let read = self.source.read(parts, LONG, &mut |part, view, _| {
            assert_eq!((view.size(), view.format().bytes()), (part.size(), pixel));
            for y in 0..part.height() as usize {
                let start = (part.top as usize + y) * stride + part.left as usize * pixel;
                image[start..start + view.row(y).len()].copy_from_slice(view.row(y));
            }
        });
        assert_eq!(read.expect("a read"), Outcome::Done(()));
    }

    /// The texture according to the oracle, opaque.
    pub fn oracle(&self) -> Vec<u8> {
        let (frame, output) = (self.frame(), self.source.output());
        if self.inset.is_some() {
            return self.whole_window(frame);
        }
        assert_eq!((output.size, output.image_rotation), (self.world.size(frame), self.world.rotation(frame)));
        let texture = output.texture_size();
        assert_eq!(self.source.color(), self.world.color_of(frame));
        let pixel = self.pixel();
        let upright = if pixel == 8 { self.world.light(frame) } else { self.world.image(frame) };
        let mut image = vec![0; upright.len()];
        for y in 0..output.size.height as i32 {
            for x in 0..output.size.width as i32 {
                let (u, v) = output.image_rotation.texture_pixel(x, y, output.size);
                let at = (v as usize * texture.width as usize + u as usize) * pixel;
                let from = (y as usize * output.size.width as usize + x as usize) * pixel;
                image[at..at + pixel].copy_from_slice(&upright[from..from + pixel]);
            }
        }
        image
    }

    /// The client area in its frame.
    fn whole_window(&self, frame: u64) -> Vec<u8> {
        let (client, inset) = (self.world.size(frame), self.inset.unwrap_or_default());
        let whole = Size::new(client.width + 8, client.height + 28);
        assert_eq!(self.source.output().size, whole);
        let pixel = self.pixel();
        let light = |level: u8| {
            let nits = srgb_decode(f64::from(level) / 255.0) * self.world.color_of(frame).white();
            half::f16::from_f64(nits / SCRGB_UNIT_NITS).to_le_bytes()
        };
        let around = |x, y| match frame_pixel(x, y) {
            bgra if pixel == 4 => bgra.to_vec(),
            [b, g, r, _] => [light(r), light(g), light(b), half::f16::ONE.to_le_bytes()].concat(),
        };
        let inside = if pixel == 8 { self.world.light(frame) } else { self.world.image(frame) };
        let area = client.rect().translated(inset.x, inset.y);
        let mut image = Vec::new();
        for y in 0..whole.height as i32 {
            for x in 0..whole.width as i32 {
                if area.contains(Rect::new(x, y, x + 1, y + 1)) {
                    let at = ((y - inset.y) as usize * client.width as usize + (x - inset.x) as usize) * pixel;
                    image.extend(&inside[at..at + pixel]);
                } else {
                    image.extend(around(x, y));
                }
            }
        }
        image
    }

    pub fn assert_exact(&mut self) {
        let (mut image, oracle) = (self.read(), self.oracle());
        self.opaque(&mut image);
        assert!(
            image == oracle,
            "frame {} differs from the oracle at byte {:?}",
            self.frame(),
            first_difference(&image, &oracle)
        );
    }

    /// Sets the undefined channel of a texture.
    pub fn opaque(&self, image: &mut [u8]) {
        if self.pixel() == 8 {
            image.chunks_exact_mut(8).for_each(|pixel| pixel[6..].copy_from_slice(&[0x00, 0x3C]));
        } else {
            opaque(image);
        }
    }

    pub fn lost(&mut self) -> Error {
        self.source.wait(LONG).expect_err("a loss")
    }

    pub fn pointer(&self) -> &Pointer {
        self.source.pointer()
    }
}

pub fn opaque(image: &mut [u8]) {
    image.iter_mut().skip(3).step_by(4).for_each(|alpha| *alpha = 255);
}

pub fn first_difference(a: &[u8], b: &[u8]) -> Option<usize> {
    a.iter().zip(b).position(|(a, b)| a != b)
}

/// Applies damage to an image as a consumer does: moves from the old image, then the dirty parts, freshly read.
pub fn apply(desktop: &mut SimDesktop, damage: &Damage, image: &mut [u8]) {
    let texture = desktop.source.output().texture_size();
    let pixel = desktop.pixel();
    let (old, stride) = (image.to_vec(), texture.width as usize * pixel);
    for Move { source, destination } in &damage.moves {
        assert!(
            texture.rect().contains(*destination) && texture.rect().contains(Rect::at(*source, destination.size()))
        );
        for y in 0..destination.height() as usize {
            let from = (source.y as usize + y) * stride + source.x as usize * pixel;
            let to = (destination.top as usize + y) * stride + destination.left as usize * pixel;
            let len = destination.width() as usize * pixel;
            image[to..to + len].copy_from_slice(&old[from..from + len]);
        }
    }
    for dirty in &damage.dirty {
        assert!(texture.rect().contains(*dirty) && !dirty.is_empty());
        desktop.read_parts(&[*dirty], image);
    }
}

pub fn codes(error: &Error) -> (ErrorKind, Option<u32>, Option<Loss>) {
    assert!(error.hint().is_some() || error.loss().is_none(), "a loss says what to do: {error}");
    (error.kind(), error.code(), error.loss())
}
