"""The text of a program's beginning: a signal handler that switches greenlets, wherever it interrupts them."""

PROLOGUE = """
import signal
import greenlet

hub, switches = greenlet.getcurrent(), 0
def may_switch():
    return True
def handler(*_):
    global switches
    if greenlet.getcurrent() is not hub and may_switch():
        switches += 1
        hub.switch()
signal.signal(signal.SIGALRM, handler)

def run_in_greenlets(function, interval, between):
    '''Run the function in three greenlets; call between() from outside after each switch, to use the stack.'''
    greenlets = [greenlet.greenlet(function) for _ in range(3)]
    signal.setitimer(signal.ITIMER_REAL, interval, interval)
    while not all(each.dead for each in greenlets):
        for each in greenlets:
            if not each.dead:
                each.switch()
        between()
    signal.setitimer(signal.ITIMER_REAL, 0)
    assert switches > 2, switches
"""
