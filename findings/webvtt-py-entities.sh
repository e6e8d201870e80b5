#!/usr/bin/env bash
# PyPI webvtt-py: the text of a caption has lost its tags and kept its entities.
#
# Transcripts of calls and meetings come as WebVTT, in which & and < are written as &amp; and &lt;. caption.raw_text is the
# payload as it stands; caption.text is the payload without <v Maya>. Expected of caption.text: what a viewer reads, "AT&T", as
# the specification's parsing of cue text has it. It is "AT&amp;T", which a search for AT&T does not find.
# html.unescape(caption.text) is what was said.
#
# Fails when the entities are read.
set -euo pipefail
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
cd "$folder"
python3 -m venv python
python/bin/pip install --quiet --disable-pip-version-check webvtt-py==0.6.0

cat >probe.py <<'PYTHON'
import html
import importlib.metadata
import io

import webvtt

FILE = "WEBVTT\n\n00:00:00.080 --> 00:00:02.480\n<v Maya Okafor>AT&amp;T: is 3 &lt; 5?\n"
(caption,) = webvtt.from_buffer(io.StringIO(FILE))
print("webvtt-py", importlib.metadata.version("webvtt-py"))
print("raw_text:", caption.raw_text)
print("text:", caption.text)
print("voice:", caption.voice)
print("unescaped:", html.unescape(caption.text))
PYTHON
came=$(python/bin/python probe.py)
expected='webvtt-py 0.6.0
raw_text: <v Maya Okafor>AT&amp;T: is 3 &lt; 5?
text: AT&amp;T: is 3 &lt; 5?
voice: Maya Okafor
unescaped: AT&T: is 3 < 5?'
printf '%s\n' "$came"
[ "$came" = "$expected" ] || { printf 'expected\n%s\n' "$expected"; exit 1; }
