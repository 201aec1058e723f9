//! Starting and stopping the laboratory.

use std::ffi::c_void;
use std::sync::Arc;
use std::time::Duration;

use rustcam::clock::{performance_time, Clock};
use rustcam::source::sim::World;
use windows::Win32::Graphics::Dxgi::{CreateDXGIFactory1, IDXGIFactory1, IDXGIOutput6};
use windows_core::Interface;

use crate::counters::Counters;
use crate::device::quietly;
use crate::faults::{Call, Fault};
use crate::stage::{self, Stage};
use crate::{creation, duplicate, lock, outputs, reroute, shared, vtable};

/// The laboratory of this process. There is one at a time; dropping it ends it.
pub struct Lab {
    stage: Arc<Stage>,
}

impl Lab {
    /// Starts the laboratory: from now on this process has the desktop that `script` describes, and its time begins.
    ///
    /// # Errors
    /// A sentence, if the script is wrong, another laboratory runs, or this process has no output that could be disguised.
    pub fn install(script: &str) -> Result<Self, String> {
        if stage::current().is_some() {
            return Err("a laboratory runs already; stop it first".into());
        }
        let stage = Arc::new(Stage::new(script)?);
        quietly(patch).map_err(|error| format!("this process has no output to disguise: {error}"))?;
        stage::set_current(Some(Arc::clone(&stage)));
        Ok(Self { stage })
    }

    /// What has happened so far.
    pub fn counters(&self) -> Counters {
        counters(&self.stage)
    }

    /// Makes the `nth` call of `call` from now on fail with `code`, or every call, if `nth` is 0.
    ///
    /// # Errors
    /// A sentence that lists the calls, if there is none of that name.
    pub fn inject(&self, call: &str, nth: u32, code: i32) -> Result<(), String> {
        inject(&self.stage, call, nth, code)
    }

    /// Forgets every failure that is still to come.
    pub fn heal(&self) {
        heal(&self.stage);
    }

    /// The calls whose failure can be injected.
    pub fn calls() -> impl Iterator<Item = &'static str> {
        Call::ALL.iter().map(|call| call.name())
    }

    /// The world of the first output: the oracle of every pixel.
    pub fn world(&self) -> &World {
        &self.stage.worlds[0]
    }

    /// The world of output `index`.
    pub fn world_of(&self, index: usize) -> Option<&World> {
        self.stage.worlds.get(index)
    }

    /// What a perfect capturer gets now of `frame` of the first output: BGRA, alpha 255, rows without padding.
    pub fn image(&self, frame: u64) -> Vec<u8> {
        self.stage.image(0, frame, self.now())
    }

    /// Time since the start, on the clock of the script.
    pub fn now(&self) -> Duration {
        self.stage.now()
    }

    /// The performance counter at `time`, as frames report it.
    pub fn ticks_at(&self, time: Duration) -> i64 {
        self.stage.clock.ticks_at(time)
    }

    /// The clock of the script for those who capture: with `clock virtual` a whole capture runs in virtual time.
    pub fn clock(&self) -> Arc<dyn Clock> {
        Arc::new(ScriptTime(Arc::clone(&self.stage)))
    }
}

impl Drop for Lab {
    fn drop(&mut self) {
        stage::set_current(None);
        vtable::restore();
        reroute::restore();
    }
}

/// Time since the start of the laboratory, on the timeline of present times.
struct ScriptTime(Arc<Stage>);

impl Clock for ScriptTime {
    fn now(&self) -> Duration {
        performance_time(self.0.clock.ticks_at(Duration::ZERO)) + self.0.now()
    }

    fn sleep(&self, duration: Duration) {
        self.0.sleep_until(self.0.now().saturating_add(duration));
    }
}

pub(crate) fn counters(stage: &Stage) -> Counters {
    let live = lock(&stage.live).len() as u64;
    Counters { live, open_handles: shared::open_handles(stage), ..stage.counting.snapshot() }
}

pub(crate) fn inject(stage: &Stage, call: &str, nth: u32, code: i32) -> Result<(), String> {
    lock(&stage.faults).0.push(Fault::new(call, nth, code as u32)?);
    Ok(())
}

pub(crate) fn heal(stage: &Stage) {
    lock(&stage.faults).0.clear();
}

fn patch() -> windows_core::Result<()> {
    // SAFETY: plain creation and enumeration; the interfaces keep what they need alive.
    let (factory, adapter, output) = unsafe {
        let factory: IDXGIFactory1 = CreateDXGIFactory1()?;
        let adapter = factory.EnumAdapters1(0)?;
        let output: IDXGIOutput6 = adapter.EnumOutputs(0)?.cast()?;
        (factory, adapter, output)
    };
    let methods: [(*mut c_void, usize, usize); 11] = [
        (factory.as_raw(), outputs::ENUM_ADAPTERS, outputs::enum_adapters as *const () as usize),
        (factory.as_raw(), outputs::ENUM_ADAPTERS1, outputs::enum_adapters1 as *const () as usize),
        (factory.as_raw(), outputs::IS_CURRENT, outputs::is_current as *const () as usize),
        (adapter.as_raw(), outputs::ENUM_OUTPUTS, outputs::enum_outputs as *const () as usize),
        (adapter.as_raw(), outputs::ADAPTER_DESC, outputs::adapter_desc as *const () as usize),
        (adapter.as_raw(), outputs::ADAPTER_DESC1, outputs::adapter_desc1 as *const () as usize),
        (output.as_raw(), outputs::QUERY_OUTPUT, outputs::query_output as *const () as usize),
        (output.as_raw(), outputs::OUTPUT_DESC, outputs::output_desc as *const () as usize),
        (output.as_raw(), outputs::OUTPUT_DESC1, outputs::output_desc1 as *const () as usize),
        (output.as_raw(), duplicate::DUPLICATE_OUTPUT, duplicate::duplicate_output as *const () as usize),
        (output.as_raw(), duplicate::DUPLICATE_OUTPUT1, duplicate::duplicate_output1 as *const () as usize),
    ];
    for (object, slot, hook) in methods {
        // SAFETY: each slot is computed from the table of an interface that the object was asked for, and each hook has its type.
        unsafe { vtable::patch(object, slot, hook) }?;
    }
    creation::watch()
}
