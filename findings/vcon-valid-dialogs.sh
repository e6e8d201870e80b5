#!/usr/bin/env bash
# PyPI vcon: is_valid() refuses a vCon with a text dialog, a missed call or a transfer.
#
# A vCon (IETF working group vcon) is the record of a conversation, and has dialogs of the types recording, text, transfer and
# incomplete. The last is a call that nobody answered, with a disposition such as no-answer; it and a transfer have no content,
# so no media type. Expected: each is valid. The library makes them, and its is_valid() then wants the media type of each
# dialog to be one of nine audio types: text/plain is "invalid", and so is a dialog without any. Who checks before sending
# sends recordings alone.
#
# Fails when one of them is valid, or the recording is not.
set -euo pipefail
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
cd "$folder"
python3 -m venv python
python/bin/pip install --quiet --disable-pip-version-check vcon==0.3.10

cat >probe.py <<'PYTHON'
import importlib.metadata
import warnings

warnings.simplefilter("ignore")
from vcon import Vcon
from vcon.dialog import Dialog
from vcon.party import Party

START = "2026-11-18T14:02:11+00:00"
DIALOGS = {
    "a recording": {"type": "recording", "mimetype": "audio/x-wav", "url": "https://example.com/a.wav", "duration": 61},
    "a text": {"type": "text", "mimetype": "text/plain", "body": "Hi", "encoding": "none"},
    "a missed call": {"type": "incomplete", "disposition": "no-answer"},
    "a transfer": {"type": "transfer", "transferee": 0, "transferor": 1, "transfer_target": 1},
}
print("vcon", importlib.metadata.version("vcon"))
for name, dialog in DIALOGS.items():
    record = Vcon.build_new()
    for number in ("+14155550132", "+442079460958"):
        record.add_party(Party(tel=number))
    record.add_dialog(Dialog(start=START, parties=[0, 1], **dialog))
    valid, issues = record.is_valid()
    print(f"{name}: {'valid' if valid else '; '.join(issues)}")
PYTHON
came=$(python/bin/python -W ignore probe.py)
expected='vcon 0.3.10
a recording: valid
a text: Dialog 0 has invalid mimetype: text/plain
a missed call: Dialog 0 has invalid mimetype: missing
a transfer: Dialog 0 has invalid mimetype: missing'
printf '%s\n' "$came"
[ "$came" = "$expected" ] || { printf 'expected\n%s\n' "$expected"; exit 1; }
