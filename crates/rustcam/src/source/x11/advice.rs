//! What a user can do about an X server that fails: the one table, from which `docs/troubleshooting.md` is made, too.

/// One piece of advice.
#[derive(Clone, Copy)]
pub(in crate::source) struct Advice {
    /// When it is given, for a reader who has no message at hand.
    #[cfg_attr(not(test), allow(dead_code, reason = "the page is written by a test"))]
    pub(in crate::source) when: &'static str,
    /// What to do.
    pub(in crate::source) hint: &'static str,
}

pub(super) const NO_SERVER: Advice = Advice {
    when: "there is no X server, or it cannot be reached",
    hint: "Set DISPLAY to a running X server (for example DISPLAY=:0), start a virtual one (`Xvfb :99 -screen 0 1920x1080x24 -noreset`), or do \
           without a screen: backend=\"sim\" simulates a desktop",
};

pub(super) const WAYLAND: Advice = Advice {
    when: "the session is a Wayland session",
    hint: "The x11 backend needs an X11 session, which the login screen offers; the screen of Xwayland is black",
};

pub(super) const NOT_AUTHORIZED: Advice = Advice {
    when: "the X server does not authorize the connection",
    hint: "Point XAUTHORITY to the authority file of that server (see `xauth list`), or let this user in with \
           `xhost +si:localuser:$USER`",
};

pub(super) const UNTRUSTED: Advice = Advice {
    when: "the X server does not let the program read its screen",
    hint: "The connection is untrusted, as through `ssh -X` or by a cookie of `xauth generate ... untrusted`: use `ssh -Y`, or point \
           XAUTHORITY to a trusted cookie",
};

pub(super) const FULL: Advice = Advice {
    when: "the X server has no place for another client",
    hint: "Close programs that use this X server, or start it with a higher limit: `-maxclients 2048`",
};

pub(super) const REFUSED: Advice = Advice {
    when: "the X server refuses the connection for another reason",
    hint: "The server says why in its own words; its log may say more",
};

pub(super) const FROZEN: Advice = Advice {
    when: "the X server does not answer",
    hint: "It is frozen or overloaded; resume or restart it. Over a slow network, allow more time: open_timeout_ms",
};

pub(super) const HUNG_UP: Advice = Advice {
    when: "the X server closes new connections",
    hint: "A server without `-noreset` starts over whenever its last client goes: start it with that option, as in \
           `Xvfb :99 -screen 0 1920x1080x24 -noreset`",
};

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
    hint: "It passes by itself if the mode is being changed, and when the server's virtual terminal is shown again. A server that never \
           shows it lets nobody read its screen: try another one",
};

pub(super) const DEPTH: Advice = Advice {
    when: "the screen has another depth than 24 or 32",
    hint: "Run the X server with depth 24, for example `Xvfb :99 -screen 0 1920x1080x24 -noreset`, or `DefaultDepth 24` for Xorg",
};

pub(super) const PIXEL_SIZE: Advice = Advice {
    when: "a pixel of the screen takes other than 32 bits",
    hint: "Run the X server with 32 bits per pixel: `-fbbpp 32`",
};

pub(super) const BYTE_ORDER: Advice =
    Advice { when: "the screen is big-endian", hint: "Run the X server on a little-endian machine" };

pub(super) const VISUAL_CLASS: Advice = Advice {
    when: "the colours of the screen come from a table",
    hint: "Run the X server with a TrueColor visual: `-cc 4`",
};

pub(super) const COLOUR_ORDER: Advice = Advice {
    when: "the screen has the colours in another order",
    hint: "Run the X server with blue in the lowest byte, for example `Xvnc -pixelformat RGB888`",
};

pub(super) const NO_COMPOSITE: Advice = Advice {
    when: "the X server cannot capture windows",
    hint: "Start it with the Composite extension (`+extension Composite`; Xorg: `Option \"Composite\" \"Enable\"`), or capture a region of \
           the output",
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
pub(in crate::source) const ALL: &[Advice] = &[
    NO_SERVER,
    WAYLAND,
    NOT_AUTHORIZED,
    UNTRUSTED,
    FULL,
    REFUSED,
    UNUSABLE,
    DEPTH,
    PIXEL_SIZE,
    BYTE_ORDER,
    VISUAL_CLASS,
    COLOUR_ORDER,
    FROZEN,
    HUNG_UP,
    GONE,
    HIDDEN,
    NO_COMPOSITE,
    OUTPUT_GONE,
    FORKED,
];
