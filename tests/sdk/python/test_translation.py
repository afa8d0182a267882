"""The official SDKs against models of every provider: what they read is the same, whoever answers."""

import json

import openai
import pytest
from anthropic import Anthropic
from openai import OpenAI

HI = [{"role": "user", "content": "How is the weather in Oslo?"}]
SCHEMA = {"type": "object", "properties": {"city": {"type": "string"}}, "required": ["city"]}
CHAT_TOOLS = [{"type": "function", "function": {"name": "weather", "description": "The weather.", "parameters": SCHEMA}}]
MESSAGES_TOOLS = [{"name": "weather", "description": "The weather.", "input_schema": SCHEMA}]
MODELS = ["to-openai", "to-openrouter", "to-azure", "to-anthropic", "to-gemini", "to-bedrock", "to-ollama"]
TRANSLATED = [model for model in MODELS if model in ("to-anthropic", "to-gemini", "to-bedrock", "to-ollama")]

all_models = pytest.mark.parametrize("model", MODELS)


@pytest.fixture
def chat(translating_url, key):
    return OpenAI(base_url=f"{translating_url}/v1", api_key=key, max_retries=0)


@pytest.fixture
def messages(translating_url, key):
    return Anthropic(base_url=translating_url, api_key=key, max_retries=0)


@all_models
def test_chat(chat, model):
    answer = chat.chat.completions.create(model=model, messages=HI, max_tokens=50)
    assert (answer.choices[0].message.content, answer.choices[0].finish_reason) == ("Hello", "stop")
    assert answer.usage.completion_tokens == 21 and answer.object == "chat.completion"
    if model in TRANSLATED:
        assert answer.model == model


@all_models
def test_chat_stream(chat, model):
    options = {"include_usage": True}
    chunks = list(chat.chat.completions.create(model=model, messages=HI, max_tokens=50, stream=True, stream_options=options))
    assert "".join(chunk.choices[0].delta.content or "" for chunk in chunks if chunk.choices) == "Hello"
    assert chunks[-1].usage.completion_tokens == 21
    chunks = list(chat.chat.completions.create(model=model, messages=HI, max_tokens=50, stream=True))
    assert all(chunk.usage is None and chunk.choices for chunk in chunks)


@all_models
def test_chat_stream_helper(chat, model):
    with chat.chat.completions.stream(model=model, messages=HI, tools=CHAT_TOOLS, max_tokens=50) as stream:
        for _ in stream:
            pass
        call = stream.get_final_completion().choices[0].message.tool_calls[0]
    assert (call.function.name, json.loads(call.function.arguments)) == ("weather", {"city": "Oslo"})


@all_models
def test_chat_tools(chat, model):
    first = chat.chat.completions.create(model=model, messages=HI, max_tokens=50, tools=CHAT_TOOLS).choices[0]
    assert first.finish_reason == "tool_calls"
    call = first.message.tool_calls[0]
    assert (call.function.name, json.loads(call.function.arguments)) == ("weather", {"city": "Oslo"})
    # The whole turn goes back, as an agent sends it.
    turns = [*HI, first.message, {"role": "tool", "tool_call_id": call.id, "content": "four degrees"}]
    second = chat.chat.completions.create(model=model, messages=turns, max_tokens=50, tools=CHAT_TOOLS)
    assert second.choices[0].message.content == "Hello"


@all_models
def test_messages(messages, model):
    answer = messages.messages.create(model=model, messages=HI, max_tokens=50)
    assert (answer.content[0].text, answer.stop_reason, answer.usage.output_tokens) == ("Hello", "end_turn", 21)


@all_models
def test_messages_stream(messages, model):
    with messages.messages.stream(model=model, messages=HI, max_tokens=50) as stream:
        assert "".join(stream.text_stream) == "Hello"
        final = stream.get_final_message()
    assert (final.stop_reason, final.usage.output_tokens) == ("end_turn", 21)
    events = [event.type for event in messages.messages.create(model=model, messages=HI, max_tokens=50, stream=True)]
    assert events[0] == "message_start" and events[-1] == "message_stop"


@all_models
def test_messages_tools(messages, model):
    first = messages.messages.create(model=model, messages=HI, max_tokens=50, tools=MESSAGES_TOOLS)
    assert first.stop_reason == "tool_use"
    call = next(block for block in first.content if block.type == "tool_use")
    assert (call.name, call.input) == ("weather", {"city": "Oslo"})
    result = {"type": "tool_result", "tool_use_id": call.id, "content": "four degrees"}
    turns = [*HI, {"role": "assistant", "content": first.content}, {"role": "user", "content": [result]}]
    second = messages.messages.create(model=model, messages=turns, max_tokens=50, tools=MESSAGES_TOOLS)
    assert second.content[0].text == "Hello"


@all_models
def test_messages_tools_streamed(messages, model):
    with messages.messages.stream(model=model, messages=HI, max_tokens=50, tools=MESSAGES_TOOLS) as stream:
        final = stream.get_final_message()
    call = next(block for block in final.content if block.type == "tool_use")
    assert (call.name, call.input) == ("weather", {"city": "Oslo"})


@pytest.mark.parametrize("model", TRANSLATED)
def test_an_unsupported_field_is_named(chat, model):
    with pytest.raises(openai.BadRequestError) as caught:
        chat.chat.completions.create(model=model, messages=HI, max_tokens=50, logit_bias={"50256": -100})
    assert caught.value.param == "logit_bias"
    answer = chat.chat.completions.create(model=f"{model}-dropping", messages=HI, max_tokens=50, logit_bias={"50256": -100})
    assert answer.choices[0].message.content == "Hello"
