"""The bit fields and Exp-Golomb numbers that codecs' records are made of (H.264 9.1). Sans-I/O."""

from __future__ import annotations

from media.errors import ProtocolError


class Bits:
    """Reads big-endian bit fields and Exp-Golomb numbers. Past the end each raises ProtocolError."""

    def __init__(self, data: bytes) -> None:
        self._value = int.from_bytes(data, "big")
        self.left = len(data) * 8

    def take(self, count: int) -> int:
        self.left -= count
        if self.left < 0:
            raise ProtocolError("a codec record is cut off")
        return (self._value >> self.left) & ((1 << count) - 1)

    def flag(self) -> bool:
        return self.take(1) == 1

    def unsigned(self) -> int:
        """ue(v), and uvlc() of AV1."""
        zeros = 0
        while not self.take(1):
            zeros += 1
            if zeros > 32:
                raise ProtocolError("a codec record holds an impossible number")
        return (1 << zeros) - 1 + self.take(zeros)

    def signed(self) -> int:
        coded = self.unsigned()
        return (coded + 1) // 2 if coded & 1 else -(coded // 2)

    def skip_unsigned(self, count: int) -> None:
        for _ in range(count):
            self.unsigned()
