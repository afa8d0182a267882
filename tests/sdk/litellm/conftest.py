"""What the SDKs were told of usage, by the id of the request, for tests/e2e/litellm.rs to compare with the audit records."""

import json
import os

import pytest
from anthropic import Anthropic
from openai import OpenAI

URL = os.environ["KEYWARD_URL"]
KEY = os.environ["KEYWARD_KEY"]


@pytest.fixture
def chat():
    return OpenAI(base_url=f"{URL}/v1", api_key=KEY, max_retries=0)


@pytest.fixture
def messages():
    return Anthropic(base_url=URL, api_key=KEY, max_retries=0)


@pytest.fixture
def told():
    def write(headers, input_tokens, output_tokens, stream):
        with open(os.environ["KEYWARD_TOLD"], "a") as file:
            usage = {"input_tokens": input_tokens, "output_tokens": output_tokens, "stream": stream}
            file.write(json.dumps({"request_id": headers["x-keyward-request-id"], **usage}) + "\n")

    return write
