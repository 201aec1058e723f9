//! Names of displays: every form that libxcb and Xlib accept.
//!
//! | name | server |
//! |---|---|
//! | `:5`, `unix:5`, `unix/:5`, `local/:5` | on this machine, through a Unix socket |
//! | `host:5`, `tcp/host:5`, `inet/host:5`, `inet6/host:5` | on another machine, on TCP port 6005 |
//! | `1.2.3.4:5`, `::1:5`, `[::1]:5` | the same, by its address |
//! | `/path/to/socket`, `unix:/path/to/socket` | behind this Unix socket |
//!
//! A name may end in `.1`: then it means the second screen of the server.

use std::fmt;
use std::path::Path;

/// Where the sockets of servers on this machine are, in the file system and in the abstract namespace of Linux.
const SOCKETS: &str = "/tmp/.X11-unix/X";

/// The TCP port of display 0.
const PORTS: u16 = 6000;

/// A place where a server may listen.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Address {
    /// A Unix socket in the file system.
    Path(String),
    /// A Unix socket in the abstract namespace.
    Abstract(String),
    /// A host name or an address, and a port.
    Tcp { host: String, port: u16, family: IpFamily },
}

/// Which of a host's addresses are meant.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum IpFamily {
    Any,
    V4,
    V6,
}

impl fmt::Display for Address {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Address::Path(path) => f.write_str(path),
            Address::Abstract(name) => write!(f, "@{name}"),
            Address::Tcp { host, port, .. } if host.contains(':') => write!(f, "[{host}]:{port}"),
            Address::Tcp { host, port, .. } => write!(f, "{host}:{port}"),
        }
    }
}

/// What the name of a display means.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct DisplayName {
    /// Where its server may listen, in the order in which that is tried.
    pub(super) addresses: Vec<Address>,
    /// Its number, for which an authority file has an entry.
    pub(super) number: u16,
    /// Index of the screen.
    pub(super) screen: usize,
}

impl DisplayName {
    /// What `name` means; `None` if it is not the name of a display.
    pub(super) fn parse(name: &str) -> Option<Self> {
        let path = name.strip_prefix("unix:").unwrap_or(name);
        if path.starts_with('/') {
            return Some(Self::of_socket(path));
        }
        let (protocol, rest) = name.rsplit_once('/').map_or((None, name), |(protocol, rest)| (Some(protocol), rest));
        let (host, number) = rest.rsplit_once(':')?;
        let (number, screen) = number.split_once('.').unwrap_or((number, "0"));
        let (number, screen) = (digits(number)?, usize::from(digits(screen)?));
        let host = host.strip_prefix('[').and_then(|host| host.strip_suffix(']')).unwrap_or(host);
        let tcp = |host: &str, family| {
            let port = PORTS.checked_add(number)?;
            Some(Address::Tcp { host: if host.is_empty() { "localhost" } else { host }.to_owned(), port, family })
        };
        let socket = format!("{SOCKETS}{number}");
        let local = [Address::Path(socket.clone()), Address::Abstract(socket)].into_iter();
        let addresses = match (protocol, host) {
            (Some("unix" | "local"), _) | (None, "unix") => local.collect(),
            (None, "") => local.chain(tcp("", IpFamily::Any)).collect(),
            (None | Some("tcp"), host) => tcp(host, IpFamily::Any).into_iter().collect(),
            (Some("inet"), host) => tcp(host, IpFamily::V4).into_iter().collect(),
            (Some("inet6"), host) => tcp(host, IpFamily::V6).into_iter().collect(),
            _ => return None,
        };
        Some(Self { addresses, number, screen })
    }

    /// The display behind the Unix socket at `path`, which may be followed by a dot and the index of a screen.
    fn of_socket(path: &str) -> Self {
        let with_screen = path.rsplit_once('.').and_then(|(file, screen)| Some((file, usize::from(digits(screen)?))));
        let (path, screen) = match with_screen {
            Some((file, screen)) if !Path::new(path).exists() => (file, screen),
            _ => (path, 0),
        };
        // The socket itself does not say which display it belongs to, its name usually does: `X5`, `org.xquartz:0`.
        let number = path.strip_prefix(SOCKETS).or_else(|| path.rsplit_once(':').map(|(_, number)| number));
        let number = number.and_then(digits).unwrap_or(0);
        Self { addresses: vec![Address::Path(path.to_owned())], number, screen }
    }
}

/// A number without a sign.
fn digits(text: &str) -> Option<u16> {
    text.bytes().all(|byte| byte.is_ascii_digit()).then(|| text.parse().ok()).flatten()
}

#[cfg(test)]
mod tests {
    use super::*;

    /// The places that `name` means, in words, with the display and the screen.
    fn meaning(name: &str) -> Option<String> {
        let DisplayName { addresses, number, screen } = DisplayName::parse(name)?;
        let words: Vec<_> = addresses
            .iter()
            .map(|address| match address {
                Address::Tcp { family: IpFamily::V4, .. } => format!("{address} (v4)"),
                Address::Tcp { family: IpFamily::V6, .. } => format!("{address} (v6)"),
                _ => address.to_string(),
            })
            .collect();
        Some(format!("{} = {number}.{screen}", words.join(" ")))
    }

    #[test]
    fn every_form_of_a_name_leads_to_its_server() {
        let local = "/tmp/.X11-unix/X5 @/tmp/.X11-unix/X5";
        for (name, wanted) in [
            (":5", format!("{local} localhost:6005 = 5.0")),
            (":5.0", format!("{local} localhost:6005 = 5.0")),
            (":5.2", format!("{local} localhost:6005 = 5.2")),
            ("unix:5", format!("{local} = 5.0")),
            ("unix:5.1", format!("{local} = 5.1")),
            ("unix/:5", format!("{local} = 5.0")),
            ("unix/unix:5", format!("{local} = 5.0")),
            ("unix/host:5", format!("{local} = 5.0")),
            ("local/:5", format!("{local} = 5.0")),
            ("host:5", "host:6005 = 5.0".into()),
            ("host.example.org:10.3", "host.example.org:6010 = 10.3".into()),
            ("tcp/host:5", "host:6005 = 5.0".into()),
            ("tcp/:5", "localhost:6005 = 5.0".into()),
            ("inet/host:5", "host:6005 (v4) = 5.0".into()),
            ("inet6/host:5", "host:6005 (v6) = 5.0".into()),
            ("127.0.0.1:5.1", "127.0.0.1:6005 = 5.1".into()),
            ("::1:5", "[::1]:6005 = 5.0".into()),
            ("[::1]:5", "[::1]:6005 = 5.0".into()),
            ("tcp/[fe80::1]:5.1", "[fe80::1]:6005 = 5.1".into()),
            (":::5", "[::]:6005 = 5.0".into()),
            (":60000", "/tmp/.X11-unix/X60000 @/tmp/.X11-unix/X60000 = 60000.0".into()),
            ("/tmp/.X11-unix/X7", "/tmp/.X11-unix/X7 = 7.0".into()),
            ("unix:/run/user/socket", "/run/user/socket = 0.0".into()),
            ("/run/org.server:3", "/run/org.server:3 = 3.0".into()),
            ("/run/socket.1", "/run/socket = 0.1".into()),
        ] {
            assert_eq!(meaning(name).as_ref(), Some(&wanted), "{name}");
        }
    }

    #[test]
    fn other_words_are_no_names_of_displays() {
        for name in
            ["", ":", "5", "host", "host:", ":-1", ":+1", ":65536", ":5.", ":5.x", ":5.-1", "decnet/host:5", "unix"]
        {
            assert_eq!(meaning(name), None, "{name}");
        }
    }

    #[test]
    fn a_file_whose_name_ends_in_a_number_is_not_taken_for_a_screen() {
        let path = std::env::temp_dir().join(format!("rustcam-display-{}.1", std::process::id()));
        std::fs::write(&path, "").expect("the temporary directory is writable");
        let name = path.to_string_lossy().into_owned();
        let found = DisplayName::parse(&name);
        std::fs::remove_file(&path).expect("the file is ours");
        assert_eq!(found, Some(DisplayName { addresses: vec![Address::Path(name)], number: 0, screen: 0 }));
    }
}
