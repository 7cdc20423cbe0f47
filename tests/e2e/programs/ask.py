"""A program that knows nothing of Coatcheck: the stock ``openai`` package, its key from the environment."""

import sys

import openai

answer = openai.OpenAI().chat.completions.create(
    model="gpt-4o", messages=[{"role": "user", "content": sys.stdin.read()}]
)
print(answer.choices[0].message.content)
