//! Shared textures, which Wine does not have: handles of the kernel, opening them on another device, and the identity of both ends.
//!
//! The memory of a shared texture is its maker's texture. Whoever opens it gets a texture of their own device with a copy of the
//! pixels, brought up to date when a keyed mutex is acquired; what they write stays theirs. The handle is one of a small file mapping
//! that says whose it is, so that the kernel counts how many there are.

use std::collections::BTreeMap;
use std::ffi::c_void;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::sync::{Arc, Mutex};
use std::time::Duration;

use windows::Win32::Foundation::{CloseHandle, E_INVALIDARG, E_NOINTERFACE, HANDLE, INVALID_HANDLE_VALUE, S_OK};
use windows::Win32::Graphics::Direct3D11::{
    ID3D11Device, ID3D11Device1_Vtbl, ID3D11DeviceChild_Vtbl, ID3D11Texture2D, D3D11_RESOURCE_MISC_SHARED_KEYEDMUTEX,
    D3D11_RESOURCE_MISC_SHARED_NTHANDLE, D3D11_TEXTURE2D_DESC,
};
use windows::Win32::Graphics::Dxgi::{IDXGIDevice, IDXGIKeyedMutex, IDXGIResource1};
use windows::Win32::System::LibraryLoader::{GetModuleHandleW, GetProcAddress};
use windows::Win32::System::Memory::{
    CreateFileMappingW, MapViewOfFile, UnmapViewOfFile, FILE_MAP_READ, FILE_MAP_WRITE, PAGE_READWRITE,
};
use windows_core::{implement, interface, s, w, IUnknown, IUnknown_Vtbl, Interface, Result, GUID, HRESULT};

use crate::across::copy_across;
use crate::counters::count;
use crate::device::{own, quietly};
use crate::faults::Call;
use crate::keyed::{Keyed, KeyedMutex};
use crate::resource::Resource;
use crate::stage::{current, Stage};
use crate::vtable::{original, patch};
use crate::{lock, slot};

const QUERY: usize = slot!(IUnknown_Vtbl, QueryInterface);
const OPEN: usize = slot!(ID3D11Device1_Vtbl, OpenSharedResource1);
const _: () = assert!(QUERY == 0 && OPEN == 48);
const _: () = assert!(slot!(ID3D11DeviceChild_Vtbl, GetPrivateData) == 4);

/// Under which a texture keeps its party.
static PARTY: GUID = GUID::from_u128(0x6c61_622d_7061_7274_9c41_7e02_d1b3_55aa);
/// In the mapping of every handle, before the number of the memory.
const MAGIC: u64 = 0x6464_616c_6162_2d31;

/// What all textures of one shared memory have in common.
pub(crate) struct Memory {
    number: u64,
    /// The maker's texture while it lives, as an address.
    texture: AtomicU64,
    /// Our own handle of the mapping.
    mapping: Kernel,
    pub(crate) keyed: Option<Keyed>,
    /// The maker has got the one handle.
    pub(crate) handed_out: AtomicBool,
    /// When it was last drawn on.
    drawn: Mutex<Duration>,
}

/// One texture of a memory: the maker's, or one that somebody opened.
pub(crate) struct Party {
    pub(crate) number: u64,
    pub(crate) memory: Arc<Memory>,
    maker: bool,
}

struct Kernel(HANDLE);

// SAFETY: handles belong to the process, not to a thread.
unsafe impl Send for Kernel {}
// SAFETY: as above; nothing but dropping changes it.
unsafe impl Sync for Kernel {}

impl Drop for Kernel {
    fn drop(&mut self) {
        // SAFETY: owned by this value alone.
        let _ = unsafe { CloseHandle(self.0) };
    }
}

/// What a texture keeps as private data and drops when it ends.
#[interface("8b1f3c52-4a0e-4a77-9d3e-6c61622d7061")]
unsafe trait IAnchor: IUnknown {
    fn party(&self) -> *const Party;
}

#[implement(IAnchor)]
struct Anchor(Arc<Party>);

impl IAnchor_Impl for Anchor_Impl {
    unsafe fn party(&self) -> *const Party {
        Arc::as_ptr(&self.0)
    }
}

impl Drop for Anchor {
    fn drop(&mut self) {
        if self.0.maker {
            self.0.memory.texture.store(0, Ordering::Release);
        }
        if let Some(keyed) = &self.0.memory.keyed {
            keyed.leave(self.0.number);
        }
    }
}

impl Memory {
    fn new(number: u64, texture: &ID3D11Texture2D, keyed: bool) -> Result<Self> {
        // SAFETY: a mapping of the paging file without a name; the result is checked.
        let mapping = unsafe { CreateFileMappingW(INVALID_HANDLE_VALUE, None, PAGE_READWRITE, 0, 16, None) }?;
        let mapping = Kernel(mapping);
        with_view(mapping.0, |words| *words = [MAGIC, number])?;
        Ok(Self {
            number,
            texture: AtomicU64::new(texture.as_raw() as u64),
            mapping,
            keyed: keyed.then(Keyed::default),
            handed_out: AtomicBool::new(false),
            drawn: Mutex::default(),
        })
    }

    /// One more handle.
    pub(crate) fn handle(&self) -> Result<HANDLE> {
        use windows::Win32::Foundation::{DuplicateHandle, DUPLICATE_SAME_ACCESS};
        use windows::Win32::System::Threading::GetCurrentProcess;
        let mut handle = HANDLE::default();
        // SAFETY: our own handle; the pointer is valid for the call.
        unsafe {
            let process = GetCurrentProcess();
            DuplicateHandle(process, self.mapping.0, process, &raw mut handle, 0, false, DUPLICATE_SAME_ACCESS)?;
        }
        Ok(handle)
    }

    /// Handles that others have.
    fn foreign_handles(&self) -> u64 {
        handle_count(self.mapping.0).saturating_sub(1)
    }

    /// The maker's texture, if it lives.
    pub(crate) fn texture(&self) -> Option<ID3D11Texture2D> {
        let raw = self.texture.load(Ordering::Acquire) as usize as *mut c_void;
        // SAFETY: the address is forgotten when the texture ends. Whoever opens a handle has it from a holder that keeps the texture.
        unsafe { ID3D11Texture2D::from_raw_borrowed(&raw) }.cloned()
    }

    /// Whether the device may still be drawing on it, as the script says.
    pub(crate) fn is_busy(&self, stage: &Stage) -> bool {
        stage.now() < *lock(&self.drawn) + stage.script.slow_reads()
    }
}

impl Party {
    /// Fails if somebody wants that, or the maker's device is gone.
    pub(crate) fn refuse(&self, call: Call) -> Result<()> {
        let Some(stage) = current() else { return Ok(()) };
        if let Some(code) = stage.inject(call) {
            return Err(code.into());
        }
        let device = self.memory.texture().and_then(|texture| {
            // SAFETY: every texture has a device.
            let device = unsafe { texture.GetDevice() }.ok()?;
            stage.device(&device)
        });
        match device.and_then(|device| device.removed(&stage, stage.now())) {
            Some(code) => Err(code.into()),
            None => Ok(()),
        }
    }

    /// Copies the pixels of the memory to this party's texture.
    pub(crate) fn bring_up_to_date(&self, texture: &ID3D11Texture2D) -> Result<()> {
        match self.memory.texture().filter(|_| !self.maker) {
            Some(maker) => quietly(|| copy_across(&maker, texture)),
            None => Ok(()),
        }
    }

    /// Somebody draws on its texture.
    pub(crate) fn draw(&self, stage: &Stage) {
        if self.memory.keyed.as_ref().is_some_and(|keyed| !keyed.is_owned_by(self.number)) {
            count(&stage.counting.draw_without_key);
        }
        *lock(&self.memory.drawn) = stage.now();
    }
}

/// The party of a texture, if it is a shared one.
pub(crate) fn party_of(texture: &ID3D11Texture2D) -> Option<Arc<Party>> {
    let mut raw: *mut c_void = std::ptr::null_mut();
    let mut size = size_of::<*mut c_void>() as u32;
    // SAFETY: the pointer is valid for as many bytes as said. Under this name there is an anchor or nothing, and we get a reference.
    let anchor = unsafe {
        texture.GetPrivateData(&raw const PARTY, &raw mut size, Some((&raw mut raw).cast())).ok()?;
        (!raw.is_null()).then(|| IUnknown::from_raw(raw))?.cast::<IAnchor>().ok()?
    };
    // SAFETY: the anchor keeps the party, so its count is at least one; one more is taken for the result.
    unsafe {
        let party = anchor.party();
        Arc::increment_strong_count(party);
        Some(Arc::from_raw(party))
    }
}

/// Watches what `device` shares, and all others of its class.
pub(crate) fn watch(device: &ID3D11Device) -> Result<()> {
    if device.cast::<windows::Win32::Graphics::Direct3D11::ID3D11Device1>().is_err() {
        return Ok(());
    }
    // SAFETY: a device that answers to `ID3D11Device1` has one table for both, and the hook has the slot's type.
    unsafe { patch(device.as_raw(), OPEN, open_shared as *const () as usize) }
}

/// A guest made a texture.
pub(crate) fn created(stage: &Stage, desc: &D3D11_TEXTURE2D_DESC, texture: &ID3D11Texture2D) -> Result<()> {
    if desc.MiscFlags & D3D11_RESOURCE_MISC_SHARED_NTHANDLE.0 as u32 == 0 {
        return Ok(());
    }
    let keyed = desc.MiscFlags & D3D11_RESOURCE_MISC_SHARED_KEYEDMUTEX.0 as u32 != 0;
    let memory = Arc::new(Memory::new(stage.number(), texture, keyed)?);
    count(&stage.counting.shared_textures);
    let mut memories = lock(&stage.memories);
    memories.retain(|_, memory| memory.texture.load(Ordering::Acquire) != 0 || memory.foreign_handles() > 0);
    memories.insert(memory.number, Arc::clone(&memory));
    drop(memories);
    join(stage, texture, memory, true)
}

/// Makes `texture` a party of `memory`.
fn join(stage: &Stage, texture: &ID3D11Texture2D, memory: Arc<Memory>, maker: bool) -> Result<()> {
    let party = Arc::new(Party { number: stage.number(), memory, maker });
    let anchor = IUnknown::from(Anchor(party));
    // SAFETY: the texture takes a reference of its own; the slot is that of every COM object, and the hook has its type.
    unsafe {
        texture.SetPrivateDataInterface(&raw const PARTY, &anchor)?;
        patch(texture.as_raw(), QUERY, query_interface as *const () as usize)
    }
}

/// Handles of all shared memories that guests have.
pub(crate) fn open_handles(stage: &Stage) -> u64 {
    lock(&stage.memories).values().map(|memory| memory.foreign_handles()).sum()
}

pub(crate) type Memories = BTreeMap<u64, Arc<Memory>>;

/// The memory that a handle leads to.
pub(crate) fn memory_of(stage: &Stage, handle: HANDLE) -> Result<Arc<Memory>> {
    let [magic, number] = with_view(handle, |words| *words).map_err(|_| E_INVALIDARG)?;
    let known = lock(&stage.memories).get(&number).cloned();
    Ok(known.filter(|_| magic == MAGIC).ok_or(E_INVALIDARG)?)
}

type Query = unsafe extern "system" fn(*mut c_void, *const GUID, *mut *mut c_void) -> HRESULT;
type Open = unsafe extern "system" fn(*mut c_void, HANDLE, *const GUID, *mut *mut c_void) -> HRESULT;

unsafe extern "system" fn query_interface(this: *mut c_void, iid: *const GUID, out: *mut *mut c_void) -> HRESULT {
    // SAFETY: null or the caller's variables.
    if let (Some(&wanted), Some(place), true) = (unsafe { iid.as_ref() }, unsafe { out.as_mut() }, current().is_some())
    {
        if wanted == IDXGIResource1::IID || wanted == IDXGIKeyedMutex::IID {
            // SAFETY: `this` is the texture that the method was called on.
            let texture = unsafe { ID3D11Texture2D::from_raw_borrowed(&this) };
            let party = texture.and_then(|texture| Some((texture.clone(), party_of(texture)?)));
            let object = party.and_then(|(texture, party)| match wanted {
                IDXGIResource1::IID => Some(IDXGIResource1::from(Resource::new(texture, party)).into_raw()),
                _ if party.memory.keyed.is_none() => None,
                _ => Some(IDXGIKeyedMutex::from(KeyedMutex::new(texture, party)).into_raw()),
            });
            *place = object.unwrap_or(std::ptr::null_mut());
            return if object.is_some() { S_OK } else { E_NOINTERFACE };
        }
    }
    // SAFETY: called for the slot that was replaced, with the caller's own arguments.
    unsafe { original::<Query>(this, QUERY)(this, iid, out) }
}

unsafe extern "system" fn open_shared(
    this: *mut c_void,
    handle: HANDLE,
    iid: *const GUID,
    out: *mut *mut c_void,
) -> HRESULT {
    // SAFETY: `this` is the device that the method was called on.
    let guest = current().filter(|_| !own()).zip(unsafe { ID3D11Device::from_raw_borrowed(&this) });
    let Some((stage, device)) = guest else {
        // SAFETY: called for the slot that was replaced, with the caller's own arguments.
        return unsafe { original::<Open>(this, OPEN)(this, handle, iid, out) };
    };
    // SAFETY: null or the caller's variable.
    let Some(place) = (unsafe { out.as_mut() }) else { return E_INVALIDARG };
    *place = std::ptr::null_mut();
    match open(&stage, device, handle) {
        // SAFETY: the caller keeps the contract of a query.
        Ok(texture) => unsafe { texture.query(iid, out) },
        Err(error) => error.code(),
    }
}

/// A texture on `device` over the memory that `handle` leads to.
pub(crate) fn open(stage: &Stage, device: &ID3D11Device, handle: HANDLE) -> Result<ID3D11Texture2D> {
    let memory = memory_of(stage, handle)?;
    let maker = memory.texture().ok_or(E_INVALIDARG)?;
    // SAFETY: every texture has a device.
    if luid(&unsafe { maker.GetDevice() }?)? != luid(device)? {
        return Err(E_INVALIDARG.into());
    }
    if memory.keyed.is_none() && memory.is_busy(stage) {
        count(&stage.counting.opened_before_done);
    }
    let mut desc = D3D11_TEXTURE2D_DESC::default();
    let mut texture = None;
    // SAFETY: all pointers are valid for the calls.
    quietly(|| unsafe {
        maker.GetDesc(&raw mut desc);
        desc.MiscFlags = 0;
        device.CreateTexture2D(&raw const desc, None, Some(&raw mut texture))
    })?;
    let texture: ID3D11Texture2D = texture.ok_or(E_INVALIDARG)?;
    if memory.keyed.is_none() {
        quietly(|| copy_across(&maker, &texture))?;
    }
    join(stage, &texture, memory, false)?;
    count(&stage.counting.shared_opened);
    Ok(texture)
}

fn luid(device: &ID3D11Device) -> Result<(u32, i32)> {
    // SAFETY: every Direct3D device is a DXGI device with an adapter.
    let luid = unsafe { device.cast::<IDXGIDevice>()?.GetAdapter()?.GetDesc() }?.AdapterLuid;
    Ok((luid.LowPart, luid.HighPart))
}

/// Looks at the two words that every mapping of ours begins with.
fn with_view<T>(mapping: HANDLE, look: impl FnOnce(&mut [u64; 2]) -> T) -> Result<T> {
    // SAFETY: fails if the handle is not one of a mapping, or of one that is shorter.
    let view = unsafe { MapViewOfFile(mapping, FILE_MAP_READ | FILE_MAP_WRITE, 0, 0, 16) };
    if view.Value.is_null() {
        return Err(windows_core::Error::from_thread());
    }
    // SAFETY: mapped for 16 bytes, aligned to a page; only `Memory::new` writes, before anybody else has the handle.
    let result = look(unsafe { &mut *view.Value.cast::<[u64; 2]>() });
    // SAFETY: mapped above.
    let _ = unsafe { UnmapViewOfFile(view) };
    Ok(result)
}

/// How many handles lead to the object of `handle`.
fn handle_count(handle: HANDLE) -> u64 {
    type NtQueryObject = unsafe extern "system" fn(HANDLE, i32, *mut c_void, u32, *mut u32) -> i32;
    // `OBJECT_BASIC_INFORMATION`: attributes, access, number of handles, and more.
    let mut information = [0u32; 14];
    // SAFETY: ntdll is in every process; the name is a function of this very type; class 0 is as long as the buffer.
    unsafe {
        let Ok(ntdll) = GetModuleHandleW(w!("ntdll.dll")) else { return 0 };
        let Some(address) = GetProcAddress(ntdll, s!("NtQueryObject")) else { return 0 };
        let query: NtQueryObject = std::mem::transmute(address);
        let size = size_of_val(&information) as u32;
        let status = query(handle, 0, information.as_mut_ptr().cast(), size, std::ptr::null_mut());
        u64::from(if status < 0 { 0 } else { information[2] })
    }
}
