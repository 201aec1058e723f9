//! The scripted desktop of this process while the laboratory runs.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::sync::{Arc, Mutex, PoisonError, RwLock};
use std::time::Duration;

use rustcam::source::sim::{Failing, Gap, Script, Why, World};
use windows_core::HRESULT;

use crate::counters::{count, Counting};
use crate::device::Device;
use crate::faults::{Call, Fault, Faults};
use crate::lock;
use crate::pixels::Converter;
use crate::pool::Slot;
use crate::qpc::Clock;
use crate::settings::{Format, Settings};
use crate::shared::Memories;

/// Everything that hooks and duplications share.
pub(crate) struct Stage {
    /// Tells the marks of one run from those of an earlier one.
    pub(crate) run: u64,
    pub(crate) script: Script,
    pub(crate) settings: Settings,
    /// One per output.
    pub(crate) worlds: Vec<World>,
    pub(crate) clock: Clock,
    pub(crate) counting: Counting,
    pub(crate) faults: Mutex<Faults>,
    /// Outputs that are duplicated now.
    pub(crate) live: Mutex<BTreeSet<usize>>,
    /// Outputs that have been duplicated before.
    pub(crate) known: Mutex<BTreeSet<usize>>,
    pub(crate) devices: Mutex<BTreeMap<u64, Arc<Device>>>,
    /// The textures of all duplications, by address.
    pub(crate) slots: Mutex<BTreeMap<usize, Arc<Slot>>>,
    /// What textures share, by number.
    pub(crate) memories: Mutex<Memories>,
    numbers: AtomicU64,
    over: AtomicBool,
}

static CURRENT: RwLock<Option<Arc<Stage>>> = RwLock::new(None);
static RUNS: AtomicU64 = AtomicU64::new(1);

/// The stage of the running laboratory.
pub(crate) fn current() -> Option<Arc<Stage>> {
    CURRENT.read().unwrap_or_else(PoisonError::into_inner).clone()
}

/// Makes `stage` the running one; the one before is over.
pub(crate) fn set_current(stage: Option<Arc<Stage>>) {
    let before = std::mem::replace(&mut *CURRENT.write().unwrap_or_else(PoisonError::into_inner), stage);
    if let Some(before) = before {
        before.over.store(true, Ordering::Release);
    }
}

impl Stage {
    pub(crate) fn new(text: &str) -> Result<Self, String> {
        let (settings, rest) = Settings::split(text)?;
        let script = Script::parse(&rest).map_err(|error| error.to_string())?;
        let mut faults = settings.faults.clone();
        faults.extend(script.failures().map(|failure| {
            let call = match failure.call {
                Failing::Wait => Call::AcquireNextFrame,
                Failing::Damage => Call::GetFrameDirtyRects,
                Failing::Read => Call::Map,
                Failing::Rebuild => Call::Duplicate,
            };
            Fault::scripted(call, failure.at, failure.times, failure.code)
        }));
        Ok(Self {
            run: RUNS.fetch_add(1, Ordering::Relaxed),
            worlds: (0..script.outputs()).map(|output| World::new(&script, output)).collect(),
            clock: Clock::start(script.wants_virtual_clock()),
            settings,
            script,
            counting: Counting::default(),
            faults: Mutex::new(Faults(faults)),
            live: Mutex::default(),
            known: Mutex::default(),
            devices: Mutex::default(),
            slots: Mutex::default(),
            memories: Mutex::default(),
            numbers: AtomicU64::new(1),
            over: AtomicBool::new(false),
        })
    }

    pub(crate) fn now(&self) -> Duration {
        self.clock.now()
    }

    /// Lets time pass until `moment`.
    pub(crate) fn sleep_until(&self, moment: Duration) {
        while let Some(left) = moment.checked_sub(self.now()).filter(|left| !left.is_zero()) {
            self.clock.sleep(Some(left));
        }
    }

    /// Whether the laboratory was stopped or restarted.
    pub(crate) fn over(&self) -> bool {
        self.over.load(Ordering::Acquire)
    }

    /// A number that nobody else of this stage has.
    pub(crate) fn number(&self) -> u64 {
        self.numbers.fetch_add(1, Ordering::Relaxed)
    }

    /// What a perfect capturer that takes BGRA gets of `frame` of an output at `at`: opaque, rows without padding. A desktop of another
    /// format is converted as the system does it.
    pub(crate) fn image(&self, output: usize, frame: u64, at: Duration) -> Vec<u8> {
        let image = self.worlds[output].image(frame);
        let bgra = Format::Bgra.dxgi();
        let converter = Converter::new(self.settings.format_at(at), bgra, self.settings.white);
        if converter.idle() {
            return image;
        }
        let mut converted = Vec::with_capacity(image.len());
        converter.convert(&image, &mut converted);
        converted
    }

    /// Counts a call and says with which code it fails, if somebody wants that.
    pub(crate) fn inject(&self, call: Call) -> Option<HRESULT> {
        let code = lock(&self.faults).take(call, self.now())?;
        count(&self.counting.injected);
        Some(HRESULT(code as i32))
    }

    /// The loss that lasts at `now`.
    pub(crate) fn lasting_gap(&self, now: Duration) -> Option<Gap> {
        self.worlds[0].gaps().find(|gap| gap.at <= now && gap.until.is_none_or(|until| until > now))
    }

    /// Whether something that was there at `born` was lost until `now`, for one of the reasons that `relevant` accepts.
    pub(crate) fn lost_since(&self, born: Duration, now: Duration, relevant: impl Fn(Why) -> bool) -> bool {
        self.worlds[0].gaps().any(|gap| gap.at > born && gap.at <= now && relevant(gap.why))
    }

    /// Whether the format of the desktop changed between `born` and `now`.
    pub(crate) fn format_changed(&self, born: Duration, now: Duration) -> bool {
        self.settings.formats.iter().any(|(at, _)| *at > born && *at <= now)
    }

    /// Number of the desktop's state as a factory sees it: it grows with every change that makes factories out of date.
    pub(crate) fn generation(&self, now: Duration) -> u64 {
        let gaps = self.worlds[0].gaps().filter(|gap| matches!(gap.why, Why::Unplugged | Why::Mode));
        let moments = gaps.flat_map(|gap| [Some(gap.at), gap.until.filter(|_| gap.why == Why::Unplugged)]).flatten();
        let formats = self.settings.formats.iter().skip(1).map(|(at, _)| *at);
        moments.chain(formats).filter(|at| *at <= now).count() as u64
    }

    /// Whether an output found in generation `found` is of no use any more at `now`.
    pub(crate) fn stale(&self, found: u64, now: Duration) -> bool {
        if self.settings.strict_stale {
            return found < self.generation(now);
        }
        let last_unplugged = self.worlds[0].gaps().filter(|gap| gap.why == Why::Unplugged && gap.at <= now).last();
        last_unplugged.is_some_and(|gap| found < self.generation(gap.until.unwrap_or(gap.at).min(now)))
    }
}
