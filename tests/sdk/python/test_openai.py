"""The official OpenAI SDK, sync, async and Azure."""

import asyncio

import openai
import pytest
from openai import AsyncOpenAI, AzureOpenAI, OpenAI

HI = [{"role": "user", "content": "hi"}]


@pytest.fixture
def client(url, key):
    return OpenAI(base_url=f"{url}/v1", api_key=key, max_retries=0)


def test_chat(client):
    answer = client.chat.completions.create(model="gpt-4o", messages=HI, max_tokens=50)
    assert answer.choices[0].message.content == "Hello"
    assert answer.usage.total_tokens == 33


def test_headers_of_the_raw_answer(client):
    raw = client.chat.completions.with_raw_response.create(model="chat-default", messages=HI)
    assert raw.headers["x-keyward-model"] == "chat-default"
    assert raw.headers["x-keyward-cost-usd"] == "0.00024"
    assert raw.parse().choices[0].message.content == "Hello"


def test_stream_without_usage(client):
    chunks = list(client.chat.completions.create(model="gpt-4o", messages=HI, stream=True))
    assert "".join(chunk.choices[0].delta.content or "" for chunk in chunks) == "Hello"
    assert all(chunk.usage is None for chunk in chunks)


def test_stream_with_usage(client):
    options = {"include_usage": True}
    chunks = list(client.chat.completions.create(model="gpt-4o", messages=HI, stream=True, stream_options=options))
    assert chunks[-1].choices == [] and chunks[-1].usage.completion_tokens == 21


def test_stream_helper(client):
    with client.chat.completions.stream(model="gpt-4o", messages=HI) as stream:
        for _ in stream:
            pass
        assert stream.get_final_completion().choices[0].message.content == "Hello"


def test_stream_left_early(client):
    with client.chat.completions.create(model="gpt-4o", messages=HI, stream=True) as stream:
        next(iter(stream))
    assert client.chat.completions.create(model="gpt-4o", messages=HI).usage.total_tokens == 33


def test_tools(client):
    function = {"name": "weather", "parameters": {"type": "object", "properties": {"city": {"type": "string"}}}}
    answer = client.chat.completions.create(model="gpt-4o", messages=HI, tools=[{"type": "function", "function": function}])
    assert answer.choices[0].finish_reason == "tool_calls"
    assert answer.choices[0].message.tool_calls[0].function.arguments == '{"city":"Oslo"}'


def test_completions(client):
    assert client.completions.create(model="gpt-4o", prompt="hi").choices[0].text == "Hello"


def test_embeddings(client):
    answer = client.embeddings.create(model="embed", input=["a", "b"])
    assert answer.data[0].embedding == [1.0, 2.0]


def test_responses(client):
    answer = client.responses.create(model="gpt-4o", input="hi")
    assert answer.output_text == "Hello" and answer.usage.total_tokens == 33


def test_responses_stream(client):
    events = list(client.responses.create(model="gpt-4o", input="hi", stream=True))
    assert events[-1].type == "response.completed" and events[-1].response.usage.output_tokens == 21


def test_moderations(client):
    assert client.moderations.create(model="gpt-4o", input="hi").results[0].flagged is False


def test_images(client):
    assert client.images.generate(model="gpt-4o", prompt="a cat").data[0].b64_json == "aGk="


def test_speech(client):
    assert client.audio.speech.create(model="gpt-4o", voice="alloy", input="hi").content.endswith(b"sound")


def test_transcription(client):
    assert client.audio.transcriptions.create(model="whisper", file=("a.wav", b"RIFF\x00\xff")).text == "hello"
    assert client.audio.translations.create(model="whisper", file=("a.wav", b"RIFF\x00\xff")).text == "hello"


def test_models(client):
    names = {model.id for model in client.models.list()}
    assert {"gpt-4o", "chat-default", "claude-sonnet"} <= names and "llama" not in names


def test_unknown_key(url):
    with pytest.raises(openai.AuthenticationError) as caught:
        OpenAI(base_url=f"{url}/v1", api_key="sk-unknown", max_retries=0).chat.completions.create(model="gpt-4o", messages=HI)
    assert caught.value.code == "invalid_api_key"


def test_model_not_allowed(client):
    with pytest.raises(openai.PermissionDeniedError) as caught:
        client.chat.completions.create(model="llama", messages=HI)
    assert caught.value.code == "model_not_allowed"


def test_model_not_found(client):
    with pytest.raises(openai.NotFoundError) as caught:
        client.chat.completions.create(model="nope", messages=HI)
    assert caught.value.code == "model_not_found"


def test_bad_request(client):
    with pytest.raises(openai.BadRequestError) as caught:
        client.chat.completions.create(model=7, messages=HI)
    assert caught.value.code == "invalid_request"


def test_rate_limit(url, limited_key):
    with pytest.raises(openai.RateLimitError) as caught:
        OpenAI(base_url=f"{url}/v1", api_key=limited_key, max_retries=0).chat.completions.create(model="gpt-4o", messages=HI)
    assert caught.value.code == "rate_limit_exceeded"


def test_stream_of_a_refused_request(client):
    with pytest.raises(openai.NotFoundError):
        client.chat.completions.create(model="nope", messages=HI, stream=True)


def test_async(url, key):
    async def calls():
        async with AsyncOpenAI(base_url=f"{url}/v1", api_key=key, max_retries=0) as client:
            answers = await asyncio.gather(*(client.chat.completions.create(model="gpt-4o", messages=HI) for _ in range(20)))
            assert all(answer.usage.total_tokens == 33 for answer in answers)
            stream = await client.chat.completions.create(model="gpt-4o", messages=HI, stream=True)
            assert "".join([chunk.choices[0].delta.content or "" async for chunk in stream]) == "Hello"

    asyncio.run(calls())


def test_azure(url, key):
    # The Azure client names the model in the path, sends its key as `api-key` and a version in the query.
    client = AzureOpenAI(azure_endpoint=url, api_key=key, api_version="2024-10-21", max_retries=0)
    assert client.chat.completions.create(model="gpt-4o", messages=HI).usage.total_tokens == 33
    assert client.embeddings.create(model="embed", input="hi").data[0].embedding == [1.0, 2.0]
    for model, error in [("llama", openai.PermissionDeniedError), ("nope", openai.NotFoundError)]:
        with pytest.raises(error):
            client.chat.completions.create(model=model, messages=HI)
    with pytest.raises(openai.AuthenticationError):
        AzureOpenAI(azure_endpoint=url, api_key="unknown", api_version="2024-10-21", max_retries=0).embeddings.create(model="embed", input="hi")


def test_azure_model_of_the_path_and_of_the_body(url, key):
    client = AzureOpenAI(azure_endpoint=url, azure_deployment="gpt-4o", api_key=key, api_version="2024-10-21", max_retries=0)
    assert client.chat.completions.create(model="gpt-4o", messages=HI).usage.total_tokens == 33
    with pytest.raises(openai.BadRequestError):
        client.chat.completions.create(model="gpt-4o-mini", messages=HI)
