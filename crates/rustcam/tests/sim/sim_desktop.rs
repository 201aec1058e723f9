//! An open simulated desktop in virtual time, and its oracle.

use std::sync::Arc;
use std::time::Duration;

use rustcam::clock::{Clock, VirtualClock};
use rustcam::error::{Error, ErrorKind, Loss, Result};
use rustcam::frame::{Damage, Move, Pointer};
use rustcam::geometry::Rect;
use rustcam::source::sim::{Script, SimSource, World};
use rustcam::source::{Backend, Change, OpenOptions, Outcome, Source};

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
        Self { source: SimSource::open(&parsed(script), &options).expect("an output"), clock, world }
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
