"""The interfaces of other packages, on rustcam: a program changes one import."""
