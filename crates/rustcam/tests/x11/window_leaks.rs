//! What is left in the server and in this process after a window was captured: nothing.

use rustcam::source::{Outcome, Source};
use x11rb::protocol::res::ConnectionExt as _;
use x11rb::protocol::xproto::ConnectionExt as _;

use crate::program::{by_handle, by_title, framed, lost, open, picture, Kind, Program, ALL, PLACE};
use crate::xvfb::{begin, presented, read, read_into, rect, Xvfb, SMALL, TIMEOUT};

#[test]
fn a_redirection_is_given_back_and_shared() {
    let Some(server) = Xvfb::start(&SMALL) else { return };
    let mut program = Program::start(&server);
    let (frame, window) = framed(&mut program);
    let all_back = |program: &Program| {
        let start = std::time::Instant::now();
        while [window, frame].iter().any(|window| program.is_redirected(*window)) {
            assert!(start.elapsed() < TIMEOUT, "a redirection is left");
        }
    };
    all_back(&program);
    let mut first = open(&server, by_handle(window));
    let mut second = open(&server, by_handle(window));
    begin(&mut first);
    begin(&mut second);
    assert!(program.is_redirected(window));
    assert!(picture(&mut first) == picture(&mut second));
    drop(first);
    program.fill(window, rect(3, 4, 5, 6), 0x00ff_00ff);
    presented(&mut second);
    assert!(picture(&mut second) == program.expected(window));
    assert!(program.is_redirected(window) && program.is_redirected(frame));
    drop(second);
    all_back(&program);

    // A source that follows another window lets go of the first.
    program.set_title(window, "Same");
    program.set_numbers(window, "WM_STATE", "WM_STATE", &[1, 0]);
    let mut source = open(&server, by_title("Same"));
    begin(&mut source);
    program.unmap(frame);
    lost(&mut source);
    let other = program.window(PLACE, Kind::default());
    program.set_title(other, "Same");
    program.connection.delete_property(window, program.atom("WM_STATE")).expect("sent");
    program.sync();
    source.rebuild(TIMEOUT).expect("there is another one");
    program.map(frame);
    assert!(program.is_redirected(other) && !program.is_redirected(window) && !program.is_redirected(frame));
}

/// How many resources of each type the server keeps for each of its clients, of whom `program` is one.
fn resources(program: &Program) -> Vec<(u32, u32)> {
    let connection = &program.connection;
    let clients = connection.res_query_clients().expect("sent").reply().expect("alive").clients;
    let mut all = Vec::new();
    for client in clients {
        let Ok(reply) = connection.res_query_client_resources(client.resource_base).expect("sent").reply() else {
            continue;
        };
        all.extend(reply.types.iter().map(|r| (r.resource_type, r.count)));
    }
    all.sort_unstable();
    all
}

/// The same after some other capture, for which the server makes what it never frees.
fn resources_without_capture(server: &Xvfb, program: &Program) -> Vec<(u32, u32)> {
    let clients = || program.connection.res_query_clients().expect("sent").reply().expect("alive").num_clients();
    let before = clients();
    drop(server.open(0, false));
    let start = std::time::Instant::now();
    while clients() > before {
        assert!(start.elapsed() < TIMEOUT, "a client is left");
    }
    resources(program)
}

#[test]
fn the_server_keeps_nothing_for_windows_that_were_captured() {
    let Some(server) = Xvfb::start(&SMALL) else { return };
    let mut program = Program::start(&server);
    let (frame, window) = framed(&mut program);
    let before = resources_without_capture(&server, &program);
    for _ in 0..100 {
        let mut source = open(&server, by_handle(window));
        assert!(picture(&mut source) == program.expected(window));
    }
    let start = std::time::Instant::now();
    while resources(&program) != before {
        assert!(start.elapsed() < TIMEOUT, "{:?} instead of {before:?}", resources(&program));
    }

    // Nor does one source that lives through all of it make it keep more and more.
    program.set_title(window, "Title");
    program.set_numbers(window, "WM_STATE", "WM_STATE", &[1, 0]);
    let mut source = open(&server, by_title("Title"));
    begin(&mut source);
    let mut counts = Vec::new();
    for round in 0..40 {
        program.unmap(frame);
        program.map(frame);
        lost(&mut source);
        source.rebuild(TIMEOUT).expect("the window is shown");
        begin(&mut source);
        read(&mut source, &[ALL]);
        if round % 10 == 0 {
            counts.push(resources(&program));
        }
    }
    assert!(counts.windows(2).all(|two| two[0] == two[1]), "{counts:?}");
}

#[test]
fn opening_and_closing_windows_leaves_nothing_behind() {
    // Other tests open files at the same time, so this one counts in a process of its own.
    let this = std::env::current_exe().expect("the test has a path");
    let name = "window_leaks::leaks_of_a_thousand_openings";
    let run = std::process::Command::new(this).args(["--ignored", "--exact", name]).output();
    let run = run.expect("the test can start itself");
    let said = String::from_utf8_lossy(&run.stdout);
    assert!(run.status.success() && said.contains("1 passed"), "{said}");
}

#[test]
#[ignore = "run by opening_and_closing_windows_leaves_nothing_behind"]
fn leaks_of_a_thousand_openings() {
    let Some(server) = Xvfb::start(&SMALL) else { return };
    let mut program = Program::start(&server);
    let window = program.window(PLACE, Kind::default());
    let open_files = || std::fs::read_dir("/proc/self/fd").expect("proc is mounted").count();
    let before = open_files();
    let kept = resources_without_capture(&server, &program);
    for _ in 0..1000 {
        let mut source = open(&server, by_handle(window));
        let mut memory = source.allocate(ALL.size()).expect("Xvfb shares memory");
        assert_eq!(read_into(&mut source, &mut memory, ALL, &[ALL]), Outcome::Done(()));
    }
    assert_eq!(open_files(), before);
    let start = std::time::Instant::now();
    while resources(&program) != kept {
        assert!(start.elapsed() < TIMEOUT, "{:?} instead of {kept:?}", resources(&program));
    }
    assert!(!program.is_redirected(window));
}
