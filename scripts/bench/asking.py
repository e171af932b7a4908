"""Asks an endpoint n times with openai's own client: asyncio and a semaphore.

usage: asking.py URL DESCRIPTIONS IN_FLIGHT N
"""
import asyncio
import itertools
import sys

from openai import AsyncOpenAI


async def main(url, path, in_flight, n):
    words = [line.rstrip("\n") for line in open(path, encoding="utf-8")]
    client = AsyncOpenAI(base_url=url, api_key="none")
    slots = asyncio.Semaphore(in_flight)
    system = "Recommend one new and different cluster. " * 20

    async def ask(first, second):
        async with slots:
            r = await client.chat.completions.create(
                model="bench", max_tokens=64, temperature=0,
                messages=[{"role": "system", "content": system},
                          {"role": "user", "content": f"Cluster 1: {first}\nCluster 2: {second}"}])
            assert r.choices[0].message.content

    pairs = itertools.islice(itertools.combinations(words, 2), n)
    await asyncio.gather(*(ask(a, b) for a, b in pairs))


asyncio.run(main(sys.argv[1], sys.argv[2], int(sys.argv[3]), int(sys.argv[4])))
