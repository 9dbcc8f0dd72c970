"""The tasks that a worker process runs; standard library only, Python 2.7 and later."""
