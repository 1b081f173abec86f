"""A provider of OpenID Connect on this machine: whoever types a name is that one. For tests alone.

It knows what the code flow needs (OpenID Connect Core 1.0, section 3.1): discovery, a page that asks who one is, codes
that work once and with their PKCE verifier, identity tokens signed with RS256, and an end of the session.
"""

from __future__ import annotations

import base64
import hashlib
import json
import secrets
import time
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from html import escape
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from threading import Thread
from typing import Any
from urllib.parse import parse_qs, urlencode, urlsplit

from joserfc import jwt
from joserfc.jwk import RSAKey

PAGE = """<!doctype html><title>Who are you?</title><form method="post"><h1>Who are you?</h1>
<label>Name <input name="sub" autofocus></label> <label>Groups <input name="groups"></label>
<input type="hidden" name="asked" value="{asked}"><button>Go on</button></form>"""


class Provider:
    """Where it is (`url`), and what it gave out."""

    def __init__(self) -> None:
        self.key = RSAKey.generate_key(2048, {"kid": "tests", "use": "sig", "alg": "RS256"})
        self.codes: dict[str, dict[str, str]] = {}
        self.url = ""

    def answer(self, method: str, path: str, told: Mapping[str, str]) -> tuple[int, str, dict[str, str]]:
        """Status, body and headers for what is asked."""
        if path == "/.well-known/openid-configuration":
            return _json(self._described())
        if path == "/keys":
            return _json({"keys": [self.key.as_dict(private=False)]})
        if path == "/authorize" and method == "GET":
            return 200, PAGE.format(asked=escape(urlencode(told), quote=True)), {"Content-Type": "text/html"}
        if path == "/authorize":
            asked = {name: one[0] for name, one in parse_qs(told["asked"]).items()}
            code = secrets.token_urlsafe(16)
            self.codes[code] = {**asked, "sub": told["sub"], "groups": told.get("groups", "")}
            back = {"code": code, "state": asked["state"]}
            return 303, "", {"Location": f"{asked['redirect_uri']}?{urlencode(back)}"}
        if path == "/token":
            return self._token(told)
        if path == "/end":
            return 303, "", {"Location": told["post_logout_redirect_uri"]}
        return 404, "", {}

    def _described(self) -> dict[str, Any]:
        places = {"authorization_endpoint": "authorize", "token_endpoint": "token", "jwks_uri": "keys",
                  "end_session_endpoint": "end"}  # fmt: skip
        return {
            **{name: f"{self.url}/{place}" for name, place in places.items()},
            "issuer": self.url,
            "response_types_supported": ["code"],
            "subject_types_supported": ["public"],
            "id_token_signing_alg_values_supported": ["RS256"],
            "code_challenge_methods_supported": ["S256"],
        }

    def _token(self, told: Mapping[str, str]) -> tuple[int, str, dict[str, str]]:
        asked = self.codes.pop(told["code"])
        proof = base64.urlsafe_b64encode(hashlib.sha256(told["code_verifier"].encode()).digest()).decode().rstrip("=")
        assert proof == asked["code_challenge"]
        now = int(time.time())
        claims = {
            "iss": self.url, "aud": asked["client_id"], "sub": asked["sub"], "name": asked["sub"].title(), "iat": now,
            "exp": now + 600, "nonce": asked["nonce"], "groups": asked["groups"].split(),
        }  # fmt: skip
        signed = jwt.encode({"alg": "RS256", "kid": "tests"}, claims, self.key)
        return _json({"access_token": secrets.token_urlsafe(16), "token_type": "Bearer", "id_token": signed})


def _json(value: Any) -> tuple[int, str, dict[str, str]]:
    return 200, json.dumps(value), {"Content-Type": "application/json"}


@contextmanager
def served() -> Iterator[Provider]:
    """A provider that answers on a port of its own, for as long as the block lasts."""
    provider = Provider()

    class Handler(BaseHTTPRequestHandler):
        def _answer(self) -> None:
            url = urlsplit(self.path)
            body = self.rfile.read(int(self.headers.get("Content-Length", 0))).decode()
            told = {name: one[0] for name, one in (parse_qs(url.query) | parse_qs(body)).items()}
            status, text, headers = provider.answer(self.command, url.path, told)
            self.send_response(status)
            for name, value in {**headers, "Content-Length": str(len(text.encode()))}.items():
                self.send_header(name, value)
            self.end_headers()
            self.wfile.write(text.encode())

        do_GET = do_POST = _answer  # noqa: N815 - the library's names

        def log_message(self, *_: Any) -> None:
            """Nothing is printed."""

    with ThreadingHTTPServer(("127.0.0.1", 0), Handler) as server:
        provider.url = f"http://127.0.0.1:{server.server_address[1]}"
        thread = Thread(target=server.serve_forever, daemon=True)
        thread.start()
        try:
            yield provider
        finally:
            server.shutdown()
            thread.join()
