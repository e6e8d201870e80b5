"""Reads vectors from standard input and prints a line for each (library, holder of a secret) that judges one otherwise."""

import json
import sys

import openai
import svix.webhooks
from gidgethub import ValidationFailure, sansio

given = json.load(sys.stdin)
for vector in given["vectors"]:
    parts, headers = vector["body"], vector["headers"]
    text = parts["text"] if "text" in parts else parts["start"] + parts["repeat"] * parts["count"] + parts["end"]
    body = text.encode()
    for who in ("current", "coming"):
        secret = given["secrets"][who]

        def by_sivo(name):
            try:
                sansio.validate_event(body, signature=headers[name], secret=secret)
                return True
            except (KeyError, ValidationFailure, TypeError):
                return False

        def by_standard():
            try:
                openai.OpenAI(api_key="none", webhook_secret=secret).webhooks.verify_signature(body, headers)
                return True
            except (openai.InvalidWebhookSignatureError, TypeError, ValueError):
                return False

        def by_svix():
            try:
                svix.webhooks.Webhook(secret).verify(body, headers)
                return True
            except (svix.webhooks.WebhookVerificationError, ValueError):
                return False

        for library, accepted, holders in (
            ("gidgethub", by_sivo("X-Sivo-Signature") or by_sivo("X-Sivo-Signature-Next"), vector["sivo"]),
            ("openai", by_standard(), vector["standard"]),
            ("svix", by_svix(), vector["standard"]),
        ):
            if accepted != (who in holders):
                print(f"{library}, {who}, {str(accepted).lower()}: {vector['name']}")
