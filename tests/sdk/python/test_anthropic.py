"""The official Anthropic SDK."""

import anthropic
import pytest
from anthropic import Anthropic

HI = {"max_tokens": 50, "messages": [{"role": "user", "content": "hi"}]}


@pytest.fixture
def client(url, key):
    return Anthropic(base_url=url, api_key=key, max_retries=0)


def test_message(client):
    answer = client.messages.create(model="claude-sonnet", **HI)
    assert answer.content[0].text == "Hello"
    assert (answer.usage.cache_read_input_tokens, answer.usage.output_tokens) == (1000, 21)


def test_bearer_token(url, key):
    client = Anthropic(base_url=url, auth_token=key, api_key=None, max_retries=0)
    assert client.messages.create(model="claude-sonnet", **HI).content[0].text == "Hello"


def test_stream(client):
    with client.messages.stream(model="claude-sonnet", **HI) as stream:
        assert "".join(stream.text_stream) == "Hello"
        assert stream.get_final_message().usage.output_tokens == 21


def test_raw_stream(client):
    events = [event.type for event in client.messages.create(model="claude-sonnet", stream=True, **HI)]
    assert events[0] == "message_start" and events[-1] == "message_stop"


@pytest.mark.parametrize(
    ("model", "error"),
    [("llama", anthropic.PermissionDeniedError), ("nope", anthropic.NotFoundError), (7, anthropic.BadRequestError)],
)
def test_refusals(client, model, error):
    with pytest.raises(error) as caught:
        client.messages.create(model=model, **HI)
    assert caught.value.body["type"] == "error"


def test_unknown_key(url):
    with pytest.raises(anthropic.AuthenticationError):
        Anthropic(base_url=url, api_key="unknown", max_retries=0).messages.create(model="claude-sonnet", **HI)


def test_rate_limit(url, limited_key):
    with pytest.raises(anthropic.RateLimitError):
        Anthropic(base_url=url, api_key=limited_key, max_retries=0).messages.create(model="claude-sonnet", **HI)
