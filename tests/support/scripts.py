"""Programs and modules that tests write."""

import subprocess
import threading


def script(path, body):
    """A shell script that can be run at once.

    Another process writes it: a child that another thread starts while a file is open for writing keeps it open, and
    until that child has become another program nobody can run the file.
    """
    path.parent.mkdir(parents=True, exist_ok=True)
    text = f"#!/bin/sh\n{body}\n"
    subprocess.run(["/bin/sh", "-c", 'cat >"$0" && chmod 755 "$0"', str(path)], input=text, text=True, check=True)
    return path


def module(folder, name, text):
    """The file of a module whose name no other thread's test has."""
    path = folder / f"{name}_{threading.get_ident()}.py"
    path.write_text(text)
    return path
