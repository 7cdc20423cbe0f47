"""An ordinary Anthropic program: a Chinese question, the answer streamed."""

import anthropic

PROMPT = (
    "请给张伟写一封提醒邮件，手机 13912345678，身份证号 11010519491231002X，住址：北京市朝阳区建国路88号3单元501室。"
)
PLANTED = ["张伟", "13912345678", "11010519491231002X", "建国路88号"]

if __name__ == "__main__":
    client = anthropic.Anthropic()
    with client.messages.stream(
        model="claude-sonnet-5", max_tokens=300, messages=[{"role": "user", "content": PROMPT}]
    ) as stream:
        for text in stream.text_stream:
            print(text, end="", flush=True)
    print()
