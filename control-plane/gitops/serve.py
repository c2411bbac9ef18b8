"""Serve the model in /model as `mlflow models serve` does, and count what it is asked and answers.

That command counts nothing, and the proxy before it sees requests and no predictions. Here
Prometheus finds at /metrics of --metrics-port

    model_predictions_total{class="3"}  predictions of each of --classes, and `other` of all others
    model_inputs{input="pixel_33"}      a histogram with --bounds of each of --inputs, NAME=POSITION

from zero on, since of a counter it misses the first value. What fails is in neither: the proxy has
it. Every row that is asked counts once: an answer that has no prediction for it as `other`, an
input that is no number or not there as above every bound.
"""

import argparse
import functools
import logging
import threading
from bisect import bisect_left
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from itertools import accumulate

import numpy as np

OTHER = "other"


class Counts:
    """Of all predictions since it was started; used by several threads."""

    def __init__(self, classes, inputs, bounds):
        """Everything is zero."""
        self._inputs, self._bounds = inputs, bounds
        self._lock = threading.Lock()
        self._classes = dict.fromkeys([*classes, OTHER], 0)
        self._buckets = {name: [0] * (len(bounds) + 1) for name in inputs}
        self._sums = dict.fromkeys(inputs, 0.0)

    def add(self, asked, answered):
        """Count one answer: for each row that was asked its inputs by position, and a prediction.

        What is no prediction for each row is `other` for all of them: nothing goes uncounted.
        """
        said = _rows(answered)
        rows = _rows(asked)
        if rows is None:
            rows = [()] * (1 if said is None else len(said))
        if said is None or len(said) != len(rows):
            said = [None] * len(rows)
        found = [self._class(row) for row in said]
        values = {name: [_number(row, at) for row in rows] for name, at in self._inputs.items()}
        with self._lock:
            for each in found:
                self._classes[each] += 1
            for name, column in values.items():
                for value in column:
                    # No number is below a bound that it cannot be compared with.
                    place = bisect_left(self._bounds, value) if value == value else -1
                    self._buckets[name][place] += 1
                    self._sums[name] += value

    def _class(self, row):
        try:
            said = np.ravel(row)
        except ValueError:  # lists of unlike lengths
            return OTHER
        value = said[0] if said.size == 1 else OTHER
        if isinstance(value, (float, np.floating)) and value.is_integer():
            value = int(value)  # 3.0 is the class 3
        return str(value) if str(value) in self._classes else OTHER

    def text(self):
        """In Prometheus's text format."""
        with self._lock:
            classes, sums = dict(self._classes), dict(self._sums)
            buckets = {name: list(accumulate(counts)) for name, counts in self._buckets.items()}
        lines = ["# TYPE model_predictions_total counter"]
        lines += [f'model_predictions_total{{class="{c}"}} {n}' for c, n in classes.items()]
        lines.append("# TYPE model_inputs histogram")
        for name, counts in buckets.items():
            ends = [*(str(bound) for bound in self._bounds), "+Inf"]
            for end, count in zip(ends, counts, strict=True):
                lines.append(f'model_inputs_bucket{{input="{name}",le="{end}"}} {count}')
            lines.append(f'model_inputs_sum{{input="{name}"}} {sums[name]}')
            lines.append(f'model_inputs_count{{input="{name}"}} {counts[-1]}')
        return "\n".join(lines) + "\n"


def _rows(value):
    """One for each row; None where it has none."""
    try:
        return list(np.asarray(value))
    except (TypeError, ValueError):  # no list, or its rows are not alike
        return list(value) if isinstance(value, (list, tuple)) else None


def _number(row, at):
    try:
        return float(row[at])
    except (IndexError, KeyError, TypeError, ValueError):
        return float("nan")


def counted(predict, counts):
    """A model's `predict` that counts what comes of it."""

    @functools.wraps(predict)
    def counting(data, *rest, **more):
        answer = predict(data, *rest, **more)
        try:
            counts.add(data, answer)
        except Exception:
            logging.exception("serve: not counted")
        return answer

    return counting


def metrics_server(counts, port):
    """Answers GET /metrics alone, on all addresses."""

    class Handler(BaseHTTPRequestHandler):
        timeout = 10

        def do_GET(self):
            there = self.path.partition("?")[0] == "/metrics"
            content = counts.text().encode() if there else b""
            self.send_response(200 if there else 404)
            self.send_header("Content-Type", "text/plain; version=0.0.4")
            self.send_header("Content-Length", str(len(content)))
            self.end_headers()
            self.wfile.write(content)

        def log_message(self, *_):
            pass  # a line each scrape

    return ThreadingHTTPServer(("", port), Handler)


def _words(text):
    names = text.split(",")
    if any(not name or set(name) & set('"\\\n') for name in names):
        raise ValueError
    if len(set(names)) < len(names) or OTHER in names:
        raise ValueError
    return names


def _inputs(text):
    pairs = [word.partition("=") for word in _words(text)]
    found = {name: int(position) for name, _, position in pairs}
    if len(found) < len(pairs) or "" in found or min(found.values()) < 0:
        raise ValueError
    return found


def _bounds(text):
    bounds = [float(word) for word in text.split(",")]
    if bounds != sorted(set(bounds)):
        raise ValueError
    return bounds


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0], allow_abbrev=False)
    parser.add_argument("--model", default="/model")
    parser.add_argument("--port", type=int, required=True)
    parser.add_argument("--metrics-port", type=int, required=True)
    parser.add_argument("--classes", type=_words, default=[])
    parser.add_argument("--inputs", type=_inputs, default={})
    parser.add_argument("--bounds", type=_bounds, default=[])
    options = parser.parse_args()

    import mlflow.pyfunc
    import uvicorn
    from mlflow.pyfunc import scoring_server

    model = mlflow.pyfunc.load_model(options.model)
    counts = Counts(options.classes, options.inputs, options.bounds)
    model.predict = counted(model.predict, counts)
    metrics = metrics_server(counts, options.metrics_port)
    threading.Thread(target=metrics.serve_forever, daemon=True).start()
    # Loopback only: requests come through the proxy, which counts and times them. It ends what has
    # been idle for an hour; were it ended here, a request could meet it just then, and fail.
    uvicorn.run(
        scoring_server.init(model), host="127.0.0.1", port=options.port, timeout_keep_alive=7200
    )
