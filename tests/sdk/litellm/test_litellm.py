"""The official SDKs, through Keyward, against a server of OpenAI's API that is not ours."""

import anthropic
import openai
import pytest

HI = [{"role": "user", "content": "hi"}]
HELLO = "Hello, café and 🦊"
# What it counts in a whole answer, whatever that says; in a stream it counts what is there.
WHOLE = (10, 20)


def test_chat(chat, told):
    raw = chat.chat.completions.with_raw_response.create(model="hello", messages=HI, max_tokens=50)
    answer = raw.parse()
    assert (answer.choices[0].message.content, answer.choices[0].finish_reason) == (HELLO, "stop")
    assert (answer.usage.prompt_tokens, answer.usage.completion_tokens) == WHOLE
    assert raw.headers["x-keyward-cost-usd"] == "0.00021"
    told(raw.headers, *WHOLE, stream=False)


def test_chat_stream(chat, told):
    options = {"include_usage": True}
    raw = chat.chat.completions.with_raw_response.create(
        model="hello", messages=HI, max_tokens=50, stream=True, stream_options=options
    )
    chunks = list(raw.parse())
    assert "".join(chunk.choices[0].delta.content or "" for chunk in chunks if chunk.choices) == HELLO
    usage = chunks[-1].usage
    assert usage.prompt_tokens > 0 and usage.completion_tokens > 0
    told(raw.headers, usage.prompt_tokens, usage.completion_tokens, stream=True)


def test_chat_stream_without_usage(chat):
    # Its usage comes in a chunk that has a choice as well, which is passed on: only the text is the same.
    chunks = list(chat.chat.completions.create(model="hello", messages=HI, max_tokens=50, stream=True))
    assert "".join(chunk.choices[0].delta.content or "" for chunk in chunks if chunk.choices) == HELLO


def test_messages(messages, told):
    raw = messages.messages.with_raw_response.create(model="hello", messages=HI, max_tokens=50)
    answer = raw.parse()
    assert (answer.content[0].text, answer.stop_reason) == (HELLO, "end_turn")
    assert (answer.usage.input_tokens, answer.usage.output_tokens) == WHOLE
    told(raw.headers, *WHOLE, stream=False)


def test_messages_stream(messages, told):
    with messages.messages.stream(model="hello", messages=HI, max_tokens=50) as stream:
        assert "".join(stream.text_stream) == HELLO
        final = stream.get_final_message()
        headers = stream.response.headers
    assert final.stop_reason == "end_turn" and final.usage.input_tokens > 0 and final.usage.output_tokens > 0
    told(headers, final.usage.input_tokens, final.usage.output_tokens, stream=True)


def test_errors(chat, messages):
    with pytest.raises(openai.RateLimitError):
        chat.chat.completions.create(model="busy", messages=HI, max_tokens=50)
    with pytest.raises(anthropic.RateLimitError):
        messages.messages.create(model="busy", messages=HI, max_tokens=50)
    with pytest.raises(openai.BadRequestError):
        chat.chat.completions.create(model="unknown", messages=HI, max_tokens=50)
    with pytest.raises(anthropic.BadRequestError):
        messages.messages.create(model="unknown", messages=HI, max_tokens=50)
