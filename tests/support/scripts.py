"""Programs and modules that tests write."""

import subprocess
import threading


def script(path, body):
    """Write a shell script that can be run immediately.

    A separate process writes it. If this process did, a child that another thread forks during the write would inherit
    the open file, and until that child calls exec, running the script would fail with ETXTBSY.
    """
    path.parent.mkdir(parents=True, exist_ok=True)
    text = f"#!/bin/sh\n{body}\n"
    subprocess.run(["/bin/sh", "-c", 'cat >"$0" && chmod 755 "$0"', str(path)], input=text, text=True, check=True)
    return path


def module(folder, name, text):
    """Write a module whose name is unique to this thread, and return its path."""
    path = folder / f"{name}_{threading.get_ident()}.py"
    path.write_text(text)
    return path
