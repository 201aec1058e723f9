//! Frames at a constant rate, for video: slot `i` is due exactly `i / rate` after slot 0, without drift.

use std::time::Duration;

use crate::clock::Clock;
use crate::error::Result;
use crate::frame::{FrameInfo, PixelFormat};
use crate::frame_format::FrameSpec;
use crate::geometry::Rect;

use super::deadline::WaitBudget;
use super::frame::{Frame, Request, Target};
use super::interrupt::Interrupt;
use super::last_image::LastImage;
use super::loss_limit::LossLimit;
use super::rate::Rate;
use super::session::Session;

/// A sequence of frames at a constant rate, for [`Handle::next_frame`](super::Handle::next_frame). Made by [`FixedRate::new`]; the setters
/// change its defaults.
///
/// | the slot is asked for | it shows |
/// |---|---|
/// | before it is due | the image as of the moment it is due |
/// | after it was due | the image that was current then: the last one that was captured before. Catching up costs no captures |
/// | while the desktop is lost | waits until it is regained; then it and the slots that passed meanwhile show the image from before |
///
/// A consumer that is slower than the rate falls further behind with every slot. Then an image is captured now and then, and shown by the
/// slot of its time.
#[derive(Debug)]
pub struct FixedRate {
    rate: Rate,
    region: Option<Rect>,
    spec: FrameSpec,
    /// How long the first image may take.
    timeout: Duration,
    /// When slot 0 was; `None` before its frame.
    start: Option<Duration>,
    next: u64,
    lead: Lead,
    limit: LossLimit,
    keep_awake: bool,
    last: Option<LastImage>,
    /// A frame that is newer than the slots asked for so far, and the part of the desktop that it shows.
    ahead: Option<(Frame, Rect)>,
    /// By how much the last slot was late.
    lateness: Duration,
    counts: SlotCounts,
}

/// How long before a slot its capture begins, so that the frame is ready when the slot is due. Adapted to the captures before: at once to
/// a slower one, gradually to a faster one.
#[derive(Clone, Copy, Debug, Default)]
struct Lead(Duration);

impl Lead {
    /// The longest lead. A capture that takes longer makes its slot late; a longer lead would make its image old.
    const LIMIT: Duration = Duration::from_millis(10);

    fn adapt(&mut self, took: Duration) {
        let took = took.min(Self::LIMIT);
        let faster = self.0.saturating_sub(took);
        self.0 = took.max(self.0.saturating_sub(faster / 8));
    }
}

/// What happened to the slots so far.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
#[non_exhaustive]
pub struct SlotCounts {
    /// Slots that were requested only after they were due.
    pub late: u64,
    /// Slots that show the same image as the slot before, because there was no newer one.
    pub repeated: u64,
    /// Presents that no slot shows, because a newer one came before the slot was due.
    pub skipped: u64,
}

impl FixedRate {
    /// BGRA frames of the session's own region at `rate`, the first of them within five seconds.
    pub fn new(rate: Rate) -> Self {
        Self {
            rate,
            region: None,
            spec: PixelFormat::Bgra.into(),
            timeout: Duration::from_secs(5),
            start: None,
            next: 0,
            lead: Lead::default(),
            limit: LossLimit::default(),
            keep_awake: false,
            last: None,
            ahead: None,
            lateness: Duration::ZERO,
            counts: SlotCounts::default(),
        }
    }

    /// Sets the part of the desktop that the frames show; `None` for the session's own region.
    #[must_use]
    pub fn region(self, region: impl Into<Option<Rect>>) -> Self {
        Self { region: region.into(), ..self }
    }

    /// Sets what the frames are like: their pixel format, or more.
    #[must_use]
    pub fn format(self, spec: impl Into<FrameSpec>) -> Self {
        Self { spec: spec.into(), ..self }
    }

    /// Sets how long a lasting loss may take after the first image before it is an error.
    #[must_use]
    pub fn patience(self, patience: Duration) -> Self {
        Self { limit: LossLimit(patience), ..self }
    }

    /// Sets whether the display is kept on from the first image until [`Handle::end_frames`](super::Handle::end_frames), where the system
    /// can do that.
    #[must_use]
    pub fn keep_awake(self, keep_awake: bool) -> Self {
        Self { keep_awake, ..self }
    }

    /// Sets how long the first image may take.
    #[must_use]
    pub fn timeout(self, timeout: Duration) -> Self {
        Self { timeout, ..self }
    }

    /// What happened to the slots so far.
    pub fn counts(&self) -> SlotCounts {
        self.counts
    }

    /// What is known about the frame that is newer than the slots asked for so far, if there is one.
    pub(super) fn ahead(&self) -> Option<&FrameInfo> {
        self.ahead.as_ref().map(|(frame, _)| &frame.info)
    }

    /// Waits for the next slot and returns its frame, in a retained buffer if `retained`, and its index.
    ///
    /// # Errors
    /// `Timeout` if the first image does not come in time; otherwise those of [`Session::grab`].
    pub(super) fn advance(
        &mut self,
        session: &mut Session,
        clock: &dyn Clock,
        retained: bool,
        interrupt: &mut dyn Interrupt,
    ) -> Result<(Frame, u64)> {
        let Some(start) = self.start else {
            session.keep_awake(self.keep_awake);
            let frame = self.first(session, retained, interrupt)?;
            self.start = Some(clock.now());
            self.next = 1;
            return Ok((frame, 0));
        };
        let due = start.saturating_add(self.rate.slot(self.next));
        let requested = clock.now();
        let frame = if requested <= due {
            self.lateness = Duration::ZERO;
            self.on_time(session, clock, retained, (requested, due), interrupt)?
        } else {
            self.counts.late += 1;
            self.overdue(session, retained, (requested, due), interrupt)?
        };
        self.counts.repeated += u64::from(!frame.info.is_new);
        self.counts.skipped += frame.info.accumulated.saturating_sub(1);
        let slot = self.next;
        self.next += 1;
        Ok((frame, slot))
    }

    fn first(&mut self, session: &mut Session, retained: bool, interrupt: &mut dyn Interrupt) -> Result<Frame> {
        let request = Request { region: self.region, timeout: self.timeout, new_frame_only: false };
        let Some(frame) = session.grab_clamped(&request, self.target(retained), interrupt)? else {
            return Err(session.timed_out("no first image", self.timeout));
        };
        let shown = self.shown(session);
        self.remember(&frame, retained, shown, session)?;
        Ok(frame)
    }

    /// The frame of a slot that is due later. Its capture begins as long before as captures take, and it is returned when it is due.
    fn on_time(
        &mut self,
        session: &mut Session,
        clock: &dyn Clock,
        retained: bool,
        (asked, due): (Duration, Duration),
        interrupt: &mut dyn Interrupt,
    ) -> Result<Frame> {
        let begin = due.saturating_sub(self.lead.0).max(asked);
        WaitBudget::new(clock, begin.saturating_sub(asked), interrupt).sleep_out()?;
        let mut frame = self.current(session, clock, retained, interrupt)?;
        let shown = self.shown(session);
        if let Some((ahead, _)) = self.ahead.take() {
            frame.supersede(&ahead);
        }
        // If the desktop was away meanwhile, the image is that of a later slot.
        if clock.now() > due.saturating_add(self.rate.slot(1)) && frame.info.present_time > due {
            self.ahead = Some((frame, shown));
            return self.repeat(session, retained);
        }
        self.remember(&frame, retained, shown, session)?;
        self.lead.adapt(clock.now().saturating_sub(begin));
        clock.sleep_until(due);
        Ok(frame)
    }

    /// The frame of a slot that was due before: the image that was current then.
    fn overdue(
        &mut self,
        session: &mut Session,
        retained: bool,
        (asked, due): (Duration, Duration),
        interrupt: &mut dyn Interrupt,
    ) -> Result<Frame> {
        let lateness = asked.saturating_sub(due);
        let falls_behind = !self.lateness.is_zero() && lateness > self.lateness;
        self.lateness = lateness;
        let current = self.ahead.take_if(|(ahead, _)| ahead.info.present_time <= due);
        if falls_behind && self.ahead.is_none() {
            let request = Request { region: self.region, timeout: Duration::ZERO, new_frame_only: true };
            match session.grab_clamped(&request, self.target(retained), interrupt) {
                Ok(ahead) => self.ahead = ahead.map(|frame| (frame, self.shown(session))),
                // The slot that needs an image waits for the desktop.
                Err(error) if error.loss().is_some() => {}
                Err(error) => return Err(error),
            }
        }
        match current {
            Some((frame, shown)) => {
                self.remember(&frame, retained, shown, session)?;
                Ok(frame)
            }
            None => self.repeat(session, retained),
        }
    }

    /// The image as it is now, waiting for as long as the desktop is away and the loss is tolerated.
    fn current(
        &self,
        session: &mut Session,
        clock: &dyn Clock,
        retained: bool,
        interrupt: &mut dyn Interrupt,
    ) -> Result<Frame> {
        let timeout = self.limit.call(Duration::from_secs(1));
        let request = Request { region: self.region, timeout, new_frame_only: false };
        loop {
            match session.grab_clamped(&request, self.target(retained), interrupt) {
                Ok(Some(frame)) => return Ok(frame),
                Ok(None) => {}
                Err(error) => self.limit.tolerate(error, session, clock.now())?,
            }
        }
    }

    /// Remembers `frame`, which shows `region`, for slots that have to show it again.
    fn remember(&mut self, frame: &Frame, retained: bool, region: Rect, session: &mut Session) -> Result<()> {
        match frame.image() {
            Some(image) if retained => self.last = Some(LastImage::shared(image, frame.info.clone(), region)),
            Some(image) => LastImage::copy(&mut self.last, image, &frame.info, region, session)?,
            None => {}
        }
        Ok(())
    }

    /// The last image once more.
    fn repeat(&self, session: &mut Session, retained: bool) -> Result<Frame> {
        let last = self.last.as_ref().expect("slot 0 has shown an image");
        last.repeat(retained, session)
    }

    fn target(&self, retained: bool) -> Target<'static> {
        if retained {
            Target::Retained(self.spec)
        } else {
            Target::Owned(self.spec)
        }
    }

    /// The part of the desktop that frames show now.
    fn shown(&self, session: &Session) -> Rect {
        let whole = session.output().size.rect();
        self.region.map_or(session.region(), |region| region.intersection(whole).unwrap_or_default())
    }
}
