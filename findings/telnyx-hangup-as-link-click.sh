#!/usr/bin/env bash
# PyPI telnyx: a hang-up with a cause that the library does not know is given as a click on a link.
#
# client.webhooks.unwrap gives each webhook a class of its own, such as CallHangupWebhookEvent, by which programs choose what to do.
# Carriers and platforms add causes, states and event types. Expected of one that is new: the class of the event type, as its data says
# call.hangup, or one that claims nothing. The library tries the classes in turn until all words fit, and the one that takes everything is
# ReplacedLinkClickWebhookEvent, a click on a shortened link in a text message: the call never ends for a program that
# waits for hang-ups, without an error. data.event_type is right in both; choose by it.
#
# Fails when the class is another one. unsafe_unwrap is unwrap without the check of the signature.
set -euo pipefail
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
cd "$folder"
python3 -m venv python
python/bin/pip install --quiet --disable-pip-version-check telnyx==4.189.0

cat >probe.py <<'PYTHON'
import json

from telnyx import Telnyx

client = Telnyx(api_key="key")


def tell(what, event_type, **fields):
    data = {
        "record_type": "event",
        "event_type": event_type,
        "id": "0ccc7b54-4df3-4bca-a65a-3da1ecc777f0",
        "occurred_at": "2026-11-28T12:00:00.000000Z",
        "payload": {"call_leg_id": "428c31b6-7af4-4bcb-b7f5-5013ef9657c1", "from": "+14155550132", "to": "+442079460958", **fields},
    }
    event = client.webhooks.unsafe_unwrap(json.dumps({"data": data, "meta": {"attempt": 1}}))
    print(f"{what}: {type(event).__name__}, data.event_type {event.data.event_type}")


tell("a known cause", "call.hangup", hangup_cause="normal_clearing", hangup_source="caller")
tell("a new cause", "call.hangup", hangup_cause="new_cause", hangup_source="caller")
tell("a new source", "call.hangup", hangup_cause="normal_clearing", hangup_source="new_source")
tell("a known state", "call.answered", state="answered")
tell("a new state", "call.answered", state="new_state")
tell("a new event type", "call.new_type")
PYTHON
came=$(python/bin/python probe.py)
expected='a known cause: CallHangupWebhookEvent, data.event_type call.hangup
a new cause: ReplacedLinkClickWebhookEvent, data.event_type call.hangup
a new source: ReplacedLinkClickWebhookEvent, data.event_type call.hangup
a known state: CallAnsweredWebhookEvent, data.event_type call.answered
a new state: ReplacedLinkClickWebhookEvent, data.event_type call.answered
a new event type: ReplacedLinkClickWebhookEvent, data.event_type call.new_type'
echo 'telnyx 4.189.0:'
printf '%s\n' "$came"
[ "$came" = "$expected" ] || { printf 'expected\n%s\n' "$expected"; exit 1; }
