"""A program that knows nothing of Coatcheck: plain ``requests``."""

import sys

import requests

reply = requests.post(
    "https://api.openai.com/v1/chat/completions",
    json={"model": "gpt-4o", "messages": [{"role": "user", "content": sys.stdin.read()}]},
    headers={"authorization": "Bearer sk-test-1"},
    timeout=30,
)
reply.raise_for_status()
print(reply.json()["choices"][0]["message"]["content"])
