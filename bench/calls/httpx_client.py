"""Python's httpx with the same POST as the other contenders, without an SDK.

Reads a line {"task": ..., "input": ...} at a time and answers a line, as serve-tasks.ts does over IPC.
"""

import json
import ssl
import statistics
import sys
import time

import httpx

HEADERS = {
    "accept": "application/json, text/event-stream",
    "content-type": "application/json",
    "mcp-protocol-version": "2025-11-25",
    "mcp-session-id": "00000000-0000-0000-0000-000000000000",
}


class Session:
    def __init__(self, url: str, ca: str, new_client: bool) -> None:
        self.url = url
        self.ca = ca
        self.pooled = None if new_client else self.make_client()
        self.id = 0

    def make_client(self) -> httpx.Client:
        # With the environment's proxies it would not be the same road.
        context = ssl.create_default_context(cadata=self.ca)
        return httpx.Client(verify=context, trust_env=False, timeout=None)

    def call(self) -> None:
        self.id += 1
        params = {"name": "echo", "arguments": {"text": "hello"}}
        message = {"jsonrpc": "2.0", "id": self.id, "method": "tools/call", "params": params}
        body = json.dumps(message)
        if self.pooled is not None:
            answer = self.pooled.post(self.url, content=body, headers=HEADERS)
        else:
            with self.make_client() as client:
                answer = client.post(self.url, content=body, headers=HEADERS)
        if "hello" not in answer.text:
            raise RuntimeError("the answer is not what was asked for")

    def batch(self, count: int) -> dict:
        latencies = []
        cpu = time.process_time()
        start = time.perf_counter()
        for _ in range(count):
            before = time.perf_counter()
            self.call()
            latencies.append(time.perf_counter() - before)
        return {
            "cpuUs": (time.process_time() - cpu) * 1e6 / count,
            "latencyUs": statistics.median(latencies) * 1e6,
            "wallUs": (time.perf_counter() - start) * 1e6 / count,
        }


def main() -> None:
    session = None
    for line in sys.stdin:
        request = json.loads(line)
        task, given = request["task"], request["input"]
        result = None
        if task == "open":
            server = given["servers"][0]
            new_client = given["contender"] == "httpx-new-client"
            session = Session(server["url"], server["ca"], new_client)
        else:
            result = session.batch(given["count"])
        print(json.dumps({"result": result}), flush=True)


main()
