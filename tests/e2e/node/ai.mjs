// Vercel's `ai` package with one of its providers (the argument: openai, openai-chat, anthropic): a text, a stream, and a
// tool that is called with the text and whose result goes back. Reads a text on stdin, prints one line of JSON.

import { createAnthropic } from '@ai-sdk/anthropic';
import { createOpenAI } from '@ai-sdk/openai';
import { generateText, jsonSchema, stepCountIs, streamText, tool } from 'ai';
import { fetch as undiciFetch } from 'undici';
import { through } from './through.mjs';
import { input } from './input.mjs';

const { OPENAI_BASE_URL: openai, ANTHROPIC_BASE_URL: anthropic } = process.env;
const { fetchOptions } = await through();
const way = fetchOptions ? { fetch: (url, init) => undiciFetch(url, { ...init, ...fetchOptions }) } : {};
const models = {
  'openai': () => createOpenAI({ ...way, ...(openai && { baseURL: openai }) })('gpt-5.1'),
  'openai-chat': () => createOpenAI({ ...way, ...(openai && { baseURL: openai }) }).chat('gpt-4o'),
  'anthropic': () => createAnthropic({ ...way, ...(anthropic && { baseURL: `${anthropic}/v1` }) })('claude-sonnet-5'),
};

const prompt = await input();
const asked = { model: models[process.argv[2]](), prompt, maxRetries: 0 };

const whole = await generateText(asked);

let streamed = '';
for await (const piece of streamText(asked).textStream) streamed += piece;

let given;
const send = tool({
  description: 'Send a mail.',
  inputSchema: jsonSchema({ type: 'object', properties: {}, additionalProperties: true }),
  execute: async (args) => { given = args; return { sent: args.text }; },
});
const acted = await generateText({ ...asked, tools: { send_mail: send }, stopWhen: stepCountIs(2) });

console.log(JSON.stringify({ whole: whole.text, streamed, tool: given, after: acted.text }));
