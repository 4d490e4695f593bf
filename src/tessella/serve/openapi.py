"""What /openapi.json says beyond the routes: bodies, answers and errors, just as they are."""

from collections.abc import Mapping
from typing import Any

from tessella.model_card import CLASSES, IMAGES, PROBABILITIES
from tessella.serve.answers import GEOJSON, JSON, PNG
from tessella.serve.formats import CONTENT_TYPES
from tessella.serve.security import is_open

_BINARY = {"type": "string", "format": "binary"}
_TEXT = {"type": "string"}
_NUMBER_OR_NULL = {"type": ["number", "null"]}
_COLOR = {"type": "string", "pattern": "^#[0-9a-f]{6}$"}

_MEANINGS: Mapping[int, str] = {
    400: "The request is not as the protocol says.",
    401: "The API key is missing or wrong.",
    403: "The request comes from a page of another site.",
    404: "There is no such model or path.",
    406: "The Accept header fits none of the answers.",
    408: "The body did not arrive in time.",
    413: "More bytes or pixels than are taken, or a larger answer than is sent.",
    415: "Not a format that is taken, or not the one that it is sent as.",
    421: "The server is called by a name that is not its own.",
    422: "The image, the mask, the form or a parameter cannot be used.",
    429: "Too many requests wait for the model.",
    500: "The server failed.",
    503: "The server is loading, shutting down or has enough to do.",
    504: "There was no answer in time.",
}


def object_of(properties: Mapping[str, Any], *, optional: tuple[str, ...] = ()) -> dict[str, Any]:
    """A JSON object of these properties, all required but for the optional ones."""
    required = [name for name in properties if name not in optional]
    return {"type": "object", "properties": dict(properties), "required": required}


def list_of(items: Mapping[str, Any]) -> dict[str, Any]:
    """A JSON list."""
    return {"type": "array", "items": dict(items)}


_ERROR = object_of(
    {"error": object_of({"status": {"type": "integer"}, "code": _TEXT, "message": _TEXT})}
)
_TENSOR = object_of(
    {
        "name": _TEXT,
        "datatype": _TEXT,
        "shape": list_of({"type": "integer"}),
        "parameters": {"type": "object"},
        "data": {"type": "array", "items": {}},
    },
    optional=("parameters", "data"),
)

_IMAGES = object_of(
    {
        "name": {"const": IMAGES},
        "datatype": {"const": "UINT8"},
        "shape": {
            **list_of({"type": "integer", "minimum": 1}),
            "prefixItems": [{}, {"const": 3}],
            "minItems": 4,
            "maxItems": 4,
        },
        "parameters": {"type": "object"},
        "data": {"type": "array", "items": {}},
    },
    optional=("parameters", "data"),
)

SCHEMAS: Mapping[str, Any] = {
    "Error": _ERROR,
    "ErrorV2": object_of({"error": _TEXT}),
    "Model": object_of(
        {
            "name": _TEXT,
            "classes": list_of(
                object_of({"index": {"type": "integer"}, "name": _TEXT, "color": _COLOR})
            ),
            "engine": _TEXT,
            "precision": _TEXT,
            "where": _TEXT,
            "has_probabilities": {"type": "boolean"},
            "size": {"type": ["array", "null"], "items": {"type": "integer"}},
            "licence": {"type": ["string", "null"]},
            "validation": {"type": "object"},
        }
    ),
    "Prediction": object_of(
        {
            "model": _TEXT,
            "height": {"type": "integer"},
            "width": {"type": "integer"},
            "classes": list_of(
                object_of(
                    {
                        "index": {"type": "integer"},
                        "name": _TEXT,
                        "color": _COLOR,
                        "pixels": {"type": "integer"},
                        "share": {"type": "number"},
                        "mean_probability": _NUMBER_OR_NULL,
                    }
                )
            ),
            "mask": {**_TEXT, "description": "8-bit grey PNG of class indices, base64"},
            "confidence": {
                **_TEXT,
                "description": "8-bit grey PNG, probability of the winning class x 255, base64",
            },
            "overlay": {**_TEXT, "description": "RGB PNG, base64"},
            "truth": {
                **_TEXT,
                "description": "8-bit grey PNG of the mask's class indices, 255 ignored, base64",
            },
            "scores": object_of(
                {
                    "mean_iou": _NUMBER_OR_NULL,
                    "pixel_accuracy": _NUMBER_OR_NULL,
                    "per_class": list_of({"type": "object"}),
                }
            ),
        },
        optional=("mask", "confidence", "overlay", "truth", "scores"),
    ),
    "FeatureCollection": object_of(
        {"type": {"const": "FeatureCollection"}, "features": list_of({"type": "object"})}
    ),
    "InferRequest": object_of(
        {
            "id": _TEXT,
            "parameters": {"type": "object"},
            "inputs": {**list_of(_IMAGES), "minItems": 1, "maxItems": 1},
            "outputs": list_of(
                object_of(
                    {"name": {"enum": [CLASSES, PROBABILITIES]}, "parameters": {"type": "object"}},
                    optional=("parameters",),
                )
            ),
        },
        optional=("id", "parameters", "outputs"),
    ),
    "InferAnswer": object_of(
        {
            "id": _TEXT,
            "model_name": _TEXT,
            "model_version": _TEXT,
            "outputs": list_of({"$ref": "#/components/schemas/Tensor"}),
        },
        optional=("id",),
    ),
    "Tensor": _TENSOR,
}
"""Under components/schemas."""

PREDICT_BODY: Mapping[str, Any] = {
    "requestBody": {
        "required": True,
        "content": {
            "multipart/form-data": {
                "schema": {
                    **object_of({"image": _BINARY, "mask": _BINARY}, optional=("mask",)),
                    "additionalProperties": False,
                }
            },
            **{kind: {"schema": _BINARY} for kind in CONTENT_TYPES},
        },
    }
}

INFER_BODY: Mapping[str, Any] = {
    "requestBody": {
        "required": True,
        "content": {
            "application/json": {"schema": {"$ref": "#/components/schemas/InferRequest"}},
            "application/octet-stream": {"schema": _BINARY},
        },
    }
}

PREDICTION: Mapping[str, Any] = {
    "description": "The prediction, in the form that Accept asks for.",
    "content": {
        PNG: {"schema": _BINARY},
        JSON: {"schema": {"$ref": "#/components/schemas/Prediction"}},
        GEOJSON: {"schema": {"$ref": "#/components/schemas/FeatureCollection"}},
    },
}

INFER_ANSWER: Mapping[str, Any] = {
    "description": "The tensors, as JSON or as JSON followed by binary data.",
    "content": {
        "application/json": {"schema": {"$ref": "#/components/schemas/InferAnswer"}},
        "application/octet-stream": {"schema": _BINARY},
    },
}


def answers(*, ok: Mapping[str, Any], errors: tuple[int, ...], shape: str = "Error") -> Any:
    """The `responses` of a route.

    Args:
        ok: what stands under 200.
        errors: statuses beside those that every route may give.
        shape: Error, or ErrorV2 below /v2.
    """
    content = {"application/json": {"schema": {"$ref": f"#/components/schemas/{shape}"}}}
    statuses = sorted({*errors, 401, 421, 500})
    return {
        200: dict(ok),
        **{status: {"description": _MEANINGS[status], "content": content} for status in statuses},
    }


def json_answer(description: str, schema: Mapping[str, Any]) -> dict[str, Any]:
    """A 200 with JSON."""
    return {"description": description, "content": {"application/json": {"schema": dict(schema)}}}


def secured(document: dict[str, Any], *, has_key: bool) -> dict[str, Any]:
    """The document of the routes, with the schemas, and the key where one is asked for."""
    components = document.setdefault("components", {})
    components.setdefault("schemas", {}).update(SCHEMAS)
    if has_key:
        components["securitySchemes"] = {
            "key": {"type": "apiKey", "in": "header", "name": "X-API-Key"},
            "bearer": {"type": "http", "scheme": "bearer"},
        }
        for path, operations in document["paths"].items():
            for operation in operations.values():
                operation["security"] = [] if is_open(path) else [{"key": []}, {"bearer": []}]
    return document
