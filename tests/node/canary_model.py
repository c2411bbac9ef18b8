"""A model server and its client for test_canary.py; they run in pods, with Python alone.

    canary_model.py serve            counts and times what it answers: /metrics
    canary_model.py ask URL PAUSE    asks for ever

$FAILING and $SLOW are shares of the requests, $ONES that of the predictions of class 1.
"""

import contextlib
import os
import random
import sys
import threading
import time
import urllib.request
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

BOUNDS = (0.05, 0.5)
lock = threading.Lock()
counts: dict[str, int] = {}


def count(name: str) -> None:
    with lock:
        counts[name] += 1


class Handler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"

    def do_GET(self) -> None:
        if self.path == "/metrics":
            with lock:
                lines = [f"{name} {value}" for name, value in counts.items()]
            return self.answer(200, "\n".join(lines) + "\n")
        if self.path == "/ping":
            return self.answer(200, "ok\n")
        seconds = 0.1 if random.random() < float(os.environ["SLOW"]) else 0.001
        time.sleep(seconds)
        bad = random.random() < float(os.environ["FAILING"])
        count(f'model_requests_total{{code="{500 if bad else 200}"}}')
        for bound in BOUNDS:
            if seconds <= bound:
                count(f'model_request_duration_seconds_bucket{{le="{bound}"}}')
        count('model_request_duration_seconds_bucket{le="+Inf"}')
        if not bad:
            one = int(random.random() < float(os.environ["ONES"]))
            count(f'model_predictions_total{{class="{one}"}}')
        return self.answer(500 if bad else 200, "{}\n")

    def answer(self, code: int, text: str) -> None:
        self.send_response(code)
        self.send_header("Content-Type", "text/plain; version=0.0.4")
        self.send_header("Content-Length", str(len(text)))
        self.end_headers()
        self.wfile.write(text.encode())

    def log_message(self, *_: object) -> None:
        pass


def serve() -> None:
    # From zero on: `increase` does not see the first value of a series.
    counts.update({f'model_requests_total{{code="{code}"}}': 0 for code in (200, 500)})
    counts.update({f'model_predictions_total{{class="{one}"}}': 0 for one in (0, 1)})
    for bound in (*BOUNDS, "+Inf"):
        counts[f'model_request_duration_seconds_bucket{{le="{bound}"}}'] = 0
    ThreadingHTTPServer(("", 8080), Handler).serve_forever()


def ask(url: str, pause: float) -> None:
    while True:
        with contextlib.suppress(OSError):  # What fails, the server counts.
            urllib.request.urlopen(url, timeout=5).close()
        time.sleep(pause)


if __name__ == "__main__":
    if sys.argv[1] == "serve":
        serve()
    else:
        for _ in range(3):
            threading.Thread(
                target=ask, args=(sys.argv[2], float(sys.argv[3])), daemon=True
            ).start()
        ask(sys.argv[2], float(sys.argv[3]))
