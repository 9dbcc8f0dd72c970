"""The tasks that a worker process carries out; standard library only, Python 2.7 upwards."""
