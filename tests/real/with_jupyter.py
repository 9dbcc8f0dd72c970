"""A Jupyter kernel: results of cells, output from items, an interrupt during a map, and a restart."""

from __future__ import annotations

import os
import time

import support


def main() -> None:
    support.needs("jupyter_client", "ipykernel")
    from jupyter_client.manager import KernelManager

    os.environ["PYTHONPATH"] = str(support.HERE)
    os.environ["PYDEVD_DISABLE_FILE_VALIDATION"] = "1"
    manager = KernelManager(kernel_name="python3", ip=support.HOST)
    manager.start_kernel()
    client = manager.client()
    client.start_channels()
    try:
        client.wait_for_ready(timeout=60)

        def run(cell: str, interrupt: float = 0.0) -> tuple[str, str]:
            """Run a cell; return its status and its output."""
            said = []
            sent = client.execute(cell)
            if interrupt:
                time.sleep(interrupt)
                manager.interrupt_kernel()
            while True:
                message = client.get_iopub_msg(timeout=60)
                if message["parent_header"].get("msg_id") != sent:
                    continue
                if message["msg_type"] == "stream":
                    said.append(message["content"]["text"])
                if message["msg_type"] == "status" and message["content"]["execution_state"] == "idle":
                    break
            while (reply := client.get_shell_msg(timeout=60))["parent_header"].get("msg_id") != sent:
                pass
            content = reply["content"]
            return content.get("ename", content["status"]), "".join(said)

        checks = "import work\nfor kind in (*work.KINDS, 'sleep'):\n"
        checks += "    for seed in range(6): assert work.answer(kind, seed) == work.expected(kind, seed)\n"
        for _ in range(2):
            assert run(checks) == ("ok", "")
            assert run("import gilkit; print(sum(gilkit.map(lambda x: x + 1, range(10))))") == ("ok", "55\n")
            assert (
                run("import time; gilkit.map(lambda x: time.sleep(0.05), range(2000))", interrupt=2)[0]
                == "KeyboardInterrupt"
            )
            assert run(checks) == ("ok", "")
            manager.restart_kernel(now=True)
            client.wait_for_ready(timeout=60)
    finally:
        client.stop_channels()
        manager.shutdown_kernel(now=True)


if __name__ == "__main__":
    main()
