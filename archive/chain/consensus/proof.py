"""The form of a finality proof in a proof bundle: `anchors[].consensus`."""

from __future__ import annotations

from typing import Annotated, Final, Literal

from pydantic import BaseModel, ConfigDict, Field, ValidationError

from archive.chain.consensus.rules import UnknownRulesError
from archive.errors import InvalidInputError

MAX_HEADER_BYTES: Final = 16 * 1024
# Bounds on what a bundle makes the verifier do: each header costs a signature.
MAX_HEADERS: Final = 64
MAX_EPOCHS: Final = 4

_Hex = Annotated[str, Field(strict=True, pattern=r"^0x(?:[0-9a-f]{2})+$", max_length=2 + 2 * MAX_HEADER_BYTES)]
_Headers = Annotated[tuple[_Hex, ...], Field(min_length=1, max_length=MAX_HEADERS)]


class ParliaProof(BaseModel):
    """Headers as RLP, `0x` + lower-case hex.

    `headers` follow the anchor's block, in order, up to the one whose votes make it final. Each of `epochs` is an epoch
    block whose set seals or votes in the proof, with the headers after it that make it final; oldest first.
    """

    model_config = ConfigDict(frozen=True, extra="forbid")

    kind: Literal["parlia"]
    headers: _Headers
    epochs: Annotated[tuple[_Headers, ...], Field(max_length=MAX_EPOCHS)]


def parse_proof(value: object) -> ParliaProof:
    """Read the JSON value.

    Raises:
        InvalidInputError: `consensus.malformed`.
        UnknownRulesError: `consensus.unknown_kind`.
    """
    if isinstance(value, dict) and isinstance(value.get("kind"), str) and value["kind"] != "parlia":
        raise UnknownRulesError(
            f"a proof of kind {value['kind'][:40]!r}, which this version does not know", code="consensus.unknown_kind"
        )
    try:
        return ParliaProof.model_validate(value)
    except ValidationError as error:
        first = error.errors(include_url=False, include_input=False)[0]
        where = "/".join(str(part) for part in first["loc"])
        raise InvalidInputError(
            f"consensus proof: {where or 'value'}: {first['msg']}", code="consensus.malformed"
        ) from None
