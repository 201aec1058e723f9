//! One output, captured: wait → recover → paint.

use std::sync::Arc;
use std::time::Duration;

use crate::clock::Clock;
use crate::error::{Error, ErrorKind, Result};
use crate::frame::{FrameInfo, PixelFormat, Pointer};
use crate::geometry::{Rect, Size};
use crate::source::texture::{Picture, SharedTexture, TextureSync};
use crate::source::{self, Change, OpenOptions, Output, Source, Waker};

use super::buffers::Buffer;
use super::canvas::{Canvas, Painted, Target};
use super::damage;
use super::outage::Outage;
use super::pacer::Patience;
use super::stats::Stats;

/// What a caller wants of one frame.
#[derive(Clone, Copy, Debug)]
pub struct Request {
    /// Part of the desktop, `None` for the session's own region.
    pub region: Option<Rect>,
    /// How long to wait for news; zero polls.
    pub timeout: Duration,
    /// Whether to wait for news at all: if not, the current image is returned at once.
    pub new_frame_only: bool,
}

/// A picture, as tight rows of `size` in `format`.
pub struct Frame {
    /// The pixels; `None` if they went into the caller's own memory.
    pub buffer: Option<Buffer>,
    /// Width and height.
    pub size: Size,
    /// Format of the pixels.
    pub format: PixelFormat,
}

/// A picture that stays on the graphics device.
#[derive(Debug)]
pub struct GpuFrame {
    /// The picture.
    pub texture: SharedTexture,
    /// What is known about it.
    pub info: FrameInfo,
}

/// The capture of one output.
pub struct Session {
    source: Box<dyn Source>,
    waker: Option<Waker>,
    /// See [`Session::watch`].
    watchful: bool,
    clock: Arc<dyn Clock>,
    cursor: bool,
    /// The region that was asked for, `None` for the whole output.
    wanted: Option<Rect>,
    /// What is left of it on the output as it is now; `None` if nothing.
    region: Option<Rect>,
    canvas: Canvas,
    news: News,
    outage: Outage,
    sequence: u64,
    returned_at: Option<Duration>,
    info: Option<FrameInfo>,
    stats: Stats,
}

/// What was seen since the last returned frame.
#[derive(Default)]
struct News {
    presents: u64,
    present_time: Duration,
    pointer: bool,
    protected: bool,
    /// A picture was begun that no caller has got yet: the source may think that it was shown.
    owed: bool,
}

impl Session {
    /// Opens an output.
    ///
    /// # Errors
    /// `InvalidArgument` if there is no such output, `Duplication` if the system refuses.
    pub fn open(options: &OpenOptions) -> Result<Self> {
        Ok(Self::over(source::open(options)?, Arc::clone(&options.clock), options.watch_pointer))
    }

    /// A session over a source that is open already. With `cursor` the pointer is part of every picture, and a change of it is news.
    pub fn over(source: Box<dyn Source>, clock: Arc<dyn Clock>, cursor: bool) -> Self {
        Self {
            region: Some(source.output().size.rect()),
            waker: source.waker(),
            watchful: false,
            source,
            clock,
            cursor,
            wanted: None,
            canvas: Canvas::default(),
            news: News::default(),
            outage: Outage::default(),
            sequence: 0,
            returned_at: None,
            info: None,
            stats: Stats::default(),
        }
    }

    /// Sets the region that frames show unless a request says otherwise; `None` for the whole output.
    ///
    /// # Errors
    /// `InvalidArgument` naming the bounds if the region is not inside the output.
    pub fn set_region(&mut self, region: Option<Rect>) -> Result<()> {
        let whole = self.output().size.rect();
        self.region = Some(self.checked_region(Some(region.unwrap_or(whole)))?);
        self.wanted = region;
        Ok(())
    }

    /// The output as it is now.
    pub fn output(&self) -> &Output {
        self.source.output()
    }

    /// The session's region as it is now; empty if a changed output left nothing of it.
    pub fn region(&self) -> Rect {
        self.region.unwrap_or_default()
    }

    /// What is known about the last returned frame.
    pub fn info(&self) -> Option<&FrameInfo> {
        self.info.as_ref()
    }

    /// Whether interrupts are asked every few milliseconds, because there may be a reason to end a wait that neither a signal in the
    /// waiting thread nor the waker tells.
    pub(super) fn watch(&mut self, watchful: bool) {
        self.watchful = watchful;
    }

    /// What makes a wait in another thread ask its interrupt at once, if anything can.
    pub fn waker(&self) -> Option<Waker> {
        self.waker.clone()
    }

    /// What happened so far.
    pub fn stats(&self) -> Stats {
        let fallback = match (self.source.fallback(), &self.stats.fallback) {
            (Some(now), Some(known)) if now == &**known => Some(Arc::clone(known)),
            (now, _) => now.map(Arc::from),
        };
        let lost = self.outage.lost().map(|error| error.to_string().into());
        Stats { bytes_copied: self.canvas.bytes(), fallback, lost, ..self.stats.clone() }
    }

    /// `region` if it is inside the output, or the session's own.
    ///
    /// # Errors
    /// `InvalidArgument` naming the bounds; `Capture` if nothing is left of the session's own region.
    pub fn checked_region(&self, region: Option<Rect>) -> Result<Rect> {
        let whole = self.output().size.rect();
        match region {
            Some(r) if r.is_empty() => Err(Error::invalid(format!(
                "region {r} is empty: left must be less than right and top less than bottom, inside {whole}"
            ))),
            Some(r) if !whole.contains(r) => {
                Err(Error::invalid(format!("region {r} is not inside the output, whose bounds are {whole}")))
            }
            Some(r) => Ok(r),
            None => self.region.ok_or_else(|| {
                Error::new(
                    ErrorKind::Capture,
                    format!(
                        "nothing is left of region {} since the output became {}",
                        self.wanted.unwrap_or_default(),
                        whole.size()
                    ),
                )
                .with_hint("Create a new Capturer with a region inside the output, or pass region= to the call")
            }),
        }
    }

    /// The next frame, or `None` if nothing new came in time. `interrupt` is called between waits and ends the call by failing.
    ///
    /// # Errors
    /// `InvalidArgument` for a region outside the output; the interrupt's error; `AccessLost` or `Device` if the desktop is gone for a
    /// reason that does not pass by itself and was not regained in time; whatever else the source reports.
    pub fn grab(
        &mut self,
        request: &Request,
        target: Target<'_>,
        interrupt: &mut dyn FnMut() -> Result<()>,
    ) -> Result<Option<Frame>> {
        self.checked_region(request.region)?;
        self.capture(request, target, interrupt)
    }

    /// [`Session::grab`] for a region that was all right when the caller named it: if it no longer is, that is no mistake of the caller.
    ///
    /// # Errors
    /// Those of [`Session::grab`], but `Capture` for a region outside of what the output has become.
    pub(super) fn capture(
        &mut self,
        request: &Request,
        mut target: Target<'_>,
        interrupt: &mut dyn FnMut() -> Result<()>,
    ) -> Result<Option<Frame>> {
        let format = target.format();
        self.next(request, interrupt, |session, region, patience| {
            let Self { source, canvas, cursor, .. } = session;
            Ok(match canvas.paint(&mut **source, &mut target, region, *cursor, patience)? {
                Painted::Done(buffer) => Some(Frame { buffer, size: region.size(), format }),
                Painted::Unfinished => None,
            })
        })
    }

    /// The next frame as a shared texture, or `None` if nothing new came in time. What is new, and what an interrupt does, is as for
    /// [`Session::grab`].
    ///
    /// # Errors
    /// Those of [`Session::grab`]; `Capture` if the source has no GPU path, or too many textures are held.
    pub fn share(
        &mut self,
        request: &Request,
        sync: TextureSync,
        interrupt: &mut dyn FnMut() -> Result<()>,
    ) -> Result<Option<GpuFrame>> {
        self.source.can_share()?;
        let texture = self.next(request, interrupt, |session, region, patience| {
            let picture = Picture { region, cursor: session.cursor, sync };
            let texture = loop {
                let Some(slice) = patience.read_slice()? else { return Ok(None) };
                if let Some(texture) = session.source.share(&picture, slice)? {
                    break texture;
                }
            };
            session.canvas.note_damage(&mut *session.source, patience)?;
            Ok(Some(texture))
        })?;
        Ok(texture.map(|texture| GpuFrame { texture, info: self.info.clone().unwrap_or_default() }))
    }

    /// Waits for something to show and shows it with `show`, which says `None` if it needs longer than there is time.
    fn next<T>(
        &mut self,
        request: &Request,
        interrupt: &mut dyn FnMut() -> Result<()>,
        mut show: impl FnMut(&mut Self, Rect, &mut Patience<'_>) -> Result<Option<T>>,
    ) -> Result<Option<T>> {
        let clock = Arc::clone(&self.clock);
        let mut patience = Patience::new(&*clock, request.timeout, interrupt);
        if self.waker.is_some() && !self.watchful {
            patience = patience.with_long_waits();
        }
        while self.wait(request, &mut patience)? {
            let region = self.region_as_it_is(request.region)?;
            self.news.owed = true;
            match show(self, region, &mut patience) {
                Ok(Some(shown)) => {
                    self.returned(patience.now());
                    return Ok(Some(shown));
                }
                Ok(None) => {
                    self.outage.verdict()?;
                    break;
                }
                Err(error) => self.lose(error)?,
            }
        }
        self.stats.timeouts += 1;
        Ok(None)
    }

    /// Waits until there is something to show, regaining the desktop as often as it is lost. `false` if the deadline came first.
    fn wait(&mut self, request: &Request, patience: &mut Patience<'_>) -> Result<bool> {
        loop {
            if self.outage.lost().is_some() {
                if self.outage.recover(&mut *self.source, patience)? {
                    self.follow_output();
                    continue;
                }
            } else if self.news.owed {
                return Ok(true);
            } else {
                let may_wait = request.new_frame_only || self.info.is_none();
                let until = if self.is_due(patience.now()) || !may_wait { Duration::ZERO } else { self.pointer_due() };
                let slice = patience.slice(until)?;
                if !slice.is_zero() {
                    self.canvas.prepare(&mut *self.source);
                }
                match self.source.wait(slice) {
                    Ok(change) => {
                        if change.interrupted {
                            patience.interrupted();
                        }
                        self.notice(change);
                    }
                    Err(error) => self.lose(error)?,
                }
                if self.outage.lost().is_none() && (self.is_due(patience.now()) || !may_wait) {
                    return Ok(true);
                }
            }
            if patience.is_over() {
                return self.outage.verdict().map(|()| false);
            }
        }
    }

    fn notice(&mut self, change: Change) {
        if change.presents > 0 {
            self.sequence += change.presents;
            self.news.presents += change.presents;
            self.news.present_time = change.present_time;
            self.news.protected = change.protected;
        } else if change.pointer {
            self.stats.pointer_wakeups += 1;
        }
        self.news.pointer |= change.pointer && self.cursor;
    }

    /// Whether a frame is owed: for every present, and for the pointer at most once per refresh interval.
    fn is_due(&self, now: Duration) -> bool {
        self.news.presents > 0 || self.news.pointer && now >= self.pointer_due()
    }

    /// From when on a change of the pointer alone is worth a frame; never, if there is none.
    fn pointer_due(&self) -> Duration {
        match self.returned_at {
            Some(at) if self.news.pointer => at + self.output().refresh_interval(),
            _ if self.news.pointer => Duration::ZERO,
            _ => Duration::MAX,
        }
    }

    /// Keeps trying for a loss; passes every other error on.
    fn lose(&mut self, error: Error) -> Result<()> {
        if error.loss().is_none() {
            return Err(error);
        }
        self.outage.begin(error, self.source.output(), self.clock.now());
        self.canvas.reset();
        self.news.owed = false;
        Ok(())
    }

    /// Fits the region to the output as it came back.
    fn follow_output(&mut self) {
        let whole = self.output().size.rect();
        self.region = self.wanted.map_or(Some(whole), |wanted| wanted.intersection(whole));
        self.stats.region_clamped = self.wanted.is_some_and(|wanted| self.region != Some(wanted));
    }

    /// The region of this request on the output as it is after the wait, which may have changed its size.
    fn region_as_it_is(&self, region: Option<Rect>) -> Result<Rect> {
        self.checked_region(region).map_err(|error| match error.kind() {
            ErrorKind::InvalidArgument => {
                Error::new(ErrorKind::Capture, format!("the output has changed: {}", error.message()))
            }
            _ => error,
        })
    }

    /// A frame that was captured goes to nobody: what it told is news again.
    pub(super) fn take_back(&mut self, info: &FrameInfo) {
        self.news.presents += info.accumulated;
        self.news.present_time = info.present_time;
        self.news.protected = info.protected;
        self.news.owed = true;
        let output = self.output();
        // The frame may be from before a change of the mode.
        let damage = damage::to_texture(info.damage.clone(), output).sane(output.texture_size().rect());
        self.canvas.restore_damage(damage);
    }

    /// Takes over what only the reader of a stream knows: the frame it has, and what it was given.
    pub(super) fn returned_by_stream(&mut self, info: Option<FrameInfo>, given: &Stats) {
        self.info = info;
        self.stats.frames = given.frames;
        self.stats.missed = given.missed;
        self.stats.timeouts = given.timeouts;
    }

    /// A frame goes to the caller: what was news describes it.
    fn returned(&mut self, now: Duration) {
        let damage = damage::to_desktop(self.canvas.take_damage(), self.output());
        let mut news = std::mem::take(&mut self.news);
        let changed = !(damage.dirty.is_empty() && damage.moves.is_empty());
        if changed && news.presents == 0 {
            // The image is read at a later moment than the wait, and showed a present before it was announced.
            news = News { presents: 1, present_time: now, ..news };
            self.sequence += 1;
        }
        let previous = self.info.take().unwrap_or_default();
        let presented = news.presents > 0;
        self.info = Some(FrameInfo {
            present_time: if presented { news.present_time } else { previous.present_time },
            sequence: self.sequence,
            accumulated: news.presents,
            is_new: presented || news.pointer,
            damage,
            pointer: if self.cursor { self.source.pointer().clone() } else { Pointer::default() },
            protected: if presented { news.protected } else { previous.protected },
        });
        if self.outage.end(self.source.output(), now) {
            self.stats.recoveries += 1;
        }
        self.stats = self.stats();
        self.stats.frames += 1;
        self.stats.missed += news.presents.saturating_sub(1);
        self.returned_at = Some(now);
    }
}
