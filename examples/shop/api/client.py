"""A client of the shop's JSON API that keeps its cookie, from the standard library alone."""

import json
import urllib.request
from dataclasses import dataclass
from http.cookiejar import CookieJar
from urllib.error import HTTPError

TIMEOUT_SECONDS = 10


@dataclass(frozen=True)
class Reply:
    """What the shop answered: the status and the JSON body (or the text, for files)."""

    status: int
    body: object

    @property
    def error(self):
        """The code of a refusal, for example ``out_of_stock``."""
        return self.body["error"]["code"]


class Client:
    """One visitor of the shop."""

    def __init__(self, url):
        self._url = url
        self._opener = urllib.request.build_opener(
            urllib.request.ProxyHandler({}), urllib.request.HTTPCookieProcessor(CookieJar())
        )

    def get(self, path):
        return self._send("GET", path)

    def post(self, path, body=None):
        return self._send("POST", path, body or {})

    def put(self, path, body):
        return self._send("PUT", path, body)

    def patch(self, path, body):
        return self._send("PATCH", path, body)

    def delete(self, path):
        return self._send("DELETE", path)

    def send_raw(self, method, path, data):
        """Sends bytes as they are: for requests that a well-behaved client would never make."""
        request = urllib.request.Request(f"{self._url}/api{path}", data=data, method=method)
        try:
            with self._opener.open(request, timeout=TIMEOUT_SECONDS) as response:
                return Reply(response.status, _decoded(response))
        except HTTPError as refusal:
            with refusal:
                return Reply(refusal.code, _decoded(refusal))

    def sign_in(self, email, password):
        reply = self.post("/session", {"email": email, "password": password})
        assert reply.status == 200, reply
        return self

    def put_in_cart(self, **quantities):
        for product, quantity in quantities.items():
            reply = self.put(f"/cart/items/{product}", {"quantity": quantity})
            assert reply.status == 200, reply
        return reply.body

    def place_order(self, **quantities):
        self.put_in_cart(**quantities)
        reply = self.post("/orders", {"address": "1 Test Lane", "card": "4242424242424242"})
        assert reply.status == 201, reply
        return reply.body

    def _send(self, method, path, body=None):
        return self.send_raw(method, path, None if body is None else json.dumps(body).encode())


def _decoded(response):
    text = response.read().decode()
    if response.headers.get_content_type() != "application/json":
        return text
    return json.loads(text) if text else None
