"""Counters as Prometheus reads them."""

import re

from tessella.serve.measures import Measures


def lines(measures: Measures) -> dict[str, float]:
    found = re.findall(r"^(tessella\S+) (\S+)$", measures.text().decode(), re.MULTILINE)
    return {name: float(value) for name, value in found}


def test_everything_is_counted_under_its_labels() -> None:
    measures = Measures(lambda: {"tiny": 3})
    measures.request("/predict", 200, 0.2)
    measures.request("/predict", 200, 0.02)
    measures.refused("queue_full")
    measures.batch("tiny", 4, 0.3)
    found = lines(measures)
    assert found['tessella_requests_total{route="/predict",status="200"}'] == 2
    assert found['tessella_request_seconds_bucket{le="0.1",route="/predict"}'] == 1
    assert found['tessella_refused_total{reason="queue_full"}'] == 1
    assert found['tessella_queue_length{model="tiny"}'] == 3
    assert found['tessella_batch_size_sum{model="tiny"}'] == 4
    assert found['tessella_inference_seconds_count{model="tiny"}'] == 1
    assert found["tessella_requests_in_flight"] == 0


def test_a_queue_is_measured_when_it_is_asked_for() -> None:
    lengths: dict[str, int] = {}
    measures = Measures(lambda: lengths)
    assert 'tessella_queue_length{model="late"}' not in lines(measures)
    lengths["late"] = 5
    assert lines(measures)['tessella_queue_length{model="late"}'] == 5


def test_every_reason_is_there_from_the_start() -> None:
    assert lines(Measures(dict))['tessella_refused_total{reason="timeout"}'] == 0


def test_two_servers_in_one_process_count_apart() -> None:
    first, second = Measures(dict), Measures(dict)
    first.refused("busy")
    assert lines(second)['tessella_refused_total{reason="busy"}'] == 0
