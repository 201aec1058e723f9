"""A window with a small live image of the screen: tk_preview.py [--backend sim] [--shrink 3] [--seconds 0].

Needs only Tk, which most Python installations include. The window takes the newest image of the capture thread without
waiting, so it shows no old images and does not block Tk.
"""

from __future__ import annotations

import argparse
import tkinter

import rustcam

INTERVAL_MS = 33


class Preview(tkinter.Tk):
    """The window."""

    def __init__(self, screen: rustcam.Capturer, shrink: int) -> None:
        super().__init__()
        self.title(f"{screen.width}x{screen.height}, 1:{shrink}")
        self.resizable(False, False)
        self._screen, self._shrink = screen, shrink
        self._picture = tkinter.PhotoImage()
        tkinter.Label(self, image=self._picture, borderwidth=0).pack()
        self.images = 0
        self.follow()

    def follow(self) -> None:
        try:
            image = self._screen.get_latest_frame(0, copy=False)[:: self._shrink, :: self._shrink]
        except rustcam.CaptureTimeout:
            pass  # nothing new
        else:
            height, width, _ = image.shape
            # Tk reads PPM without another package.
            self._picture.configure(data=b"P6 %d %d 255\n" % (width, height) + image.tobytes(), format="PPM")
            self.images += 1
        self.after(INTERVAL_MS, self.follow)


def main() -> None:
    parser = argparse.ArgumentParser(description="Show the screen in a small window.")
    parser.add_argument("--backend", default="auto")
    parser.add_argument("--shrink", type=int, default=3)
    parser.add_argument("--seconds", type=float, default=0, help="0: until the window is closed")
    arguments = parser.parse_args()

    with rustcam.Capturer(backend=arguments.backend) as screen:
        screen.start(30, fmt="rgb")
        window = Preview(screen, arguments.shrink)
        if arguments.seconds:
            window.after(int(1000 * arguments.seconds), window.destroy)
        window.mainloop()
        print(f"{window.images} images shown")


if __name__ == "__main__":
    main()
