def detect_deadlocks(): pass
class DeadlockError(RuntimeError): pass
class LockOrderWarning(RuntimeWarning): pass
