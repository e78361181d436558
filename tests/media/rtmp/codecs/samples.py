"""Codec records as encoders write them."""

from __future__ import annotations

# 1920×1080 at 30000/1001, each coded as 1088 lines where the codec needs it.
AVC = bytes.fromhex("0142c028ffe100176742c028da01e0089f97011000003e90000ea600f1832a01000468ce0fc8")
AVC_422_INTERLACED = bytes.fromhex(
    "017a0028ffe10018677a0028bce8078044fcb808800001f4800075300f8b175001000468de0fc8fef8f800"
)
HEVC = bytes.fromhex(
    "01016000000090000000000078f000fcfdf8f800000f03200001001840010c01ffff016000000300900000030000030078959409"
    "210001002a420101016000000300900000030000030078a003c0801107cb965654a4c2f01680800001f480003a9804220001000644"
    "01c073c189"
)
AV1 = bytes.fromhex("81080c000a0c02000042955dfe1b805f0008")


def nals(width: int, *units: bytes) -> bytes:
    """Units as frames hold them, each after its length of ``width`` bytes."""
    return b"".join(len(unit).to_bytes(width, "big") + unit for unit in units)
