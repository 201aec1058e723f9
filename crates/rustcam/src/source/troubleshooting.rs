//! The second half of `docs/troubleshooting.md` comes from the tables of errors. This test compares them; with `WRITE_PAGES` set it writes
//! the page.

use std::fmt::Write as _;
use std::path::Path;

use super::hresult::CODES;
use super::verdict::{self, Call, Verdict};
use super::x11::advice;
use crate::error::ErrorKind;

const BEGIN: &str = "<!-- Written by `make pages` from the tables of the engine. -->\n";
const END: &str = "<!-- End of what `make pages` writes. -->\n";

#[test]
fn the_troubleshooting_page_says_what_the_errors_say() {
    let docs = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../docs");
    if !docs.is_dir() {
        // The packaged crate comes without the documentation.
        return;
    }
    let path = docs.join("troubleshooting.md");
    let page = std::fs::read_to_string(&path).expect("the page exists");
    let (before, rest) = page.split_once(BEGIN).expect("the page says where the tables begin");
    let (_, after) = rest.split_once(END).expect("the page says where the tables end");
    let wanted = format!("{before}{BEGIN}{}{END}{after}", tables());
    if std::env::var_os("WRITE_PAGES").is_some() {
        std::fs::write(&path, &wanted).expect("the page can be written");
    }
    assert!(page == wanted || std::env::var_os("WRITE_PAGES").is_some(), "run `make pages`");
}

#[test]
fn every_code_that_reaches_a_user_comes_with_advice() {
    for code in CODES {
        for call in Call::ALL {
            let error = verdict::error(code.value, call);
            assert_eq!(error.hint().is_some(), reaches_users(code.value, call), "{} from {call:?}", code.name);
        }
    }
}

#[test]
fn advice_is_a_sentence_without_a_full_stop() {
    for advice in advice::ALL {
        assert!(advice.hint.starts_with(char::is_uppercase) && !advice.hint.ends_with('.'), "{}", advice.hint);
    }
}

fn reaches_users(code: u32, call: Call) -> bool {
    !matches!(
        verdict::classify(code, call),
        Verdict::Success | Verdict::NoFrame | Verdict::StillDrawing | Verdict::MoreData | Verdict::Harmless
    )
}

fn tables() -> String {
    format!("\n## Codes of Windows\n\n{}\n## X servers\n\n{}\n", codes(), servers())
}

/// One section per code. The advice that many codes share comes at the end.
fn codes() -> String {
    let mut text = String::new();
    let mut others = Vec::new();
    for code in CODES {
        let mut rows: Vec<(String, Vec<String>)> = Vec::new();
        let mut reaches = false;
        for call in Call::ALL.into_iter().filter(|&call| reaches_users(code.value, call)) {
            reaches = true;
            let error = verdict::error(code.value, call);
            let hint = error.hint().unwrap_or_default();
            if hint == verdict::ASK || hint == verdict::PASSES {
                continue;
            }
            let when = format!("{} (`{}`)", call.attempt(), class(error.kind()));
            match rows.iter_mut().find(|(advice, _)| advice == hint) {
                Some((_, whens)) => whens.push(when),
                None => rows.push((hint.to_owned(), vec![when])),
            }
        }
        let name = format!("`0x{:08X}` {}", code.value, code.name);
        if rows.is_empty() {
            others.extend(reaches.then_some(name));
            continue;
        }
        writeln!(text, "### {name}\n\n{}.\n", sentence(code.meaning)).expect("a string takes everything");
        for (hint, whens) in rows {
            let when = if whens.len() > 3 { "any call".to_owned() } else { whens.join("; ") };
            writeln!(text, "- {when}: **{hint}.**").expect("a string takes everything");
        }
        text.push('\n');
    }
    let others = others.join(", ");
    format!(
        "{text}### Everything else\n\nAfter a transient loss: **{}.** In all other cases, and for the codes below: **{}.**\n\n{others}.\n",
        verdict::PASSES,
        verdict::ASK
    )
}

fn sentence(clause: &str) -> String {
    let (first, rest) = clause.split_at(1);
    first.to_uppercase() + rest
}

fn servers() -> String {
    let mut table = String::from("| when | what to do |\n|---|---|\n");
    for advice in advice::ALL {
        writeln!(table, "| {} | {} |", advice.when, advice.hint).expect("a string takes everything");
    }
    table
}

/// The Python class.
fn class(kind: ErrorKind) -> &'static str {
    match kind {
        ErrorKind::Device => "DeviceError",
        ErrorKind::Duplication => "DuplicationError",
        ErrorKind::AccessLost => "AccessLost",
        _ => "CaptureError",
    }
}
