"""An ordinary OpenAI program: a tool call, its arguments streamed in pieces."""

import json

import openai

PROMPT = "Book a table for Oliver Brandt, oliver.brandt@example.org, tonight at eight."
PLANTED = ["Oliver Brandt", "oliver.brandt@example.org"]
TOOL = {
    "type": "function",
    "function": {
        "name": "book_table",
        "description": "Book a table in a restaurant.",
        "parameters": {
            "type": "object",
            "properties": {"text": {"type": "string"}, "email": {"type": "string"}},
            "required": ["text", "email"],
        },
    },
}

if __name__ == "__main__":
    client = openai.OpenAI()
    stream = client.chat.completions.create(
        model="gpt-4o", messages=[{"role": "user", "content": PROMPT}], tools=[TOOL], stream=True
    )
    name, arguments = "", ""
    for chunk in stream:
        for call in (chunk.choices[0].delta.tool_calls or []) if chunk.choices else []:
            name += call.function.name or ""
            arguments += call.function.arguments or ""
    print(f"{name}({json.dumps(json.loads(arguments), ensure_ascii=False)})")
