//! Frames at a constant rate, for video: slot `i` is due exactly `i / rate` after slot 0, without drift.

use std::time::Duration;

use crate::clock::Clock;
use crate::error::{Error, ErrorKind, Result};
use crate::frame::PixelFormat;
use crate::geometry::Rect;

use super::deadline::WaitBudget;
use super::frame::{Frame, Request, Target};
use super::interrupt::Interrupt;
use super::rate::Rate;
use super::session::Session;

/// A sequence of frames at a constant rate, for [`Handle::next_frame`](super::Handle::next_frame). Made by [`FixedRate::new`]; the setters
/// change its defaults.
#[derive(Clone, Debug)]
pub struct FixedRate {
    rate: Rate,
    region: Option<Rect>,
    format: PixelFormat,
    /// How long the first image may take.
    timeout: Duration,
    /// When slot 0 was; `None` before its frame.
    start: Option<Duration>,
    next: u64,
    lead: Lead,
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
            format: PixelFormat::Bgra,
            timeout: Duration::from_secs(5),
            start: None,
            next: 0,
            lead: Lead::default(),
            counts: SlotCounts::default(),
        }
    }

    /// Sets the part of the desktop that the frames show; `None` for the session's own region.
    #[must_use]
    pub fn region(self, region: impl Into<Option<Rect>>) -> Self {
        Self { region: region.into(), ..self }
    }

    /// Sets the format of the frames.
    #[must_use]
    pub fn format(self, format: PixelFormat) -> Self {
        Self { format, ..self }
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

    /// When the next slot is due; `None` before slot 0.
    fn due(&self) -> Option<Duration> {
        self.start.map(|start| start.saturating_add(self.rate.slot(self.next)))
    }

    /// Waits for the next slot and captures its frame, into a retained buffer if `retained`. Returns the slot's index, too.
    ///
    /// The capture begins as long before the slot as captures take, and the frame is returned when the slot is due.
    ///
    /// While the desktop is lost, the slot waits until it is regained; the slots that become due meanwhile are late.
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
        let target = || if retained { Target::Retained(self.format) } else { Target::Owned(self.format) };
        let Some(due) = self.due() else {
            let request = Request { region: self.region, timeout: self.timeout, new_frame_only: false };
            let frame = session.capture(&request, target(), interrupt)?.ok_or_else(|| {
                Error::new(ErrorKind::Timeout, format!("no first image within {} ms", self.timeout.as_millis()))
                    .with_hint(
                        "The desktop is not available, for example behind a lock screen: try again later or allow more time",
                    )
            })?;
            self.start = Some(clock.now());
            self.next = 1;
            return Ok((frame, 0));
        };
        let requested = clock.now();
        if requested > due {
            self.counts.late += 1;
        }
        let begin = due.saturating_sub(self.lead.0).max(requested);
        WaitBudget::new(clock, begin.saturating_sub(requested), interrupt).sleep_out()?;
        let request = Request { region: self.region, timeout: Duration::from_secs(1), new_frame_only: false };
        let frame = loop {
            if let Some(frame) = session.capture(&request, target(), interrupt)? {
                break frame;
            }
        };
        self.lead.adapt(clock.now().saturating_sub(begin));
        clock.sleep_until(due);
        self.counts.repeated += u64::from(!frame.info.is_new);
        self.counts.skipped += frame.info.accumulated.saturating_sub(1);
        let slot = self.next;
        self.next += 1;
        Ok((frame, slot))
    }
}
