//! What a user can do about an X server that fails: the one table, from which `docs/troubleshooting.md` is made, too.

/// One piece of advice.
pub(in crate::source) struct Advice {
    /// When it is given, for a reader who has no message at hand.
    #[cfg_attr(not(test), allow(dead_code, reason = "the page is written by a test"))]
    pub(in crate::source) when: &'static str,
    /// What to do.
    pub(in crate::source) hint: &'static str,
}

pub(super) const NO_SERVER: Advice = Advice {
    when: "there is no X server, or it cannot be reached",
    hint: "Set DISPLAY to a running X server (for example DISPLAY=:0), start a virtual one (`Xvfb :99 -screen 0 1920x1080x24`), or do \
           without a screen: backend=\"sim\" simulates a desktop",
};

pub(super) const WAYLAND: Advice = Advice {
    when: "the session is a Wayland session",
    hint: "The x11 backend needs an X11 session, which the login screen offers; through Xwayland it sees nothing but X11 programs",
};

pub(super) const NOT_AUTHORIZED: Advice = Advice {
    when: "the X server refuses the connection",
    hint: "Point XAUTHORITY to the authority file of that server (see `xauth list`), or let this user in with \
           `xhost +si:localuser:$USER`",
};

pub(super) const FROZEN: Advice =
    Advice { when: "the X server does not answer", hint: "It is frozen or overloaded; resume or restart it" };

pub(super) const GONE: Advice = Advice {
    when: "the X server went away while it was captured",
    hint: "Start it again, or set DISPLAY to another one and open a new capture",
};

pub(super) const UNUSABLE: Advice = Advice {
    when: "the X server rejects what capturing needs",
    hint: "Try another X server, such as Xorg or Xvfb; a nested, forwarded or VNC server may lack what is needed",
};

pub(super) const HIDDEN: Advice = Advice {
    when: "the X server does not show its screen for a while",
    hint: "It happens while the mode changes and passes by itself",
};

pub(super) const PIXELS: Advice = Advice {
    when: "the screen has an unusual depth or order of colours",
    hint: "Run the X server with 24 bits per pixel, for example `Xvfb :99 -screen 0 1920x1080x24`",
};

pub(super) const OUTPUT_GONE: Advice = Advice {
    when: "the output is gone",
    hint: "Plug the display in or switch it on again (`xrandr --output NAME --auto`), or open another output",
};

pub(super) const FORKED: Advice = Advice {
    when: "a forked process uses the capture of its parent",
    hint: "A connection to an X server does not survive a fork; open a new capture in this process",
};

/// All of it.
#[cfg(test)]
pub(in crate::source) const ALL: &[Advice] =
    &[NO_SERVER, WAYLAND, NOT_AUTHORIZED, UNUSABLE, PIXELS, FROZEN, GONE, HIDDEN, OUTPUT_GONE, FORKED];
