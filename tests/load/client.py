"""Somebody's browser without its pictures: it speaks Streamlit's protocol over a WebSocket."""

from __future__ import annotations

import json
import time
from collections.abc import Mapping
from contextlib import ExitStack
from dataclasses import dataclass
from types import TracebackType
from urllib.parse import urlencode

from streamlit.proto.BackMsg_pb2 import BackMsg
from streamlit.proto.ForwardMsg_pb2 import ForwardMsg
from streamlit.web.server.starlette.starlette_app_utils import create_signed_value, generate_xsrf_token_string
from streamlit.web.server.starlette.starlette_server_config import USER_COOKIE_NAME, XSRF_COOKIE_NAME
from websockets.sync.client import connect
from websockets.typing import Origin, Subprotocol

from fairdash import people

ISSUER = "https://id.example"
SECRET = "a secret of the tests, and of nothing else"
SECRETS = """
[auth]
redirect_uri = "{url}/oauth2callback"
cookie_secret = "{secret}"
client_id = "fairdash"
client_secret = "for tests"
server_metadata_url = "http://127.0.0.1:1/.well-known/openid-configuration"
"""


def secrets(url: str) -> str:
    """Streamlit's secrets for a server at that address, on which everybody of these clients is signed in."""
    return SECRETS.format(url=url, secret=SECRET)


def owner(name: str) -> str:
    """What the workspace of a client of that name is called by."""
    return people.owner(ISSUER, name)


@dataclass(frozen=True)
class Answer:
    """What came of one run of the script: seconds until its end, how many messages that were, and all their bytes."""

    seconds: float
    messages: int
    raw: bytes

    def says(self, text: str) -> bool:
        """Whether a text stands anywhere on the page."""
        return text.encode() in self.raw


class Client:
    """One tab of somebody who signed in: the cookie is the one that Streamlit sets once a provider vouched for them."""

    def __init__(self, url: str, name: str, patience: float = 600.0, secret: str = SECRET) -> None:
        """patience: seconds after which an answer that does not come is a fault. secret: what signs the cookie."""
        self.patience = patience
        told = {"iss": ISSUER, "sub": name, "name": name, "iat": time.time(), "origin": url, "is_logged_in": True}
        token = generate_xsrf_token_string()
        signed = create_signed_value(secret, USER_COOKIE_NAME, json.dumps(told)).decode()
        self.held = ExitStack()
        self.socket = self.held.enter_context(
            connect(
                f"{url.replace('http', 'ws', 1)}/_stcore/stream",
                origin=Origin(url),
                subprotocols=[Subprotocol("streamlit"), Subprotocol(token)],
                additional_headers={"Cookie": f"{XSRF_COOKIE_NAME}={token}; {USER_COOKIE_NAME}={signed}"},
                max_size=None,
                open_timeout=patience,
                compression=None,
            )
        )

    def close(self) -> None:
        """Close the tab."""
        self.held.close()

    def __enter__(self) -> Client:
        return self

    def __exit__(self, kind: type[BaseException] | None, value: BaseException | None, at: TracebackType | None) -> None:
        self.close()

    def run(self, page: str, query: Mapping[str, str]) -> Answer:
        """Ask for a page as a reload does, and wait until its script has run."""
        asked = BackMsg()
        asked.rerun_script.query_string = urlencode(query)
        asked.rerun_script.page_name = page
        asked.rerun_script.context_info.locale = "en-US"
        start, messages, raw = time.monotonic(), 0, []
        self.socket.send(asked.SerializeToString())
        while True:
            data = self.socket.recv(timeout=max(0.1, start + self.patience - time.monotonic()))
            assert isinstance(data, bytes)
            messages += 1
            raw.append(data)
            told = ForwardMsg.FromString(data)
            kind = told.WhichOneof("type")
            if kind == "script_finished" and told.script_finished != ForwardMsg.FINISHED_EARLY_FOR_RERUN:
                return Answer(time.monotonic() - start, messages, b"".join(raw))
