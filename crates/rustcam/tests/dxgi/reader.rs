//! A reader of shared textures: that of the example `gpu_consumer`, on a device of its own.

use rustcam::source::texture::SharedTexture;

#[path = "../../examples/gpu_consumer/consumer.rs"]
mod consumer;

pub use consumer::{Consumer, Opened};

/// A reader on the adapter of `texture`.
pub fn reader_for(texture: &SharedTexture) -> Consumer {
    Consumer::on_adapter((texture.luid.low, texture.luid.high)).expect("the adapter of the texture")
}

pub fn open(reader: &Consumer, texture: &SharedTexture) -> Opened {
    reader.open(texture.handle.handle().expect("a handle")).expect("on the same adapter")
}

/// The picture in a texture, read under its mutex if it has one.
pub fn read(reader: &Consumer, texture: &SharedTexture) -> Vec<u8> {
    let opened = open(reader, texture);
    assert!(opened.acquire(5000).expect("it is not abandoned"), "the writer has released the reader's key");
    let pixels = reader.pixels(&opened).expect("readable");
    opened.release().expect("acquired above");
    pixels
}
