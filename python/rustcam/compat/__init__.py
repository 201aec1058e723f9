"""The interfaces of other packages, implemented with rustcam: a program changes one import."""
