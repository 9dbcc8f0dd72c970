"""What runs inside the interpreter under test: standard library only, and Python 2.7 upwards."""
