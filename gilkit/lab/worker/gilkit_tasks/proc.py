"""What Linux says in /proc about the memory and the context switches of processes."""

import os

_MEMORY = {"Rss": "rss", "Pss": "pss", "Private_Clean": "uss", "Private_Dirty": "uss"}


def memory(pids=("self",)):
    """Return the bytes of memory of the processes together.

    "rss" counts a page once for each process that maps it, "pss" divides it among them, and "uss" counts only the pages
    that a single process maps. A process that has ended counts nothing.
    """
    total = dict.fromkeys(_MEMORY.values(), 0)
    for pid in pids:
        for name, value in _fields("/proc/%s/smaps_rollup" % pid):
            if name in _MEMORY:
                total[_MEMORY[name]] += 1024 * int(value.split()[0])
    return total


def status(name, pid="self"):
    """Return a number of the process's status in bytes (VmSize) or as it is (Threads), or 0 if the process has ended."""
    for key, value in _fields("/proc/%s/status" % pid):
        if key == name:
            return int(value.split()[0]) * (1024 if value.endswith("kB") else 1)
    return 0


def available():
    """Return the part of the machine's memory that is available, from 0 to 1."""
    found = dict(_fields("/proc/meminfo"))
    return int(found["MemAvailable"].split()[0]) / int(found["MemTotal"].split()[0])


def threads(pid):
    """Return the ids of the process's threads, the main thread first."""
    try:
        return sorted(map(int, os.listdir("/proc/%s/task" % pid)), key=lambda each: (each != pid, each))
    except OSError:
        return []


def switches(pid, tid=None):
    """Return the voluntary and the involuntary context switches so far, of one thread or of all of a process."""
    voluntary = involuntary = 0
    for each in threads(pid) if tid is None else [tid]:
        for name, value in _fields("/proc/%s/task/%s/status" % (pid, each)):
            if name == "voluntary_ctxt_switches":
                voluntary += int(value)
            elif name == "nonvoluntary_ctxt_switches":
                involuntary += int(value)
    return voluntary, involuntary


def _fields(path):
    try:
        with open(path) as lines:
            for line in lines:
                name, _, value = line.partition(":")
                yield name, value.strip()
    except OSError:  # it has ended
        return
