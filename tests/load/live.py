"""`make soak`: the live audit under kills, and its false alarms.

    python -m tests.load.live [--events 1000000] [--kills 50] [--kafka-kills 5] [--streams 500] [--delays 40]

A watch over so many events is killed at random moments and started again: its sums and verdicts must be those of a
watch that nobody killed. So must those of watches over a tenth of the events in Kafka (its client's own brokers; needs
confluent-kafka): two at a time share the partitions, and one of them is killed. Of streams without drift at most the
stated part may raise an alarm, ever; of streams with a planted change it is said after how many windows it was found.
0 leaves a part out.
"""

from __future__ import annotations

import argparse
import json
import random
import signal
import subprocess
import sys
import tempfile
import time
from pathlib import Path

import numpy as np
from scipy.stats import binom

from fairdash.events.drift import LEVEL
from fairdash.events.log import EventLog
from tests.unit.events.service import filled, service, simulation, watch
from tests.unit.events.test_drift import alarms, stream
from tests.unit.events.test_watch import RULES, all_of

WORKER = """
import sys
from pathlib import Path
from fairdash.events.log import EventLog
from tests.unit.events.service import service, watch
from tests.unit.events.test_watch import RULES
watched = watch(service(), EventLog(Path(sys.argv[1])), Path(sys.argv[2]), RULES[0])
print("ready", flush=True)
while watched.advance(int(sys.argv[3])):
    pass
"""


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--events", type=int, default=1_000_000)
    parser.add_argument("--kills", type=int, default=50)
    parser.add_argument("--kafka-kills", type=int, default=5)
    parser.add_argument("--streams", type=int, default=500)
    parser.add_argument("--delays", type=int, default=40)
    options = parser.parse_args()
    return int(
        (bool(options.kills) and _kills(options.events, options.kills))
        | (bool(options.kafka_kills) and _kafka(options.events // 10, options.kafka_kills))
        | (bool(options.streams) and _alarms(options.streams))
        | (bool(options.delays) and _delays(options.delays))
    )


def _kills(events: int, kills: int) -> bool:
    """Whether a watch that was killed so often says anything else than one that was not."""
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "log"
        made, data = simulation(service(), seconds=0.5), service()
        lists = round(events / 1.6 / 2_000) * 2_000  # about 1.6 events a list
        log = filled(path, made, lists)
        whole = watch(data, log, Path(folder) / "whole", RULES[0])
        start = time.perf_counter()
        all_of(whole, 2_000)
        length = time.perf_counter() - start
        chance, done = random.Random(1), 0
        while done < kills:
            arguments = [sys.executable, "-c", WORKER, str(path), str(Path(folder) / "killed"), "2000"]
            worker = subprocess.Popen(arguments, stdout=subprocess.PIPE, text=True)
            assert worker.stdout is not None
            worker.stdout.readline()
            time.sleep(chance.uniform(0, 1.4 * length / kills))  # a moment that nothing else decides
            if worker.poll() is not None:
                break
            worker.send_signal(signal.SIGKILL)
            worker.wait()
            worker.stdout.close()
            done += 1
        killed = all_of(watch(data, EventLog(path), Path(folder) / "killed", RULES[0]), 2_000)
        mine, theirs = ([(w.window, w.events, w.verdicts) for w in w.windows(10**6)] for w in (whole, killed))
        same = whole.total() == killed.total() and mine == theirs
        told = "the same" if same else "DIFFERENT"
        print(f"{log.counts().events:,} events, {done} kills, {len(mine)} windows: {told}; in one piece {length:.0f} s")
        return not same


KAFKA_WORKER = """
import sys
from pathlib import Path
from fairdash.events.kafka import KafkaLog
from tests.unit.events.service import service, watch
state = Path(sys.argv[2])
watched = watch(service(), KafkaLog(sys.argv[1], state.with_suffix(".events"), 10.0**9), state)
while True:
    print(watched.advance(500), flush=True)  # what it counted; the first time, it has partitions
"""


def _kafka(events: int, kills: int) -> bool:
    """Whether watches that share a topic and are killed say anything else than one over a log."""
    from confluent_kafka import Producer

    from fairdash.events.kafka import KafkaLog

    producer = Producer({"test.mock.num.brokers": 1, "log_level": 0})
    brokers = ",".join(f"{one.host}:{one.port}" for one in producer.list_topics(timeout=10).brokers.values())
    address = f"kafka://{brokers}/events"
    with tempfile.TemporaryDirectory() as folder:
        made, data, state = simulation(service(), seconds=0.5), service(), Path(folder) / "state"
        sent = made.events(0, round(events / 1.6 / 2_000) * 2_000)
        log = EventLog(Path(folder) / "log", 10.0**9)
        log.append(sent)
        whole = all_of(watch(data, log, Path(folder) / "whole"), 2_000)
        lines = [json.dumps(one).encode() for one in sent]

        def put(some: list[bytes]) -> None:
            for number, line in enumerate(some):
                producer.produce("events", line, partition=number % 4)
                producer.poll(0)
            assert producer.flush(60) == 0

        def begun(stdout: int) -> subprocess.Popen[str]:
            arguments = [sys.executable, "-c", KAFKA_WORKER, address, str(state)]
            return subprocess.Popen(arguments, stdout=stdout, text=True)

        chance, pieces = random.Random(2), np.array_split(np.arange(len(lines)), kills + 1)
        put(lines[:1])  # so that the topic is there
        stays = begun(subprocess.DEVNULL)
        for piece in pieces[:-1]:
            doomed = begun(subprocess.PIPE)
            assert doomed.stdout is not None
            doomed.stdout.readline()  # it has partitions
            put([lines[i] for i in piece])
            time.sleep(chance.uniform(0, 0.5))
            doomed.send_signal(signal.SIGKILL)
            doomed.wait()
            doomed.stdout.close()
        put([lines[i] for i in pieces[-1]])
        stays.send_signal(signal.SIGKILL)
        stays.wait()
        topic = KafkaLog(address, state.with_suffix(".events"), 10.0**9)
        killed = all_of(watch(data, topic, state), 2_000)
        topic.close()
        same = whole.total() == killed.total()
        told = "the same" if same else "DIFFERENT"
        print(f"{len(lines):,} events in Kafka, {kills + 1} kills, partitions moved after each: {told}")
        return not same


def _alarms(streams: int) -> bool:
    """Whether more streams without drift raise an alarm, over 30 windows, than the level lets expect."""
    rng = np.random.default_rng(11)
    wrong = sum(
        bool(alarms(w, 3)) or bool(alarms(w, 3, feedback=True)) for w in (stream(rng, 33) for _ in range(streams))
    )
    print(f"{streams} streams without drift, 30 looks each: {wrong} with an alarm, {LEVEL:.0%} are stated")
    return bool(wrong > binom.ppf(0.99, streams, LEVEL))


def _delays(streams: int) -> bool:
    """Whether a planted change is missed."""
    rng = np.random.default_rng(12)
    missed = False
    for size in (0.1, 0.2, 0.4):
        found = [next(iter(a for a in alarms(stream(rng, 26, moved=10, size=size), 3) if a >= 10), None)
                 for _ in range(streams)]  # fmt: skip
        delays = [at - 9 for at in found if at is not None]
        middle = f"{np.median(delays):.0f} windows after it began (in the middle)" if delays else "never"
        print(f"a share of one half that falls by {size:.0%}: found in {len(delays)} of {streams}, {middle}")
        missed |= bool(size == 0.4 and len(delays) < streams)
    return missed


if __name__ == "__main__":
    sys.exit(main())
