// The official Node SDKs. Addresses and keys come from the end-to-end tests (tests/e2e/sdk.rs).

import assert from "node:assert/strict";
import { test } from "node:test";
import Anthropic from "@anthropic-ai/sdk";
import OpenAI, { AzureOpenAI, toFile } from "openai";

const { KEYWARD_URL: url, KEYWARD_KEY: apiKey, KEYWARD_LIMITED_KEY: limitedKey } = process.env;
const openai = (key = apiKey) => new OpenAI({ baseURL: `${url}/v1`, apiKey: key, maxRetries: 0 });
const anthropic = (key = apiKey) => new Anthropic({ baseURL: url, apiKey: key, maxRetries: 0 });
const messages = [{ role: "user", content: "hi" }];

const collect = async (stream) => {
    const parts = [];
    for await (const part of stream) parts.push(part);
    return parts;
};

test("chat", async () => {
    const answer = await openai().chat.completions.create({ model: "gpt-4o", messages });
    assert.equal(answer.choices[0].message.content, "Hello");
    assert.equal(answer.usage.total_tokens, 33);
});

test("stream without usage", async () => {
    const chunks = await collect(await openai().chat.completions.create({ model: "gpt-4o", messages, stream: true }));
    assert.equal(chunks.map((chunk) => chunk.choices[0].delta.content ?? "").join(""), "Hello");
    assert.ok(chunks.every((chunk) => !chunk.usage));
});

test("stream with usage", async () => {
    const stream_options = { include_usage: true };
    const chunks = await collect(await openai().chat.completions.create({ model: "gpt-4o", messages, stream: true, stream_options }));
    assert.deepEqual(chunks.at(-1).choices, []);
    assert.equal(chunks.at(-1).usage.completion_tokens, 21);
});

test("tools", async () => {
    const tools = [{ type: "function", function: { name: "weather", parameters: { type: "object", properties: {} } } }];
    const answer = await openai().chat.completions.create({ model: "gpt-4o", messages, tools });
    assert.equal(answer.choices[0].message.tool_calls[0].function.name, "weather");
});

test("embeddings", async () => {
    const answer = await openai().embeddings.create({ model: "embed", input: "hi" });
    assert.deepEqual(answer.data[0].embedding, [1, 2]);
});

test("responses", async () => {
    const answer = await openai().responses.create({ model: "gpt-4o", input: "hi" });
    assert.equal(answer.output_text, "Hello");
    const events = await collect(await openai().responses.create({ model: "gpt-4o", input: "hi", stream: true }));
    assert.equal(events.at(-1).type, "response.completed");
});

test("transcription", async () => {
    const file = await toFile(Buffer.from("RIFF\0\xff"), "a.wav");
    assert.equal((await openai().audio.transcriptions.create({ model: "whisper", file })).text, "hello");
});

test("models", async () => {
    const names = (await collect(await openai().models.list())).map((model) => model.id);
    assert.ok(names.includes("gpt-4o") && names.includes("chat-default") && !names.includes("llama"));
});

test("azure", async () => {
    const client = new AzureOpenAI({ endpoint: url, apiKey, apiVersion: "2024-10-21", maxRetries: 0 });
    assert.equal((await client.chat.completions.create({ model: "gpt-4o", messages })).usage.total_tokens, 33);
});

for (const [name, key, model, error, code] of [
    ["unknown key", "unknown", "gpt-4o", OpenAI.AuthenticationError, "invalid_api_key"],
    ["model not allowed", apiKey, "llama", OpenAI.PermissionDeniedError, "model_not_allowed"],
    ["model not found", apiKey, "nope", OpenAI.NotFoundError, "model_not_found"],
    ["bad request", apiKey, 7, OpenAI.BadRequestError, "invalid_request"],
    ["rate limit", limitedKey, "gpt-4o", OpenAI.RateLimitError, "rate_limit_exceeded"],
]) {
    test(`openai: ${name}`, async () => {
        await assert.rejects(openai(key).chat.completions.create({ model, messages }), (caught) => {
            assert.ok(caught instanceof error, caught.message);
            assert.equal(caught.code, code);
            return true;
        });
    });
}

test("messages", async () => {
    const answer = await anthropic().messages.create({ model: "claude-sonnet", max_tokens: 50, messages });
    assert.equal(answer.content[0].text, "Hello");
    assert.equal(answer.usage.cache_read_input_tokens, 1000);
});

test("messages, streamed", async () => {
    const final = await anthropic().messages.stream({ model: "claude-sonnet", max_tokens: 50, messages }).finalMessage();
    assert.equal(final.content[0].text, "Hello");
    assert.equal(final.usage.output_tokens, 21);
});

for (const [name, key, model, error] of [
    ["unknown key", "unknown", "claude-sonnet", Anthropic.AuthenticationError],
    ["model not allowed", apiKey, "llama", Anthropic.PermissionDeniedError],
    ["model not found", apiKey, "nope", Anthropic.NotFoundError],
    ["bad request", apiKey, 7, Anthropic.BadRequestError],
    ["rate limit", limitedKey, "claude-sonnet", Anthropic.RateLimitError],
]) {
    test(`anthropic: ${name}`, async () => {
        await assert.rejects(anthropic(key).messages.create({ model, max_tokens: 50, messages }), error);
    });
}
