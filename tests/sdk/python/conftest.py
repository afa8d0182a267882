"""Addresses and keys come from the end-to-end tests (tests/e2e/sdk.rs)."""

import os

import pytest

URL = os.environ["KEYWARD_URL"]
KEY = os.environ["KEYWARD_KEY"]
LIMITED_KEY = os.environ["KEYWARD_LIMITED_KEY"]


@pytest.fixture
def url():
    return URL


@pytest.fixture
def key():
    return KEY


@pytest.fixture
def limited_key():
    return LIMITED_KEY
