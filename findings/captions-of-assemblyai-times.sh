#!/usr/bin/env bash
# Deepgram's caption libraries: a transcript of AssemblyAI gets times a thousand times too late, and one of Deepgram that does not begin
# with speaker 0 is an error.
#
# npm @deepgram/captions and PyPI deepgram-captions make SRT and WebVTT of transcripts of several services. Deepgram's times are
# seconds, AssemblyAI's milliseconds. Expected of their converters for AssemblyAI: 00:00:01,000 for a word that begins at 1000. Both
# take the milliseconds for seconds: the word is at 00:16:40,000, and after a minute and a half of a call the hours begin again at 0.
# Where Deepgram's words have speakers and no utterances, both put an empty line in front if the first speaker is another one than
# 0, as in a call of which the beginning was cut off. Python then says "No transcript data found", JavaScript ends in a TypeError.
#
# Needs python3 with venv. Fails when one of them does otherwise.
set -euo pipefail
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
cd "$folder"
echo '{ "private": true }' >package.json
npm install --ignore-scripts --no-audit --no-fund --no-package-lock --loglevel=error @deepgram/captions@1.2.0 >/dev/null
python3 -m venv python
python/bin/pip install --quiet --disable-pip-version-check deepgram-captions==2.0.0

cat >assemblyai.json <<'JSON'
{ "id": "t1", "status": "completed", "audio_duration": 92, "text": "Good morning. Hello.", "utterances": [
  { "speaker": "A", "start": 1000, "end": 2500, "confidence": 0.9, "text": "Good morning.", "words": [
    { "text": "Good", "start": 1000, "end": 1200, "confidence": 0.9, "speaker": "A" },
    { "text": "morning.", "start": 1250, "end": 2500, "confidence": 0.9, "speaker": "A" } ] },
  { "speaker": "B", "start": 90000, "end": 91000, "confidence": 0.9, "text": "Hello.", "words": [
    { "text": "Hello.", "start": 90000, "end": 91000, "confidence": 0.9, "speaker": "B" } ] } ] }
JSON
deepgram() {
  cat <<JSON
{ "metadata": {}, "results": { "channels": [ { "alternatives": [ { "transcript": "Good morning. Hello.", "confidence": 0.9, "words": [
  { "word": "good", "punctuated_word": "Good", "start": 1, "end": 1.2, "confidence": 0.9, "speaker": $1 },
  { "word": "morning", "punctuated_word": "morning.", "start": 1.25, "end": 2.5, "confidence": 0.9, "speaker": $1 },
  { "word": "hello", "punctuated_word": "Hello.", "start": 3, "end": 4, "confidence": 0.9, "speaker": $2 } ] } ] } ] } }
JSON
}
deepgram 0 1 >speaker-0.json
deepgram 1 0 >speaker-1.json

cat >probe.cjs <<'JS'
const { readFileSync } = require('node:fs')
const { AssemblyAiConverter, DeepgramConverter, srt } = require('@deepgram/captions')
for (const name of ['assemblyai', 'speaker-0', 'speaker-1']) {
  const transcript = JSON.parse(readFileSync(`${name}.json`, 'utf8'))
  let came
  try {
    const text = srt(name === 'assemblyai' ? new AssemblyAiConverter(transcript) : new DeepgramConverter(transcript))
    came = text.split('\n').filter((line) => line.includes('-->')).join(' | ')
  } catch (error) {
    came = error.name
  }
  console.log(`npm, ${name}: ${came}`)
}
JS
cat >probe.py <<'PYTHON'
import json

from deepgram_captions import AssemblyAIConverter, DeepgramConverter, srt

for name in ("assemblyai", "speaker-0", "speaker-1"):
    with open(f"{name}.json") as file:
        transcript = json.load(file)
    try:
        text = srt((AssemblyAIConverter if name == "assemblyai" else DeepgramConverter)(transcript))
        came = " | ".join(line for line in text.split("\n") if "-->" in line)
    except Exception as error:
        came = type(error).__name__
    print(f"PyPI, {name}: {came}")
PYTHON
came=$(node probe.cjs && python/bin/python probe.py)
expected='npm, assemblyai: 00:16:40,000 --> 00:41:40,000 | 01:00:00,000 --> 01:16:40,000
npm, speaker-0: 00:00:01,000 --> 00:00:02,500 | 00:00:03,000 --> 00:00:04,000
npm, speaker-1: TypeError
PyPI, assemblyai: 00:16:40,000 --> 00:41:40,000 | 01:00:00,000 --> 01:16:40,000
PyPI, speaker-0: 00:00:01,000 --> 00:00:02,500 | 00:00:03,000 --> 00:00:04,000
PyPI, speaker-1: EmptyTranscriptException'
printf '@deepgram/captions 1.2.0, deepgram-captions 2.0.0\n%s\n' "$came"
[ "$came" = "$expected" ] || { printf 'expected\n%s\n' "$expected"; exit 1; }
