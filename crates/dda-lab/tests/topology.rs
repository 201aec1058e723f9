//! Adapters, outputs and monitors that change while the program runs, and objects that do not say so.
#![cfg(windows)]

mod client;

use client::*;
use windows::Win32::Devices::Display::*;
use windows::Win32::Foundation::{ERROR_INSUFFICIENT_BUFFER, ERROR_NOT_SUPPORTED, E_INVALIDARG, LUID};
use windows::Win32::Graphics::Dxgi::Common::*;
use windows::Win32::Graphics::Dxgi::*;
use windows_core::{Interface, HRESULT};

const REMOVED: HRESULT = DXGI_ERROR_DEVICE_REMOVED;

fn text(units: &[u16]) -> String {
    String::from_utf16_lossy(units.split(|unit| *unit == 0).next().unwrap_or_default())
}

fn name(output: &IDXGIOutput) -> String {
    // SAFETY: a live object.
    text(&unsafe { output.GetDesc() }.expect("a description").DeviceName)
}

fn desc(adapter: &IDXGIAdapter1) -> DXGI_ADAPTER_DESC1 {
    // SAFETY: a live object.
    unsafe { adapter.GetDesc1() }.expect("a description")
}

fn luid(adapter: &IDXGIAdapter1) -> (u32, i32) {
    let LUID { LowPart, HighPart } = desc(adapter).AdapterLuid;
    (LowPart, HighPart)
}

/// The adapters of a new factory.
fn adapters() -> Vec<IDXGIAdapter1> {
    let (factory, _) = new_factory();
    // SAFETY: plain enumeration.
    (0..).map_while(|index| unsafe { factory.EnumAdapters1(index) }.ok()).collect()
}

fn outputs(adapter: &IDXGIAdapter1) -> Vec<IDXGIOutput> {
    // SAFETY: plain enumeration.
    (0..).map_while(|index| unsafe { adapter.EnumOutputs(index) }.ok()).collect()
}

fn names(adapter: &IDXGIAdapter1) -> Vec<String> {
    outputs(adapter).iter().map(name).collect()
}

/// Lets virtual time pass.
fn pass(client: &Client, ms: u64) {
    client.lab.clock().sleep(std::time::Duration::from_millis(ms));
}

/// Name and device path of every monitor, or the code of the system.
fn monitors() -> Result<Vec<(String, String)>, u32> {
    let (mut number, mut modes) = (0, 0);
    // SAFETY: both pointers are valid for the call.
    let code = unsafe { GetDisplayConfigBufferSizes(QDC_ONLY_ACTIVE_PATHS, &raw mut number, &raw mut modes) };
    if code.is_err() {
        return Err(code.0);
    }
    let mut paths = vec![DISPLAYCONFIG_PATH_INFO::default(); number as usize];
    let query = |number: &mut u32, paths: *mut DISPLAYCONFIG_PATH_INFO| {
        let (mut modes, mut none) = (0, DISPLAYCONFIG_MODE_INFO::default());
        // SAFETY: a list of that length.
        unsafe { QueryDisplayConfig(QDC_ONLY_ACTIVE_PATHS, number, paths, &raw mut modes, &raw mut none, None) }
    };
    assert_eq!(query(&mut (number - 1), paths.as_mut_ptr()), ERROR_INSUFFICIENT_BUFFER);
    assert!(query(&mut number, paths.as_mut_ptr()).is_ok());
    let named = paths.iter().map(|path| {
        let mut source = DISPLAYCONFIG_SOURCE_DEVICE_NAME::default();
        source.header.r#type = DISPLAYCONFIG_DEVICE_INFO_GET_SOURCE_NAME;
        source.header.size = size_of_val(&source) as u32;
        (source.header.adapterId, source.header.id) = (path.sourceInfo.adapterId, path.sourceInfo.id);
        let mut target = DISPLAYCONFIG_TARGET_DEVICE_NAME::default();
        target.header.r#type = DISPLAYCONFIG_DEVICE_INFO_GET_TARGET_NAME;
        target.header.size = size_of_val(&target) as u32;
        (target.header.adapterId, target.header.id) = (path.targetInfo.adapterId, path.targetInfo.id);
        // SAFETY: packets that say their type and their size.
        let codes = unsafe {
            (DisplayConfigGetDeviceInfo(&raw mut source.header), DisplayConfigGetDeviceInfo(&raw mut target.header))
        };
        assert_eq!(codes, (0, 0));
        (text(&source.viewGdiDeviceName), text(&target.monitorDevicePath))
    });
    Ok(named.collect())
}

#[test]
fn stale_outputs_are_silent_and_their_factory_says_that_it_is_current() {
    let client = client("refresh 100; at 55ms mode 400x300@100; at 255ms lose access; lab stale silent");
    let dup = client.duplicate();
    frame(&dup, 0);
    done(&dup);
    while acquire(&dup, 100).code == OK {
        done(&dup);
    }
    assert_eq!((client.ms(), acquire(&dup, 0).code), (55, LOST));
    drop(dup);
    // SAFETY: a live object.
    assert!(unsafe { client.factory.IsCurrent() }.as_bool());
    // SAFETY: as above.
    let place = unsafe { client.output.GetDesc() }.expect("a description").DesktopCoordinates;
    assert_eq!((place.right, place.bottom), (320, 200), "as it was");
    let silent = client.duplicate();
    for _ in 0..3 {
        assert_eq!(acquire(&silent, 50).code, TIMEOUT, "for ever");
    }
    assert_eq!(acquire(&silent, 100).code, LOST, "but it can be lost");
    drop(silent);
    // Another output of the same factory is no better, one of a new factory is.
    assert_eq!(
        acquire(&try_duplicate(&outputs(&client.adapter)[0], &client.device).expect("silent"), 50).code,
        TIMEOUT
    );
    let fresh = outputs(&adapters()[0]).remove(0);
    let dup = try_duplicate(&fresh, &client.device).expect("a duplication");
    client.assert_shows(&frame(&dup, 100).texture(), client.lab.world().frame_at(client.lab.now()));
}

#[test]
fn names_change_and_device_paths_stay() {
    let client =
        client("static; outputs 2; lab at 100ms name 1 5; lab at 200ms detach 1 for 100ms; lab at 200ms name 2 5");
    let path =
        |n: u32| format!(r"\\?\DISPLAY#LAB000{n}#4&1a2b3c4d&0&UID{}#{{e6f07b5f-ee97-4a90-b076-33f57bf4eaa7}}", 255 + n);
    let monitor = |name: u32, n| (format!(r"\\.\DISPLAY{name}"), path(n));
    assert_eq!(monitors(), Ok(vec![monitor(1, 1), monitor(2, 2)]));
    let (first, second) =
        (client.duplicate(), try_duplicate(&outputs(&client.adapter)[1], &client.device).expect("two"));
    for dup in [&first, &second] {
        frame(dup, 0);
        done(dup);
    }
    assert_eq!((acquire(&first, 1000).code, client.ms()), (LOST, 100));
    assert_eq!(acquire(&second, 0).code, TIMEOUT, "the other goes on");
    // SAFETY: a live object.
    assert!(!unsafe { client.factory.IsCurrent() }.as_bool());
    assert_eq!(monitors(), Ok(vec![monitor(5, 1), monitor(2, 2)]));
    assert_eq!(names(&adapters()[0]), [r"\\.\DISPLAY5", r"\\.\DISPLAY2"]);
    drop(first);
    assert!(client.try_duplicate().is_ok());
    // The name belongs to the other monitor now, and its own monitor is gone for a time.
    assert_eq!((acquire(&second, 1000).code, client.ms()), (LOST, 200));
    assert_eq!((monitors(), names(&adapters()[0])), (Ok(vec![monitor(5, 2)]), vec![r"\\.\DISPLAY5".to_owned()]));
    assert_eq!(client.try_duplicate().err(), Some(DXGI_ERROR_NOT_FOUND));
    pass(&client, 100);
    assert_eq!(monitors(), Ok(vec![monitor(5, 1), monitor(5, 2)]));
    assert!(client.try_duplicate().is_ok());
}

#[test]
fn a_system_may_not_know_device_paths() {
    let client = client("static; lab paths unknown");
    assert_eq!(monitors(), Err(ERROR_NOT_SUPPORTED.0));
    drop(client);
}

/// The level of white of a monitor, in thousandths of 80 nits.
fn white_level(client: &Client, monitor: u32) -> Option<u32> {
    let mut level = DISPLAYCONFIG_SDR_WHITE_LEVEL::default();
    level.header.r#type = DISPLAYCONFIG_DEVICE_INFO_GET_SDR_WHITE_LEVEL;
    (level.header.size, level.header.id) = (size_of_val(&level) as u32, monitor);
    level.header.adapterId = desc(&client.adapter).AdapterLuid;
    // SAFETY: a packet that says its type and its size.
    let code = unsafe { DisplayConfigGetDeviceInfo(&raw mut level.header) };
    (code == 0).then_some(level.SDRWhiteLevel)
}

#[test]
fn a_monitor_says_how_bright_white_is() {
    let sdr = self::client("static; lab white 240");
    assert_eq!((white_level(&sdr, 256), white_level(&sdr, 1)), (Some(3000), None), "there is no monitor 1");
    drop(sdr);
    let refused = self::client("static; lab white 240; lab white refused");
    assert_eq!(white_level(&refused, 256), None);
    drop(refused);
    let hdr = self::client("static; color hdr; white 300; at 50ms white 0; at 100ms white 480");
    assert_eq!(white_level(&hdr, 256), Some(3750));
    pass(&hdr, 60);
    assert_eq!(white_level(&hdr, 256), Some(0));
    pass(&hdr, 60);
    assert_eq!(white_level(&hdr, 256), Some(6000));
}

#[test]
fn an_hdr_output_says_its_luminances() {
    let facts = |client: &Client| {
        let output: IDXGIOutput6 = client.output.cast().expect("an output of Windows 10");
        // SAFETY: the call has no condition.
        let desc = unsafe { output.GetDesc1() }.expect("a description");
        (desc.ColorSpace, desc.BitsPerColor, desc.MaxLuminance, desc.MinLuminance)
    };
    let client = self::client("static; color hdr; max 600; min 0.5; at 50ms color sdr");
    assert_eq!(facts(&client), (DXGI_COLOR_SPACE_RGB_FULL_G2084_NONE_P2020, 10, 600.0, 0.5));
    pass(&client, 60);
    assert_eq!((facts(&client).0, facts(&client).1), (DXGI_COLOR_SPACE_RGB_FULL_G22_NONE_P709, 8));
    drop(client);
    let managed = self::client("static; lab format acm");
    assert_eq!((facts(&managed).0, facts(&managed).1), (DXGI_COLOR_SPACE_RGB_FULL_G22_NONE_P709, 8));
}

#[test]
fn the_basic_render_driver_may_have_outputs() {
    let client = client("static; lab adapter basic; lab system memory");
    let desc = desc(&client.adapter);
    assert_eq!(text(&desc.Description), "Microsoft Basic Render Driver");
    assert_eq!((desc.VendorId, desc.DeviceId), (0x1414, 0x8C));
    assert_eq!(desc.Flags & DXGI_ADAPTER_FLAG_SOFTWARE.0 as u32, 0);
    assert!(frame(&client.duplicate(), 0).resource.is_some());
}

#[test]
fn one_graphics_card_may_be_there_twice() {
    let client = client("static; outputs 3; lab adapters 2 alike; lab output 2 on 1");
    let there = adapters();
    assert_eq!(there.len(), 2);
    assert_eq!(text(&desc(&there[0]).Description), text(&desc(&there[1]).Description));
    assert_ne!(luid(&there[0]), luid(&there[1]));
    assert_eq!(
        (names(&there[0]), names(&there[1])),
        (vec![r"\\.\DISPLAY1".to_owned(), r"\\.\DISPLAY3".to_owned()], vec![r"\\.\DISPLAY2".to_owned()])
    );
    let second = outputs(&there[1]).remove(0);
    assert_eq!(try_duplicate(&second, &client.device).err(), Some(E_INVALIDARG), "a device of the other adapter");
    let (device, _context) = new_device(&there[1]);
    assert_eq!(acquire(&try_duplicate(&second, &device).expect("a duplication"), 0).code, OK);
    assert_eq!(monitors().map(|all| all.len()), Ok(3));
}

#[test]
fn an_adapter_may_go_while_another_stays() {
    let client = client("static; outputs 2; lab adapters 2; lab output 2 on 1; lab at 100ms remove 0 for 200ms");
    let there = adapters();
    let (device, _context) = new_device(&there[1]);
    let (first, second) = (client.duplicate(), try_duplicate(&outputs(&there[1])[0], &device).expect("a duplication"));
    for dup in [&first, &second] {
        frame(dup, 0);
        done(dup);
    }
    assert_eq!((acquire(&first, 1000).code, client.ms()), (REMOVED, 100));
    assert_eq!(acquire(&second, 100).code, TIMEOUT);
    // SAFETY: a live object.
    assert_eq!(unsafe { device.GetDeviceRemovedReason() }, Ok(()));
    let left = adapters();
    assert_eq!((left.len(), luid(&left[0]), names(&left[0])), (1, luid(&there[1]), vec![r"\\.\DISPLAY2".to_owned()]));
    assert_eq!(monitors().map(|all| all.len()), Ok(1));
    drop(first);
    assert_eq!(client.try_duplicate().err(), Some(REMOVED));
    pass(&client, 100);
    let again = adapters();
    assert_eq!(again.len(), 2);
    assert_ne!(luid(&again[0]), luid(&there[0]), "it comes back as another");
    let (device, _context) = new_device(&again[0]);
    assert!(try_duplicate(&outputs(&again[0])[0], &device).is_ok());
}

#[test]
fn a_new_driver_has_a_new_luid_and_no_use_for_old_devices() {
    let client = client("static; lab at 100ms renew 0");
    let before = luid(&client.adapter);
    let dup = client.duplicate();
    frame(&dup, 0);
    done(&dup);
    assert_eq!((acquire(&dup, 1000).code, client.ms()), (LOST, 100));
    drop(dup);
    let fresh = adapters().remove(0);
    assert_eq!((luid(&client.adapter), luid(&fresh) == before), (before, false));
    let output = outputs(&fresh).remove(0);
    assert_eq!(try_duplicate(&output, &client.device).err(), Some(E_INVALIDARG));
    let (device, _context) = new_device(&fresh);
    assert!(try_duplicate(&output, &device).is_ok());
}
