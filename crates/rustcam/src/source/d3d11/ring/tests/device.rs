//! A simulated device that checks every rule: who may write when, what a reader sees, which handles are open.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::{Arc, Mutex, MutexGuard};

use super::super::{Gpu, Kind};
use crate::error::Result;
use crate::source::hresult;
use crate::source::texture::TextureSync;
use crate::source::verdict::{self, Call};

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Owner {
    Writer,
    Reader,
}

/// The memory of one texture, which readers keep alive.
#[derive(Debug)]
pub(super) struct Memory {
    key: u64,
    owner: Option<Owner>,
    abandoned: bool,
    pub(super) content: u64,
    sync: TextureSync,
}

#[derive(Default)]
pub(super) struct World {
    pub(super) memories: BTreeMap<u64, Memory>,
    /// Textures that the ring or a holder references.
    live: BTreeSet<u64>,
    /// Open handles, and the memory they refer to.
    handles: BTreeMap<u64, u64>,
    numbers: u64,
    opened: u64,
    closed: u64,
    /// Codes for the next calls.
    pub(super) acquire_code: Option<u32>,
    pub(super) release_code: Option<u32>,
    pub(super) create_code: Option<u32>,
    pub(super) duplicate_code: Option<u32>,
}

#[derive(Clone, Default)]
pub(super) struct Device(Arc<Mutex<World>>);

pub(super) struct Texture(Device, pub(super) u64);
pub(super) struct Handle(Device, pub(super) u64);

impl Device {
    pub(super) fn world(&self) -> MutexGuard<'_, World> {
        self.0.lock().expect("no rule was broken before")
    }

    /// What the writer renders.
    pub(super) fn paint(&self, texture: &Arc<Texture>, content: u64) {
        assert_eq!(Arc::strong_count(texture), 2, "written while a holder has it");
        let mut world = self.world();
        let memory = world.memories.get_mut(&texture.1).expect("written while it lives");
        if memory.sync == TextureSync::Keyed {
            assert_eq!(memory.owner, Some(Owner::Writer), "written without the key");
        }
        memory.content = content;
    }

    /// What a reader sees through an open handle.
    pub(super) fn content(&self, handle: u64) -> u64 {
        let world = self.world();
        let id = world.handles.get(&handle).expect("used after close");
        world.memories[id].content
    }

    pub(super) fn reader(&self, id: u64, key: u64) -> u32 {
        take(&mut self.world(), id, key, Owner::Reader)
    }

    pub(super) fn reader_leaves(&self, id: u64, key: u64) {
        assert_eq!(leave(&mut self.world(), id, key, Owner::Reader), hresult::S_OK);
    }

    pub(super) fn reader_dies(&self, id: u64) {
        let mut world = self.world();
        let memory = world.memories.get_mut(&id).expect("read while it lives");
        assert_eq!(memory.owner.take(), Some(Owner::Reader));
        memory.abandoned = true;
    }

    pub(super) fn balance(&self) -> (u64, u64, usize, usize) {
        let world = self.world();
        (world.opened, world.closed, world.handles.len(), world.live.len())
    }
}

fn take(world: &mut World, id: u64, key: u64, who: Owner) -> u32 {
    let memory = world.memories.get_mut(&id).expect("taken while it lives");
    assert_eq!(memory.sync, TextureSync::Keyed, "there is no mutex");
    assert_ne!(memory.owner, Some(who), "a keyed mutex is not recursive");
    match memory.owner {
        _ if memory.abandoned => hresult::WAIT_ABANDONED,
        None if memory.key == key => {
            memory.owner = Some(who);
            hresult::S_OK
        }
        _ => hresult::WAIT_TIMEOUT,
    }
}

fn leave(world: &mut World, id: u64, key: u64, who: Owner) -> u32 {
    let memory = world.memories.get_mut(&id).expect("left while it lives");
    if memory.owner != Some(who) {
        return hresult::E_FAIL;
    }
    memory.owner = None;
    memory.key = key;
    hresult::S_OK
}

impl Gpu for Device {
    type Texture = Texture;
    type Handle = Handle;

    fn create(&self, Kind { sync, .. }: Kind) -> Result<Texture> {
        let mut world = self.world();
        if let Some(code) = world.create_code.take() {
            return Err(verdict::error(code, Call::Share));
        }
        world.numbers += 1;
        let id = world.numbers;
        world.memories.insert(id, Memory { key: 0, owner: None, abandoned: false, content: 0, sync });
        world.live.insert(id);
        Ok(Texture(self.clone(), id))
    }

    fn acquire(&self, texture: &Texture, key: u64) -> u32 {
        assert_eq!(key, 0, "the writer takes key 0 only");
        let mut world = self.world();
        match world.acquire_code.take() {
            Some(code) => code,
            None => take(&mut world, texture.1, key, Owner::Writer),
        }
    }

    fn release(&self, texture: &Texture, key: u64) -> u32 {
        let mut world = self.world();
        match world.release_code.take() {
            Some(code) => code,
            None => leave(&mut world, texture.1, key, Owner::Writer),
        }
    }

    fn duplicate(texture: &Texture) -> Result<Handle> {
        let mut world = texture.0.world();
        if let Some(code) = world.duplicate_code.take() {
            return Err(verdict::error(code, Call::Share));
        }
        world.numbers += 1;
        world.opened += 1;
        let number = world.numbers;
        world.handles.insert(number, texture.1);
        Ok(Handle(texture.0.clone(), number))
    }
}

impl Drop for Texture {
    fn drop(&mut self) {
        assert!(self.0.world().live.remove(&self.1), "destroyed twice");
    }
}

impl Drop for Handle {
    fn drop(&mut self) {
        let mut world = self.0.world();
        world.closed += 1;
        assert!(world.handles.remove(&self.1).is_some(), "closed twice");
    }
}
