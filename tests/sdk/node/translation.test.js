// The official SDKs against models of every provider: what they read is the same, whoever answers.

import assert from "node:assert/strict";
import { test } from "node:test";
import Anthropic from "@anthropic-ai/sdk";
import OpenAI from "openai";

const { KEYWARD_TRANSLATING_URL: url, KEYWARD_KEY: apiKey } = process.env;
const openai = new OpenAI({ baseURL: `${url}/v1`, apiKey, maxRetries: 0 });
const anthropic = new Anthropic({ baseURL: url, apiKey, maxRetries: 0 });
const messages = [{ role: "user", content: "How is the weather in Oslo?" }];
const schema = { type: "object", properties: { city: { type: "string" } }, required: ["city"] };
const chatTools = [{ type: "function", function: { name: "weather", parameters: schema } }];
const messagesTools = [{ name: "weather", input_schema: schema }];
const models = ["to-openai", "to-openrouter", "to-azure", "to-anthropic", "to-gemini", "to-bedrock", "to-ollama"];

const isWeather = (call) => {
    assert.equal(call.function.name, "weather");
    assert.deepEqual(JSON.parse(call.function.arguments), { city: "Oslo" });
};

for (const model of models) {
    test(`${model}: chat`, async () => {
        const answer = await openai.chat.completions.create({ model, messages, max_tokens: 50 });
        assert.equal(answer.choices[0].message.content, "Hello");
        assert.equal(answer.usage.completion_tokens, 21);
    });

    test(`${model}: chat, streamed`, async () => {
        const stream_options = { include_usage: true };
        let [text, usage] = ["", null];
        for await (const chunk of await openai.chat.completions.create({ model, messages, max_tokens: 50, stream: true, stream_options })) {
            text += chunk.choices[0]?.delta.content ?? "";
            usage = chunk.usage ?? usage;
        }
        assert.deepEqual([text, usage.completion_tokens], ["Hello", 21]);
    });

    test(`${model}: chat with tools`, async () => {
        const answer = await openai.chat.completions.create({ model, messages, max_tokens: 50, tools: chatTools });
        isWeather(answer.choices[0].message.tool_calls[0]);
        const stream = openai.chat.completions.stream({ model, messages, max_tokens: 50, tools: chatTools });
        isWeather((await stream.finalChatCompletion()).choices[0].message.tool_calls[0]);
    });

    test(`${model}: messages`, async () => {
        const answer = await anthropic.messages.create({ model, messages, max_tokens: 50 });
        assert.deepEqual([answer.content[0].text, answer.usage.output_tokens], ["Hello", 21]);
        const final = await anthropic.messages.stream({ model, messages, max_tokens: 50 }).finalMessage();
        assert.deepEqual([final.content[0].text, final.usage.output_tokens, final.stop_reason], ["Hello", 21, "end_turn"]);
    });

    test(`${model}: messages with tools`, async () => {
        const first = await anthropic.messages.create({ model, messages, max_tokens: 50, tools: messagesTools });
        const call = first.content.find((block) => block.type === "tool_use");
        assert.deepEqual([call.name, call.input], ["weather", { city: "Oslo" }]);
        const streamed = await anthropic.messages.stream({ model, messages, max_tokens: 50, tools: messagesTools }).finalMessage();
        const other = streamed.content.find((block) => block.type === "tool_use");
        assert.deepEqual([other.name, other.input], ["weather", { city: "Oslo" }]);
        const result = { type: "tool_result", tool_use_id: call.id, content: "four degrees" };
        const turns = [...messages, { role: "assistant", content: first.content }, { role: "user", content: [result] }];
        const second = await anthropic.messages.create({ model, messages: turns, max_tokens: 50, tools: messagesTools });
        assert.equal(second.content[0].text, "Hello");
    });
}
