//! Calls that fail because somebody wants them to.

use std::time::Duration;

use crate::settings::call;

macro_rules! calls {
    ($($(#[$doc:meta])* $name:ident,)*) => {
        /// The places where a failure can be injected.
        #[derive(Clone, Copy, Debug, PartialEq, Eq)]
        pub(crate) enum Call { $($(#[$doc])* $name,)* }
        impl Call {
            pub(crate) const ALL: &'static [Call] = &[$(Call::$name,)*];
            /// The name by which scripts and callers know it.
            pub(crate) const fn name(self) -> &'static str {
                match self { $(Call::$name => stringify!($name),)* }
            }
        }
    };
}

calls! {
    CreateDXGIFactory1,
    EnumAdapters,
    EnumAdapters1,
    EnumOutputs,
    D3D11CreateDevice,
    /// Asking an output for `IDXGIOutput1`.
    QueryOutput1,
    /// Asking an output for `IDXGIOutput5`.
    QueryOutput5,
    DuplicateOutput,
    DuplicateOutput1,
    /// Either of the two.
    Duplicate,
    AcquireNextFrame,
    GetFrameDirtyRects,
    GetFrameMoveRects,
    GetFramePointerShape,
    MapDesktopSurface,
    UnMapDesktopSurface,
    ReleaseFrame,
    CreateTexture2D,
    Map,
    CreateSharedHandle,
    AcquireSync,
    ReleaseSync,
    /// The acquired resource is no texture.
    QueryTexture,
    /// The acquired texture has another format than all before.
    TextureFormat,
    /// The code replaces a member of the pointer shape's description.
    ShapeType,
    ShapeWidth,
    ShapeHeight,
    ShapePitch,
}

/// One injected failure.
#[derive(Clone, Debug)]
pub(crate) struct Fault {
    call: Call,
    /// It does not happen earlier.
    from: Duration,
    /// Calls to let pass first.
    skip: u32,
    /// Calls to fail; `None` for all.
    left: Option<u32>,
    code: u32,
}

impl Fault {
    /// The `nth` call from now on fails with `code`; every call, if `nth` is 0.
    pub(crate) fn new(name: &str, nth: u32, code: u32) -> Result<Self, String> {
        let left = if nth == 0 { None } else { Some(1) };
        Ok(Self { call: call(name)?, from: Duration::ZERO, skip: nth.saturating_sub(1), left, code })
    }

    /// The first `times` calls after `from` fail with `code`.
    pub(crate) fn scripted(call: Call, from: Duration, times: u32, code: u32) -> Self {
        Self { call, from, skip: 0, left: Some(times), code }
    }
}

/// All failures that are still to come.
#[derive(Debug, Default)]
pub(crate) struct Faults(pub(crate) Vec<Fault>);

impl Faults {
    /// Counts a call and says with which code it fails, if it does. Where several failures wait for the same call, the first counts.
    pub(crate) fn take(&mut self, call: Call, now: Duration) -> Option<u32> {
        self.0.retain(|fault| fault.left != Some(0));
        for fault in self.0.iter_mut().filter(|fault| fault.call == call && fault.from <= now) {
            if fault.skip > 0 {
                fault.skip -= 1;
                continue;
            }
            if let Some(left) = &mut fault.left {
                *left -= 1;
            }
            return Some(fault.code);
        }
        None
    }

    /// When a failure of `call` may happen next after `now`.
    pub(crate) fn next(&self, call: Call, now: Duration) -> Option<Duration> {
        self.0.iter().filter(|fault| fault.call == call && fault.from > now).map(|fault| fault.from).min()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const CODE: u32 = 0x8000_4005;

    #[test]
    fn a_fault_lets_calls_pass_and_then_happens_once_or_always() {
        let fault = |nth| Faults(vec![Fault::new("map", nth, CODE).expect("a call")]);
        let taken = |mut faults: Faults| [0; 4].map(|_| faults.take(Call::Map, Duration::ZERO).is_some());
        assert_eq!(taken(fault(1)), [true, false, false, false]);
        assert_eq!(taken(fault(3)), [false, false, true, false]);
        assert_eq!(taken(fault(0)), [true; 4]);
        assert_eq!(fault(1).take(Call::ReleaseFrame, Duration::ZERO), None);
    }

    #[test]
    fn a_scripted_fault_waits_for_its_time() {
        let at = Duration::from_secs(1);
        let mut faults = Faults(vec![Fault::scripted(Call::Map, at, 2, CODE)]);
        assert_eq!(faults.next(Call::Map, Duration::ZERO), Some(at));
        assert_eq!(faults.take(Call::Map, Duration::ZERO), None);
        assert_eq!([0; 3].map(|_| faults.take(Call::Map, at)), [Some(CODE), Some(CODE), None]);
    }
}
