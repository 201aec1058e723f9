//! Injected failures: calls that fail because a script or a test says so.

use std::time::Duration;

use crate::script::call::Call;

/// One injected failure.
#[derive(Clone, Debug)]
pub(crate) struct Fault {
    call: Call,
    /// It does not happen before this time.
    from: Duration,
    /// Number of calls that succeed first.
    skip: u32,
    /// Number of calls that fail; `None` for all.
    left: Option<u32>,
    code: u32,
    /// For how long after the first call it happens, if not for a number of calls.
    span: Option<Duration>,
    first: Option<Duration>,
}

impl Fault {
    /// The `nth` call from now on fails with `code`; every call, if `nth` is 0.
    pub(crate) fn new(name: &str, nth: u32, code: u32) -> Result<Self, String> {
        let left = if nth == 0 { None } else { Some(1) };
        let (call, from) = (Call::named(name)?, Duration::ZERO);
        Ok(Self { call, from, skip: nth.saturating_sub(1), left, code, span: None, first: None })
    }

    /// Every call fails with `code` until `span` has passed since the first one.
    pub(crate) fn refusal(name: &str, code: u32, span: Duration) -> Result<Self, String> {
        Ok(Self { span: Some(span), ..Self::new(name, 0, code)? })
    }

    /// The first `times` calls after `from` fail with `code`.
    pub(crate) fn scripted(call: Call, from: Duration, times: u32, code: u32) -> Self {
        Self { call, from, skip: 0, left: Some(times), code, span: None, first: None }
    }
}

/// All injected failures that are still to happen.
#[derive(Debug, Default)]
pub(crate) struct Faults(pub(crate) Vec<Fault>);

impl Faults {
    /// Counts a call, and returns the code with which it fails, if it does. Of several failures of the same call the first applies.
    pub(crate) fn take(&mut self, call: Call, now: Duration) -> Option<u32> {
        self.0.retain(|fault| fault.left != Some(0));
        for fault in self.0.iter_mut().filter(|fault| fault.call == call && fault.from <= now) {
            let first = *fault.first.get_or_insert(now);
            if fault.span.is_some_and(|span| now >= first + span) {
                continue;
            }
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

    /// The next time after `now` from which on `call` may fail.
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
    fn a_refusal_passes_some_time_after_the_first_call() {
        let ms = Duration::from_millis;
        let mut faults = Faults(vec![Fault::refusal("map", CODE, ms(100)).expect("a call")]);
        let taken = [500, 599, 600, 700].map(|now| faults.take(Call::Map, ms(now)));
        assert_eq!(taken, [Some(CODE), Some(CODE), None, None]);
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
