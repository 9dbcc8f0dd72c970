"""The code that runs inside the interpreter under test: standard library only, Python 2.7 and later."""
