//! The capture of one output: wait → recover → build.

use std::any::Any;
use std::fmt;
use std::sync::Arc;
use std::time::Duration;

use crate::clock::{Clock, EventCount};
use crate::color::{Color, ToneMapping};
use crate::error::{Error, ErrorKind, Result};
use crate::frame::{FrameInfo, Pointer};
use crate::frame_format::FrameSpec;
use crate::geometry::Rect;
use crate::parallel::Workers;
use crate::source::texture::check_format;
use crate::source::{self, Change, OpenOptions, Outcome, Output, Source, Waker};

use super::buffers::Buffer;
use super::deadline::WaitBudget;
use super::frame::{Frame, Request, Target};
use super::frame_builder::FrameBuilder;
use super::interrupt::Interrupt;
use super::opening::persist;
use super::recovery::Recovery;
use super::regions::Regions;
use super::stats::SessionStats;

/// The capture of one output, for one caller. [`Handle`](super::Handle) shares a session between threads.
pub struct Session {
    source: Box<dyn Source>,
    waker: Option<Waker>,
    clock: Arc<dyn Clock>,
    cursor: bool,
    /// The output as it is now.
    output: Arc<Output>,
    /// The region that was set, `None` for the whole output.
    wanted: Option<Rect>,
    /// The part of it that is on the output as it is now; `None` if nothing is.
    region: Option<Rect>,
    builder: FrameBuilder,
    unreported: Unreported,
    last: Option<LastFrame>,
    recovery: Recovery,
    sequence: u64,
    stats: SessionStats,
    /// The regions of a frame that shows several, if they were set.
    listed: Option<Arc<[Rect]>>,
    /// Whether the display is kept on.
    awake: bool,
    /// Whether the region of the last request had to be cut.
    request_clamped: bool,
}

/// What happens to a requested region that the output has outgrown.
#[derive(Clone, Copy, PartialEq, Eq)]
enum RegionRule {
    /// The call fails.
    Exact,
    /// It is cut, as the session's own region, and whole again when it fits.
    Clamp,
}

impl fmt::Debug for Session {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { output, region, cursor, stats, .. } = self;
        f.debug_struct("Session")
            .field("output", output)
            .field("region", region)
            .field("cursor", cursor)
            .field("stats", stats)
            .finish_non_exhaustive()
    }
}

/// What happened since the last returned frame.
#[derive(Default)]
struct Unreported {
    presents: u64,
    present_time: Duration,
    pointer: bool,
    protected: bool,
    next: Next,
}

/// What the next frame needs before it can be built.
#[derive(Clone, Copy, Default, PartialEq, Eq)]
enum Next {
    /// A change.
    #[default]
    Change,
    /// Nothing: its building was begun, and no caller got it yet. The source may already count it as delivered.
    Begun,
    /// A report of the regained desktop: what is unreported was presented before a loss.
    Desktop,
}

/// What the next frame needs of the last one.
struct LastFrame {
    /// When it was returned.
    at: Duration,
    present_time: Duration,
    protected: bool,
}

impl Session {
    /// Opens an output. Refusals that pass by themselves are waited out for as long as `options` say.
    ///
    /// # Errors
    /// `InvalidArgument` if there is no such output, `Duplication` if the system refuses, the interrupt's.
    pub fn open(options: &OpenOptions, interrupt: &mut dyn Interrupt) -> Result<Self> {
        let source = persist(&*options.clock, options.timeout, interrupt, |check| source::open(options, check))?;
        let mut session = Self::over(source, Arc::clone(&options.clock), options.watch_pointer);
        session.set_tone_mapping(options.tone_mapping);
        session.builder.set_workers(options.threads.map_or_else(Workers::default, Workers::new));
        Ok(session)
    }

    /// A session over a source that is open already. With `cursor` the pointer is part of every frame, and a change of it makes a new
    /// frame.
    pub fn over(source: Box<dyn Source>, clock: Arc<dyn Clock>, cursor: bool) -> Self {
        let output = Arc::new(source.output().clone());
        Self {
            region: Some(output.size.rect()),
            waker: source.waker(),
            source,
            clock,
            cursor,
            output,
            wanted: None,
            builder: FrameBuilder::default(),
            unreported: Unreported::default(),
            last: None,
            recovery: Recovery::default(),
            sequence: 0,
            stats: SessionStats::default(),
            listed: None,
            awake: false,
            request_clamped: false,
        }
    }

    /// Sets the region that frames show unless a request says otherwise; `None` for the whole output.
    ///
    /// # Errors
    /// `InvalidArgument` naming the bounds if the region is not inside the output.
    pub fn set_region(&mut self, region: Option<Rect>) -> Result<()> {
        let whole = self.output.size.rect();
        self.region = Some(self.checked_region(Some(region.unwrap_or(whole)))?);
        self.wanted = region;
        Ok(())
    }

    /// Sets several regions, which every frame shows one after the other unless a request has a region of its own; `None` for one region.
    ///
    /// # Errors
    /// `InvalidArgument` if there are none, or if one is not inside the output; it names the bounds.
    pub fn set_regions(&mut self, regions: Option<&[Rect]>) -> Result<()> {
        let regions = regions.unwrap_or_default();
        self.listed = None;
        for region in regions {
            self.checked_region(Some(*region))?;
        }
        self.listed = (!regions.is_empty()).then(|| regions.into());
        Ok(())
    }

    /// The output as it is now.
    pub fn output(&self) -> &Arc<Output> {
        &self.output
    }

    /// The session's region as it is now; empty if a changed output left nothing of it.
    pub fn region(&self) -> Rect {
        self.region.unwrap_or_default()
    }

    /// The colour of the output as it is now. Where the system does not report the level of SDR white, it is the one that is assumed.
    pub fn color(&self) -> Color {
        let color = self.source.color();
        Color { sdr_white_nits: color.white(), ..color }
    }

    /// Sets how 8-bit frames of an HDR desktop show what is brighter than SDR white.
    pub fn set_tone_mapping(&mut self, mapping: ToneMapping) {
        self.builder.set_tone_mapping(mapping);
    }

    /// The name of the backend, if it is another one than was chosen.
    pub(super) fn other_backend(&self) -> Option<&'static str> {
        self.source.other_backend()
    }

    /// A waker that makes a wait in another thread check its interrupt at once; `None` if the source has none.
    pub fn waker(&self) -> Option<Waker> {
        self.waker.clone()
    }

    /// The [`ErrorKind::Timeout`] of a call that got no image within `timeout`, where the caller wants an error. It says why.
    pub fn timed_out(&self, what: &str, timeout: Duration) -> Error {
        self.recovery.timed_out(what, timeout)
    }

    /// What was counted so far.
    pub fn stats(&self) -> SessionStats {
        let lost = self.recovery.lost().map(|error| error.to_string().into());
        let region_clamped = self.stats.region_clamped || self.request_clamped;
        let bytes_copied = self.builder.bytes();
        let (threads, source) = (self.builder.workers().threads(), self.source.stats());
        let fallback = self.fallback();
        SessionStats { lost, bytes_copied, region_clamped, threads, source, fallback, ..self.stats.clone() }
    }

    /// Makes ready what the first BGRA frame of the session's region needs: memory, threads, and the way of the pixels from the graphics
    /// device. Otherwise that frame takes up to 30 ms longer.
    pub fn warm_up(&mut self) {
        // Whatever fails here fails again when a frame is asked for, and is reported then.
        if let Ok(region) = self.checked_region(None) {
            self.builder.warm_up(&mut *self.source, region);
        }
    }

    /// See [`Source::prioritise_thread`].
    pub(super) fn prioritise_thread(&mut self) -> Option<Box<dyn Any>> {
        self.source.prioritise_thread()
    }

    /// Why the source works in a slower way than it could; the text is allocated once, not per frame.
    fn fallback(&self) -> Option<Arc<str>> {
        let reason =
            self.source.fallback().or_else(|| self.builder.workers().refused()).or_else(|| self.assumed_white());
        match (reason, &self.stats.fallback) {
            (Some(now), Some(known)) if now == &**known => Some(Arc::clone(known)),
            (now, _) => now.map(Arc::from),
        }
    }

    /// Why the level of SDR white is assumed; `None` if the system reports it.
    fn assumed_white(&self) -> Option<&'static str> {
        let color = self.source.color();
        (color.hdr && !color.reports_white())
            .then_some("the system does not report the level of SDR white: 200 nits are assumed")
    }

    /// `region` if it is inside the output, or the session's own.
    ///
    /// # Errors
    /// `InvalidArgument` naming the bounds; `Capture` if nothing is left of the session's own region.
    pub fn checked_region(&self, region: Option<Rect>) -> Result<Rect> {
        let whole = self.output.size.rect();
        match region {
            Some(r) if r.is_empty() => Err(Error::invalid(format!(
                "region {r} is empty: left must be less than right and top less than bottom, inside {whole}"
            ))),
            Some(r) if !whole.contains(r) => Err(self.output.not_inside(r, Some(r))),
            Some(r) => Ok(r),
            None => self.region.ok_or_else(|| nothing_left(self.wanted.unwrap_or_default(), &self.output)),
        }
    }

    /// The next frame, or `None` if there was no new image in time. `interrupt` is checked between waits and ends the call by failing.
    ///
    /// # Errors
    /// `InvalidArgument` for a region outside the output; the interrupt's error; `AccessLost` or `Device` for a lasting loss from which
    /// the session did not recover in time; `Capture` for a shared texture if the source has no GPU path or too many are held; any other
    /// error of the source.
    pub fn grab(
        &mut self,
        request: &Request,
        target: Target<'_>,
        interrupt: &mut dyn Interrupt,
    ) -> Result<Option<Frame>> {
        self.checked_region(request.region)?;
        self.capture(request, RegionRule::Exact, target, interrupt)
    }

    /// [`Session::grab`] for a region that was inside the output when a stream or a sequence of frames began: it follows the output as the
    /// session's own region does.
    ///
    /// # Errors
    /// Those of [`Session::grab`], but `Capture` if nothing is left of the region.
    pub(super) fn grab_clamped(
        &mut self,
        request: &Request,
        target: Target<'_>,
        interrupt: &mut dyn Interrupt,
    ) -> Result<Option<Frame>> {
        self.capture(request, RegionRule::Clamp, target, interrupt)
    }

    fn capture(
        &mut self,
        request: &Request,
        rule: RegionRule,
        mut target: Target<'_>,
        interrupt: &mut dyn Interrupt,
    ) -> Result<Option<Frame>> {
        if let Target::Shared { format, .. } = target {
            check_format(format)?;
            self.source.can_share()?;
        }
        let clock = Arc::clone(&self.clock);
        // A waker alone does not suffice: a signal must end a long wait, too.
        let wakeable = self.waker.is_some() && EventCount::SIGNALS_END_WAITS;
        let mut budget = WaitBudget::new(&*clock, request.timeout, interrupt).with_long_waits_if(wakeable);
        while self.wait(request, &mut budget)? {
            let cursor = self.cursor && !self.source.pointer_in_image();
            let regions = self.regions_now(request.region, rule, &target.spec())?;
            self.unreported.next = Next::Begun;
            budget.begin_read();
            match self.builder.build(&mut *self.source, &mut target, (&regions, cursor), &mut budget) {
                Ok(Outcome::Done(pixels) | Outcome::Overtaken(pixels)) => {
                    return Ok(Some(Frame { pixels, info: self.describe_frame(budget.now()) }));
                }
                Ok(Outcome::Pending | Outcome::Unsupported) => {
                    return self.recovery.outcome_at_deadline().map(|()| None)
                }
                Err(error) => self.lose(error)?,
            }
        }
        Ok(None)
    }

    /// Waits until a frame is due, and recovers from every loss meanwhile. `false` if the deadline came first.
    fn wait(&mut self, request: &Request, budget: &mut WaitBudget<'_>) -> Result<bool> {
        loop {
            if self.recovery.lost().is_some() {
                if self.recovery.attempt(&mut *self.source, budget)? {
                    self.follow_output();
                    continue;
                }
            } else {
                // What was begun may be old by now: the source looks for a newer image first.
                let may_wait = match self.unreported.next {
                    Next::Begun => false,
                    Next::Change => request.new_frame_only || self.last.is_none(),
                    Next::Desktop => true,
                };
                let until = if self.is_due(budget.now()) || !may_wait { Duration::ZERO } else { self.pointer_due() };
                let slice = budget.slice(until)?;
                if !slice.is_zero() {
                    self.builder.prepare(&mut *self.source);
                }
                match self.source.wait(slice) {
                    Ok(change) => {
                        if change.interrupted {
                            budget.interrupted();
                        }
                        self.notice(change);
                    }
                    Err(error) => self.lose(error)?,
                }
                if self.recovery.lost().is_none() && (self.is_due(budget.now()) || !may_wait) {
                    return Ok(true);
                }
            }
            if budget.is_over() {
                return self.recovery.outcome_at_deadline().map(|()| false);
            }
        }
    }

    fn notice(&mut self, change: Change) {
        if change.presents > 0 {
            self.sequence += change.presents;
            self.unreported.presents += change.presents;
            self.unreported.present_time = change.present_time;
            self.unreported.protected = change.protected;
            if self.unreported.next == Next::Desktop {
                self.unreported.next = Next::Change;
            }
        } else if change.pointer {
            self.stats.pointer_wakeups += 1;
        }
        self.unreported.pointer |= change.pointer && self.cursor;
    }

    /// Whether a frame is due: after every present, and after changes of the pointer at most once per refresh interval.
    fn is_due(&self, now: Duration) -> bool {
        let Unreported { presents, pointer, next, .. } = self.unreported;
        presents > 0 && next != Next::Desktop || pointer && now >= self.pointer_due()
    }

    /// When a frame for a change of the pointer alone is due; `Duration::MAX` without such a change, or without a desktop below it.
    fn pointer_due(&self) -> Duration {
        match &self.last {
            _ if self.unreported.next == Next::Desktop => Duration::MAX,
            Some(last) if self.unreported.pointer => last.at + self.output.refresh_interval(),
            _ if self.unreported.pointer => Duration::ZERO,
            _ => Duration::MAX,
        }
    }

    /// Begins recovery if `error` is a loss; returns every other error.
    fn lose(&mut self, error: Error) -> Result<()> {
        if error.loss().is_none() {
            return Err(error);
        }
        self.recovery.begin(error, &self.output, self.clock.now());
        self.builder.reset();
        self.unreported.next = Next::Desktop;
        Ok(())
    }

    /// Keeps the display on, or no longer.
    pub(super) fn keep_awake(&mut self, on: bool) {
        if std::mem::replace(&mut self.awake, on) != on {
            self.source.keep_awake(on);
        }
    }

    /// Since when it is known that the desktop is lost for a reason that does not pass by itself, if it is, or no frame came since it was
    /// regained.
    pub(super) fn lasting_since(&self) -> Option<Duration> {
        self.recovery.lasting_since()
    }

    /// Memory of `len` bytes that belongs to no frame.
    ///
    /// # Errors
    /// `OutOfMemory`.
    pub(super) fn spare_buffer(&mut self, len: usize) -> Result<Buffer> {
        self.builder.spare_buffer(len)
    }

    /// Fits the region to the output as it was regained.
    fn follow_output(&mut self) {
        self.output = Arc::new(self.source.output().clone());
        let whole = self.output.size.rect();
        self.region = self.wanted.map_or(Some(whole), |wanted| wanted.intersection(whole));
        self.stats.region_clamped = self.wanted.is_some_and(|wanted| self.region != Some(wanted));
    }

    /// The region of this request on the output as it is after the wait, which may have changed its size.
    fn region_now(&mut self, region: Option<Rect>, rule: RegionRule, spec: &FrameSpec) -> Result<Rect> {
        let whole = self.output.size.rect();
        self.request_clamped = false;
        match region {
            _ if rule == RegionRule::Clamp => {
                let wanted = region.map_or_else(|| self.checked_region(None), Ok)?;
                let left = wanted.intersection(whole).map(|left| spec.fitting(left)).filter(|left| !left.is_empty());
                let left = left.ok_or_else(|| nothing_left(region.or(self.wanted).unwrap_or(wanted), &self.output))?;
                self.request_clamped = left != wanted;
                Ok(left)
            }
            region => self.checked_region(region).map_err(|error| match error.kind() {
                ErrorKind::InvalidArgument => Error::new(
                    ErrorKind::Capture,
                    format!("the {} has changed: {}", self.output.kind(), error.message()),
                ),
                _ => error,
            }),
        }
    }

    /// The regions of this request on the output as it is after the wait.
    fn regions_now(&mut self, region: Option<Rect>, rule: RegionRule, spec: &FrameSpec) -> Result<Regions> {
        let Some(listed) = self.listed.clone().filter(|_| region.is_none()) else {
            return self.region_now(region, rule, spec).map(Regions::One);
        };
        let whole = self.output.size.rect();
        let inside = listed.iter().all(|region| whole.contains(*region));
        self.request_clamped = !inside;
        if inside {
            return Ok(Regions::Each(listed));
        }
        let clamped =
            listed.iter().map(|region| region.intersection(whole).ok_or_else(|| nothing_left(*region, &self.output)));
        Ok(Regions::Each(clamped.collect::<Result<_>>()?))
    }

    /// Takes back a captured frame that no caller got: its presents and its damage are reported with the next one.
    pub(super) fn take_back(&mut self, info: &FrameInfo) {
        self.unreported.presents += info.accumulated;
        self.unreported.present_time = info.present_time;
        self.unreported.protected = info.protected;
        self.unreported.next = Next::Begun;
        let Output { image_rotation, size, .. } = *self.output;
        let damage = info.damage.clone().to_texture(image_rotation, size);
        // The frame may have been captured before a mode change.
        self.builder.restore_damage(damage.sane(self.output.texture_size().rect()));
    }

    /// Describes the frame that goes to the caller, and begins a new interval.
    fn describe_frame(&mut self, now: Duration) -> FrameInfo {
        let output = &self.output;
        let damage = self.builder.take_damage().to_desktop(output.image_rotation, output.size);
        let mut unreported = std::mem::take(&mut self.unreported);
        if !damage.is_empty() && unreported.presents == 0 {
            // The image was read later than the wait ended, and shows a present that no wait has reported yet.
            unreported = Unreported { presents: 1, present_time: now, ..unreported };
            self.sequence += 1;
        }
        let presented = unreported.presents > 0;
        let (present_time, protected) = match &self.last {
            Some(last) if !presented => (last.present_time, last.protected),
            _ => (unreported.present_time, unreported.protected),
        };
        self.last = Some(LastFrame { at: now, present_time, protected });
        if self.recovery.end(output, now) {
            self.stats.recoveries += 1;
        }
        self.stats.fallback = self.fallback();
        FrameInfo {
            present_time,
            sequence: self.sequence,
            accumulated: unreported.presents,
            is_new: presented || unreported.pointer,
            damage,
            pointer: if self.cursor { self.source.pointer().clone() } else { Pointer::default() },
            protected,
        }
    }
}

fn nothing_left(region: Rect, output: &Output) -> Error {
    let (kind, size) = (output.kind(), output.size);
    let message = format!("nothing is left of region {region} since the {kind} became {size}");
    Error::new(ErrorKind::Capture, message)
        .with_hint(format!("Create a new Capturer with a region inside the {kind}, or pass region= to the call"))
}
