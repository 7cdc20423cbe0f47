// The stock `@anthropic-ai/sdk` package: a message, a stream and a streamed tool call. Reads a text on stdin, prints one
// line of JSON. The base URL, if any, is the package's own ANTHROPIC_BASE_URL.

import Anthropic from '@anthropic-ai/sdk';
import { through } from './through.mjs';
import { input } from './input.mjs';

const text = await input();
const client = new Anthropic({ maxRetries: 0, ...(await through()) });
const asked = { model: 'claude-sonnet-5', max_tokens: 200, messages: [{ role: 'user', content: text }] };
const tool = { name: 'send_mail', input_schema: { type: 'object' } };

const whole = await client.messages.create(asked);

let streamed = '';
const stream = client.messages.stream(asked);
stream.on('text', (delta) => { streamed += delta; });
await stream.finalMessage();

const called = await client.messages.stream({ ...asked, tools: [tool] }).finalMessage();

console.log(JSON.stringify({
  whole: whole.content[0].text,
  streamed,
  tool: called.content.find((block) => block.type === 'tool_use').input,
}));
