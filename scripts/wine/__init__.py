"""Windows on Linux: Windows programs, the Windows wheel and Windows CPython, run by Wine for the tests."""
