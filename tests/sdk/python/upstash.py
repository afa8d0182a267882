"""Upstash's own client against the stand-in for its servers. Started by `cargo test --test store`."""

import os
import re

import pytest
from upstash_redis import Redis
from upstash_redis.errors import UpstashError

URL = os.environ["KEYWARD_UPSTASH_URL"]
TOKEN = os.environ["KEYWARD_UPSTASH_TOKEN"]
TAKE = ["e", 30000, 1, 1, "slot", "s", 60000, 0, 10, 3, 0, 0, 0, 0, 0, 0, 0]


@pytest.mark.parametrize("encoding", ["base64", None])
def test_commands(encoding):
    redis = Redis(url=URL, token=TOKEN, rest_encoding=encoding)
    key = f"py:{encoding}"
    assert redis.set(key, "Grüße")
    assert redis.get(key) == "Grüße"
    assert redis.get("missing") is None
    redis.hset(f"{key}:h", values={"a": "1", "b": "zwei"})
    assert redis.hgetall(f"{key}:h") == {"a": "1", "b": "zwei"}
    assert redis.eval("return ARGV[1] .. KEYS[1]", keys=["k"], args=["a"]) == "ak"
    reply = redis.execute(["FCALL", "keyward_take", 1, f"kw:{{kw}}:level:{key}", *TAKE])
    assert re.fullmatch(r"ok \d+ 3 \d+ 3 3 0 1", reply)


def test_several_at_once():
    pipeline = Redis(url=URL, token=TOKEN).pipeline()
    pipeline.set("q", 1)
    pipeline.incr("q")
    pipeline.get("q")
    assert pipeline.exec() == [True, 2, "2"]


def test_errors():
    redis = Redis(url=URL, token=TOKEN, rest_retries=0)
    with pytest.raises(UpstashError, match="keyward: arguments are missing"):
        redis.execute(["FCALL", "keyward_take", 1, "k", "e"])
    with pytest.raises(UpstashError, match="NOSCRIPT"):
        redis.evalsha("0" * 40)
    with pytest.raises(UpstashError, match="WRONGPASS"):
        Redis(url=URL, token="wrong", rest_retries=0).get("a")
