"""The celery application; with_celery.py sets the broker."""

from __future__ import annotations

import os

import work
from celery import Celery

FOLDER = os.environ.get("REAL_FOLDER")
app = Celery("tasks", broker=os.environ["REAL_BROKER"], backend=os.environ["REAL_BACKEND"])
app.conf.update(
    broker_transport_options=(
        {"data_folder_in": FOLDER, "data_folder_out": FOLDER, "control_folder": f"{FOLDER}/control"} if FOLDER else {}
    ),
    broker_connection_retry_on_startup=True,
    task_acks_late=False,
    worker_hijack_root_logger=False,
)


@app.task
def answer(kind: str, seed: int) -> object:
    return work.answer(kind, seed)


@app.task
def answer_or_error(kind: str, seed: int) -> object:
    try:
        return work.answer(kind, seed)
    except RuntimeError as error:
        return f"RuntimeError: {error}"
