//! Dispatcher queues of threads, as far as captures need them: a thread with one handles `Closed`.

use std::cell::Cell;

use windows::System::{DispatcherQueue, DispatcherQueueController};
use windows::Win32::Foundation::{E_NOTIMPL, RPC_E_WRONG_THREAD};
use windows_core::{implement, Result};
use windows_future::IAsyncAction;

use crate::capture::abi::{IDispatcherQueueController, IDispatcherQueueController_Impl};
use crate::capture::class_of;
use crate::capture::queue::ThreadQueue;

#[implement(IDispatcherQueueController)]
struct Controller(Cell<()>);

/// `CreateDispatcherQueueController` for the thread that calls it.
pub(crate) fn create_controller() -> Result<DispatcherQueueController> {
    if !ThreadQueue::begin_dispatching()? {
        return Err(RPC_E_WRONG_THREAD.into());
    }
    let object: IDispatcherQueueController = Controller(Cell::new(())).into();
    // SAFETY: the default interface of the class.
    Ok(unsafe { class_of(object) })
}

impl IDispatcherQueueController_Impl for Controller_Impl {
    fn DispatcherQueue(&self) -> Result<DispatcherQueue> {
        Err(E_NOTIMPL.into())
    }

    fn ShutdownQueueAsync(&self) -> Result<IAsyncAction> {
        ThreadQueue::end_dispatching();
        Ok(IAsyncAction::ready(Ok(())))
    }
}
