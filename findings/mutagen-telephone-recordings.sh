#!/usr/bin/env bash
# PyPI mutagen: a recording of ten minutes in a format of telephony is two seconds long, and one that was streamed 74 hours.
#
# Asterisk records and keeps messages in GSM 06.10 (its format wav49), recorders of call centres in ADPCM, both as WAV with a byte rate
# and a count of samples in the header. Programs that cannot go back in their output leave 0xFFFFFFFF as the size of what follows, as
# ffmpeg does into a pipe. Expected: what the header says, and of a stream what is there. mutagen counts each block of many samples as
# one: GSM is 320 times too short, ADPCM hundreds of times. Of a stream it believes the size. music-metadata on npm and PyPI soundfile,
# tried beside it, are right.
#
# Fails when mutagen finds other lengths, or one of the others does.
set -euo pipefail
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
cd "$folder"
python3 -m venv python
python/bin/pip install --quiet --disable-pip-version-check mutagen==1.48.1 soundfile==0.14.0
echo '{ "private": true, "type": "module" }' >package.json
npm install --ignore-scripts --no-audit --no-fund --no-package-lock --loglevel=error music-metadata@12.1.0 >/dev/null
cat >recordings.py <<'PYTHON'
"""Ten minutes of one channel at 8,000 samples a second, as PCM, mu-law, GSM 06.10 and IMA ADPCM."""
from struct import pack

SAMPLES = 600 * 8000


def write(name, tag, byte_rate, block, bits, samples_of_block, data, streamed=False):
    extra = {1: b"", 7: pack("<H", 0)}.get(tag, pack("<HH", 2, samples_of_block))
    form = b"fmt " + pack("<IHHIIHH", 16 + len(extra), tag, 1, 8000, byte_rate, block, bits) + extra
    fact = b"" if tag == 1 else b"fact" + pack("<II", 4, SAMPLES)
    data_size, riff_size = len(data), 4 + len(form) + len(fact) + 8 + len(data)
    if streamed:
        data_size = riff_size = 0xFFFFFFFF
    with open(name + ".wav", "wb") as file:
        file.write(b"RIFF" + pack("<I", riff_size) + b"WAVE" + form + fact + b"data" + pack("<I", data_size) + data)


silence = bytes(SAMPLES * 2)
write("pcm", 1, 16000, 2, 16, 1, silence)
write("pcm-streamed", 1, 16000, 2, 16, 1, silence, streamed=True)
write("mu-law", 7, 8000, 1, 8, 1, b"\xff" * SAMPLES)
write("gsm", 49, 1625, 65, 0, 320, bytes(65 * (SAMPLES // 320)))
write("ima-adpcm", 17, 4055, 256, 4, 505, bytes(256 * -(-SAMPLES // 505)))
PYTHON
cat >probe.py <<'PYTHON'
import sys

import mutagen
import soundfile

for name in sys.argv[1:]:
    print(f"{name}: mutagen {mutagen.File(name + '.wav').info.length:.1f} s, soundfile {soundfile.info(name + '.wav').duration:.0f} s")
PYTHON
cat >probe.mjs <<'JS'
import { parseFile } from 'music-metadata'

for (const name of process.argv.slice(2)) {
  const { format } = await parseFile(`${name}.wav`)
  console.log(`${name}: music-metadata ${format.duration.toFixed(0)} s`)
}
JS
python/bin/python recordings.py
names='pcm pcm-streamed mu-law gsm ima-adpcm'
# shellcheck disable=SC2086
came=$(python/bin/python probe.py $names && node probe.mjs $names)
expected='pcm: mutagen 600.0 s, soundfile 600 s
pcm-streamed: mutagen 268435.5 s, soundfile 600 s
mu-law: mutagen 600.0 s, soundfile 600 s
gsm: mutagen 1.9 s, soundfile 600 s
ima-adpcm: mutagen 1.2 s, soundfile 600 s
pcm: music-metadata 600 s
pcm-streamed: music-metadata 600 s
mu-law: music-metadata 600 s
gsm: music-metadata 600 s
ima-adpcm: music-metadata 600 s'
printf 'mutagen 1.48.1, soundfile 0.14.0, music-metadata 12.1.0\n%s\n' "$came"
[ "$came" = "$expected" ] || { printf 'expected\n%s\n' "$expected"; exit 1; }
