"""What requests share: phases, places, models."""

from collections.abc import Callable
from typing import Any

import numpy as np
import pytest

from tessella.labels import LabelMap
from tessella.predictor import Predictor
from tessella.serve.limits import Limits
from tessella.serve.refusal import RefusedError
from tessella.serve.service import Service, compute_with

ImageOf = Callable[..., np.ndarray]


@pytest.fixture
def predictor(brightest: Any, labels: LabelMap) -> Predictor:
    return Predictor(brightest(), labels)


def code_of(service: Service) -> str | None:
    """Why it takes no work; None: it does."""
    try:
        with service.admitted():
            return None
    except RefusedError as refused:
        return refused.code


def test_it_is_loading_then_ready_then_draining(predictor: Predictor) -> None:
    service = Service(Limits())
    assert code_of(service) == "loading"
    service.open({"tiny": predictor})
    assert code_of(service) is None
    service.drain()
    assert code_of(service) == "shutting_down"
    service.close()


def test_models_that_come_after_the_end_began_do_not_make_it_ready(predictor: Predictor) -> None:
    service = Service(Limits())
    service.drain()
    service.open({"tiny": predictor})
    assert code_of(service) == "shutting_down"
    service.close()


def test_who_is_refused_for_now_is_told_when_to_come_back() -> None:
    with pytest.raises(RefusedError) as refused:
        Service(Limits()).refuse_unless_ready()
    assert refused.value.status == 503
    assert int(refused.value.headers["Retry-After"]) > 0


def test_only_so_many_requests_are_admitted(predictor: Predictor) -> None:
    service = Service(Limits(max_requests=1))
    service.open({"tiny": predictor})
    with service.admitted():
        assert code_of(service) == "busy"
        assert service.num_in_flight == 1
    assert code_of(service) is None
    service.close()


def test_what_a_request_held_is_free_after_it_even_if_it_failed(predictor: Predictor) -> None:
    service = Service(Limits())
    service.open({"tiny": predictor})

    def fail() -> None:
        with service.admitted() as ticket:
            ticket.take_bytes(100)
            raise RuntimeError

    with pytest.raises(RuntimeError):
        fail()
    assert service.num_in_flight == 0
    assert service.body_bytes.free == service.body_bytes.total
    service.close()


def test_models_are_found_by_name_and_the_first_is_the_default(predictor: Predictor) -> None:
    service = Service(Limits())
    with pytest.raises(RefusedError, match="being loaded"):
        service.model("road")
    service.open({"street": predictor, "river": predictor})
    assert service.model(None).name == "street"
    assert service.model("river").name == "river"
    with pytest.raises(RefusedError, match="no model is called 'rivers'; did you mean 'river'"):
        service.model("rivers")
    service.close()


def test_a_model_describes_itself(predictor: Predictor) -> None:
    service = Service(Limits())
    service.open({"tiny": predictor})
    assert service.model("tiny").document() == {
        "name": "tiny",
        "classes": [
            {"index": 0, "name": "red", "color": "#c80a14"},
            {"index": 1, "name": "green", "color": "#1eb428"},
            {"index": 2, "name": "blue", "color": "#323cdc"},
        ],
        "engine": "brightest",
        "precision": "fp32",
        "where": "cpu, 1 thread",
        "has_probabilities": True,
        "size": None,
        "licence": None,
        "validation": {},
    }
    service.close()


def test_each_wish_gives_what_it_names(predictor: Predictor, image_of: ImageOf) -> None:
    images = np.stack([image_of(5, 4, seed=1), image_of(5, 4, seed=2)])
    classes = compute_with(predictor, "classes", images)
    confidence = compute_with(predictor, "confidence", images)
    probabilities = compute_with(predictor, "probabilities", images)
    for index, image in enumerate(images):
        for found in (classes, confidence, probabilities):
            assert (found[index].class_map == image.argmax(-1)).all()
        assert classes[index].confidence is None
        assert confidence[index].confidence is not None
        shares = probabilities[index].probabilities
        assert shares is not None
        assert shares.shape == (3, 5, 4)
