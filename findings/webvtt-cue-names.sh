#!/usr/bin/env bash
# WebVTT readers: the name of a cue becomes the last words of what was said before it, or stops the reading.
#
# A cue of WebVTT may have a name of any text on the line above its times. Transcripts of meetings have one for each cue, such as
# a1b2c3/12-0. Expected of a reader: the name apart, or left out. PyPI pysubs2 adds it to the text of the cue before, so that the
# transcript says it aloud. npm subtitle does so too, and refuses the file where the first cue has such a name; names that are
# numbers, as in SRT, work in both. npm node-webvtt, tried beside them, keeps names and text apart.
#
# Fails when one of them reads otherwise.
set -euo pipefail
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
cd "$folder"
echo '{ "private": true }' >package.json
npm install --ignore-scripts --no-audit --no-fund --no-package-lock --loglevel=error subtitle@4.2.2 node-webvtt@1.9.4 >/dev/null
python3 -m venv python
python/bin/pip install --quiet --disable-pip-version-check pysubs2==1.8.1
printf 'WEBVTT\n\n%s\n00:00:01.000 --> 00:00:02.500\nGood morning.\n\n%s\n00:00:03.000 --> 00:00:04.000\nHello.\n' \
  1 2 >numbers.vtt
printf 'WEBVTT\n\n%s\n00:00:01.000 --> 00:00:02.500\nGood morning.\n\n%s\n00:00:03.000 --> 00:00:04.000\nHello.\n' \
  a1b2c3/12-0 a1b2c3/13-0 >names.vtt
tail -n +4 names.vtt | sed '1i WEBVTT\n' >second.vtt

cat >probe.cjs <<'JS'
const { readFileSync } = require('node:fs')
const readers = {
  'node-webvtt': (text) => require('node-webvtt').parse(text).cues.map((cue) => cue.text),
  subtitle: (text) => require('subtitle').parseSync(text).filter((node) => node.type === 'cue').map((cue) => cue.data.text),
}
for (const [name, read] of Object.entries(readers))
  for (const file of ['numbers', 'names', 'second']) {
    let came
    try {
      came = JSON.stringify(read(readFileSync(`${file}.vtt`, 'utf8')))
    } catch (error) {
      came = error.message
    }
    console.log(`${name}, ${file}: ${came}`)
  }
JS
cat >probe.py <<'PYTHON'
import json

import pysubs2

for name in ("numbers", "names", "second"):
    print(f"pysubs2, {name}: {json.dumps([cue.plaintext for cue in pysubs2.load(name + '.vtt')])}")
PYTHON
came=$(node probe.cjs && python/bin/python probe.py)
expected='node-webvtt, numbers: ["Good morning.","Hello."]
node-webvtt, names: ["Good morning.","Hello."]
node-webvtt, second: ["Good morning.","Hello."]
subtitle, numbers: ["Good morning.","Hello."]
subtitle, names: expected timestamp at row 3, but received: "a1b2c3/12-0"
subtitle, second: ["Good morning.\n\na1b2c3/13-0","Hello."]
pysubs2, numbers: ["Good morning.", "Hello."]
pysubs2, names: ["Good morning.\n\na1b2c3/13-0", "Hello."]
pysubs2, second: ["Good morning.\n\na1b2c3/13-0", "Hello."]'
printf 'subtitle 4.2.2, node-webvtt 1.9.4, pysubs2 1.8.1\n%s\n' "$came"
[ "$came" = "$expected" ] || { printf 'expected\n%s\n' "$expected"; exit 1; }
