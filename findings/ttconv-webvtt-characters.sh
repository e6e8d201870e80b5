#!/usr/bin/env bash
# PyPI ttconv: WebVTT that it writes loses words behind a <, also where it read them of WebVTT.
#
# ttconv converts between TTML, SRT, WebVTT and others. In the text of a WebVTT cue & and < are written &amp; and &lt;, because a < begins a tag;
# a transcript has them in "is 2 < 3" or "press <1>". Expected: text that is written reads as the same text. ttconv
# reads the escapes, and writes the characters bare: where it reads its own file again, what follows the < is gone, and behind
# a bare & a tag of its own, </c>, becomes text. SRT, which has no escapes, comes out right.
#
# Needs python3 with venv. Fails when one of them is written otherwise.
set -euo pipefail
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
cd "$folder"
python3 -m venv python
python/bin/pip install --quiet --disable-pip-version-check ttconv==1.2.3
cat >probe.py <<'PYTHON'
import importlib.metadata
import io
import logging

import ttconv.srt.writer
import ttconv.vtt.reader
import ttconv.vtt.writer

logging.disable()
print("ttconv", importlib.metadata.version("ttconv"))


def read(text):
    return ttconv.vtt.reader.to_model(io.StringIO(text))


def words(model):
    """The text of the one cue, as SRT has it."""
    return ttconv.srt.writer.from_model(model).split("\n")[2]


for text in ("Good morning.", "Is 2 &lt; 3?", "Press &lt;1> now.", "AT&amp;T"):
    model = read(f"WEBVTT\n\n00:00:01.000 --> 00:00:02.500\n{text}\n")
    again = read(ttconv.vtt.writer.from_model(model))
    print(f"{text} reads {words(model)!r}, written and read again {words(again)!r}")
PYTHON
came=$(python/bin/python probe.py)
expected="ttconv 1.2.3
Good morning. reads 'Good morning.', written and read again 'Good morning.'
Is 2 &lt; 3? reads 'Is 2 < 3?', written and read again 'Is 2'
Press &lt;1> now. reads 'Press <1> now.', written and read again 'Press now.'
AT&amp;T reads 'AT&T', written and read again 'AT&T</c>'"
printf '%s\n' "$came"
[ "$came" = "$expected" ] || { printf 'expected\n%s\n' "$expected"; exit 1; }
