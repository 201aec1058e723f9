//! Starting and stopping the laboratory.

use std::ffi::c_void;
use std::sync::Arc;

use rustcam::source::sim::World;
use windows::Win32::Graphics::Dxgi::{CreateDXGIFactory1, IDXGIFactory1, IDXGIOutput6};
use windows_core::Interface;

use crate::counters::Counters;
use crate::faults::Fault;
use crate::stage::{self, Stage};
use crate::{duplicate, lock, outputs, shared, vtable};

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
        patch().map_err(|error| format!("this process has no output to disguise: {error}"))?;
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

    /// The world of the first output: the oracle of every pixel.
    pub fn world(&self) -> &World {
        &self.stage.worlds[0]
    }

    /// The world of output `index`.
    pub fn world_of(&self, index: usize) -> Option<&World> {
        self.stage.worlds.get(index)
    }

    /// Time since the start, on the clock of the script.
    pub fn now(&self) -> std::time::Duration {
        self.stage.now()
    }

    /// The performance counter at `time`, as frames report it.
    pub fn ticks_at(&self, time: std::time::Duration) -> i64 {
        self.stage.clock.ticks_at(time)
    }
}

impl Drop for Lab {
    fn drop(&mut self) {
        stage::set_current(None);
        vtable::restore();
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

fn patch() -> windows_core::Result<()> {
    // SAFETY: plain creation and enumeration; the interfaces keep what they need alive.
    let (factory, adapter, output) = unsafe {
        let factory: IDXGIFactory1 = CreateDXGIFactory1()?;
        let adapter = factory.EnumAdapters1(0)?;
        let output: IDXGIOutput6 = adapter.EnumOutputs(0)?.cast()?;
        (factory, adapter, output)
    };
    let methods: [(*mut c_void, usize, usize); 10] = [
        (factory.as_raw(), outputs::ENUM_ADAPTERS, outputs::enum_adapters as *const () as usize),
        (factory.as_raw(), outputs::ENUM_ADAPTERS1, outputs::enum_adapters1 as *const () as usize),
        (factory.as_raw(), outputs::IS_CURRENT, outputs::is_current as *const () as usize),
        (adapter.as_raw(), outputs::ENUM_OUTPUTS, outputs::enum_outputs as *const () as usize),
        (adapter.as_raw(), outputs::ADAPTER_DESC, outputs::adapter_desc as *const () as usize),
        (adapter.as_raw(), outputs::ADAPTER_DESC1, outputs::adapter_desc1 as *const () as usize),
        (output.as_raw(), outputs::OUTPUT_DESC, outputs::output_desc as *const () as usize),
        (output.as_raw(), outputs::OUTPUT_DESC1, outputs::output_desc1 as *const () as usize),
        (output.as_raw(), duplicate::DUPLICATE_OUTPUT, duplicate::duplicate_output as *const () as usize),
        (output.as_raw(), duplicate::DUPLICATE_OUTPUT1, duplicate::duplicate_output1 as *const () as usize),
    ];
    for (object, slot, hook) in methods {
        // SAFETY: each slot is computed from the table of an interface that the object was asked for, and each hook has its type.
        unsafe { vtable::patch(object, slot, hook) }?;
    }
    Ok(())
}
