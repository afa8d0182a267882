"""Addresses and keys come from the end-to-end tests (tests/e2e/sdk.rs)."""

import os

import pytest

URL = os.environ["KEYWARD_URL"]
TRANSLATING_URL = os.environ["KEYWARD_TRANSLATING_URL"]
KEY = os.environ["KEYWARD_KEY"]
LIMITED_KEY = os.environ["KEYWARD_LIMITED_KEY"]


@pytest.fixture
def url():
    return URL


@pytest.fixture
def translating_url():
    """A gateway with one model for each dialect, `to-<dialect>`."""
    return TRANSLATING_URL


@pytest.fixture
def key():
    return KEY


@pytest.fixture
def limited_key():
    return LIMITED_KEY
