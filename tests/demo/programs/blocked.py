"""An ordinary OpenAI program that would send a key away."""

import openai

PROMPT = (
    "Why does this fail?\n"
    "aws_access_key_id = AKIAIOSFODNN7EXAMPLE\n"
    "aws_secret_access_key = wJalrXUtnFEMI/K7MDENG/bPxRfiCYEXAMPLEKEY"
)
PLANTED = ["AKIAIOSFODNN7EXAMPLE", "wJalrXUtnFEMI/K7MDENG/bPxRfiCYEXAMPLEKEY"]

if __name__ == "__main__":
    client = openai.OpenAI()
    try:
        answer = client.chat.completions.create(model="gpt-4o", messages=[{"role": "user", "content": PROMPT}])
        print(answer.choices[0].message.content)
    except openai.PermissionDeniedError as error:
        print(f"{type(error).__name__}: {error.message}")
