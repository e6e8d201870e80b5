"""Reads bodies of events from its input, one a line, as the generated types, and prints how many of each it read."""

import collections
import importlib
import json
import sys

sys.path.insert(0, sys.argv[1])
counts = collections.Counter()
failed = False
for line in sys.stdin:
    event = json.loads(line)
    module = importlib.import_module(event["type"].replace(".", "_"))
    try:
        module.Data.model_validate(event["data"])
        counts[event["type"]] += 1
    except ValueError as error:
        failed = True
        print(event["type"], error, json.dumps(event["data"]), file=sys.stderr)
if failed:
    sys.exit(1)
print(json.dumps(counts))
