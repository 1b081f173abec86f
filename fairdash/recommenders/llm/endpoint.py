"""A language model behind an endpoint that speaks the OpenAI chat protocol. Free of torch.

The key comes from the environment (KEY) alone: it goes into one header of a request, to the host that the environment
names (KEY_FOR), whatever endpoint somebody asks for on a page, and nowhere else; no message, file or log holds it.
Answers that fail in passing are asked for again, within bounds. Nothing that the other side sends is trusted: an answer
comes whole and in time, or it is none.
"""

from __future__ import annotations

import email.utils
import http.client
import io
import json
import math
import os
import socket
import time
import urllib.error
import urllib.parse
import urllib.request
from collections.abc import Callable, Sequence
from typing import Any

from fairdash import documents, words
from fairdash.errors import ConfigError, ModelError

KEY = "FAIRDASH_LLM_KEY"
KEY_FOR = "FAIRDASH_LLM_HOST"  # the host, with its port where one is needed, that the key is for
TIMEOUT = 120.0  # seconds for one answer, from its first byte to its last
TRIES = 4
WAIT = 1.0  # seconds before the second try; before each further one twice as many
LONGEST_WAIT = 60.0  # seconds at most, whatever the endpoint asks for
LARGEST = 4 << 20  # bytes of one answer
PASSING = (408, 409, 425, 429, 500, 502, 503, 504)  # states that may be another at the next try


class _Failed(Exception):  # noqa: N818 - it is caught here
    """A try that came to nothing. wait: seconds that the endpoint asks for, None where it says nothing."""

    def __init__(self, said: str, passing: bool = True, wait: float | None = None) -> None:
        super().__init__(said)
        self.said, self.passing, self.wait = said, passing, wait


class _InTime(io.RawIOBase):
    """What a socket receives, all of it within the socket's timeout: that of Python is one of each piece, and an answer
    that comes in drops would never end."""

    def __init__(self, connected: socket.socket) -> None:
        self.socket, self.raw = connected, connected.makefile("rb", buffering=0)
        self.until = time.monotonic() + (connected.gettimeout() or TIMEOUT)

    def readable(self) -> bool:
        return True

    def readinto(self, buffer: Any) -> int | None:
        left = self.until - time.monotonic()
        if left <= 0:
            raise TimeoutError
        self.socket.settimeout(left)
        found: int | None = self.raw.readinto(buffer)
        return found

    def close(self) -> None:
        self.raw.close()
        super().close()


class _Response(http.client.HTTPResponse):
    def __init__(self, sock: socket.socket, *args: Any, **more: Any) -> None:
        super().__init__(sock, *args, **more)
        self.fp.close()
        self.fp = io.BufferedReader(_InTime(sock))


class _Plain(http.client.HTTPConnection):
    response_class = _Response


class _Secure(http.client.HTTPSConnection):
    response_class = _Response


class _Http(urllib.request.HTTPHandler):
    def http_open(self, req: urllib.request.Request) -> http.client.HTTPResponse:
        return self.do_open(_Plain, req)


class _Https(urllib.request.HTTPSHandler):
    def https_open(self, req: urllib.request.Request) -> http.client.HTTPResponse:
        return self.do_open(_Secure, req)


HANDLERS = (  # none that follows a redirect: the key is meant for one host
    urllib.request.ProxyHandler,
    _Http,
    _Https,
    urllib.request.HTTPDefaultErrorHandler,
    urllib.request.HTTPErrorProcessor,
)


def check(base: str) -> urllib.parse.SplitResult:
    """The parts of an endpoint's URL. Raises ConfigError for what is no plain one, without a word of what it holds."""
    try:
        parts = urllib.parse.urlsplit(base)
        host, _ = parts.hostname or "", parts.port
        host.encode("idna")  # as the name is looked up: no part of it is empty or longer than 63 letters
    except ValueError:
        host = ""
    if not host or parts.scheme not in ("http", "https"):
        raise ConfigError(
            words.say("The endpoint is no URL of http or https."),
            words.say("Write one such as {url}.", url="http://127.0.0.1:8000/v1"),
        )
    if not (base.isascii() and base.isprintable()) or " " in base:
        raise ConfigError(
            words.say("The endpoint's URL holds letters that no URL can hold."),
            words.say("Write its host as xn--…, and other letters of its path as %…."),
        )
    if parts.username is not None or parts.password is not None or "?" in base or "#" in base:
        raise ConfigError(
            words.say("The endpoint's URL holds more than a host and a path."),
            words.say("A key comes from the environment alone: set {name} and {host}.", name=KEY, host=KEY_FOR),
        )
    return parts


class Endpoint:
    """base: the URL before /chat/completions. model: its name there. Raises ConfigError for what is no plain URL, and
    for a key that cannot be sent."""

    def __init__(self, base: str, model: str, sleep: Callable[[float], None] = time.sleep) -> None:
        parts = check(base)
        self.url, self.host, self.model, self.sleep = base.rstrip("/") + "/chat/completions", parts.netloc, model, sleep
        self.opener = urllib.request.OpenerDirector()
        for handler in HANDLERS:
            self.opener.add_handler(handler())
        self._key()

    def generate(self, prompts: Sequence[str], tokens: int) -> list[str]:
        """What the model writes to each prompt at temperature 0, `tokens` at most. Raises ModelError, with what went
        wrong, where TRIES tries gave no answer."""
        return [self._asked(prompt, tokens) for prompt in prompts]

    def _asked(self, prompt: str, tokens: int) -> str:
        for turn in range(TRIES):
            try:
                return self._once(prompt, tokens)
            except _Failed as failed:
                if not failed.passing or turn == TRIES - 1:
                    raise ModelError(
                        words.say("The endpoint {host} gave no answer: {said}.", host=self.host, said=failed.said),
                        words.say(
                            "What was answered is kept: start again to go on. A key is read from {name}, and sent "
                            "to the host that {host} names.",
                            name=KEY,
                            host=KEY_FOR,
                        ),
                    ) from None
                wait = WAIT * 2**turn if failed.wait is None else failed.wait
                self.sleep(min(wait, LONGEST_WAIT))
        raise AssertionError("unreachable")

    def _key(self) -> str:
        """The key that is sent to this host; "" for none."""
        key = os.environ.get(KEY, "").strip()
        if not key or os.environ.get(KEY_FOR, "").strip().lower() != self.host.lower():
            return ""
        if not (key.isascii() and key.isprintable()):
            raise ConfigError(
                words.say("The key in {name} holds a line's end or a letter that cannot be sent.", name=KEY),
                words.say("Copy the key again, and nothing else."),
            )
        return key

    def _once(self, prompt: str, tokens: int) -> str:
        body = {
            "model": self.model,
            "messages": [{"role": "user", "content": prompt}],
            "temperature": 0,
            "max_tokens": tokens,
            "stream": False,
        }
        headers = {"Content-Type": "application/json"}
        key = self._key()
        if key:
            headers["Authorization"] = f"Bearer {key}"
        request = urllib.request.Request(self.url, json.dumps(body).encode(), headers)
        try:
            with self.opener.open(request, timeout=TIMEOUT) as response:
                raw = response.read(LARGEST + 1)
                if response.length and len(raw) <= LARGEST:  # fewer bytes than were announced
                    raise _Failed(words.say("its answer was cut off"))
        except urllib.error.HTTPError as error:
            with error:
                told = words.say("it answered with the state {code}", code=str(error.code))
                raise _Failed(told, error.code in PASSING, _seconds(error.headers.get("Retry-After"))) from None
        except TimeoutError:
            raise _Failed(
                words.say("it took longer than {seconds} seconds", seconds=words.number(TIMEOUT, 0))
            ) from None
        except http.client.IncompleteRead:
            raise _Failed(words.say("its answer was cut off")) from None
        except (OSError, http.client.HTTPException, ValueError) as error:  # ValueError: of a proxy's URL
            if isinstance(getattr(error, "reason", None), TimeoutError):
                told = words.say("it took longer than {seconds} seconds", seconds=words.number(TIMEOUT, 0))
            else:
                told = words.say("it cannot be reached")
            raise _Failed(told) from None
        if len(raw) > LARGEST:
            raise _Failed(words.say("its answer is longer than {mb} MB", mb=LARGEST >> 20), passing=False)
        try:
            text = documents.loads(raw)["choices"][0]["message"]["content"]
        except (ValueError, KeyError, IndexError, TypeError):
            raise _Failed(words.say("its answer is not of the chat protocol")) from None
        if text is not None and not isinstance(text, str):
            raise _Failed(words.say("its answer is not of the chat protocol"))
        said = (text or "").encode(errors="replace").decode()  # half a pair of surrogates can be kept in no file
        return said.replace(key, f"[{KEY}]") if key else said


def _seconds(told: str | None) -> float | None:
    """What Retry-After asks for, a number of seconds or a date; None where it is neither."""
    try:
        found = float(told or "")
    except ValueError:
        try:
            found = email.utils.parsedate_to_datetime(told or "").timestamp() - time.time()
        except (ValueError, TypeError, OverflowError):
            return None
    return max(found, 0.0) if math.isfinite(found) else None
