"""How fast the service answers on this machine, and whether a reload costs an answer.

python load_test.py MODEL FILE [--seconds 10] [--clients 4] starts app.py on a free port. So many
clients at once ask it for the labels of single rows of FILE, each after the answer before; the
model is reloaded twice meanwhile. One JSON object is printed. An error is an answer other than the
first one to the same row, or none.
"""

import argparse
import http.client
import json
import socket
import subprocess
import sys
import threading
import time
from contextlib import closing
from pathlib import Path

import numpy as np

import slide
from slide.cli.freeze import model_in

APP = Path(__file__).with_name("app.py")
SECONDS_TO_START = 120
RELOADS = 2


def main(words=None):
    """Run the test, and print what it finds."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("model")
    parser.add_argument("file")
    parser.add_argument("--seconds", type=float, default=10)
    parser.add_argument("--clients", type=int, default=4)
    asked = parser.parse_args(words)
    requests = requests_of(asked.model, asked.file)
    port = free_port()
    server = subprocess.Popen([sys.executable, str(APP), asked.model, str(port)])
    try:
        wait_for(port, server)
        with connected(port) as connection:
            expected = [post(connection, each) for each in requests]
        print(json.dumps(load(port, requests, expected, asked.seconds, asked.clients), indent=2))
    finally:
        server.terminate()
        server.wait()


def requests_of(model, file):
    """A request for each of the first rows of a file, by names where the model has them."""
    names = model_in(Path(model), None).feature_names
    x = slide.read(file).features
    rows = [x.row(i) for i in range(min(x.n_rows, 1000))]
    pairs = [zip(named(names, ids), values.tolist(), strict=True) for ids, values in rows]
    return [json.dumps({"rows": [[[f, v] for f, v in row]]}).encode() for row in pairs]


def named(names, ids):
    """The names of ids, if they have any."""
    return ids.tolist() if names is None else names.of(ids)


def free_port():
    """A port that nobody listens at."""
    with socket.socket() as found:
        found.bind(("127.0.0.1", 0))
        return found.getsockname()[1]


def wait_for(port, server):
    """Until the service is there."""
    until = time.monotonic() + SECONDS_TO_START
    while time.monotonic() < until and server.poll() is None:
        try:
            socket.create_connection(("127.0.0.1", port)).close()
            return
        except ConnectionRefusedError:
            time.sleep(0.05)
    raise SystemExit("the service did not start")


def connected(port):
    """A connection that is closed in the end."""
    return closing(http.client.HTTPConnection("127.0.0.1", port, timeout=60))


def post(connection, body, path="/predict"):
    """The answer, or None if it is not a good one."""
    connection.request("POST", path, body)
    answer = connection.getresponse()
    content = answer.read()
    return content if answer.status == 200 else None


def load(port, requests, expected, seconds, clients):
    """Requests a second, milliseconds that they take, and errors."""
    until = time.perf_counter() + seconds
    took, wrong, reloads = [], [], []

    def ask(client):
        order = np.random.default_rng(client).permutation(len(requests)).tolist()
        with connected(port) as connection:
            while time.perf_counter() < until:
                for i in order:
                    begin = time.perf_counter()
                    answer = answered(connection, requests[i])
                    took.append(time.perf_counter() - begin)
                    if answer is None or answer != expected[i]:
                        wrong.append(answer)
                    if time.perf_counter() >= until:
                        break

    def reload():
        for _ in range(RELOADS):
            time.sleep(seconds / (RELOADS + 1))
            with connected(port) as connection:
                reloads.append(post(connection, b"", "/reload") is not None)

    threads = [threading.Thread(target=ask, args=(i,)) for i in range(clients)]
    threads.append(threading.Thread(target=reload))
    begin = time.perf_counter()
    for each in threads:
        each.start()
    for each in threads:
        each.join()
    p50, p99 = 1e3 * np.quantile(took, (0.5, 0.99))
    return {
        "clients": clients,
        "requests": len(took),
        "requests_per_second": round(len(took) / (time.perf_counter() - begin), 1),
        "p50_ms": round(p50, 2),
        "p99_ms": round(p99, 2),
        "max_ms": round(1e3 * max(took), 2),
        "errors": len(wrong),
        "reloads": sum(reloads),
    }


def answered(connection, body):
    """The answer, or None if there is none."""
    try:
        return post(connection, body)
    except (OSError, http.client.HTTPException):
        connection.close()  # it opens anew when it is next used
        return None


if __name__ == "__main__":
    main()
