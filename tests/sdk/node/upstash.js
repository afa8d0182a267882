// Upstash's own client against the stand-in for its servers. Started by `cargo test --test store`.
import assert from "node:assert";
import { test } from "node:test";
import { Redis } from "@upstash/redis";

const url = process.env.KEYWARD_UPSTASH_URL;
const token = process.env.KEYWARD_UPSTASH_TOKEN;
const take = ["e", 30000, 1, 1, "slot", "s", 60000, 0, 10, 3, 0, 0, 0, 0, 0, 0, 0];

for (const responseEncoding of ["base64", false]) {
  for (const enableAutoPipelining of [true, false]) {
    test(`commands, encoding ${responseEncoding}, pipelining ${enableAutoPipelining}`, async () => {
      const redis = new Redis({ url, token, responseEncoding, enableAutoPipelining });
      const key = `js:${responseEncoding}:${enableAutoPipelining}`;
      assert.equal(await redis.set(key, "Grüße"), "OK");
      assert.equal(await redis.get(key), "Grüße");
      assert.equal(await redis.get("missing"), null);
      await redis.hset(`${key}:h`, { a: "eins", b: "zwei" });
      assert.deepEqual(await redis.hgetall(`${key}:h`), { a: "eins", b: "zwei" });
      assert.equal(await redis.eval("return ARGV[1] .. KEYS[1]", ["k"], ["a"]), "ak");
      const reply = await redis.functions.call("keyward_take", [`kw:{kw}:level:${key}`], take);
      assert.match(reply, /^ok \d+ 3 \d+ 3 3 0 1$/);
    });
  }
}

test("several at once", async () => {
  const redis = new Redis({ url, token });
  const pipeline = redis.pipeline().set("p", 1).incr("p").get("p");
  assert.deepEqual(await pipeline.exec(), ["OK", 2, 2]);
});

test("errors", async () => {
  const redis = new Redis({ url, token, retry: false });
  await assert.rejects(redis.functions.call("keyward_take", ["k"], ["e"]), /keyward: arguments are missing/);
  await assert.rejects(redis.evalsha("0".repeat(40), [], []), /NOSCRIPT/);
  await assert.rejects(new Redis({ url, token: "wrong", retry: false }).get("a"), /WRONGPASS/);
});
