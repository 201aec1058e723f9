//! The state of a pool of frames: which buffers are free, which frames wait, and which session fills them.

use std::collections::VecDeque;
use std::sync::{Arc, Mutex, MutexGuard, OnceLock, Weak};
use std::time::Duration;

use rustcam::geometry::{Rect, Size};
use windows::Foundation::TypedEventHandler;
use windows::Graphics::Capture::{Direct3D11CaptureFramePool, GraphicsCaptureDirtyRegionMode};
use windows::Win32::Foundation::E_INVALIDARG;
use windows::Win32::Graphics::Direct3D11::ID3D11Device;
use windows::Win32::Graphics::Dxgi::Common::DXGI_FORMAT;
use windows_core::{IInspectable, Result};

use crate::capture::buffer::Buffer;
use crate::capture::closed;
use crate::capture::dirty;
use crate::capture::feed::Feed;
use crate::capture::handlers::Handlers;
use crate::capture::painter::Painter;
use crate::capture::queue::ThreadQueue;
use crate::capture::stream::{Stream, Update};
use crate::capture::target::Target;
use crate::clock::Stopwatch;
use crate::counters::{add, count, discount};
use crate::mutex::lock;
use crate::script::call::Call;
use crate::script::format::Format;
use crate::state::device::Device;
use crate::state::presenters::{note_that_this_thread_captures, Presenter};
use crate::state::simulation::Simulation;

/// Longest part of a wait of a pool's thread: after each it looks whether a window has changed.
const SLICE: Duration = Duration::from_millis(10);
/// More buffers than this are refused, and larger sides.
const MOST_BUFFERS: i32 = 64;
const MOST_SIDE: u32 = 16384;

pub(crate) type Arrived = TypedEventHandler<Direct3D11CaptureFramePool, IInspectable>;

/// The textures of a pool.
pub(crate) struct Shape {
    pub(crate) device: ID3D11Device,
    pub(crate) record: Option<Arc<Device>>,
    pub(crate) format: DXGI_FORMAT,
    pub(crate) count: i32,
    pub(crate) size: Size,
}

impl Shape {
    fn buffers(&self, sim: &Arc<Simulation>) -> Result<Vec<Arc<Buffer>>> {
        let sides = [self.size.width, self.size.height];
        let possible =
            (1..=MOST_BUFFERS).contains(&self.count) && sides.iter().all(|side| (1..=MOST_SIDE).contains(side));
        if !possible || !Format::known(self.format) {
            return Err(E_INVALIDARG.into());
        }
        if let Some(code) = self.record.as_ref().and_then(|record| sim.removal(record, sim.now())) {
            return Err(code.into());
        }
        (0..self.count).map(|_| Buffer::create(sim, &self.device, self.size, self.format).map(Arc::new)).collect()
    }
}

/// A frame that waits for the program, or that the program has.
pub(crate) struct Delivery {
    pub(crate) update: Update,
    pub(crate) buffer: Arc<Buffer>,
    /// The parts that changed since the frame before.
    pub(crate) dirty: Vec<Rect>,
}

struct Running {
    feed: Arc<Feed>,
    stream: Stream,
}

struct State {
    closed: bool,
    shape: Shape,
    buffers: Vec<Arc<Buffer>>,
    waiting: VecDeque<Delivery>,
    running: Option<Running>,
    /// What the session that was started last shows.
    target: Option<Target>,
    painter: Option<Painter>,
    /// The update that the program was offered last.
    offered: Option<Update>,
    /// Events that are still to be raised.
    unraised: u32,
}

pub(crate) struct Pool {
    this: Weak<Pool>,
    pub(crate) sim: Arc<Simulation>,
    state: Mutex<State>,
    pub(crate) arrived: Handlers<Arrived>,
    /// The thread that events are raised on, if it is not the pool's own.
    queue: Option<Arc<ThreadQueue>>,
    /// The object that events name as their sender.
    pub(crate) object: OnceLock<windows_core::Weak<Direct3D11CaptureFramePool>>,
}

impl Pool {
    pub(crate) fn create(sim: &Arc<Simulation>, shape: Shape, queue: Option<Arc<ThreadQueue>>) -> Result<Arc<Self>> {
        let buffers = shape.buffers(sim)?;
        count(&sim.counters.wgc_pools);
        let state = State {
            closed: false,
            shape,
            buffers,
            waiting: VecDeque::new(),
            running: None,
            target: None,
            painter: None,
            offered: None,
            unraised: 0,
        };
        let (arrived, object) = (Handlers::default(), OnceLock::new());
        let (sim, state) = (Arc::clone(sim), Mutex::new(state));
        let pool = Arc::new_cyclic(|this| Self { this: Weak::clone(this), sim, state, arrived, queue, object });
        if pool.sim.clock.is_virtual() {
            note_that_this_thread_captures();
            let presenter: Weak<dyn Presenter> = Arc::downgrade(&pool) as _;
            pool.sim.presenters.add(presenter);
        }
        Ok(pool)
    }

    /// The state, unless the pool is closed or the lab has stopped.
    fn open(&self) -> Result<MutexGuard<'_, State>> {
        let state = lock(&self.state);
        if state.closed || self.sim.is_over() {
            return closed(&self.sim);
        }
        Ok(state)
    }

    /// How the session that runs reports what changed.
    pub(crate) fn dirty_mode(&self) -> Option<GraphicsCaptureDirtyRegionMode> {
        lock(&self.state).running.as_ref().map(|running| running.feed.properties().dirty_mode)
    }

    pub(crate) fn check(&self) -> Result<()> {
        self.open().map(drop)
    }

    /// `Recreate`: every frame that waits is discarded, and those that the program has keep their textures.
    pub(crate) fn recreate(&self, shape: Shape) -> Result<()> {
        let mut state = self.open()?;
        self.injected(&state, Call::Recreate)?;
        let buffers = shape.buffers(&self.sim)?;
        self.fold(&mut state, self.sim.now());
        count(&self.sim.counters.wgc_recreates);
        let held = state.buffers.iter().filter(|buffer| buffer.record.is_acquired()).count();
        add(&self.sim.counters.wgc_held_at_recreate, held as u64);
        state.waiting.clear();
        state.painter = None;
        (state.shape, state.buffers) = (shape, buffers);
        Ok(())
    }

    /// Fails with the injected code of a call, if there is one. A lost device stays lost.
    fn injected(&self, state: &State, call: Call) -> Result<()> {
        let Some(code) = self.sim.injected(call) else { return Ok(()) };
        if let Some(record) = &state.shape.record {
            record.note(code);
        }
        Err(code.into())
    }

    /// `TryGetNextFrame`: the oldest frame that waits.
    pub(crate) fn next_frame(&self) -> Result<Option<Delivery>> {
        let stopwatch = Stopwatch::start();
        if self.sim.clock.is_virtual() {
            note_that_this_thread_captures();
        }
        let mut state = self.open()?;
        self.injected(&state, Call::TryGetNextFrame)?;
        self.fold(&mut state, self.sim.now());
        let delivery = state.waiting.pop_front();
        if let Some(Delivery { update, buffer, dirty }) = &delivery {
            let state = &mut *state;
            let rendered = state.running.as_ref().is_some_and(|running| running.feed.renders_dirty_only());
            if let (None, Some(target)) = (&state.painter, state.target) {
                let Shape { device, size, format, .. } = &state.shape;
                state.painter = Some(Painter::new(target, device.clone(), *size, *format)?);
            }
            if let Some(painter) = &mut state.painter {
                painter.paint(&self.sim, buffer, update, rendered.then_some(dirty.as_slice()))?;
            }
            buffer.record.show(update.content);
            buffer.record.acquire();
            count(&self.sim.counters.wgc_frames);
            count(&self.sim.counters.wgc_held);
        }
        add(&self.sim.counters.own_ns, stopwatch.stop().as_nanos() as u64);
        Ok(delivery)
    }

    /// The compositor begins to fill the pool.
    pub(crate) fn start(&self, feed: &Arc<Feed>) -> Result<()> {
        let mut state = self.open()?;
        let stream = Stream::new(feed.target, feed.born, self.sim.now());
        (state.target, state.painter, state.offered) = (Some(feed.target), None, None);
        state.running = Some(Running { feed: Arc::clone(feed), stream });
        drop(state);
        if !self.sim.clock.is_virtual() {
            let (pool, feed) = (Weak::clone(&self.this), Arc::downgrade(feed));
            std::thread::spawn(move || present_in_real_time(&pool, &feed));
        }
        Ok(())
    }

    /// The session ends: nothing more is added.
    pub(crate) fn stop(&self, feed: &Arc<Feed>) {
        lock(&self.state).running.take_if(|running| Arc::ptr_eq(&running.feed, feed));
    }

    /// `Close`. Returns `false` if it was closed.
    pub(crate) fn close(&self) -> bool {
        let mut state = lock(&self.state);
        if std::mem::replace(&mut state.closed, true) {
            return false;
        }
        discount(&self.sim.counters.wgc_pools);
        // An event that was under way finds a closed pool.
        state.unraised = u32::from(state.running.is_some());
        let ended = (std::mem::take(&mut state.waiting), std::mem::take(&mut state.buffers), state.painter.take());
        drop(state);
        drop(ended);
        true
    }

    /// Adds every update until `now` that finds a free buffer.
    fn fold(&self, state: &mut State, now: Duration) {
        let sim = &self.sim;
        let State { running: Some(running), buffers, waiting, offered, unraised, closed: false, .. } = state else {
            return;
        };
        let pace = running.feed.pace();
        while let Some(update) = running.stream.next(sim, now, pace) {
            let Some(buffer) = buffers.iter().find(|buffer| buffer.take()) else {
                count(&sim.counters.wgc_dropped);
                continue;
            };
            // With secondary windows the system knows nothing about what changed.
            let before = offered.as_ref().filter(|_| !running.feed.properties().secondary);
            let dirty = dirty::parts(sim, running.feed.target, before, &update);
            *offered = Some(update.clone());
            waiting.push_back(Delivery { update, buffer: Arc::clone(buffer), dirty });
            *unraised += 1;
        }
    }

    /// Adds what is due and raises the events for it, without a lock.
    fn present_until(&self, now: Duration) {
        if self.sim.is_over() {
            return;
        }
        let mut state = lock(&self.state);
        self.fold(&mut state, now);
        let unraised = std::mem::take(&mut state.unraised);
        drop(state);
        for _ in 0..unraised {
            match &self.queue {
                None => self.raise(),
                Some(queue) => {
                    let pool = Weak::clone(&self.this);
                    queue.post(move || {
                        if let Some(pool) = pool.upgrade() {
                            pool.raise();
                        }
                    });
                }
            }
        }
    }

    fn raise(&self) {
        let Some(object) = self.object.get().and_then(windows_core::Weak::upgrade) else { return };
        if self.arrived.is_empty() {
            return;
        }
        count(&self.sim.counters.wgc_arrivals);
        self.arrived.call(|handler| {
            let _ = handler.Invoke(&object, None);
        });
    }

    /// When the next update may be made.
    fn due(&self) -> Option<Duration> {
        let state = lock(&self.state);
        let Running { feed, stream } = state.running.as_ref().filter(|_| !state.closed)?;
        stream.due(&self.sim, feed.pace())
    }

    fn is_running(&self, feed: &Arc<Feed>) -> bool {
        let state = lock(&self.state);
        let mine = state.running.as_ref().is_some_and(|running| Arc::ptr_eq(&running.feed, feed));
        mine && !state.closed && !self.sim.is_over()
    }
}

impl Presenter for Pool {
    fn next(&self, _now: Duration) -> Option<Duration> {
        self.due()
    }

    fn present(&self, now: Duration) {
        self.present_until(now);
    }
}

/// The thread of a pool.
fn present_in_real_time(pool: &Weak<Pool>, feed: &Weak<Feed>) {
    loop {
        let (Some(pool), Some(feed)) = (pool.upgrade(), feed.upgrade()) else { return };
        pool.present_until(pool.sim.now());
        if !pool.is_running(&feed) {
            // The event that is under way when a pool is closed.
            return pool.present_until(pool.sim.now());
        }
        let (sim, due) = (Arc::clone(&pool.sim), pool.due());
        // Nothing is kept alive meanwhile.
        drop((pool, feed));
        let left = due.map_or(SLICE, |due| due.saturating_sub(sim.now()).min(SLICE));
        sim.clock.sleep(Some(left.max(Duration::from_micros(100))));
    }
}
