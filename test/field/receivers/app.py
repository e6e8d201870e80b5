"""A Flask receiver that works 0.7 s on each request. `python app.py PORT CERT KEY` serves one request at a time."""

import sys
import time

from flask import Flask

app = Flask(__name__)


@app.post("/")
def receive():
    time.sleep(0.7)
    return "ok"


if __name__ == "__main__":
    port, cert, key = sys.argv[1:]
    app.run(host="127.0.0.1", port=int(port), ssl_context=(cert, key), threaded=False)
