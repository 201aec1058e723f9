//! Shared textures of sessions and handles over the simulated desktop, in virtual time, with a simulated device.

use std::collections::VecDeque;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex};
use std::time::Duration;

use rustcam::capture::{Frame, Handle, Pixels, Request, Session, Target};
use rustcam::clock::{Clock, VirtualClock};
use rustcam::color::TextureFormat;
use rustcam::error::{Error, ErrorKind, Loss, Result};
use rustcam::geometry::Rect;
use rustcam::source::texture::{Luid, SharedTexture, TextureHandle, TextureRequest, TextureSync};
use rustcam::source::{OpenOptions, Outcome};

use super::wrapped::Wrapped;

/// What the device does next. It succeeds when the queue is empty.
enum Answer {
    Pending,
    Fail(Error),
}

#[derive(Default)]
struct Device {
    answers: Mutex<VecDeque<Answer>>,
    requests: Mutex<Vec<TextureRequest>>,
    held: Arc<AtomicU64>,
}

struct Held(Arc<AtomicU64>);

impl TextureHandle for Held {
    fn handle(&self) -> Result<isize> {
        Ok(4)
    }

    fn is_stale(&self) -> bool {
        false
    }
}

impl Drop for Held {
    fn drop(&mut self) {
        self.0.fetch_sub(1, Ordering::SeqCst);
    }
}

impl Device {
    fn share(
        &self,
        request: &TextureRequest,
        timeout: Duration,
        clock: &VirtualClock,
    ) -> Result<Outcome<SharedTexture>> {
        self.requests.lock().expect("no panic").push(*request);
        match self.answers.lock().expect("no panic").pop_front() {
            Some(Answer::Pending) => {
                clock.sleep(timeout);
                Ok(Outcome::Pending)
            }
            Some(Answer::Fail(error)) => Err(error),
            None => {
                self.held.fetch_add(1, Ordering::SeqCst);
                let handle = Box::new(Held(Arc::clone(&self.held)));
                let image = (request.region.size(), request.format);
                let luid = Luid { low: 1, high: 0 };
                Ok(Outcome::Done(SharedTexture::new(image, request.sync, luid, 1, handle)))
            }
        }
    }
}

fn options(script: &str, clock: &Arc<VirtualClock>) -> OpenOptions {
    super::sim_capture::options(&format!("size 320x200; {script}"), true, Arc::clone(clock) as Arc<dyn Clock>)
}

/// A session on the simulated desktop with a simulated device.
fn session(script: &str, cursor: bool) -> (Session, Arc<Device>, Arc<VirtualClock>) {
    let (clock, device) = (Arc::new(VirtualClock::default()), Arc::new(Device::default()));
    let time = Arc::clone(&clock) as Arc<dyn Clock>;
    let desktop = super::sim_capture::desktop(&format!("size 320x200; {script}"), true, time);
    let (shared, time) = (Arc::clone(&device), Arc::clone(&clock));
    let source = Wrapped::new(desktop).with_device(move |request, timeout| shared.share(request, timeout, &time));
    let session = Session::over(Box::new(source), Arc::clone(&clock) as Arc<dyn Clock>, cursor);
    (session, device, clock)
}

fn share(session: &mut Session, timeout: u64) -> Result<Option<Frame>> {
    let request = Request::within(Duration::from_millis(timeout));
    session.grab(&request, Target::shared(TextureSync::Keyed, TextureFormat::Bgra8), &mut || Ok(()))
}

fn next(session: &mut Session) -> Frame {
    let frame = share(session, 1000).expect("alive").expect("something is presented");
    assert!(matches!(frame.pixels, Pixels::Device(_)) && frame.image().is_none());
    frame
}

fn answer(device: &Device, answer: Answer) {
    device.answers.lock().expect("no panic").push_back(answer);
}

#[test]
fn shared_textures_have_the_same_info_as_images_in_memory() {
    let (mut session, device, clock) = session("refresh 60; static; pointer storm 1000; at 500ms present", false);
    session.set_region(Some(Rect::new(10, 20, 30, 50))).expect("inside");
    let first = next(&mut session);
    assert_eq!(first.info.sequence, 1);
    // Without a cursor, movements of the pointer make no frame and cause no work of the device.
    assert!(share(&mut session, 100).expect("alive").is_none());
    let second = next(&mut session);
    assert_eq!((second.info.sequence, second.info.accumulated), (2, 1));
    assert!(clock.now() >= Duration::from_millis(500));
    let expected = TextureRequest::new(Rect::new(10, 20, 30, 50), false, TextureSync::Keyed);
    assert_eq!(*device.requests.lock().expect("no panic"), [expected; 2]);
    drop((first, second));
    assert_eq!(device.held.load(Ordering::SeqCst), 0);
}

#[test]
fn with_the_cursor_a_movement_of_the_pointer_makes_a_frame() {
    let (mut session, _, _) = session("refresh 60; static; pointer storm 1000", true);
    next(&mut session);
    let moved = next(&mut session);
    assert_eq!((moved.info.accumulated, moved.info.is_new), (0, true));
}

#[test]
fn a_slow_device_ends_no_call_late_and_loses_no_frame() {
    let (mut session, device, clock) = session("refresh 60; static; pointer still", false);
    for _ in 0..20 {
        answer(&device, Answer::Pending);
    }
    let began = clock.now();
    assert!(share(&mut session, 0).expect("alive").is_none());
    assert!(clock.now() <= began + Duration::from_millis(50));
    // Nothing else is presented, so this is the frame that was begun.
    let frame = next(&mut session);
    assert_eq!(frame.info.sequence, 1);
    assert!(share(&mut session, 100).expect("alive").is_none());
}

#[test]
fn an_error_consumes_no_frame() {
    let (mut session, device, _) = session("refresh 60; static; pointer still", false);
    answer(&device, Answer::Fail(Error::new(ErrorKind::Capture, "too many are held")));
    assert_eq!(share(&mut session, 1000).expect_err("the error").message(), "too many are held");
    assert_eq!(share(&mut session, 0).expect("alive").expect("the same frame").info.sequence, 1);
}

#[test]
fn a_loss_while_sharing_is_recovered_from() {
    let (mut session, device, _) = session("refresh 60; pointer still", false);
    answer(&device, Answer::Fail(Error::new(ErrorKind::Device, "gone").with_loss(Loss::Lasting)));
    next(&mut session);
    assert_eq!(session.stats().recoveries, 1);
}

#[test]
fn a_source_without_a_gpu_path_says_so_at_once() {
    let clock = Arc::new(VirtualClock::default());
    let handle = Handle::open(&options("static; pointer still; clock virtual", &clock), &mut || Ok(()))
        .expect("the script is right");
    let request = Request::within(Duration::from_secs(60));
    for _ in 0..2 {
        let error = handle
            .grab(&request, Target::shared(TextureSync::None, TextureFormat::Bgra8), &mut || Ok(()))
            .expect_err("no device");
        assert_eq!((error.kind(), error.loss()), (ErrorKind::Capture, None));
        assert!(error.hint().is_some() && error.message().contains("no GPU path"), "{error}");
    }
    assert_eq!(clock.now(), Duration::ZERO);
    handle.close();
    let error = handle
        .grab(&request, Target::shared(TextureSync::None, TextureFormat::Bgra8), &mut || Ok(()))
        .expect_err("closed");
    assert_eq!(error.kind(), ErrorKind::WrongState);
}
