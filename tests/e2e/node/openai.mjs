// The stock `openai` package: a chat, a stream and a streamed tool call. Reads a text on stdin, prints one line of JSON.
// The base URL, if any, is the package's own OPENAI_BASE_URL.

import OpenAI from 'openai';
import { through } from './through.mjs';
import { input } from './input.mjs';

const text = await input();
const client = new OpenAI({ maxRetries: 0, ...(await through()) });
const asked = { model: 'gpt-4o', messages: [{ role: 'user', content: text }] };
const tool = { type: 'function', function: { name: 'send_mail', parameters: { type: 'object' } } };

const whole = await client.chat.completions.create(asked);

let streamed = '';
for await (const chunk of await client.chat.completions.create({ ...asked, stream: true })) {
  streamed += chunk.choices[0]?.delta?.content ?? '';
}

let tools = '';
for await (const chunk of await client.chat.completions.create({ ...asked, tools: [tool], stream: true })) {
  tools += chunk.choices[0]?.delta?.tool_calls?.[0]?.function?.arguments ?? '';
}

console.log(JSON.stringify({ whole: whole.choices[0].message.content, streamed, tool: JSON.parse(tools) }));
