//! A second thread that does half of the work and sleeps when there is none.

use std::sync::mpsc::{sync_channel, Receiver, SyncSender};
use std::sync::Arc;
use std::thread;

use rustcam::geometry::Size;

use crate::step::Step;

/// The lower half of a step, and the memory that it goes to.
pub struct Half {
    pub step: Step,
    pub src: Arc<Vec<u8>>,
    pub dst: Vec<u8>,
    pub size: Size,
}

/// The second thread. It ends with the program.
pub struct Partner {
    work: SyncSender<Half>,
    done: Receiver<Half>,
}

impl Partner {
    pub fn new() -> Self {
        let (work, inbox) = sync_channel::<Half>(1);
        let (outbox, done) = sync_channel(1);
        thread::spawn(move || {
            for mut half in inbox {
                let height = half.step.shown(half.size).height;
                half.step.run(&half.src, &mut half.dst, half.size, height / 2..height);
                if outbox.send(half).is_err() {
                    break;
                }
            }
        });
        Self { work, done }
    }

    pub fn begin(&self, half: Half) {
        self.work.send(half).expect("the partner waits for work");
    }

    pub fn finish(&self) -> Half {
        self.done.recv().expect("the partner has work")
    }
}
