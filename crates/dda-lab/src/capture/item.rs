//! Items: what can be captured.

use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, OnceLock, Weak};
use std::time::Duration;

use rustcam::geometry::Size;
use windows::Foundation::TypedEventHandler;
use windows::Graphics::Capture::GraphicsCaptureItem;
use windows::Graphics::SizeInt32;
use windows::Win32::Foundation::E_INVALIDARG;
use windows_core::{implement, IInspectable, Interface, Ref, Result, HSTRING};

use crate::capture::abi::{IGraphicsCaptureItem, IGraphicsCaptureItem_Impl};
use crate::capture::handlers::Handlers;
use crate::capture::queue::ThreadQueue;
use crate::capture::target::Target;
use crate::capture::{class_of, window};
use crate::script::call::Call;
use crate::state::describe;
use crate::state::presenters::Presenter;
use crate::state::simulation::Simulation;

/// How often a thread looks whether what an item shows still exists.
const LOOK: Duration = Duration::from_millis(10);

type Closed = TypedEventHandler<GraphicsCaptureItem, IInspectable>;

/// What is behind an item.
pub(crate) struct Item {
    this: Weak<Item>,
    pub(crate) sim: Arc<Simulation>,
    pub(crate) target: Target,
    /// When it was made.
    pub(crate) born: Duration,
    closed: Handlers<Closed>,
    /// The `DispatcherQueue` of the thread that made it. Without one `Closed` is never raised.
    queue: Option<Arc<ThreadQueue>>,
    watched: AtomicBool,
    raised: AtomicBool,
    object: OnceLock<windows_core::Weak<GraphicsCaptureItem>>,
}

#[implement(IGraphicsCaptureItem)]
struct ItemObject(Arc<Item>);

impl Item {
    /// A new item.
    pub(crate) fn create(sim: &Arc<Simulation>, target: Target) -> Result<GraphicsCaptureItem> {
        let item = Arc::new_cyclic(|this| Self {
            this: Weak::clone(this),
            sim: Arc::clone(sim),
            target,
            born: sim.now(),
            closed: Handlers::default(),
            queue: ThreadQueue::dispatcher(),
            watched: AtomicBool::new(false),
            raised: AtomicBool::new(false),
            object: OnceLock::new(),
        });
        let object: IGraphicsCaptureItem = ItemObject(Arc::clone(&item)).into();
        // SAFETY: the default interface of the class.
        let object: GraphicsCaptureItem = unsafe { class_of(object) };
        let _ = item.object.set(object.downgrade()?);
        Ok(object)
    }

    /// What is behind an object of the lab.
    pub(crate) fn of(object: &GraphicsCaptureItem) -> Result<Arc<Self>> {
        let object: IGraphicsCaptureItem = object.cast()?;
        // SAFETY: only the lab makes such objects, and its factories refuse to while none runs.
        let found = unsafe { windows_core::AsImpl::<ItemObject>::as_impl(&object) };
        let item = Arc::clone(&found.0);
        if item.sim.is_over() {
            return Err(E_INVALIDARG.into());
        }
        Ok(item)
    }

    /// Raises `Closed`, once, if what it shows is gone.
    fn look(&self) {
        let Some(queue) = self.queue.as_ref().filter(|_| !self.closed.is_empty()) else { return };
        if !self.target.is_gone(&self.sim, self.sim.now()) || self.raised.swap(true, Ordering::AcqRel) {
            return;
        }
        let Some(item) = self.this.upgrade() else { return };
        queue.post(move || {
            let Some(object) = item.object.get().and_then(windows_core::Weak::upgrade) else { return };
            item.closed.call(|handler| {
                let _ = handler.Invoke(&object, None);
            });
        });
    }

    /// Begins to look whether what it shows still exists.
    fn watch(&self) {
        if self.queue.is_none() || self.watched.swap(true, Ordering::AcqRel) {
            return;
        }
        let item = Weak::clone(&self.this);
        if self.sim.clock.is_virtual() {
            let presenter: Weak<dyn Presenter> = item;
            return self.sim.presenters.add(presenter);
        }
        std::thread::spawn(move || {
            while let Some(item) = item.upgrade().filter(|item| !item.sim.is_over()) {
                item.look();
                if item.raised.load(Ordering::Acquire) {
                    return;
                }
                let sim = Arc::clone(&item.sim);
                drop(item);
                sim.clock.sleep(Some(LOOK));
            }
        });
    }
}

impl Presenter for Item {
    fn next(&self, _now: Duration) -> Option<Duration> {
        None
    }

    fn present(&self, _now: Duration) {
        self.look();
    }
}

/// A size as the Windows Runtime has it.
pub(crate) fn size_of(size: Size) -> SizeInt32 {
    SizeInt32 { Width: size.width as i32, Height: size.height as i32 }
}

impl IGraphicsCaptureItem_Impl for ItemObject_Impl {
    fn DisplayName(&self) -> Result<HSTRING> {
        let Item { sim, target, .. } = &*self.0;
        sim.fail(Call::ItemDisplayName)?;
        Ok(match target {
            Target::Window(window) => HSTRING::from_wide(&window::title(window.handle())),
            Target::Monitor(output) => {
                let name = describe::name(sim, *output, sim.now());
                let length = name.iter().position(|unit| *unit == 0).unwrap_or(name.len());
                HSTRING::from_wide(&name[..length])
            }
        })
    }

    fn Size(&self) -> Result<SizeInt32> {
        let Item { sim, target, .. } = &*self.0;
        sim.fail(Call::ItemSize)?;
        Ok(size_of(target.item_size(sim, sim.now())))
    }

    fn Closed(&self, handler: Ref<'_, Closed>) -> Result<i64> {
        self.0.sim.fail(Call::AddClosed)?;
        let token = self.0.closed.add(handler.ok()?.clone());
        self.0.watch();
        Ok(token)
    }

    fn RemoveClosed(&self, token: i64) -> Result<()> {
        self.0.closed.remove(token);
        Ok(())
    }
}
