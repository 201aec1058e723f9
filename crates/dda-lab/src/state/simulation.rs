//! The simulation: the scripted desktop of this process while the lab runs, and what the program has made of it.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::sync::{Arc, Mutex, OnceLock, PoisonError, RwLock};
use std::time::Duration;

use rustcam::color::{Color, TextureFormat};
use rustcam::source::sim::{Failing, Gap, Script, Why, World};
use windows::Win32::Graphics::Direct3D11::{ID3D11Device, ID3D11DeviceContext};
use windows::Win32::Graphics::Dxgi::DXGI_ERROR_DEVICE_REMOVED;
use windows_core::{Result, HRESULT};

use crate::clock::Clock;
use crate::com::tag::Tag;
use crate::counters::{count, AtomicCounters, Counters};
use crate::mutex::lock;
use crate::pixels::convert::Converter;
use crate::script::call::Call;
use crate::script::fault::{Fault, Faults};
use crate::script::format::Format;
use crate::script::settings::{Settings, Stale};
use crate::state::completions::Completions;
use crate::state::device::Device;
use crate::state::lifetime;
use crate::state::presenters::Presenters;
use crate::state::schedule::CopyTime;
use crate::state::surface::SharedSurface;
use crate::state::texture::TextureRecord;
use crate::timer;

/// How long the compositor takes from a change of a window to its present.
const COMPOSITION: Duration = Duration::from_millis(8);

/// Everything that the hooks and the COM objects share.
pub(crate) struct Simulation {
    /// Number of this run, for tags.
    pub(crate) run: u64,
    pub(crate) script: Script,
    pub(crate) settings: Settings,
    /// One per output.
    pub(crate) worlds: Vec<World>,
    pub(crate) clock: Clock,
    pub(crate) counters: Arc<AtomicCounters>,
    pub(crate) faults: Mutex<Faults>,
    /// Outputs that have a duplication.
    pub(crate) duplicated: Mutex<BTreeSet<usize>>,
    /// Outputs that have, or once had, a duplication.
    pub(crate) ever_duplicated: Mutex<BTreeSet<usize>>,
    /// The devices for which duplications were requested, by the number of their tag.
    devices: Mutex<BTreeMap<u64, Arc<Device>>>,
    /// The textures of all duplications, by address.
    pub(crate) textures: Mutex<BTreeMap<usize, Arc<TextureRecord>>>,
    /// The surfaces that textures share, by number.
    pub(crate) surfaces: Mutex<BTreeMap<u64, Arc<SharedSurface>>>,
    /// Events that are to be set in virtual time.
    pub(crate) completions: Completions,
    /// Captures, which present frames in virtual time.
    pub(crate) presenters: Presenters,
    /// Windows for which an item was asked.
    asked_windows: Mutex<BTreeSet<usize>>,
    /// When the first duplication was requested.
    first_request: OnceLock<Duration>,
    /// When the compositor answers the last change of a window.
    nudge: Mutex<Option<Duration>>,
    numbers: AtomicU64,
    /// Whether a poll that finds nothing takes virtual time, because the program waits in real time.
    pub(crate) polls_take_time: AtomicBool,
    over: AtomicBool,
}

static CURRENT: RwLock<Option<Arc<Simulation>>> = RwLock::new(None);
static RUNS: AtomicU64 = AtomicU64::new(1);

/// The simulation that runs.
pub(crate) fn current() -> Option<Arc<Simulation>> {
    CURRENT.read().unwrap_or_else(PoisonError::into_inner).clone()
}

/// Makes `sim` the one that runs; the one before is over.
pub(crate) fn set_current(sim: Option<Arc<Simulation>>) {
    let before = std::mem::replace(&mut *CURRENT.write().unwrap_or_else(PoisonError::into_inner), sim);
    if let Some(before) = before {
        before.over.store(true, Ordering::Release);
    }
}

impl Simulation {
    pub(crate) fn new(text: &str) -> std::result::Result<Self, String> {
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
            counters: Arc::default(),
            faults: Mutex::new(Faults(faults)),
            duplicated: Mutex::default(),
            ever_duplicated: Mutex::default(),
            devices: Mutex::default(),
            textures: Mutex::default(),
            surfaces: Mutex::default(),
            completions: Completions::default(),
            presenters: Presenters::default(),
            asked_windows: Mutex::default(),
            first_request: OnceLock::new(),
            nudge: Mutex::default(),
            numbers: AtomicU64::new(1),
            polls_take_time: AtomicBool::new(false),
            over: AtomicBool::new(false),
        })
    }

    pub(crate) fn now(&self) -> Duration {
        self.clock.now()
    }

    /// When a wait of `duration` that begins now times out.
    pub(crate) fn timeout(&self, duration: Duration) -> Duration {
        timer::timeout(self.now(), duration)
    }

    /// Sleeps until `time`.
    pub(crate) fn sleep_until(&self, time: Duration) {
        self.sleep_while(time, || true);
    }

    /// Sleeps until `time`, in virtual time at most as long as `unfinished`, which is asked after everything that happens on the way.
    pub(crate) fn sleep_while(&self, time: Duration, unfinished: impl Fn() -> bool) {
        loop {
            let now = self.now();
            if self.clock.is_virtual() {
                self.presenters.present(now);
                if !unfinished() {
                    return;
                }
            }
            let Some(left) = time.checked_sub(now).filter(|left| !left.is_zero()) else { return };
            let present = if self.clock.is_virtual() { self.presenters.next(now) } else { None };
            self.clock.sleep(Some(present.map_or(left, |present| left.min(present.saturating_sub(now)))));
        }
    }

    /// A poll has found nothing: with `clock virtual` that takes `time` if the program waits in real time.
    pub(crate) fn let_poll_take_time(&self, time: Duration) {
        if self.clock.is_virtual() && self.polls_take_time.load(Ordering::Relaxed) {
            self.clock.sleep(Some(time));
        }
    }

    /// Whether the lab was stopped or restarted.
    pub(crate) fn is_over(&self) -> bool {
        self.over.load(Ordering::Acquire)
    }

    /// A number that is used for nothing else in this run.
    pub(crate) fn new_number(&self) -> u64 {
        self.numbers.fetch_add(1, Ordering::Relaxed)
    }

    /// The oracle: what a program that takes BGRA must get of `frame` of an output at `at`, opaque, rows without padding. A desktop of
    /// another format is converted as the system does it.
    pub(crate) fn image(&self, output: usize, frame: u64, at: Duration) -> Vec<u8> {
        let world = &self.worlds[output];
        let converter = Converter::new(self.settings.format_at(at), Format::Bgra.dxgi(), self.settings.white);
        let (format, image) = if world.color_of(frame).hdr {
            (TextureFormat::Rgba16f, world.light(frame))
        } else {
            (TextureFormat::Bgra8, world.image(frame))
        };
        let mut converted = Vec::with_capacity(image.len());
        converter.convert(format, &image, &mut converted);
        converted
    }

    /// The format that the desktop has at `now`.
    pub(crate) fn format_at(&self, now: Duration) -> Format {
        if self.color_at(now).hdr {
            Format::Half
        } else {
            self.settings.format_at(now)
        }
    }

    /// The colour of the script's desktop at `now`.
    pub(crate) fn color_at(&self, now: Duration) -> Color {
        self.worlds[0].color_of(self.worlds[0].frame_at(now))
    }

    /// The luminance of white at `now`, in nits; `None` if the system does not say it.
    pub(crate) fn white_at(&self, now: Duration) -> Option<f64> {
        let color = self.color_at(now);
        let white = if color.hdr { color.sdr_white_nits } else { f64::from(self.settings.white) };
        self.settings.white_told.then_some(white)
    }

    /// Counts a call, and returns the code with which it fails, if a failure was injected.
    pub(crate) fn injected(&self, call: Call) -> Option<HRESULT> {
        let code = lock(&self.faults).take(call, self.now())?;
        count(&self.counters.injected);
        Some(HRESULT(code as i32))
    }

    /// Fails as a call does for which a failure was injected.
    pub(crate) fn fail(&self, call: Call) -> Result<()> {
        self.injected(call).map_or(Ok(()), |code| Err(code.into()))
    }

    /// Fails if the capture service is absent now.
    pub(crate) fn capture_service(&self) -> Result<()> {
        let outage = self.settings.wgc.outage(self.now());
        outage.map_or(Ok(()), |code| Err(HRESULT(code as i32).into()))
    }

    /// Whether no item was asked for this window before.
    pub(crate) fn is_first_item_of(&self, window: usize) -> bool {
        lock(&self.asked_windows).insert(window)
    }

    /// Makes the `nth` call of `call` from now on fail with `code`, or every call, if `nth` is 0.
    pub(crate) fn inject(&self, call: &str, nth: u32, code: i32) -> std::result::Result<(), String> {
        lock(&self.faults).0.push(Fault::new(call, nth, code as u32)?);
        Ok(())
    }

    /// Removes every injected failure that has not happened.
    pub(crate) fn heal(&self) {
        lock(&self.faults).0.clear();
    }

    /// What was counted so far.
    pub(crate) fn snapshot(&self) -> Counters {
        let live = lock(&self.duplicated).len() as u64;
        let open_handles = lock(&self.surfaces).values().map(|surface| surface.open_handles()).sum();
        Counters { live, open_handles, ..self.counters.snapshot() }
    }

    /// The record of a device, if a duplication was requested for it.
    pub(crate) fn device(&self, device: &ID3D11Device) -> Option<Arc<Device>> {
        let Tag { number, .. } = Tag::read_device(device, self.run)?;
        lock(&self.devices).get(&number).cloned()
    }

    /// The record of the device of a context.
    pub(crate) fn device_of(&self, context: &ID3D11DeviceContext) -> Option<Arc<Device>> {
        // SAFETY: every context has a device.
        self.device(&unsafe { context.GetDevice() }.ok()?)
    }

    /// Makes the record of a device on an adapter.
    pub(crate) fn register(&self, device: &ID3D11Device, adapter: u64) -> Arc<Device> {
        let (number, record) = (self.new_number(), Arc::new(Device::new(self.now(), adapter)));
        Tag { run: self.run, number, generation: 0 }.write_device(device);
        lifetime::count_device(&self.counters, device);
        lock(&self.devices).insert(number, Arc::clone(&record));
        record
    }

    /// Why a device is removed at `now`, if it is.
    pub(crate) fn removal(&self, device: &Device, now: Duration) -> Option<HRESULT> {
        let lost = || {
            self.lost_since(device.since, now, |why| why == Why::Device)
                || self.settings.changes.was_removed(device.adapter, device.since, now)
        };
        if device.removal().is_none() && lost() {
            device.note(DXGI_ERROR_DEVICE_REMOVED);
        }
        device.removal()
    }

    /// Whether work that a device began at `begun` is not done yet. It takes as long as the script's slow reads.
    pub(crate) fn is_drawing(&self, begun: Duration) -> bool {
        self.now() < begun + self.script.slow_reads()
    }

    /// The loss of the desktop that lasts at `now`.
    pub(crate) fn present_gap(&self, now: Duration) -> Option<Gap> {
        self.worlds[0].gaps().find(|gap| gap.at <= now && gap.until.is_none_or(|until| until > now))
    }

    /// Whether something that existed at `born` was lost until `now`, for one of the reasons that `relevant` accepts.
    pub(crate) fn lost_since(&self, born: Duration, now: Duration, relevant: impl Fn(Why) -> bool) -> bool {
        self.worlds[0].gaps().any(|gap| gap.at > born && gap.at <= now && relevant(gap.why))
    }

    /// Whether the format of the desktop changed between `born` and `now`.
    pub(crate) fn format_changed(&self, born: Duration, now: Duration) -> bool {
        self.settings.formats.iter().any(|(at, _)| *at > born && *at <= now)
    }

    /// When duplications of an output are lost because of its adapter, its monitor or its name.
    pub(crate) fn changes_of(&self, output: usize) -> impl Iterator<Item = Duration> + '_ {
        self.settings.changes.losses(output, self.adapter_of(output))
    }

    /// Number of the desktop's state as a factory sees it. It grows with every change after which factories are not current.
    pub(crate) fn generation(&self, now: Duration) -> u64 {
        self.moments().filter(|at| *at <= now).count() as u64
    }

    /// The time when generation `found` ended, at most `now`: what its objects know is older than that.
    pub(crate) fn known_until(&self, found: u64, now: Duration) -> Duration {
        let mut moments: Vec<_> = self.moments().collect();
        moments.sort_unstable();
        let end = moments.get(found as usize).map(|end| end.saturating_sub(Duration::from_nanos(1)));
        end.map_or(now, |end| end.min(now))
    }

    /// Every change after which factories are not current.
    fn moments(&self) -> impl Iterator<Item = Duration> + '_ {
        let gaps = self.worlds[0].gaps().filter(|gap| matches!(gap.why, Why::Unplugged | Why::Mode));
        let gaps = gaps.flat_map(|gap| [Some(gap.at), gap.until.filter(|_| gap.why == Why::Unplugged)]).flatten();
        let formats = self.settings.formats.iter().skip(1).map(|(at, _)| *at);
        gaps.chain(formats).chain(self.settings.changes.moments())
    }

    /// The code with which the script refuses a duplication that is requested now, if it does.
    pub(crate) fn refusal(&self) -> Option<HRESULT> {
        let now = self.now();
        let waited = now.saturating_sub(*self.first_request.get_or_init(|| now));
        self.script.refusal(waited).map(|code| HRESULT(code as i32))
    }

    /// How long a device copies `len` bytes.
    pub(crate) fn copy_time(&self, len: u64) -> CopyTime {
        let Settings { copy_time, copy_time_per_megabyte, first_readback, .. } = self.settings;
        let busy = copy_time + copy_time_per_megabyte.mul_f64(len as f64 / f64::from(1 << 20));
        CopyTime { busy, latency: self.script.slow_reads(), first_readback }
    }

    /// A window of the program has changed, so the compositor will present something, unless it has not yet done so for the last one.
    pub(crate) fn nudge(&self) {
        let now = self.now();
        let mut nudge = lock(&self.nudge);
        if self.settings.nudge_answered && nudge.is_none_or(|due| due <= now) {
            *nudge = Some(now + COMPOSITION);
        }
    }

    /// When the compositor answers, or has answered, the last change of a window.
    pub(crate) fn nudge_due(&self) -> Option<Duration> {
        *lock(&self.nudge)
    }

    /// The adapter of an output.
    pub(crate) fn adapter_of(&self, output: usize) -> u64 {
        self.settings.places.get(&output).copied().unwrap_or(0)
    }

    /// The outputs that are to be found on an adapter at `now`, in the order of enumeration.
    pub(crate) fn outputs_on(&self, adapter: u64, now: Duration) -> impl Iterator<Item = usize> + '_ {
        let unplugged = self.present_gap(now).is_some_and(|gap| gap.why == Why::Unplugged);
        let there = move |output: &usize| {
            !unplugged
                && self.adapter_of(*output) == adapter
                && self.settings.changes.has_adapter(adapter, now)
                && self.settings.changes.is_attached(*output, now)
        };
        (0..self.worlds.len()).filter(there)
    }

    /// Whether an output that was found in generation `found` is refused at `now`.
    pub(crate) fn is_stale(&self, found: u64, now: Duration) -> bool {
        match self.settings.stale {
            Stale::Silent => return false,
            Stale::Strict => return found < self.generation(now),
            Stale::Unplugged => {}
        }
        let last_unplugged = self.worlds[0].gaps().filter(|gap| gap.why == Why::Unplugged && gap.at <= now).last();
        last_unplugged.is_some_and(|gap| found < self.generation(gap.until.unwrap_or(gap.at).min(now)))
    }
}
