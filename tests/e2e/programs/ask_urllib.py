"""A program that knows nothing of Coatcheck: the standard library alone."""

import json
import sys
import urllib.request

body = {"model": "gpt-4o", "messages": [{"role": "user", "content": sys.stdin.read()}]}
request = urllib.request.Request(
    "https://api.openai.com/v1/chat/completions",
    json.dumps(body).encode(),
    {"authorization": "Bearer sk-test-1", "content-type": "application/json"},
)
with urllib.request.urlopen(request, timeout=30) as reply:
    print(json.load(reply)["choices"][0]["message"]["content"])
