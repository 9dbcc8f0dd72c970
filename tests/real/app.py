"""One application as WSGI and as ASGI: /KIND/SEED returns a result of gilkit as JSON."""

from __future__ import annotations

import asyncio
import json
import os

import work

if os.environ.get("REAL_PRELOAD"):
    # Compute before the server forks its workers, so the pool has threads at that time.
    assert work.answer("kernels", 1) == work.expected("kernels", 1)
    assert work.answer("map", 1) == work.expected("map", 1)


def respond(path: str) -> tuple[int, bytes]:
    try:
        kind, _, seed = path.strip("/").partition("/")
        return 200, json.dumps(work.answer(kind, int(seed))).encode()
    except Exception as error:  # a framework would log this and answer with status 500
        return 500, json.dumps(f"{type(error).__name__}: {error}").encode()


def wsgi(environ, start_response):
    status, body = respond(environ["PATH_INFO"])
    start_response(f"{status} {'OK' if status == 200 else 'Error'}", [("Content-Length", str(len(body)))])
    return [body]


async def asgi(scope, receive, send):
    if scope["type"] == "lifespan":
        while True:
            message = await receive()
            await send({"type": f"{message['type']}.complete"})
            if message["type"] == "lifespan.shutdown":
                return
    # Half run in the loop's thread, half in its executor.
    here = scope["path"].endswith(("0", "2", "4", "6", "8"))
    status, body = respond(scope["path"]) if here else await asyncio.to_thread(respond, scope["path"])
    headers = [(b"content-length", str(len(body)).encode())]
    await send({"type": "http.response.start", "status": status, "headers": headers})
    await send({"type": "http.response.body", "body": body})
