"""What qemu-user cannot do, by file and by the prefix of the test's name. tests/dist/foreign.py sets the variable."""

import os

import pytest

UNDER_QEMU = "GILKIT_UNDER_QEMU" in os.environ
FORK = "qemu-user 7.2 does not survive a fork beside other threads: its own assertions fail"
SKIPPED = {
    "aio": {"test_in_a_forked_child": FORK},
    "mapping_processes": {"test_a_fork_while_imap_is_running": FORK},
    "patch_memory": {
        "test_a_limit_of_the_address_space": "qemu-user ignores RLIMIT_AS",
        "test_the_kernel_may_take_what_is_kept": "qemu-user does not pass MADV_FREE on",
    },
    "patching": {"test_memory_errors": "qemu-user ignores RLIMIT_AS"},
    "sync_processes": {"test_fork_with_locks_held": FORK},
}


def skip_under_qemu(item: pytest.Item) -> None:
    if UNDER_QEMU:
        for prefix, reason in SKIPPED.get(item.path.stem.removeprefix("test_"), {}).items():
            if item.name.startswith(prefix):
                item.add_marker(pytest.mark.skip(reason=reason))
