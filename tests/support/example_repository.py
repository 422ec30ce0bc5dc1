"""The small repository that most tests search, and how they make a workspace over it."""

from collections.abc import Callable

from mcp_server.serving.workspace import Workspace

FILES = {
    "src/client.py": (
        'class Client:\n    """Talks to the server."""\n\n    def send(self, request):\n'
        "        return self.retry(request)\n\n    def retry(self, request):\n"
        "        # wait, then send again\n"
        "        return backoff(request)\n"
    ),
    "src/limits.ts": "export function rateLimit(requests: number) {\n  return requests > 10\n}\n",
    "tests/test_client.py": "def test_client_retries():\n    assert Client().retry(1)\n",
    "README.md": "# Example\n\nA client that retries.\n",
}

MakeWorkspace = Callable[..., Workspace]
